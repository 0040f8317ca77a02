package alerts

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
)

// document is a document with that alerts section.
func document(t *testing.T, alerts string) *cib.Document {
	t.Helper()
	doc, err := cib.Parse("test", []byte(`<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/><alerts>`+alerts+`</alerts></configuration><status/></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var morning = time.Date(2026, 11, 21, 9, 5, 7, 123456789, time.UTC)

const pager = `<alert id="pager" path="/bin/page">
<meta_attributes id="pager-m"><nvpair id="pager-t" name="timeout" value="15s"/><nvpair id="pager-f" name="timestamp-format" value="%H:%M"/></meta_attributes>
<instance_attributes id="pager-i"><nvpair id="pager-l" name="level" value="high"/><nvpair id="pager-k" name="color" value="red"/></instance_attributes>
<recipient id="pager-anna" value="anna@example.com"/>
<recipient id="pager-bert" value="bert@example.com">
<meta_attributes id="bert-m"><nvpair id="bert-t" name="timeout" value="3"/></meta_attributes>
<instance_attributes id="bert-i"><nvpair id="bert-l" name="level" value="low"/></instance_attributes></recipient>
</alert>`

func TestRecipientsInheritAndOverride(t *testing.T) {
	t.Parallel()
	all := Read(document(t, pager), morning)
	if len(all) != 2 {
		t.Fatalf("%d alerts, want one for each recipient: %+v", len(all), all)
	}
	anna, bert := all[0], all[1]
	if anna.Recipient != "anna@example.com" || anna.Timeout != 15*time.Second || anna.Format != "%H:%M" || anna.Options[0] != (Option{"level", "high"}) {
		t.Errorf("the first recipient: %+v", anna)
	}
	if bert.Timeout != 3*time.Second || bert.Format != "%H:%M" || !slices.Equal(bert.Options, []Option{{"level", "low"}, {"color", "red"}}) {
		t.Errorf("the second recipient: %+v", bert)
	}
	if anna.Options[0].Value != "high" {
		t.Error("the second recipient's option changed the first's")
	}
}

func TestSelection(t *testing.T) {
	t.Parallel()
	node, fencing, resource := Occurrence{Kind: Node}, Occurrence{Kind: Fencing}, Occurrence{Kind: Resource}
	load, other := Occurrence{Kind: Attribute, Name: "cpu_load"}, Occurrence{Kind: Attribute, Name: "other"}
	for name, c := range map[string]struct {
		alert string
		wants []Occurrence
	}{
		"no selection is all but attributes": {`<alert id="a" path="/a"/>`, []Occurrence{node, fencing, resource}},
		"empty selection is nothing":         {`<alert id="a" path="/a"><select/></alert>`, nil},
		"kinds":                              {`<alert id="a" path="/a"><select><select_nodes/><select_fencing/></select></alert>`, []Occurrence{node, fencing}},
		"every attribute":                    {`<alert id="a" path="/a"><select><select_attributes/></select></alert>`, []Occurrence{load, other}},
		"one attribute": {`<alert id="a" path="/a"><select><select_attributes><attribute id="x" name="cpu_load"/></select_attributes><select_resources/></select></alert>`,
			[]Occurrence{resource, load}},
		"disabled": {`<alert id="a" path="/a"><meta_attributes id="m"><nvpair id="e" name="enabled" value="false"/></meta_attributes></alert>`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var wanted []Occurrence
			for _, o := range []Occurrence{node, fencing, resource, load, other} {
				for _, a := range Read(document(t, c.alert), morning) {
					if a.Wants(o) {
						wanted = append(wanted, o)
					}
				}
			}
			if !slices.Equal(wanted, c.wants) {
				t.Errorf("wants %+v, want %+v", wanted, c.wants)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	alert := Read(document(t, pager), morning)[0]
	for name, c := range map[string]struct {
		o    Occurrence
		want []string
	}{
		"node": {Occurrence{Kind: Node, Time: morning, Node: "web1", NodeID: "1", Description: "lost"},
			[]string{"kind=node", "node=web1", "nodeid=1", "desc=lost", "timestamp=09:05", "timestamp_epoch=1795251907", "timestamp_usec=123456", "node_sequence=7", "recipient=anna@example.com"}},
		"fencing": {Occurrence{Kind: Fencing, Time: morning, Node: "web1", Task: "reboot", Description: FencingDescription("reboot", "web1", "web2", "controller", "web3", "")},
			[]string{"kind=fencing", "node=web1", "task=reboot", "rc=0", "desc=Operation reboot of web1 by web2 for controller@web3: OK"}},
		"resource": {Occurrence{Kind: Resource, Time: morning, Node: "web1", Resource: "www", Task: "monitor", Interval: 10 * time.Second, Code: 7, Took: 31 * time.Millisecond},
			[]string{"kind=resource", "rsc=www", "task=monitor", "interval=10000", "rc=7", "target_rc=0", "status=0", "desc=not running", "exec_time=31"}},
		"time limit": {Occurrence{Kind: Resource, Time: morning, Resource: "www", Task: "start", Code: 1, Status: int(executor.TimedOut)},
			[]string{"desc=Timed Out", "status=2", "rc=1", "interval=0"}},
		"attribute": {Occurrence{Kind: Attribute, Time: morning, Node: "web1", Name: "cpu_load", Value: "0.5"},
			[]string{"kind=attribute", "attribute_name=cpu_load", "attribute_value=0.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := alert.Call(c.o, 7, []string{"PATH=/bin"}).Environment
			for _, want := range c.want {
				for _, prefix := range []string{"CRM_alert_", "CRM_notify_"} {
					if !slices.Contains(env, prefix+want) {
						t.Errorf("%s%s is not in\n%s", prefix, want, strings.Join(env, "\n"))
					}
				}
			}
			if !slices.Contains(env, "level=high") || !slices.Contains(env, "PATH=/bin") {
				t.Errorf("options or the base are missing in %q", env)
			}
		})
	}
}

func TestTimestamp(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		DefaultTimestampFormat: "09:05:07.123456", "%Y-%m-%dT%H:%M:%S%z": "2026-11-21T09:05:07+0000", "%N": "123456789", "%3N": "123",
		"%D %R": "11/21/26 09:05", "%s|%j|%u|%w|%e|%k|%%": "1795251907|325|6|6|21| 9|%", "100%": "100%", "%Q %5d": "%Q %5d", "": "",
	} {
		if got := Timestamp(format, morning); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}

// date(1) is what the documentation names for the format.
func TestTimestampAsDateHasIt(t *testing.T) {
	t.Parallel()
	date, err := exec.LookPath("date")
	if err != nil {
		t.Skipf("nothing to compare with: %v", err)
	}
	const format = "%a %A %b %B %C %d %D %e %F %g %G %h %H %I %j %k %l %m %M %p %P %r %R %s %S %T %u %U %V %w %W %y %Y %z %Z %-d %_d %-H %_m %0e %^a %^B %-j %3N %06N %N"
	for _, day := range []string{"2026-11-21", "2026-01-01", "2027-01-03", "2024-12-30", "2023-01-01", "2025-06-09"} {
		at, err := time.Parse("2006-01-02 15:04:05.000000000", day+" 09:05:07.123456789")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(date, "-u", "-d", fmt.Sprintf("@%d.123456789", at.Unix()), "+"+format)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("date: %v", err)
		}
		if got, want := Timestamp(format, at), strings.TrimSuffix(string(out), "\n"); got != want {
			t.Errorf("%s:\n%s, date has\n%s", day, got, want)
		}
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    Occurrence
		want bool
	}{
		"probe as expected":   {Occurrence{Kind: Resource, Task: "monitor", Code: 7, Target: 7}, true},
		"probe that found it": {Occurrence{Kind: Resource, Task: "monitor", Code: 0, Target: 7}, false},
		"recurring monitor":   {Occurrence{Kind: Resource, Task: "monitor", Interval: time.Second}, false},
		"called off":          {Occurrence{Kind: Resource, Task: "monitor", Interval: time.Second, Status: int(executor.Cancelled)}, true},
		"start":               {Occurrence{Kind: Resource, Task: "start"}, false},
		"node":                {Occurrence{Kind: Node}, false},
	} {
		if got := c.o.Quiet(); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// script makes an alert agent that anybody may run.
func script(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "alerts")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "agent")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCallsOfARecipientComeInOrder(t *testing.T) {
	t.Parallel()
	agent := script(t, `echo "$CRM_alert_node_sequence $CRM_alert_task" >> "$CRM_alert_recipient"; [ "$CRM_alert_task" != last ] || touch "$CRM_alert_recipient.done"`)
	out := filepath.Join(filepath.Dir(agent), "out")
	doc := document(t, `<alert id="a" path="`+agent+`"><recipient id="r" value="`+out+`"/></alert>`)
	c := NewCaller(slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer c.Close()
	var want strings.Builder
	for i, task := range []string{"stop", "start", "monitor", "promote", "last"} {
		c.Tell(doc, Occurrence{Kind: Resource, Time: morning, Task: task, Interval: time.Second})
		want.WriteString([]string{"1 stop\n", "2 start\n", "3 monitor\n", "4 promote\n", "5 last\n"}[i])
	}
	c.running.Wait()
	text, err := os.ReadFile(out)
	if err != nil || string(text) != want.String() {
		t.Errorf("the agent wrote %q, %v; want %q", text, err, want.String())
	}
}

func TestSlowAgentIsKilledAndHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	slow, quick := script(t, "sleep 1000"), script(t, `touch "$CRM_alert_recipient"`)
	out := filepath.Join(filepath.Dir(quick), "out")
	doc := document(t, `<alert id="slow" path="`+slow+`"><meta_attributes id="m"><nvpair id="t" name="timeout" value="1s"/></meta_attributes></alert>
<alert id="missing" path="/nonexistent/agent"/><alert id="quick" path="`+quick+`"><recipient id="r" value="`+out+`"/></alert>`)
	var log strings.Builder
	c := NewCaller(slog.New(slog.NewTextHandler(&log, nil)))
	c.Tell(doc, Occurrence{Kind: Node, Time: morning})
	c.running.Wait()
	c.Close()
	if _, err := os.Stat(out); err != nil {
		t.Errorf("the quick agent was not called: %v", err)
	}
	for _, want := range []string{"alert=slow", "longer than its meta-attribute timeout", "alert=missing", "could not be run"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
}

func FuzzTimestamp(f *testing.F) {
	for _, format := range []string{DefaultTimestampFormat, "%", "%6", "%0N", "%99999999999N"} {
		f.Add(format)
	}
	f.Fuzz(func(t *testing.T, format string) { Timestamp(format, morning) })
}
