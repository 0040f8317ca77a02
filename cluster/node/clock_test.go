package node

import (
	"testing"
	"time"

	"holdfast/cluster/scheduler"
)

// A step of the wall clock reaches plans only: messaging counts by the clock since boot, and
// every deadline in this process by Go's monotonic reading. So a settled cluster has to
// stay settled for a planner an hour off, either way.
func TestStepOfTheWallClockTriggersNothing(t *testing.T) {
	t.Parallel()
	c, active, api := loaded(t)
	c.settled(api)
	planned := 0
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		for i, n := range c.nodes {
			if !n.messenger.IsLeader() {
				continue // plans nothing, and may not have applied all yet
			}
			planned++
			plan := scheduler.Make(n.replica.Document(), time.Now().Round(0).Add(step))
			for _, a := range plan.Graph.Actions {
				t.Errorf("host %d, clock off by %s: would %s %s", i+1, step, a.Task, a.Key)
			}
		}
	}
	if planned != 2 {
		t.Errorf("%d plans were looked at, want 2", planned)
	}
	if c.starts("ip") != 1 || len(c.where("ip")) != 1 || c.where("ip")[0] != active {
		t.Errorf("ip was started %d times and is on %v", c.starts("ip"), c.where("ip"))
	}
}
