package core_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

func (c *cluster) quorate(id core.HostID) bool { return c.host(id).core.Status().Verdict.Quorate }

// TestLastManStanding loses host after host, each once the window after the one before is over,
// down to two; and one host too soon.
func TestLastManStanding(t *testing.T) {
	t.Parallel()
	options := quorum.Options{LastManStanding: true, WaitForAll: true, Window: 2 * time.Second}
	c := newCluster(t, 5, options)
	c.start(1, 2, 3, 4, 5)
	c.await(5*time.Second, 1, 2, 3, 4, 5)
	for n := 5; n > 2; n-- {
		c.kill(core.HostID(n))
		left := c.options.Hosts[:n-1]
		c.await(3*time.Second, left...)
		c.run(3 * time.Second)
		if v := c.host(1).core.Status().Verdict; !v.Quorate || v.Expected != max(n-1, 2) {
			t.Fatalf("with %v left: %+v", left, v)
		}
	}
	if a := c.must(2, "two of five"); a.Err != nil || !a.Unconfirmed {
		t.Errorf("two of five, who could not stop the other three: %+v", a)
	}
	c.start(3, 4, 5)
	c.await(5*time.Second, 1, 2, 3, 4, 5)
	if v := c.host(4).core.Status().Verdict; v.Expected != 5 {
		t.Errorf("all are back: %+v", v)
	}

	c = newCluster(t, 5, options)
	c.start(1, 2, 3, 4, 5)
	c.await(5*time.Second, 1, 2, 3, 4, 5)
	c.kill(5, 4)
	c.run(1500 * time.Millisecond)
	c.kill(3)
	c.run(5 * time.Second)
	if c.quorate(1) {
		t.Errorf("three died within the window: %+v", c.host(1).core.Status().Verdict)
	}
}

// TestAllowDownscale: hosts that leave in an orderly way need not be outvoted.
func TestAllowDownscale(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{AllowDownscale: true})
	c.start(1, 2, 3, 4)
	c.await(5*time.Second, 1, 2, 3, 4)
	for _, id := range []core.HostID{4, 3} {
		c.host(id).core.Step(c.now, core.Leave{})
		c.await(3*time.Second, c.options.Hosts[:id-1]...)
		c.run(200 * time.Millisecond)
		c.kill(id)
	}
	c.run(2 * time.Second)
	if v := c.host(1).core.Status().Verdict; !v.Quorate || v.Expected != 2 {
		t.Errorf("two of four have left: %+v", v)
	}
}

// TestExpectedVotesByAnOperatorsWord: the last of three has no quorum until told to expect one.
func TestExpectedVotesByAnOperatorsWord(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(5*time.Second, 1, 2, 3)
	c.kill(2, 3)
	c.run(2 * time.Second)
	if c.quorate(1) {
		t.Fatal("one of three has quorum")
	}
	c.host(1).core.Step(c.now, core.Expect{Votes: 1})
	c.await(3*time.Second, 1)
	if a := c.must(1, "alone"); a.Err != nil || !a.Unconfirmed {
		t.Errorf("%+v", a)
	}
	c.kill(1)
	c.start(1)
	c.await(3*time.Second, 1)
	if !slices.Contains(c.host(1).changes, "expected votes are 1 now") {
		t.Errorf("it was not kept: %q", c.host(1).changes)
	}
	c.start(2, 3)
	c.await(5*time.Second, 1, 2, 3)
	if v := c.host(2).core.Status().Verdict; v.Expected != 3 {
		t.Errorf("all are back: %+v", v)
	}
}

// TestUnblock: one of two hosts has booted, the other is gone for good.
func TestUnblock(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{TwoNode: true})
	c.start(1)
	c.run(3 * time.Second)
	if st := c.host(1).core.Status(); st.Verdict.Quorate || !st.Waiting {
		t.Fatalf("%+v", st.Verdict)
	}
	c.host(1).core.Step(c.now, core.Unblock{})
	c.await(3*time.Second, 1)
}
