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
	misplaced := filepath.Join(t.TempDir(), "misplaced.xml")
	const text = `<cib validate-with="pacemaker-3.0"><configuration><crm_config/><nodes/><resources><node/></resources><constraints/></configuration><status/></cib>`
	if err := os.WriteFile(misplaced, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options string
		status  int
		says    string
	}{
		{"--frobnicate", exit.Usage, "unknown option --frobnicate"},
		{"-x", exit.Usage, "-x (--xml-file) needs a value"},
		{"-x testdata/capacity.xml --output-as=html", exit.Usage, "text or xml"},
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
