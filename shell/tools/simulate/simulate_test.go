package simulate

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the tool prints into the transcripts")

// TestTranscripts runs the tool over one document with each group of options. The date is
// given, so that what is printed does not depend on the clock.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{
		"run":          "-R",
		"scores":       "-R -s",
		"capacity":     "-R -U",
		"fancy":        "-R -s -U --text-fancy",
		"quiet-scores": "-Q -s",
		"attributes":   "-A -c",
		"node-up":      "-S -u web3",
		"node-fail":    "-S -f web1 -w 1 -q 0",
		"op-inject":    "-S -i A_monitor_10000@web1=7",
		"op-fail":      "-S -F A_start_0@web1=1",
		"tickets":      "-R -g T1 -r T2 -b T3 -e T4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"-x", "testdata/capacity.xml", "-t", "2026-01-02T03:04:05Z"}, strings.Fields(options)...)
			var out, errs bytes.Buffer
			if code := Main(args, nil, &out, &errs); code != 0 {
				t.Fatalf("exit status %d: %s", code, errs.String())
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
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

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ options, says string }{
		{"--frobnicate", "unknown option --frobnicate"},
		{"-x", "-x needs a value"},
		{"-x testdata/nowhere.xml -S", "testdata/nowhere.xml"},
		{"-x testdata/capacity.xml -i nonsense -S", "expected RESOURCE_TASK_INTERVAL@NODE=STATUS"},
		{"-x testdata/capacity.xml extra", "unexpected word \"extra\""},
	} {
		var out, errs bytes.Buffer
		if code := Main(strings.Fields(c.options), nil, &out, &errs); code == 0 || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: exit status %d, %q; want a failure that says %q", c.options, code, errs.String(), c.says)
		}
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
