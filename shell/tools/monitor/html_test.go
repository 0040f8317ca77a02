package monitor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/option"
)

// Lines of the pages that crm_mon of Pacemaker 2.1.5 makes of the same documents.
func TestPages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/two.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"--output-as=html", "<li>\n<span class=\"bold\">n1:</span><span class=\"online\"> online</span>\n</li>\n"},
		{"--output-as=html -n", "<h3>n1:</h3>\n<ul><li>\n<span>Status:</span><span class=\"online\"> online</span><li>\n<h3>Resources</h3>\n"},
		{"--output-as=html -r", "<li><span class=\"rsc-ok\">A\t(ocf:pacemaker:Dummy):\t Started n1</span></li>\n"},
		{"--output-as=html -r", "<li><span class=\"rsc-failed\">B\t(ocf:pacemaker:Dummy):\t Stopped</span></li>\n"},
		{"--output-as=html -r", "<h3>Clone Set: K [E]</h3>\n<ul><li>Stopped: [ n1 n2 ]</li></ul>\n"},
		{"--output-as=html -c", "<h2>Tickets</h2>\n<ul><li>T:\tgranted last-granted="},
		{"--output-as=html --exclude=all --include=none", "</head>\n<body>"},
		{"--output-as=html --html-title=a<b --html-stylesheet=my.css", "<title>a&lt;b</title>"},
		{"--output-as=html --html-title=a<b --html-stylesheet=my.css", "<link rel=\"stylesheet\" href=\"my.css\">\n</head>"},
		{"--output-as=html --include=options", "<h2>Config Options</h2>\n<ul>\n<li>STONITH of failed nodes"},
	} {
		doc, err := cib.Parse("two.xml", text)
		if err != nil {
			t.Fatal(err)
		}
		line, err := option.Parse(options, strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		show, err := sections(line)
		if got := Page(line, doc, show, time.Unix(1700000000, 0)); err != nil || !strings.Contains(got, c.want) {
			t.Errorf("crm_mon %s: %v, no %q in\n%s", c.args, err, c.want, got)
		}
	}
}

// What there is of a file with errors is shown; crm_mon says where they are.
func TestBrokenFileIsShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cib.xml")
	broken := `<cib><configuration><crm_config/><nodes><node id="1" uname="n1"></nodes><resources/><constraints/></configuration><status/></cib>`
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CIB_file", file)
	var out, errs strings.Builder
	if status := Tool([]string{"-1", "-r"}, strings.NewReader(""), &out, &errs); status != 0 || !strings.Contains(out.String(), "1 node configured") ||
		!strings.Contains(errs.String(), "closing tag </nodes> found, </node> expected") {
		t.Errorf("status %d\n%s\n%s", status, out.String(), errs.String())
	}
}

// Rules of location constraints ban, too; the last constraint comes first.
func TestBans(t *testing.T) {
	t.Parallel()
	doc, err := cib.Parse("bans.xml", []byte(`<cib><configuration><crm_config/><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources><primitive id="A" class="ocf" provider="pacemaker" type="Dummy"/></resources><constraints>
<rsc_location id="first" rsc="A" node="n1" score="-INFINITY"/><rsc_location id="second" rsc="A" node="n2" score="100"/>
<rsc_location id="third" rsc="A"><rule id="r" score="-10" role="Promoted"><expression id="e" attribute="#uname" operation="ne" value="n9"/></rule></rsc_location>
</constraints></configuration><status/></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	const want = "Negative Location Constraints:\n  * r\tprevents A from running in Promoted role on n2\n  * r\tprevents A from running in Promoted role on n1\n" +
		"  * first\tprevents A from running on n1\n"
	got, err := Show([]string{"-1", "--exclude=all", "--include=bans"}, doc, time.Unix(1700000000, 0))
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	got, err = Show([]string{"-1", "--exclude=all", "--include=bans:fi"}, doc, time.Unix(1700000000, 0))
	if err != nil || strings.Contains(got, "* r") || !strings.Contains(got, "* first") {
		t.Errorf("%v\n%s", err, got)
	}
}
