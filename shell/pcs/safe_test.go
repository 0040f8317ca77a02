package pcs

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
)

// twoRunning is a document in which an address and a server that needs it run on n1.
func twoRunning(t *testing.T) *cib.Document {
	t.Helper()
	var history strings.Builder
	for i, id := range []string{"ip", "web"} {
		fmt.Fprintf(&history, `<lrm_resource id="%s" type="Dummy" class="ocf" provider="pacemaker"><lrm_rsc_op id="%s_last_0" operation_key="%s_start_0" operation="start"
			crm-debug-origin="x" crm_feature_set="3.16.2" transition-key="%d:1:0:1-2-3-4-5" transition-magic="0:0;%d:1:0:1-2-3-4-5" on_node="n1" call-id="%d" rc-code="0" op-status="0" interval="0"/></lrm_resource>`,
			id, id, id, i, i, i+1)
	}
	doc, err := cib.Parse("cib.xml", []byte(`<cib crm_feature_set="3.16.2" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1"><configuration>
		<crm_config><cluster_property_set id="o"><nvpair id="o-f" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
		<nodes><node id="1" uname="n1"/></nodes>
		<resources><primitive id="ip" class="ocf" provider="pacemaker" type="Dummy"/><primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/></resources>
		<constraints><rsc_order id="order" first="ip" then="web"/></constraints></configuration>
		<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources>`+
		history.String()+`</lrm_resources></lrm></node_state></status></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDisableLooksBeforeItActs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    string
		opts    []string
		refused string // part of the error
		shown   string // part of what is printed
		stopped bool   // whether the document changed
	}{
		{"web", []string{"safe"}, "", "", true},
		{"ip", []string{"safe"}, "web", "", false},
		{"ip", []string{"safe", "no-strict"}, "web", "", false},
		{"ip", []string{"simulate"}, "", "web", false},
		{"ip", []string{"simulate", "brief"}, "", "web\n", false},
		{"ip web", []string{"safe"}, "", "", true},
		{"ip", []string{"simulate", "safe"}, "exclude", "", false},
		{"ip", []string{"safe", "f"}, "-f", "", false},
		{"ip", []string{"brief"}, "--simulate", "", false},
		{"ip", nil, "", "", true},
	} {
		t.Run(c.args+" "+strings.Join(c.opts, " "), func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			s := &session{opts: options{}, stdout: &out, stderr: &errs, now: time.Unix(1e9, 0), args: strings.Fields(c.args), doc: twoRunning(t)}
			for _, o := range c.opts {
				s.opts[o] = ""
			}
			err := disable(s)
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("error %v, want one with %q", err, c.refused)
			}
			if !strings.Contains(out.String(), c.shown) {
				t.Errorf("printed %q, want %q in it", out.String(), c.shown)
			}
			if changed := strings.Contains(string(s.doc.Bytes()), "target-role"); err == nil && changed != c.stopped {
				t.Errorf("document changed %t, want %t", changed, c.stopped)
			}
		})
	}
}
