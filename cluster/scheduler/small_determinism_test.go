package scheduler_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

var runs = flag.Int("runs", 3, "how often each small case is planned to see whether the plans are the same")

// TestSmallCasesAreDeterministic plans each case again and again, on one processor and on
// two: summary, drawing, scores and graph are the same, byte for byte.
func TestSmallCasesAreDeterministic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range smallCases(t) {
		doc := c.document(t)
		want := everything(t, doc)
		for i := range *runs {
			runtime.GOMAXPROCS(1 + i%2)
			if got := everything(t, doc.Clone()); got != want {
				t.Errorf("%s: run %d differs from the first", c.path, i+2)
				break
			}
		}
	}
}

// TestPublishedCasesAreDeterministic is the same for the published cases: all of them when
// -runs asks for more than the usual few runs, else each twentieth.
func TestPublishedCasesAreDeterministic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, name := range publishedCases(t) {
		if *runs <= 3 && i%20 != 0 {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc := parsed(t, text)
		want := everything(t, doc)
		for i := range *runs {
			runtime.GOMAXPROCS(1 + i%2)
			if got := everything(t, doc); got != want {
				t.Errorf("%s: run %d differs from the first", filepath.Base(name), i+2)
				break
			}
		}
	}
}

// everything is all that a plan says, as text.
func everything(t *testing.T, doc *cib.Document) string {
	t.Helper()
	plan := scheduler.Make(doc, scenario.Start)
	var b bytes.Buffer
	fmt.Fprintln(&b, plan.Moves, plan.Scores, plan.Notes, plan.Placements())
	if err := plan.WriteDOT(&b, true); err != nil {
		t.Fatal(err)
	}
	if err := plan.WriteXML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
