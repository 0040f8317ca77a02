package cibtool

import (
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

func TestProblems(t *testing.T) {
	t.Parallel()
	const head = `<cib validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config>`
	const off = `<cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set>`
	const watchdog = `<cluster_property_set id="o"><nvpair id="o-w" name="stonith-watchdog-timeout" value="10s"/></cluster_property_set>`
	const a = `</crm_config><nodes/><resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints>`
	const device = `</crm_config><nodes/><resources><primitive id="a" class="stonith" type="fence_x"/></resources><constraints>`
	const none = `</crm_config><nodes/><resources/><constraints>`
	const tail = `</constraints></configuration><status/></cib>`
	for _, c := range []struct{ name, text, want string }{
		{"nothing configured", head + none + tail, "no fence device"},
		{"nothing configured, fencing off", head + off + none + tail, ""},
		{"fencing off", head + off + a + tail, ""},
		{"a device", head + device + tail, ""},
		{"the watchdog fences", head + watchdog + a + tail, ""},
		{"fencing without a device", head + a + tail, "no fence device"},
		{"a constraint of nothing", head + off + a + `<rsc_location id="l" rsc="b" node="n" score="1"/>` + tail, `rsc="b" names no object`},
		{"a set of nothing", head + off + a + `<rsc_order id="l"><resource_set id="s"><resource_ref id="b"/></resource_set></rsc_order>` + tail, `no object b`},
		{"no status", strings.Replace(head+off+none+tail, "<status/>", "", 1), "no <status>"},
		{"not to be checked", strings.Replace(head+a+tail, "pacemaker-3.7", "none", 1), ""},
	} {
		doc, err := cib.Parse(c.name, []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(Problems(doc), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
