package explain

import (
	"bytes"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/golden"
)

// TestExplain compares what is said about each resource that a situation asks for with what
// is expected: a line "explain RESOURCE [HOST]" at the end of the input asks.
func TestExplain(t *testing.T) {
	t.Parallel()
	golden.Parted(t, "testdata/explain/*.txt", "----\n", func(t *testing.T, path, input string) string {
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

func parse(t *testing.T, path, text string) *cib.Document {
	t.Helper()
	doc, err := scenario.Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}
