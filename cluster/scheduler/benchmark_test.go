package scheduler_test

import (
	"testing"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/cluster/scheduler/workload"
	"holdfast/shell/tools/simulate"
)

// A small cluster, and a middling one, planned from nothing.
func BenchmarkCold(b *testing.B) {
	for name, size := range map[string]workload.Size{"3x20": {Hosts: 3, Resources: 20}, "16x1000": {Hosts: 16, Resources: 1000}} {
		b.Run(name, func(b *testing.B) {
			doc := workload.Cold(size)
			for b.Loop() {
				scheduler.Make(doc, scenario.Start)
			}
		})
	}
}

// What the daemon pays for looking again at a large document that has not changed.
func BenchmarkUnchanged(b *testing.B) {
	doc := workload.Cold(workload.Size{Hosts: 16, Resources: 5000})
	remembering := scheduler.Remembering()
	remembering(doc, scenario.Start)
	for b.Loop() {
		remembering(doc, scenario.Start)
	}
}

// What the daemon pays for a large cluster that is running when something in the document changed.
func BenchmarkChanged(b *testing.B) {
	doc := workload.Cold(workload.Size{Hosts: 16, Resources: 5000})
	for range 4 {
		simulate.Finish(doc, scheduler.Make(doc, scenario.Start).Graph, scenario.Start)
	}
	changed, remembering := [2]*cib.Document{doc, doc.Clone()}, scheduler.Remembering()
	for i := 0; b.Loop(); i++ {
		if n := len(remembering(changed[i%2], scenario.Start).Graph.Actions); n > 0 {
			b.Fatalf("the cluster is not at rest: %d actions", n)
		}
	}
}
