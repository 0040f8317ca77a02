package host

import (
	"os"
	"path/filepath"
	"testing"

	"strings"
)

const nodes = `<cib><configuration><nodes><node id="1" uname="alice"/><node id="2" uname="bob"/></nodes><resources>
<primitive id="far" class="ocf" provider="pacemaker" type="remote"/>
<primitive id="vm" class="ocf" provider="heartbeat" type="VirtualDomain"><meta_attributes id="m"><nvpair id="n" name="remote-node" value="guest1"/></meta_attributes></primitive>
</resources></configuration></cib>`

// The environment names the document, so this test cannot run beside others.
func TestAdminNodes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, []byte(nodes), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", path)
	for call, want := range map[string]string{
		"-N":                             "cluster node: alice (1)\ncluster node: bob (2)\nguest node: guest1 (guest1)\nremote node: far (far)\n",
		"-N guest -q":                    "guest1\n",
		"--nodes=cluster,remote -B":      "export alice=1\nexport bob=2\nexport far=far\n",
		"--nodes=ghost":                  "No nodes configured\n",
		"--nodes=remote --output-as=xml": "<pacemaker-result api-version=\"2.25\" request=\"crmadmin --nodes=remote --output-as=xml\">\n  <nodes>\n    <node type=\"remote\" name=\"far\" id=\"far\"/>\n  </nodes>\n  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n",
	} {
		var stdout, stderr strings.Builder
		if status := CRMAdmin(strings.Fields(call), nil, &stdout, &stderr); status != 0 || stdout.String() != want {
			t.Errorf("%s: %d %s\n%s, want\n%s", call, status, stderr.String(), stdout.String(), want)
		}
	}
}
