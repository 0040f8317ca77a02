package simulation_test

import (
	"flag"
	"testing"
	"time"

	"holdfast/cluster/simulation"
)

var deviceSeeds = flag.Uint64("device-seeds", 4, "how many clusters with a quorum device are run")

// Clusters that all have a quorum device, which is cut off and restarted: nobody finds a quorum with
// votes that another side has, and nothing that was confirmed is lost.
func TestQuorumDevice(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= *deviceSeeds; seed++ {
		shape := simulation.Draw(seed)
		shape.GiveDevice(seed)
		r := simulation.Run(simulation.Config{Seed: seed, Shape: &shape, Faulty: time.Minute,
			Often: []simulation.Kind{simulation.Partition, simulation.Isolation, simulation.PowerCut, simulation.Pause, simulation.ClockDrift}})
		for _, v := range r.Violations {
			t.Errorf("seed %d, %s: %s\n%s", seed, &r.Shape, v, r.State)
		}
	}
}

// A host that keeps its vote when it has lost the witness is noticed.
func TestVotesThatOutliveTheirLeaseAreNoticed(t *testing.T) {
	t.Parallel()
	for seed := uint64(1); seed <= 40; seed++ {
		shape := simulation.Draw(seed)
		shape.GiveDevice(seed)
		r := simulation.Run(simulation.Config{Seed: seed, Shape: &shape, Faulty: time.Minute, Tamper: simulation.Tamper{Clinging: true},
			Often: []simulation.Kind{simulation.Partition, simulation.WitnessCut}})
		for _, v := range r.Violations {
			t.Logf("seed %d: %s", seed, v)
			return
		}
	}
	t.Error("nobody noticed")
}
