package monitor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// seen is what crm_mon shows of a document with A on n1; n2, where B failed, is down.
func seen(t *testing.T, featureSet, attribute, meta, args string) string {
	t.Helper()
	doc, err := cib.Parse("one.xml", fmt.Appendf(nil, `<cib crm_feature_set="%s"><configuration><crm_config/>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources><primitive id="A" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m">%s</meta_attributes></primitive>
<primitive id="B" class="ocf" provider="pacemaker" type="Dummy"/></resources>
<constraints/></configuration><status>
<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>
<lrm_resource id="A" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="A_last_0" operation_key="A_start_0" operation="start" interval="0"
 call-id="3" rc-code="0" op-status="0" transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x"/></lrm_resource></lrm_resources></lrm>
<transient_attributes id="1"><instance_attributes id="ia">%s</instance_attributes></transient_attributes></node_state>
<node_state id="2" uname="n2" in_ccm="false" crmd="offline" join="down" expected="down"><lrm id="2"><lrm_resources>
<lrm_resource id="B" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="B_last_failure_0" operation_key="B_start_0" operation="start" interval="0"
 call-id="3" rc-code="1" op-status="0" transition-key="1:1:0:x" transition-magic="0:1;1:1:0:x"/></lrm_resource></lrm_resources></lrm></node_state>
</status></cib>`, featureSet, meta, attribute))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Show(strings.Fields(args), doc, time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Fail counts have stood for each operation since feature set 3.0.13.
func TestFailCountsByFeatureSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		featureSet, name string
		counted          bool
	}{
		{"3.0.12", "fail-count-A", true}, {"3.0.12", "fail-count-A#start_0", false}, {"", "fail-count-A", true},
		{"3.0.13", "fail-count-A", false}, {"3.16.1", "fail-count-A#start_0", true}, {"3.16.1", "fail-count-AB#start_0", false},
	} {
		got := seen(t, c.featureSet, `<nvpair id="f" name="`+c.name+`" value="2"/>`, "", "-1 --include=none,failcounts")
		if strings.Contains(got, "fail-count=2") != c.counted {
			t.Errorf("feature set %q, %s: counted is not %t:\n%s", c.featureSet, c.name, c.counted, got)
		}
	}
}

func TestSectionsAskedFor(t *testing.T) {
	t.Parallel()
	maintenance := `<nvpair id="x" name="maintenance" value="true"/>`
	for _, c := range []struct{ name, meta, args, want, not string }{
		{"default adds to what was asked for", "", "-1 -o --include=failcounts,default", "Operations:", ""},
		{"failures of hosts that are down are over", "", "-1", "Node n2: UNCLEAN (offline)", "Failed Resource Actions"},
		{"maintenance is shown as unmanaged", maintenance, "-1", "A\t(ocf:pacemaker:Dummy):\t Started n1 (unmanaged)", ""},
		{"a list that --resource empties", "", "--output-as=xml --resource=none --node=n1", "<resources/>", ""},
		{"nothing is on that host", "", "--output-as=xml --resource=none --node=n3", "<nodes/>", "<resources/>"},
	} {
		got := seen(t, "3.16.1", "", c.meta, c.args)
		if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("%s: crm_mon %s:\n%s", c.name, c.args, got)
		}
	}
}
