package simulate

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/golden"
	"holdfast/shell/tools/exit"
)

// TestTranscripts runs the tool over one document with each group of options. The date is
// given, so that what is printed does not depend on the clock.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{
		"run":           "-R",
		"scores":        "-R -s",
		"capacity":      "-R -U",
		"fancy":         "-R -s -U --text-fancy",
		"quiet-scores":  "-Q -s",
		"attributes":    "-A -c",
		"node-up":       "-S -u web3",
		"node-fail":     "-S -f web1 -w 1 -q 0",
		"op-inject":     "-S -i A_monitor_10000@web1=7",
		"op-fail":       "-S -F A_start_0@web1=1",
		"op-fail-alone": "-j -F A_start_0@web1=1",
		"tickets":       "-R -g T1 -r T2 -b T3 -e T4",
		"no-such-op":    "-R -i nonsense -i C_monitor_0@web1=0",
		"xml":           "-S -s -U -A -c --output-as=xml -f web1 -d web2 -q 0 -w yes -g T1",
		"xml-op-fail":   "-S -Q -F A_start_0@web1=1 -i A_monitor_10000@web1=7 --output-as xml",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-x", "testdata/capacity.xml", "-t", "2026-01-02T03:04:05Z"}, strings.Fields(options)...)
			var out, errs bytes.Buffer
			if code := Main(args, nil, &out, &errs); code != 0 {
				t.Fatalf("exit status %d: %s", code, errs.String())
			}
			golden.Compare(t, filepath.Join("testdata", name+".txt"), out.String())
		})
	}
}

// TestDocuments looks at what is left in the file of -O: what was injected, also when nothing is
// simulated, and what the operations of a clone and of a host that was unknown come to.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{
		"left-by-injections": "-u n3 -i web:0_monitor_0@n1=0 -g T1 -q 0 -w yes",
		"left-by-clone":      "-S -u n3",
		"left-by-op-fail":    "-S -F web_start_0@n2=1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			saved := filepath.Join(t.TempDir(), "after.xml")
			args := append([]string{"-x", "testdata/clone.xml", "-Q", "-t", "2026-01-02T03:04:05Z", "-O", saved}, strings.Fields(options)...)
			var out, errs bytes.Buffer
			if code := Main(args, nil, &out, &errs); code != 0 {
				t.Fatalf("exit status %d: %s", code, errs.String())
			}
			left, err := os.ReadFile(saved)
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, filepath.Join("testdata", name+".txt"), string(left))
		})
	}
}

// TestInPlaceWritesTheShadowCopy: without a file, --in-place is meant for the copy that the shell works on.
func TestInPlaceWritesTheShadowCopy(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CIB_shadow", "trial")
	t.Setenv("CIB_shadow_dir", dir)
	shadow := filepath.Join(dir, "shadow.trial")
	empty := `<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`
	if err := os.WriteFile(shadow, []byte(empty), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Main([]string{"-L", "-X", "-u", "n1"}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs.String())
	}
	if text, err := os.ReadFile(shadow); err != nil || !strings.Contains(string(text), `<node_state id="n1"`) {
		t.Errorf("the shadow copy has %s, %v", text, err)
	}
	if text := out.String(); strings.Count(text, "Node List:") != 1 || strings.Count(text, "* No resources") != 2 {
		t.Errorf("headings without content, or none for what is missing:\n%s", text)
	}
}

