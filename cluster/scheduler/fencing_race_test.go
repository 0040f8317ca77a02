package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// Two hosts that do not hear each other fence each other: priority-fencing-delay holds up the fencing of the one that runs what
// matters more, which is known only after the reason to fence it.
func TestPriorityFencingDelay(t *testing.T) {
	t.Parallel()
	history := func(resource string) string {
		return fmt.Sprintf(`<lrm_resource id="%[1]s" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="%[1]s_last_0" operation_key="%[1]s_start_0" operation="start" transition-magic="0:0;1:1:0:x" transition-key="1:1:0:x" call-id="2" rc-code="0" op-status="0" interval="0"/></lrm_resource>`, resource)
	}
	for lost, want := range map[string]string{"important": "40", "cheap": ""} {
		here := map[string]string{"important": "cheap", "cheap": "important"}[lost]
		doc, err := cib.Parse("race", []byte(`<cib validate-with="pacemaker-3.0" have-quorum="1"><configuration><crm_config><cluster_property_set id="o">
<nvpair id="o1" name="stonith-enabled" value="true"/><nvpair id="o2" name="priority-fencing-delay" value="40s"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="web1"/><node id="2" uname="web2"/></nodes><resources><primitive id="power" class="stonith" type="fence_x"/>
<primitive id="important" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m"><nvpair id="p" name="priority" value="10"/></meta_attributes></primitive>
<primitive id="cheap" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints/></configuration><status>
<node_state id="2" uname="web2" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="2"><lrm_resources>`+history(here)+`</lrm_resources></lrm></node_state>
<node_state id="1" uname="web1" in_ccm="false" crmd="offline" join="down" expected="member"><lrm id="1"><lrm_resources>`+history(lost)+`</lrm_resources></lrm></node_state>
</status></cib>`))
		if err != nil {
			t.Fatal(err)
		}
		got, fenced := "", false
		for _, a := range scheduler.Make(doc, time.Unix(1, 0)).Graph.Actions {
			if a.Kind != scheduler.Fencing {
				continue
			}
			fenced = true
			for _, m := range a.Meta {
				if m.Name == "priority_fencing_delay" {
					got = m.Value
				}
			}
		}
		if !fenced || got != want {
			t.Errorf("the lost host runs %s: fenced %t after %q s, want %q", lost, fenced, got, want)
		}
	}
}
