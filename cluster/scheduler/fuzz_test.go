package scheduler_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

// FuzzMake plans whatever can be read as a document. The small cases are its corpus.
func FuzzMake(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), mark)
		doc, err := scenario.Parse(path, input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc.Bytes())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := cib.Parse("fuzz", text)
		if err != nil || len(text) > 64<<10 {
			return
		}
		plan := scheduler.Make(doc, scenario.Start)
		checkAcyclic(t, plan.Graph)
		plan.Placements()
	})
}

// FuzzScenario plans whatever can be read as a scenario: mutations of words reach further
// than those of XML.
func FuzzScenario(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), mark)
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := scenario.Parse("fuzz", text)
		if err != nil || len(text) > 16<<10 {
			return
		}
		plan := scheduler.Make(doc, scenario.Start)
		plan.Placements()
	})
}
