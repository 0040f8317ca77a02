package core_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

func TestThreeHostsAgree(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.trace = func(id core.HostID, text string) {
		t.Logf("%8s host %d: %s", c.now.Round(time.Millisecond/10), id, text)
	}
	c.start(1, 2, 3)
	t.Logf("agreed after %s", c.await(3*time.Second, 1, 2, 3))
	for id := core.HostID(1); id <= 3; id++ {
		if a := c.must(id, "x"); a.Err != nil || a.Unconfirmed {
			t.Fatalf("answer %+v", a)
		}
	}
	c.run(time.Second)
	for _, h := range c.hosts {
		if !slices.Equal(h.machine.entries, []string{"x", "x", "x"}) {
			t.Errorf("host %d has %q", h.id, h.machine.entries)
		}
	}
	c.kill(1)
	t.Logf("agreed after %s", c.await(3*time.Second, 2, 3))
	c.must(2, "y")
	c.start(1)
	t.Logf("agreed after %s", c.await(3*time.Second, 1, 2, 3))
}
