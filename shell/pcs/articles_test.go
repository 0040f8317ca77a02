package pcs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written is a document as articles and their mistakes leave it.
const written = `<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration><crm_config/><nodes><node id="1" uname="node1"/><node id="2" uname="node2"/></nodes><resources>
<primitive id="d" class="ocf" provider="heartbeat" type="Dummy"><meta_attributes id="dm"><nvpair id="dm1" name="z" value="a=b"/><nvpair id="dm2" name="y" value="a &quot;b"/><nvpair id="dm3" name="w" value="a &quot;b'c"/></meta_attributes></primitive>
<primitive id="e" class="ocf" provider="heartbeat" type="Dummy"><operations><op id="e-m" name="monitor" interval="10s"/></operations></primitive>
<primitive id="gone" class="ocf" provider="x" type="Gone"/>
<group id="gg"><primitive id="g3" class="ocf" provider="x" type="Gone"/></group>
<clone id="gc"><primitive id="g2" class="ocf" provider="x" type="Gone"/></clone></resources>
<constraints><rsc_location id="cli-ban-d-on-node1" rsc="d" role="Started" node="node1" score="-INFINITY"/><rsc_location id="cli-prefer-e" rsc="e"><rule id="r" score="INFINITY"><date_expression id="x" operation="lt" end="2001-01-01"/></rule></rsc_location><rsc_ticket id="t" ticket="T" rsc="d"/></constraints>
<rsc_defaults><meta_attributes id="rd"><nvpair id="rd1" name="a" value="b=c"/></meta_attributes></rsc_defaults></configuration><status><tickets><ticket_state id="S" granted="true" standby="false"/></tickets></status></cib>`

// callOn makes one call on a document and returns what it wrote to either output, the document that it left, and its status.
func callOn(t *testing.T, document, call string) (printed, after string, status int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cib.xml")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	status = Run(append([]string{"-f", path}, strings.Fields(call)...), nil, &out, &out)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), betweenElements.ReplaceAllString(string(text), "><"), status
}

// TestArticlesAndTheirMistakes: what pcs 0.11.5 answers, prints and leaves; after "!" is what does not stand there.
func TestArticlesAndTheirMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call             string
		status           int
		prints, document string
	}{
		{"constraint colocation add d with e score=1OO", 1, "'1OO' is not a score", "!rsc_colocation"},
		{"constraint colocation add d with e score=100", 0, "", `score="100"`},
		{"constraint order d then e kind=Optional score=5", 1, "exclude each other", "!rsc_order"},
		{"resource clear d node1 node2", 1, "'node2'", "cli-ban-d"},
		{"resource update e state=1 fake=2", 0, "", `name="state" value="1"/><nvpair id="e-instance_attributes-fake"`},
		{"resource update e fake=1 fake=2", 0, "'fake' is given twice", `name="fake" value="2"`},
		{"resource update e op monitor interval=10s interval=6s", 0, "'interval' is given twice", `interval="6s"`},
		{"resource update e fake=2 fake=2", 0, "!twice", `name="fake" value="2"`},
		// What cannot be judged because the agent is not installed.
		{"resource clone gone", 1, "ocf:x:Gone", "!gone-clone"},
		{"resource clone gone --force", 0, "ocf:x:Gone", "gone-clone"},
		{"resource promotable gone", 1, "ocf:x:Gone", "!gone-clone"},
		{"resource promotable gg", 1, "ocf:x:Gone", "!gg-clone"},
		{"resource meta gc priority=5", 1, "ocf:x:Gone", "!priority"},
		{"resource update gc interleave=true", 1, "ocf:x:Gone", "!interleave"},
		{"resource meta gg priority=5", 0, "", "priority"},
		{"resource disable gc", 0, "", "target-role"},
		// What is printed.
		{"resource config d", 0, "w=\"a \\\"b'c\"\n    y='a \"b'\n    z=\"a=b\"\n", ""},
		{"resource defaults", 0, `a="b=c"`, ""},
		{"status --corosync_conf /dev/null", 0, "put them: 'd'\n", ""},
		{"status --corosync_conf /dev/null", 0, "!Tickets:", ""},
		{"status --full --corosync_conf /dev/null", 0, "\nTickets:\n  S\tgranted           (granted=true, standby=false)\n  T\trevoked", ""},
		{"status --full --corosync_conf /dev/null", 0, "!Negative Location", ""},
	} {
		t.Run(c.call, func(t *testing.T) {
			t.Parallel()
			printed, document, status := callOn(t, written, c.call)
			said, silent := strings.CutPrefix(c.prints, "!")
			left, unwanted := strings.CutPrefix(c.document, "!")
			if status != c.status || said != "" && strings.Contains(printed, said) == silent || left != "" && strings.Contains(document, left) == unwanted {
				t.Errorf("status %d, want %d; printed, where %q was expected,\n%s\nand left, where %q was expected,\n%s", status, c.status, c.prints, printed, c.document, document)
			}
		})
	}
}

// TestTypeOfSeveralClassesIsNotGuessed: a type alone is looked for among services, too.
func TestTypeOfSeveralClassesIsNotGuessed(t *testing.T) {
	t.Parallel()
	scripts := new(session).catalog().Types("lsb", "")
	if len(scripts) == 0 {
		t.Skip("no init script is installed on this host")
	}
	printed, document, status := callOn(t, written, "resource create web "+scripts[0])
	if status != 1 || !strings.Contains(printed, "'lsb:"+scripts[0]+"'") || !strings.Contains(printed, "'service:"+scripts[0]+"'") || strings.Contains(document, `id="web"`) {
		t.Errorf("status %d: %s", status, printed)
	}
}
