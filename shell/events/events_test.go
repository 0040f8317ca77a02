package events

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestMoment(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"":                     {},
		"90s":                  noon.Add(-90 * time.Second),
		"15min":                noon.Add(-15 * time.Minute),
		"2h":                   noon.Add(-2 * time.Hour),
		"3d":                   noon.Add(-72 * time.Hour),
		"10:30":                time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC),
		"today 10:00":          time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		"2026-11-20":           time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		"2026-11-20 08:00":     time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
		"2026-11-20T08:00:01":  time.Date(2026, 11, 20, 8, 0, 1, 0, time.UTC),
		"2026-11-20T08:00:01Z": time.Date(2026, 11, 20, 8, 0, 1, 0, time.UTC),
	} {
		got, err := moment("--since", text, noon)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-5s", "yesterdayish", "25:00", "3x"} {
		if got, err := moment("--since", text, noon); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v, %v; want an error that names it", text, got, err)
		}
	}
}

func TestFiltersAndSentences(t *testing.T) {
	t.Parallel()
	list := []client.Event{
		{Kind: client.ViewAgreed, View: &client.View{Number: 4, Members: []uint32{1, 2}, Lost: []uint32{3}, Quorate: true}},
		{Kind: client.HostDead, Subject: "web3"},
		{Kind: client.FenceStarted, Subject: "web3", Action: "reboot", Detail: "peer is no longer part of the cluster"},
		{Kind: client.Fenced, Subject: "web3"},
		{Kind: client.ActionStarted, Subject: "www", Action: "start", On: "web1"},
		{Kind: client.Recorded, Subject: "www", Action: "start", On: "web1", Took: 1200 * time.Millisecond},
		{Kind: client.Recorded, Subject: "db:1", Action: "monitor", On: "web2", Interval: 10 * time.Second, Code: 7, Detail: "gone"},
		{Kind: client.Committed, Detail: "crm configure primitive d ocf:pacemaker:Dummy"},
		{Kind: client.QuorumLost, Host: "web1"},
		{Kind: client.Problem, Detail: "disk full"},
	}
	for name, c := range map[string]struct {
		flags flags
		want  []string
	}{
		"default": {flags{}, []string{
			"view 4 of hosts 1, 2, lost 3", "host web3", "reboot of host web3 begins: peer is no longer part of the cluster", "host web3 was fenced",
			"start www on web1: ok after 1.2s", "monitor db:1 every 10s on web2: not running; gone",
			"crm configure primitive d ocf:pacemaker:Dummy", "host web1", "disk full"}},
		"resource":  {flags{resource: []string{"db"}}, []string{"monitor db:1 every 10s on web2: not running; gone"}},
		"host":      {flags{host: []string{"web1"}}, []string{"start www on web1: ok after 1.2s"}},
		"lost host": {flags{host: []string{"web3"}, kinds: []string{"fenced"}}, []string{"host web3 was fenced"}},
		"steps":     {flags{all: true, resource: []string{"www"}}, []string{"start www on web1", "start www on web1: ok after 1.2s"}},
		"kind":      {flags{kinds: []string{"action-started"}}, []string{"start www on web1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range list {
				if c.flags.wants(e) {
					got = append(got, Sentence(e))
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestFlagsAreChecked(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]flags{
		"--kind boom": {kinds: []string{"boom"}},
		"--until":     {follow: true, until: "1h"}, "--since": {since: "whenever"},
	} {
		if err := f.settle(noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", f, err, want)
		}
	}
}
