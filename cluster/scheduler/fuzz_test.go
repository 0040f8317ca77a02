package scheduler_test

import (
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
)

// FuzzMake plans whatever can be read as a document. The small cases are its corpus.
func FuzzMake(f *testing.F) {
	for _, c := range smallCases(f) {
		f.Add(c.document(f).Bytes())
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
	for _, c := range smallCases(f) {
		f.Add(c.input)
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
