package controller

import (
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
)

func TestPendingOperationsAreShownInTheirPlace(t *testing.T) {
	t.Parallel()
	doc, err := cib.Parse("test", []byte(`<cib><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status>
<node_state id="1" uname="web1"><lrm id="1"><lrm_resources><lrm_resource id="a" type="Dummy" class="ocf" provider="pacemaker">
<lrm_rsc_op id="a_last_0" operation="monitor" call-id="4" rc-code="7" op-status="0" interval="0"/></lrm_resource></lrm_resources></lrm></node_state>
<node_state id="2" uname="web2"/></status></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	pending := Pending{NodeID: "1", Resource: "a", Class: "ocf", Provider: "pacemaker", Type: "Dummy", Task: "start", Key: "3:1:0:x", Since: time.Unix(1000, 0)}
	elsewhere, nowhere := pending, pending
	elsewhere.NodeID, elsewhere.Task, elsewhere.Interval = "2", "monitor", 10*time.Second
	nowhere.NodeID = "3"
	MarkPending(doc, []Pending{pending, elsewhere, nowhere})
	text := string(doc.Bytes())
	for _, want := range []string{
		`<lrm_rsc_op id="a_last_0" operation_key="a_start_0" operation="start"`, `<lrm_rsc_op id="a_monitor_10000" operation_key="a_monitor_10000" operation="monitor"`,
		`transition-magic="-1:193;3:1:0:x"`,
	} {
		if strings.Count(text, want) != 1 && !strings.Contains(want, "magic") || !strings.Contains(text, want) {
			t.Errorf("want %s once in\n%s", want, text)
		}
	}
	if strings.Contains(text, `rc-code="7"`) {
		t.Errorf("what went before is still shown:\n%s", text)
	}
}
