package resource

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The hashes are for the operation that the host's history begins with. A recurring one has its limit hashed, too.
func TestDigestsOfTheFirstResult(t *testing.T) {
	for _, c := range []struct{ first, words, want string }{
		{`operation="monitor" interval="0"`, "", `task="monitor" interval="0ms">`},
		{`operation="monitor" interval="20000"`, "", `task="monitor" interval="20000ms">|CRM_meta_timeout="30000"`},
		{`operation="start" interval="0"`, "CRM_meta_interval=10000", `task="start" interval="10000ms">|CRM_meta_timeout="5000"`},
		{`operation="start" interval="0"`, "CRM_meta_interval=10000 CRM_meta_timeout=7000", `CRM_meta_timeout="7000"`},
		{`operation="stop" interval="0"`, "CRM_meta_timeout=7000", `task="stop" interval="0ms">|<parameters/>`},
	} {
		file := filepath.Join(t.TempDir(), "cib.xml")
		text := `<cib><configuration><crm_config/><nodes><node id="1" uname="n1"/></nodes><resources><primitive id="A" class="ocf" provider="pacemaker" type="Dummy">
<operations><op id="m" name="monitor" interval="20s" timeout="30s"/></operations></primitive></resources><constraints/>
<op_defaults><meta_attributes id="d"><nvpair id="t" name="timeout" value="5s"/></meta_attributes></op_defaults></configuration>
<status><node_state id="1" uname="n1"><lrm id="1"><lrm_resources><lrm_resource id="A"><lrm_rsc_op id="A_last_0" ` + c.first + `/></lrm_resource></lrm_resources></lrm></node_state></status></cib>`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CIB_file", file)
		var out, errs bytes.Buffer
		status := Tool(append([]string{"--digests", "-r", "A", "-N", "n1", "--output-as=xml"}, strings.Fields(c.words)...), nil, &out, &errs)
		for want := range strings.SplitSeq(c.want, "|") {
			if status != 0 || !strings.Contains(out.String(), want) {
				t.Errorf("%s, %s: status %d, no %s in\n%s%s", c.first, c.words, status, want, out.String(), errs.String())
			}
		}
	}
}
