package explain

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

var update = flag.Bool("update", false, "write what is said into the expected texts")

// TestExplain compares what is said about each resource that a situation asks for with what
// is expected: a line "explain RESOURCE [HOST]" at the end of the input asks.
func TestExplain(t *testing.T) {
	t.Parallel()
	forEach(t, "testdata/explain/*.txt", func(t *testing.T, path, input string) string {
		situation, questions, _ := strings.Cut(input, "\nexplain ")
		doc := parse(t, path, situation)
		var out bytes.Buffer
		for _, question := range strings.Split(questions, "\nexplain ") {
			words := strings.Fields(question)
			all, err := Explain(scheduler.Make(doc, scenario.Start), words[0])
			if err == nil && len(words) > 1 {
				all, err = about(all, words[1])
			}
			if err != nil {
				out.WriteString("error: " + err.Error() + "\n")
				continue
			}
			writeExplanations(&out, all, len(words) > 1)
		}
		return out.String()
	})
}

// forEach runs a test over files of an input, a line of dashes and what is expected.
func forEach(t *testing.T, pattern string, run func(t *testing.T, path, input string) string) {
	t.Helper()
	const mark = "----\n"
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no situations match %s (%v)", pattern, err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(text), mark)
			got := run(t, path, input)
			if *update {
				if err := os.WriteFile(path, []byte(input+mark+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func parse(t *testing.T, path, text string) *cib.Document {
	t.Helper()
	doc, err := scenario.Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
