package cibtool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
)

// role is a resource that is to have a role, from the end of the options to the begin of the constraints.
func role(name string) string {
	return `</crm_config><nodes/><resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id="m">` +
		`<nvpair id="r" name="target-role" value="` + name + `"/></meta_attributes></primitive></resources><constraints>`
}

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
		{"an order's score", head + off + a + `<rsc_order id="l" first="a" then="a" score="0"/>` + tail, `order 'l' has a score`},
		{"a role that takes a promotable clone", head + off + role("Master") + tail, "only what is in a promotable clone"},
		{"a role for any resource", head + off + role("Stopped") + tail, ""},
		{"a role in a promotable clone", head + off + strings.NewReplacer("<resources>", `<resources><clone id="c"><meta_attributes id="cm"><nvpair id="cp" name="promotable" value="true"/></meta_attributes>`,
			"</resources>", "</clone></resources>").Replace(role("Promoted")) + tail, ""},
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

// TestWritesAgainstTheSchemaAreRefused: what stands in the wrong section, or names no agent, does not get into a
// file either. The environment names the file, so this test cannot run beside others.
func TestWritesAgainstTheSchemaAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cib.xml")
	t.Setenv("CIB_file", path)
	doc := cib.New()
	doc.EnsureSection("resources").Append(cib.NewElement("primitive", "id", "a", "class", "ocf", "provider", "pacemaker", "type", "Dummy"))
	before := string(doc.Bytes())
	for _, c := range []struct {
		call   string
		xml    string
		status int
		want   string
	}{
		{"--create --scope constraints", `<node id="9" uname="x"/>`, exit.Config, "does not belong into <constraints>"},
		{"--modify --allow-create --scope nodes", `<primitive id="q" class="lsb" type="x"/>`, exit.Config, "does not belong into <nodes>"},
		{"--create --scope crm_config", `<nvpair id="n" name="stonith-enabled" value="false"/>`, exit.Config, "expected cluster_property_set"},
		{"--create --scope resources", `<primitive id="q"/>`, exit.Config, "attribute class is missing"},
		{"--create --scope resources", `<primitive id="q" class="ocf" type="Dummy"/>`, exit.Config, "attribute provider is missing"},
		{"--create --scope resources", `<primitive id="q" class="ocf" provider="pacemaker" type="Dummy"/>`, exit.OK, ""},
	} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		status := CIBAdmin(append(strings.Fields(c.call), "--xml-text", c.xml), strings.NewReader(""), &stdout, &stderr)
		if status != c.status || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("cibadmin %s %s: status %d, want %d; %q", c.call, c.xml, status, c.status, stderr.String())
		}
		if after, err := os.ReadFile(path); err != nil || (string(after) == before) == (status == exit.OK) {
			t.Errorf("cibadmin %s %s: status %d, and the file is %s (%v)", c.call, c.xml, status, after, err)
		}
	}
}
