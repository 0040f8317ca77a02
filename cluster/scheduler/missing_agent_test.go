package scheduler

import (
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// An agent that a probe did not find on a host is no reason to start it there.
func TestHostWithoutTheAgentIsNotTried(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"0", "4", "7"} {
		doc, err := cib.Parse("test", []byte(`<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" have-quorum="1" dc-uuid="1">
<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="web1"/></nodes><resources><primitive id="c" class="ocf" provider="test" type="absent"/></resources><constraints/></configuration>
<status><node_state id="1" uname="web1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="c" class="ocf" provider="test" type="absent"><lrm_rsc_op id="c_last_0" operation_key="c_monitor_0" operation="monitor" call-id="3"
rc-code="5" op-status="`+status+`" interval="0" transition-key="1:1:7:x" transition-magic="`+status+`:5;1:1:7:x"/></lrm_resource>
</lrm_resources></lrm></node_state></status></cib>`))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range Make(doc, time.Unix(1_700_000_000, 0)).Graph.Actions {
			if a.Resource != nil {
				t.Errorf("op-status %s: %s on %s is planned", status, a.Key, a.Node)
			}
		}
	}
}
