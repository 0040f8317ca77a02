package scheduler_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/golden"
	"holdfast/shell/tools/simulate"
)

var (
	peer = flag.String("peer", "", "an installed crm_simulate: compare the cases with what it decides")
)

// mark parts a case's input from what is expected.
const mark = "----\n"

// peerDiffers, in a case's comment, says why the installed peer may decide otherwise.
const peerDiffers = "# The peer differs"

// smallCase is one of the cases below testdata.
type smallCase struct{ path, input, want string }

func smallCases(t testing.TB) []smallCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases below testdata (%v)", err)
	}
	cases := make([]smallCase, len(files))
	for i, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		input, want, _ := strings.Cut(string(text), mark)
		cases[i] = smallCase{path, input, want}
	}
	return cases
}

func (c smallCase) document(t testing.TB) *cib.Document {
	t.Helper()
	doc, err := scenario.Parse(c.path, c.input)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestCases compares what is decided, done and left with what each case expects.
func TestCases(t *testing.T) {
	for _, c := range smallCases(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(c.path, "testdata/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			c.compare(t)
		})
	}
}

func (c smallCase) compare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "case.xml")
	if err := os.WriteFile(file, c.document(t).Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems bytes.Buffer
	if code := simulate.Main([]string{"-S", "-x", file}, strings.NewReader(""), &out, &problems); code != 0 {
		t.Fatalf("crm_simulate: exit status %d: %s", code, problems.String())
	}
	got := decided(out.String())
	if *peer != "" {
		comparePeer(t, file, c.input, got)
		return
	}
	golden.Compare(t, c.path, c.input+mark+got)
}

// decided is what follows the current state in crm_simulate's output, trailing blanks aside.
func decided(output string) string {
	_, after, _ := strings.Cut(output, "\nTransition Summary:\n")
	var b strings.Builder
	for _, line := range strings.Split("Transition Summary:\n"+after, "\n") {
		if !strings.HasPrefix(line, "Using the original execution date") {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func comparePeer(t *testing.T, file, input, got string) {
	t.Helper()
	if strings.Contains(input, peerDiffers) {
		t.Skip("the case says how the peer differs")
	}
	cmd := exec.Command(*peer, "-S", "-x", file)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s -S -x %s: %v", *peer, file, err)
	}
	if diff := cmp.Diff(unordered(decided(string(out))), unordered(got)); diff != "" {
		t.Errorf("differs (-peer +ours):\n%s", diff)
	}
}

// unordered sorts the lines of moves and actions: among those that nothing orders, the
// peer's sequence is as good as ours.
func unordered(text string) string {
	sections := strings.Split(text, "\n\n")
	for i := range min(2, len(sections)) {
		lines := strings.Split(sections[i], "\n")
		for j, line := range lines {
			lines[j] = strings.Join(strings.Fields(line), " ") // columns are as wide as what is in them
		}
		slices.Sort(lines)
		sections[i] = strings.Join(lines, "\n")
	}
	return strings.Join(sections, "\n\n")
}
