package check

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/fencing/readiness"
	"holdfast/cluster/node/client"
)

// fake is a cluster of web1 (this host) and web2, which is away for one look after it was fenced.
type fake struct {
	report readiness.Report
	broken bool // fencing fails
	fenced []string
	away   int
}

func (f *fake) Document(context.Context) (*cib.Document, error) { return cib.New(), nil }

func (f *fake) Readiness(_ context.Context, report any) error {
	*report.(*readiness.Report) = f.report
	return nil
}

func (f *fake) Status(context.Context) (*client.Status, error) {
	online := f.away == 0
	f.away = max(0, f.away-1)
	return &client.Status{Host: "web1", Hosts: []client.HostStatus{{Name: "web1", Online: true}, {Name: "web2", Online: online}}}, nil
}

func (f *fake) Fence(_ context.Context, fence client.Fence) error {
	f.fenced = append(f.fenced, fence.Target+" "+fence.Action)
	f.away = 1
	if f.broken {
		return errors.New("no power")
	}
	return nil
}

var well = readiness.Report{
	Probes:   []readiness.Probe{{Target: "web2", Device: "power", From: "web1", Action: "status", OK: true, Took: 12 * time.Millisecond}},
	Failover: []readiness.Span{{What: "a silent host is declared dead (token)", Time: time.Second}}, Worst: time.Second,
}

func TestCheck(t *testing.T) {
	t.Parallel()
	ill := readiness.Report{Findings: []readiness.Finding{{Level: readiness.Error, Subject: "web2", Problem: "no device fences it", Fix: "configure one"}}}
	for _, c := range []struct {
		name, args, stdin string
		daemon            fake
		fails             bool
		want, fenced      string
	}{
		{"ready", "", "", fake{report: well}, false, "The cluster may go live.", ""},
		{"the failover's parts", "", "", fake{report: well}, false, "a silent host is declared dead (token)    1s", ""},
		{"not ready", "", "", fake{report: ill}, true, "error: web2: no device fences it\n  fix: configure one", ""},
		{"fenced", "--fence --yes", "", fake{report: well}, false, "web2    ", "web2 reboot"},
		{"fenced when told so", "--fence", "y\n", fake{report: well}, false, "This reboots web2, one after another", "web2 reboot"},
		{"not told so", "--fence", "\n", fake{report: well}, true, "[y/N]", ""},
		{"fencing fails", "--fence --yes", "", fake{report: well, broken: true}, true, "no power", "web2 reboot"},
		{"nothing is fenced that will not be", "--fence --yes", "", fake{report: ill}, true, "Nothing was fenced", ""},
		{"itself", "--fence --yes --host web1", "", fake{report: well}, true, "", ""},
		{"nobody of that name", "--fence --yes --host nobody", "", fake{report: well}, true, "", ""},
		{"a host, but for what", "--host web2", "", fake{report: well}, true, "", ""},
		{"yes, but to what", "--yes", "", fake{report: well}, true, "", ""},
		{"no such format", "-o yaml", "", fake{report: well}, true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := call(&c.daemon, c.args, c.stdin)
			if (err != nil) != c.fails || !strings.Contains(out, c.want) || strings.Join(c.daemon.fenced, ",") != c.fenced {
				t.Errorf("error %v, fenced %v:\n%s", err, c.daemon.fenced, out)
			}
		})
	}
}

func call(d daemon, args, stdin string) (string, error) {
	var out strings.Builder
	command := newCheck(func() daemon { return d })
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetArgs(strings.Fields(args))
	command.SetIn(strings.NewReader(stdin))
	command.SetOut(&out)
	err := command.ExecuteContext(context.Background())
	return out.String(), err
}

func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	text, err := call(&fake{report: well}, "-o json", "")
	if err != nil {
		t.Fatal(err)
	}
	var out outcome
	if err := json.Unmarshal([]byte(text), &out); err != nil || !out.Ready || out.Worst != time.Second || len(out.Probes) != 1 {
		t.Errorf("%v: %+v from %s", err, out, text)
	}
}
