package crm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A preference as crm_resource --move --lifetime writes it, and texts that are compared by their order.
const ruledDocument = `<cib validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config><cluster_property_set id="o"><nvpair id="o-s" name="stonith-enabled" value="false"/></cluster_property_set></crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
<primitive id="a" class="ocf" provider="pacemaker" type="Dummy"><instance_attributes id="a-i"><nvpair id="a-i-f" name="fake" value="x"/></instance_attributes>
<instance_attributes id="a-i2" score="9"><nvpair id="a-i2-f" name="fake" value="y"/></instance_attributes><meta_attributes id="a-m"><nvpair id="a-m-p" name="priority" value="1"/></meta_attributes></primitive>
<clone id="k"><meta_attributes id="k-m"><nvpair id="k-m-p" name="promotable" value="true"/></meta_attributes><primitive id="p" class="ocf" provider="pacemaker" type="Stateful"/></clone></resources>
<constraints><rsc_location id="cli-prefer-a" rsc="a"><rule id="cli-prefer-rule-a" score="INFINITY" boolean-op="and"><expression id="cli-prefer-expr-a" attribute="#uname" operation="eq" value="n1" type="string"/>
<date_expression id="cli-prefer-lifetime-end-a" operation="lt" end="2021-01-01"/></rule></rsc_location>
<rsc_location id="l" rsc="k"><rule id="l-r" score="5" boolean-op="or"><expression id="l-r-e" attribute="x" operation="lt" value="7" type="string"/><expression id="l-r-e2" attribute="x" operation="defined"/></rule></rsc_location>
<rsc_location id="cli-ban-a-on-n2" rsc="a" role="Started" node="n2" score="-INFINITY"/></constraints></configuration><status/></cib>`

func TestRulesSayNothingNeedless(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ script, want, not string }{
		{"configure show cli-prefer-a", "location cli-prefer-a a \\\n\trule #uname eq n1 and date lt 2021-01-01\n", "xml"},
		{"configure show l", "rule 5: x string:lt 7 or defined x", "xml"},
		{"configure show xml cli-prefer-a", `<rule id="cli-prefer-rule-a" score="INFINITY">`, `type="string"`},
	} {
		stdout, stderr, status, _ := onRules(t, c.script)
		if status != 0 || !strings.Contains(stdout, c.want) || strings.Contains(stdout, c.not) {
			t.Errorf("%s: status %d, want %q and not %q in\n%s%s", c.script, status, c.want, c.not, stdout, stderr)
		}
	}
	_, problems, status, left := onRules(t, "configure tag t9 a")
	if status != 0 || strings.Contains(left, `value="n1" type="string"`) || !strings.Contains(left, `value="7" type="string"`) || !strings.Contains(left, `boolean-op="and"`) {
		t.Errorf("status %d: %s, left\n%s", status, problems, left)
	}
}

// What crm resource leaves to crm_resource is done as that does it.
func TestResourceCommandsAreThoseOfCrmResource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script string
		status int
		want   string
		left   string
	}{
		{"resource param a set fake z", 1, "Multiple attributes match name=fake\n", `value="x"`},
		{"resource param a show fake", 0, "y\n", ""},
		{"resource meta a set x y", 0, "Set 'a' option: id=a-meta_attributes-x set=a-meta_attributes name=x value=y\n", `<meta_attributes id="a-meta_attributes">`},
		{"resource meta a set priority 3", 0, "Set 'a' option: id=a-m-p name=priority value=3\n", `name="priority" value="3"`},
		{"resource demote k", 0, "Set 'k' option: id=k-meta_attributes-target-role set=k-meta_attributes name=target-role value=Slave\n", `value="Slave"`},
		{"resource move a n1", 0, "INFO: Move constraint created for a to n1\n", `id="cli-ban-a-on-n2"`},
		{"cib diff", 0, "", ""},
	} {
		stdout, stderr, status, left := onRules(t, c.script)
		if status != c.status || !strings.Contains(stdout, c.want) || !strings.Contains(left, c.left) {
			t.Errorf("%s: status %d, want %d and %q in\n%s%s\nleft, where %q was expected,\n%s", c.script, status, c.status, c.want, stdout, stderr, c.left, left)
		}
	}
}

func onRules(t *testing.T, script string) (stdout, stderr string, status int, left string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(file, []byte(ruledDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, status = shell(t, file, "", strings.Fields(script)...)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return stdout, stderr, status, string(text)
}
