package pcs

import (
	"os"
	"strings"
	"testing"
)

// What pcs 0.11.5 printed of the same document.
func TestRelations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/relations.xml")
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string]string{
		"Z": "Z\n",
		"F": "F\n`- outer resource\n   `- BU\n",
		"D": `D
|- outer resource
|  ` + "`- G\n|     |- inner resource(s)\n|     |  |  members: C D\n|     |  `- C\n|     `- order [displayed elsewhere]\n`- order set\n" + `   |  kind=Serialize
   |     set A K (sequential=true)
   |     set D B (action=start require-all=false)
   |- A
   |  ` + "`- order\n   |     |  start A then start B\n   |     `- B [displayed elsewhere]\n",
	} {
		got, _, status := on(t, string(text), "resource relations "+resource)
		if status != 0 || !strings.HasPrefix(got, want) {
			t.Errorf("%s: status %d, printed\n%s\nwant\n%s", resource, status, got, want)
		}
	}
	if _, _, status := on(t, string(text), "resource relations nothing"); status == 0 {
		t.Error("relations of a resource that is not there")
	}
}

const failed = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.7"><configuration><crm_config/><nodes/><resources/><constraints/></configuration>
<status><node_state id="1" uname="n1"><transient_attributes id="1"><instance_attributes id="s1">
<nvpair id="x1" name="fail-count-A#monitor_10000" value="3"/><nvpair id="x3" name="fail-count-A#start_0" value="INFINITY"/><nvpair id="x4" name="fail-count-B#monitor_0" value="2"/>
</instance_attributes></transient_attributes></node_state></status></cib>`

func TestFailcounts(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]string{
		"resource failcount":                                           "Failcounts for resource 'A'\n  n1: INFINITY\nFailcounts for resource 'B'\n  n1: 2\n",
		"stonith failcount show A --full":                              "Failcounts for resource 'A'\n  n1:\n    monitor 10000ms: 3\n    start 0ms: INFINITY\n",
		"resource failcount show A operation=start":                    "Failcounts for operation 'start' of resource 'A'\n  n1: INFINITY\n",
		"resource failcount show operation=monitor interval=10 --full": "Failcounts for operation 'monitor' with interval '10' of resource 'A'\n  n1:\n    monitor 10000ms: 3\n",
		"resource failcount show B node=n2":                            "No failcounts for resource 'B' on node 'n2'\n",
		"resource failcount show operation=monitor interval=5 node=n1": "No failcounts for operation 'monitor' with interval '5' on node 'n1'\n",
	} {
		if got, _, status := on(t, failed, call); status != 0 || got != want {
			t.Errorf("%s: status %d, printed %q, want %q", call, status, got, want)
		}
	}
	for _, call := range []string{"resource failcount A", "resource failcount show interval=5", "resource failcount show x=y"} {
		if _, _, status := on(t, failed, call); status == 0 {
			t.Errorf("%s was accepted", call)
		}
	}
}
