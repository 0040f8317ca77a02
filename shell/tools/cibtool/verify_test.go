package cibtool

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/shell/tools/exit"
)

// What runs and is not configured is told, as it would be stopped; failures are not.
func TestVerifyTellsOfActiveOrphans(t *testing.T) {
	t.Parallel()
	const document = `<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/></nodes><resources><primitive id="a" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints/></configuration><status>
<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="1"><lrm_resources><lrm_resource id="ID" class="ocf" provider="pacemaker" type="Dummy">
<lrm_rsc_op id="x" operation_key="ID_start_0" operation="start" call-id="3" rc-code="RC" op-status="0" interval="0" transition-key="5:1:0:a" transition-magic="0:RC;5:1:0:a"/></lrm_resource></lrm_resources></lrm></node_state></status></cib>`
	for _, c := range []struct {
		id, code string
		want     int
	}{{"a", "0", exit.OK}, {"a", "1", exit.OK}, {"gone", "0", exit.Config}} {
		file := filepath.Join(t.TempDir(), "cib.xml")
		text := strings.NewReplacer("ID", c.id, "RC", c.code).Replace(document)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, problems bytes.Buffer
		if got := Verify([]string{"-V", "-x", file}, nil, &out, &problems); got != c.want {
			t.Errorf("%s with %s: status %d, want %d: %s%s", c.id, c.code, got, c.want, out.String(), problems.String())
		}
	}
}
