package scheduler_test

import (
	"testing"

	"holdfast/cluster/scheduler"
	"holdfast/cluster/scheduler/scenario"
	"holdfast/cluster/scheduler/workload"
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
