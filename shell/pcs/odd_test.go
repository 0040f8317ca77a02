package pcs

import (
	"strings"
	"testing"
)

// oddities is a document with what other tools write and pcs seldom does.
const oddities = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/>
<nodes><node id="1" uname="a"><instance_attributes id="nodes-1"><nvpair id="nodes-1-rack" name="rack" value="r 1"/></instance_attributes></node><node id="far" uname="far" type="remote"/></nodes>
<resources><primitive id="w" class="ocf" provider="heartbeat" type="Dummy"><instance_attributes id="w-1"><rule id="w-r" score="INFINITY" boolean-op="or"><expression id="w-e" attribute="#uname" operation="eq" value="a b"/><date_expression id="w-d" operation="date_spec"><date_spec id="w-s" weekdays="1-5" hours="9-17"/></date_expression></rule><nvpair id="w-f" name="fake" value="x"/></instance_attributes>
<instance_attributes id="w-2"><nvpair id="w-g" name="fake" value="y"/></instance_attributes></primitive>
<primitive id="v" class="ocf" provider="heartbeat" type="Dummy"/>
<bundle id="bu"><podman image="i"/><network control-port="3121"/><primitive id="in" class="ocf" provider="heartbeat" type="Dummy"/></bundle></resources>
<constraints><rsc_order id="o" first="v" then="w" score="0"/><rsc_ticket id="t" ticket="T" rsc="v"/><rsc_location id="gone" rsc="v"><rule id="g-r" score="5"><date_expression id="g-d" operation="lt" end="2001-01-01"/></rule></rsc_location></constraints>
<acls><acl_role id="r"><acl_permission id="r-p" kind="read" object-type="node"/></acl_role></acls></configuration><status/></cib>`

// TestOddDocuments: what pcs 0.11.5 prints of such a document and makes of it.
func TestOddDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call, stdout, document string
		status                 int
	}{
		{"constraint order", "v then w (score:0)\n", "", 0},
		{"constraint location config", "Location Constraints:\n", "", 0},
		{"constraint location config nodes", "  Node: \n    Allowed to run:\n      Resource: v (score:0)\n  Resource: v\n", "", 0},
		{"acl", "  Permission: read (r-p)\n", "", 0},
		{"node attribute a", " a: rack=r 1\n", "", 0},
		{"resource config w", "Attributes: w-1\n    fake=x\n    Rule: boolean-op=or score=INFINITY\n", "", 0},
		{"resource config w --output-format json", `"rule": {"id": "w-r", "type": "RULE", "in_effect": "UNKNOWN", "options": {"score": "INFINITY", "boolean-op": "or"}, "date_spec": null, "duration": null, "expressions": [{"id": "w-e"`, "", 0},
		{"resource config w --output-format json", `"as_string": "#uname eq \"a b\" or date-spec hours=9-17 weekdays=1-5"}`, "", 0},
		{"resource update v fake=z", "", `value="z"/></instance_attributes><operations/></primitive>`, 0},
		{"resource update v meta priority=3", "", `value="3"/></meta_attributes><operations/></primitive>`, 0},
		{"resource clone v C", "", `<rsc_ticket id="t" ticket="T" rsc="v"/>`, 0},
		{"resource bundle reset bu container image=j", "", `<podman image="j"/><network/><primitive id="in"`, 0},
		{"resource bundle reset bu container image=j network control-port=5 meta priority=3", "", `<podman image="j"/><network control-port="5"/>`, 0},
		{"cluster node add-remote a 10.0.0.1", "", `<primitive id="a" class="ocf" type="remote"`, 0},
		{"cluster node clear far", "", "", 1},
		{"cluster verify", "", "", 1},
	} {
		printed, after, status := on(t, oddities, c.call)
		if after = betweenElements.ReplaceAllString(after, "><"); status != c.status || !strings.Contains(printed, c.stdout) || !strings.Contains(after, c.document) {
			t.Errorf("pcs %s: status %d, printed\n%s\nwhere %q was expected, and left\n%s", c.call, status, printed, c.stdout, after)
		}
	}
	if printed, _, _ := on(t, oddities, "resource config w"); strings.Contains(printed, "w-2") {
		t.Errorf("pcs shows the first set of a kind as text:\n%s", printed)
	}
}

func TestHanging(t *testing.T) {
	t.Parallel()
	want := "ocf:pacemaker:ClusterMon - Runs crm_mon in the background, recording the cluster\n                           status to an HTML file"
	if got := hanging("ocf:pacemaker:ClusterMon - ", "Runs crm_mon in the background, recording the cluster status to an HTML file"); got != want {
		t.Errorf("%s", got)
	}
}