// TestSavedOutputHasNothingLeftToDo replans what a simulation has left behind.
func TestSavedOutputHasNothingLeftToDo(t *testing.T) {
	t.Parallel()
	saved := filepath.Join(t.TempDir(), "after.xml")
	var out, errs bytes.Buffer
	if code := Main([]string{"-x", "testdata/capacity.xml", "-S", "-Q", "-O", saved}, nil, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	out.Reset()
	if code := Main([]string{"-x", saved, "-R"}, nil, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	if !strings.HasSuffix(out.String(), "Transition Summary:\n") {
		t.Errorf("something is left to do:\n%s", out.String())
	}
}

func TestProfileTellsOfEveryDocument(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := Main([]string{"-P", "testdata", "-N", "2"}, nil, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	if !strings.Contains(out.String(), "Testing testdata/capacity.xml ... ") {
		t.Errorf("no time for the document:\n%s", out.String())
	}
}

// TestStatuses: scripts test for what a call ends with.
func TestStatuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	misplaced, future, unnamed := filepath.Join(dir, "misplaced.xml"), filepath.Join(dir, "future.xml"), filepath.Join(dir, "unnamed.xml")
	const text = `<cib validate-with="pacemaker-3.0"><configuration><crm_config/><nodes/><resources><node/></resources><constraints/></configuration><status/></cib>`
	for file, validation := range map[string]string{misplaced: "pacemaker-3.0", future: "pacemaker-9999.0", unnamed: ""} {
		named := strings.Replace(text, "pacemaker-3.0", validation, 1)
		if validation == "" {
			named = strings.Replace(text, ` validate-with="pacemaker-3.0"`, "", 1)
		}
		if err := os.WriteFile(file, []byte(named), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		options string
		status  int
		says    string
	}{
		{"--frobnicate", exit.Usage, "unknown option --frobnicate"},
		{"-x", exit.Usage, "-x (--xml-file) needs a value"},
		{"-x testdata/capacity.xml --output-as=html", exit.NoSuch, "text, xml or none"},
		{"-x testdata/capacity.xml --output-as=none", exit.OK, ""},
		{"-x testdata/capacity.xml -N often", exit.Usage, "expected a number"},
		{"-x testdata/nowhere.xml -x testdata/capacity.xml", exit.OK, ""},
		{"-p -x testdata/capacity.xml", exit.OK, ""},
		{"-x " + future + " -S", exit.Config, "pacemaker-9999.0"},
		{"-x " + unnamed + " -S", exit.OK, ""},
		{"-x testdata/clone.xml -i web_monitor_10000@n1=7", exit.OK, "such as web:0"},
		{"-x testdata/clone.xml -i web-clone_monitor_10000@n1=7", exit.OK, "is a clone"},
		{"-x testdata/clone.xml -i web:0_monitor_10000@n9=7", exit.OK, "no host n9"},
		{"-x testdata/capacity.xml -t someday", exit.Usage, "someday"},
		{"-x testdata/nowhere.xml -S", exit.NoInput, "testdata/nowhere.xml"},
		{"-x testdata/run.txt -S", exit.DataError, "testdata/run.txt"},
		{"-x " + misplaced + " -S", exit.Config, "misplaced.xml:1: <node>"},
		{"-x testdata/capacity.xml -S -Q -O testdata/nowhere/out.xml", exit.NoSuch, "save output"},
		{"-x testdata/capacity.xml -S -Q -D testdata/nowhere/out.dot", exit.IOError, "save drawing"},
		{"-x testdata/capacity.xml -S -Q -G testdata/nowhere/out.xml", exit.IOError, "save graph"},
		{"-x testdata/capacity.xml -Q --output-to testdata/nowhere/out.txt", exit.CannotCreate, "--output-to"},
		{"-P testdata/nowhere", exit.NoInput, "--profile"},
		{"-x testdata/capacity.xml -Q -i nonsense", exit.OK, "expected RESOURCE_TASK_INTERVAL@NODE=STATUS"},
		{"-x testdata/capacity.xml -Q words that belong to no option", exit.OK, ""},
	} {
		var out, errs bytes.Buffer
		if status := Main(strings.Fields(c.options), nil, &out, &errs); status != c.status || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: exit status %d, %q; want %d and %q", c.options, status, errs.String(), c.status, c.says)
		}
	}
}

// TestXMLTellsOfFailures: with --output-as=xml the answer itself has the status and what is wrong.
func TestXMLTellsOfFailures(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	status := Main([]string{"-x", "testdata/nowhere.xml", "--output-as=xml"}, nil, &out, &errs)
	answer, err := cib.ParseElement("answer", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	told := answer.Child("status")
	if status != exit.NoInput || told.Get("code") != "66" || told.Child("errors").Child("error") == nil {
		t.Errorf("exit status %d, answer %s", status, out.String())
	}
}

func TestOutputTo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.xml")
	var out, errs bytes.Buffer
	if status := Main([]string{"-x", "testdata/capacity.xml", "-R", "--output-as=xml", "--output-to=" + file}, nil, &out, &errs); status != exit.OK {
		t.Fatal(errs.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 || !strings.HasPrefix(string(text), "<pacemaker-result") {
		t.Errorf("printed %q, the file has %q", out.String(), text)
	}
}

func FuzzOptions(f *testing.F) {
	for _, line := range []string{"-x f -S", "-SQx f -D g", "--xml-file=f --op-fail a_start_0@n=1", "-"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if o, err := parseOptions(strings.Fields(line)); err == nil && o == nil {
			t.Error("neither options nor an error")
		}
	})
}
