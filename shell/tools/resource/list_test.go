package resource

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What crm_resource of Pacemaker 2.1.5 prints of the same document.
func TestPrintedAsPacemaker(t *testing.T) {
	text, err := os.ReadFile("testdata/two.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   string
		status int
		want   string
		left   string // what stands in the document then
	}{
		{"-L", 0, "Full List of Resources:\n  * A\t(ocf:pacemaker:Dummy):\t Started\n  * B\t(ocf:pacemaker:Dummy):\t Stopped\n  * Resource Group: G:\n    * C\t(ocf:pacemaker:Dummy):\t Stopped\n" +
			"    * D\t(ocf:pacemaker:Dummy):\t Stopped\n  * Clone Set: K [E]:\n    * Stopped: [ n1 n2 ]\n  * Clone Set: M [S] (promotable):\n    * Stopped: [ n1 n2 ]\n", ""},
		{"-l", 0, "A\nB\nC\nD\nE:0\nE:1\nS:0\nS:1\n", ""},
		{"-a -r B", 0, "Locations:\n  * Node n1 (score=INFINITY, id=lr1, rsc=B)\nResources B is colocated with:\n  * A (score=INFINITY, id=c1)\n    * Locations:\n      * Node n1 (score=100, id=l1, rsc=A)\n", ""},
		{"--digests -r A -N n1", 0, "ba7e82a3c55be4e33e75a1c30e9ee331 (all parameters)\nba7e82a3c55be4e33e75a1c30e9ee331 (non-private parameters)\n", ""},
		{"-M -r A -N n2 -u PT1H --force", 0, "Migration will take effect until: ", `<date_expression id="cli-prefer-lifetime-end-A"`},
		{"-m -p target-role -v Stopped -r E", 0, "Performing update of 'target-role' on 'K', the parent of 'E'\nSet 'K' option: id=K-meta_attributes-target-role set=K-meta_attributes name=target-role value=Stopped\n", `<nvpair id="K-meta_attributes-target-role"`},
		{"-O -r A", 0, "A\t(ocf:pacemaker:Dummy):\t Started: A_start_0 (node=n1, call=3, rc=0", ""},
		{"-q -r K", 0, "Resource XML:\n<clone id=\"K\"", ""},
		{"-w -r E", 0, "E\t(ocf:pacemaker:Dummy):\t Stopped\nResource XML:\n<primitive ", ""},
		{"-Y -N n1", 0, "Resource A is running on host n1\n", ""},
		{"-Y -r E", 0, "Resource E:0 is not running\n", ""},
		{"-Y -N n9", 105, "", ""}, {"-B -r A -N n9", 105, "", ""}, {"-M -r E:0 -N n9", 2, "", ""},
		{"-M -r C -N n1 --promoted", 0, "--promoted does not count: C has no promoted role\n", `<rsc_location id="cli-prefer-C" rsc="C" role="Started" node="n1"`},
		{"-B -r S -N n1 --promoted", 0, "WARNING: Creating rsc_location constraint 'cli-ban-S-on-n1'", `<rsc_location id="cli-ban-S-on-n1" rsc="S" role="Promoted"`},
		{"-r A -W --output-as=xml", 0, "<pacemaker-result api-version=\"2.25\" request=\"crm_resource -r A -W --output-as=xml\">\n  <nodes resource=\"A\">\n    <node>n1</node>", ""},
		{"-D -r A", 105, "", `<primitive id="A"`},
		{"-r A -G class", 0, "ocf\n", ""}, {"-r K -G class", 0, "", ""},
		{"-r A -t primitive -S description -v x", 0, "", `description="x"`},
		{"-r A -S description -v x", 105, "", ""}, {"-r A -t primitive -S description", 105, "", ""}, {"-r A -t group -S description -v x", 105, "", ""},
		{"-r E -m -g resource-stickiness", 0, "1\n", ""}, {"-r A -m -g resource-stickiness", 0, "", ""},
		{"-r A -p a -v b -i mine", 0, "Set 'A' option: id=(null) set=A-instance_attributes name=a value=b\n", `<nvpair id="mine"`},
		{"-r E -z -p cpu -v 5", 78, "Performing update of 'cpu' on 'K', the parent of 'E'\n", `<clone id="K"`},
		{"--show-metadata ocf:nobody:nothing", 105, "", ""}, {"--show-metadata nothing", 105, "", ""},
		{"-F -r A -N n1", 102, "", ""}, {"--restart -r B", 105, "", ""}, {"--validate -r G", 3, "", ""}, {"-o -r C:0", 0, "", ""},
		{"--digests -r E -N n2 --output-as=xml", 0, "<pacemaker-result api-version=\"2.25\" request=\"crm_resource --digests -r E -N n2 --output-as=xml\">\n  <digests resource=\"E:0\" node=\"n2\" task=\"start\" interval=\"0ms\">", ""},
		{"--digests -r E -N n2 --output-as=xml CRM_meta_interval=7000", 0, "", ""},
	} {
		file := filepath.Join(t.TempDir(), "cib.xml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CIB_file", file)
		var out, errs bytes.Buffer
		status := Tool(strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if status != c.status || !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("crm_resource %s: status %d, printed\n%s%s\nwant\n%s", c.args, status, out.String(), errs.String(), c.want)
		}
		if left, err := os.ReadFile(file); err != nil || !strings.Contains(string(left), c.left) {
			t.Errorf("crm_resource %s: %v, no %s in\n%s", c.args, err, c.left, left)
		}
	}
}
