package outlast_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster/fencing/outlast"
	"holdfast/cluster/messaging/core"
)

const second = time.Second

// Who counts on a host's end goes by what all hosts of the view know, not by what one does.
func TestJudge(t *testing.T) {
	t.Parallel()
	members := []core.HostID{1, 2}
	for name, c := range map[string]struct {
		seen    []outlast.Sight
		want    outlast.Ruling
		by      core.HostID
		missing time.Duration
	}{
		"all have missed it for long enough": {[]outlast.Sight{{Without: 12 * second, Sole: true}, {Without: 10 * second, Sole: true}}, outlast.Ended, 0, 0},
		"one has not":                        {[]outlast.Sight{{Without: 12 * second, Sole: true}, {Without: 3 * second, Sole: true}}, outlast.Wait, 0, 7 * second},
		"one has just lost its own quorum":   {[]outlast.Sight{{Without: 12 * second, Sole: true}, {Without: 12 * second}}, outlast.Unsure, 0, 0},
		"one hears it":                       {[]outlast.Sight{{Without: 12 * second, Sole: true}, {Heard: true}}, outlast.Order, 2, 0},
		"it begins anew":                     {[]outlast.Sight{{Without: 12 * second, Sole: true}, {Anew: true}}, outlast.Pending, 0, 0},
	} {
		all, by := outlast.Sum(members, c.seen)
		got, missing := outlast.Judge(all, 10*second)
		if got != c.want || by != c.by || missing != c.missing {
			t.Errorf("%s: ruling %d, heard by %d, %s missing; want %d, %d, %s", name, got, by, missing, c.want, c.by, c.missing)
		}
	}
	if all, _ := outlast.Sum(nil, nil); all.Sole {
		t.Error("nobody's word proves something")
	}
}

func TestSee(t *testing.T) {
	t.Parallel()
	st := core.Status{Hears: []core.Peer{{ID: 3, Boot: 7}}, Without: map[core.HostID]time.Duration{4: second}}
	st.Verdict.Sole = true
	for q, want := range map[outlast.Question]outlast.Sight{
		{Host: 3, Boot: 7}: {Sole: true, Heard: true},
		{Host: 3, Boot: 6}: {Sole: true, Anew: true},
		{Host: 4, Boot: 9}: {Sole: true, Without: second},
	} {
		if got := outlast.See(q, &st); got != want {
			t.Errorf("%+v: %+v, want %+v", q, got, want)
		}
	}
}

func TestMayNot(t *testing.T) {
	t.Parallel()
	no := func() bool { return false }
	for why, hosts := range map[string][]outlast.Host{
		"": {
			{Counted: true, Quorate: true, Owing: true, StoppedAll: no},
			{Counted: true, StoppedAll: no}, // never had quorum
			{Owing: true, StoppedAll: no},   // nobody counts on the watchdog
			{Counted: true, Owing: true, StoppedAll: func() bool { return true }},
			{Counted: true, Owing: true, Quorate: true, Stalled: second, StoppedAll: no},
			{Blind: true, Owing: true, Quorate: true, StoppedAll: no},
		},
		"no quorum":    {{Counted: true, Owing: true, StoppedAll: no}},
		"disk hangs":   {{Counted: true, Owing: true, Quorate: true, Stalled: 3 * second, StoppedAll: no}},
		"sbd disks":    {{Blind: true, Owing: true, Quorate: true, Contested: true, StoppedAll: no}, {Blind: true, Owing: true, StoppedAll: no}},
		"stood still":  {{Asleep: true, Quorate: true, StoppedAll: no}},
		"it must end":  {{Condemned: "it must end", Quorate: true, StoppedAll: func() bool { return true }}},
		"it must end!": {{Condemned: "it must end!", Asleep: true, StoppedAll: no}},
	} {
		for _, h := range hosts {
			h.Own = 6 * second
			if got := h.MayNot(); (got == "") != (why == "") || !strings.Contains(got, why) {
				t.Errorf("%+v: %q, want %q", h, got, why)
			}
		}
	}
}

// What a loop found out is believed for a third of the watchdog's time.
func TestHungry(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	for after, want := range map[time.Duration]string{2 * second: "", 2*second + 1: "stands still"} {
		if got := (outlast.Health{At: at}).Hungry(at.Add(after), 6*second); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("after %s: %q, want %q", after, got, want)
		}
	}
	if got := (outlast.Health{At: at, Why: "no quorum"}).Hungry(at, 6*second); got != "no quorum" {
		t.Errorf("%q", got)
	}
}
