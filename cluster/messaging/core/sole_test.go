package core_test

import (
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

func (c *cluster) without(id, other core.HostID) time.Duration {
	return c.host(id).core.Status().Without[other]
}

// A third host that goes over to the other side and comes back: what was counted before proves nothing.
func TestTimeWithoutAHostBeginsAnewWhenQuorumWasElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	if long := c.without(1, 3); long != 0 {
		t.Errorf("host 3 is here, and counted as missed for %s", long)
	}
	one, three := onlyThisHost(1), onlyThisHost(3)
	c.cut(three, []core.HostID{1, 2})
	c.await(3*time.Second, 1, 2)
	c.run(5 * time.Second)
	if long := c.without(1, 3); long < 4*time.Second || c.without(3, 1) != 0 {
		t.Errorf("the majority counts %s, the other %s", long, c.without(3, 1))
	}
	c.heal()
	c.cut(one, []core.HostID{2, 3})
	c.await(5*time.Second, 2, 3)
	c.heal()
	c.cut(three, []core.HostID{1, 2})
	c.await(5*time.Second, 1, 2)
	c.run(time.Second)
	for _, id := range []core.HostID{1, 2} {
		if long := c.without(id, 3); long == 0 || long > 3*time.Second {
			t.Errorf("host %d counts %s since host 3 last had quorum", id, long)
		}
	}
}

// With two_node the other side may have quorum, too: there is nothing to count.
func TestNothingIsCountedWhereBothSidesMayHaveQuorum(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{TwoNode: true})
	c.start(1, 2)
	c.await(3*time.Second, 1, 2)
	c.cut(onlyThisHost(1), onlyThisHost(2))
	c.run(5 * time.Second)
	if !c.quorate(1) || c.without(1, 2) != 0 {
		t.Errorf("quorate %t, counted %s", c.quorate(1), c.without(1, 2))
	}
}

// The hope for a quorum device's votes ends, however often the device puts its decision off.
func TestHopeForTheDeviceEnds(t *testing.T) {
	t.Parallel()
	const patience = 3 * time.Second
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1, DeviceWait: patience})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	c.cut(onlyThisHost(1), onlyThisHost(2))
	h := c.host(1)
	if !c.until(2*time.Second, func() bool { c.say(1, false, true, c.now+time.Second); return !h.core.Status().Verdict.Quorate }) {
		t.Fatal("the host has quorum alone")
	}
	began, lost := c.now, h.times("no quorum")
	for c.now < began+2*patience && h.times("no quorum") == lost {
		c.say(1, false, true, c.now+time.Second)
		c.run(10 * time.Millisecond)
	}
	if took := c.now - began; took < patience || took > patience+time.Second {
		t.Errorf("it went on for %s without quorum, want %s", took, patience)
	}
}

// A host whose disk hangs is patient with the others, as it cannot read what they send; but not without end: they
// have gone on without it.
func TestHangingDiskDoesNotHideThatTheOthersAreGone(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	h, pace := c.host(3), core.NewTiming(0)
	c.cut(onlyThisHost(3), []core.HostID{1, 2})
	for range 20 { // a write of two tokens, a moment without one, and so on
		h.frozen = true
		for range 20 {
			c.run(pace.Heartbeat)
			h.core.Pulse(c.now)
		}
		h.frozen = false
		h.core.Done()
		c.run(pace.Heartbeat + pace.Heartbeat/2)
		if !c.quorate(3) {
			if c.now > 8*time.Second {
				t.Errorf("it was found out after %s", c.now)
			}
			return
		}
	}
	t.Error("the host takes itself for a member of the majority for ever")
}
