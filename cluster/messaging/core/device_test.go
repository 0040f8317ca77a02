package core_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// say has the quorum device speak to a host about the ring that it is in.
func (c *cluster) say(id core.HostID, gives, undecided bool, until time.Duration) {
	h := c.host(id)
	h.core.Step(c.now, core.DeviceSays{Ring: h.core.Status().Partition.Ring, Gives: gives, Undecided: undecided, Until: until})
}

// lend has the device give its votes to hosts for a while, and refuse them to others.
func (c *cluster) lend(to, not []core.HostID, long time.Duration) {
	for end := c.now + long; c.now < end; c.run(50 * time.Millisecond) {
		for _, id := range to {
			c.say(id, true, false, c.now+time.Second)
		}
		for _, id := range not {
			c.say(id, false, false, c.now+time.Second)
		}
	}
}

func onlyThisHost(id core.HostID) []core.HostID { return []core.HostID{id} }

// Two hosts whose link is cut: the one that the device votes for goes on, and what it takes is
// unconfirmed; the other has no quorum. Together again, nothing that was taken is lost.
func TestTheDeviceDecidesBetweenTwo(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	c.must(1, "together")
	c.cut(onlyThisHost(1), onlyThisHost(2))
	c.run(time.Second)
	c.lend(onlyThisHost(2), onlyThisHost(1), 2*time.Second)
	if v := c.host(2).core.Status(); !v.Verdict.Quorate || !v.Verdict.Device || v.Leader != 2 || v.View.Strong {
		t.Errorf("the host with the device's vote: %+v, leader %d, view %+v", v.Verdict, v.Leader, v.View)
	}
	if c.quorate(1) || c.host(1).core.Status().Leader == 1 && c.host(1).core.Status().View.Quorate && c.host(1).core.Status().View.Number > c.host(2).core.Status().View.Number {
		t.Errorf("the other one: %+v", c.host(1).core.Status().Verdict)
	}
	h := c.host(2)
	h.core.Step(c.now, core.Propose{Seq: 1 << 40, Data: []byte("alone")})
	c.lend(onlyThisHost(2), onlyThisHost(1), time.Second)
	if a := h.answers[1<<40]; a.Err != nil || !a.Unconfirmed {
		t.Errorf("a change with the device's vote: %+v", a)
	}
	c.heal()
	c.await(10*time.Second, 1, 2)
	c.run(2 * time.Second)
	for _, id := range c.options.Hosts {
		if got := c.host(id).machine.entries; len(got) != 2 || got[1] != "alone" {
			t.Errorf("host %d has %q", id, got)
		}
	}
}

// The vote runs out with the device's word.
func TestTheDevicesWordEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	c.kill(2)
	c.run(time.Second)
	c.say(1, true, false, c.now+500*time.Millisecond)
	c.run(450 * time.Millisecond)
	if !c.quorate(1) {
		t.Errorf("with the device's vote: %+v", c.host(1).core.Status().Verdict)
	}
	c.run(100 * time.Millisecond)
	if c.quorate(1) {
		t.Errorf("its word has ended: %+v", c.host(1).core.Status().Verdict)
	}
}

// bootedAlone are two hosts with a device that were together, of which one is back.
func bootedAlone(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	c.kill(1, 2)
	c.start(1)
	c.run(time.Second)
	return c
}

// Rule 10: a host that has booted does not use the device's vote before it has been in a view of all hosts;
// the one that is gone may have written what it does not know.
func TestARebootedHostDoesNotUseTheDevice(t *testing.T) {
	t.Parallel()
	c := bootedAlone(t)
	c.lend(onlyThisHost(1), nil, 3*time.Second)
	if c.quorate(1) {
		t.Errorf("alone after a boot: %+v", c.host(1).core.Status().Verdict)
	}
	c.start(2)
	c.run(5 * time.Second)
	c.kill(2)
	c.run(time.Second)
	c.lend(onlyThisHost(1), nil, 2*time.Second)
	if !c.quorate(1) {
		t.Errorf("once they were together: %+v", c.host(1).core.Status().Verdict)
	}
}

// An operator sees that such a host waits, and ends that. All hosts of a cluster need not wait for anybody, be there but one.
func TestWhoMayNotUseTheDeviceWaits(t *testing.T) {
	t.Parallel()
	c := bootedAlone(t)
	c.lend(onlyThisHost(1), nil, 2*time.Second)
	if !c.host(1).core.Status().Waiting {
		t.Error("a host that booted alone and has the device's votes does not say that it waits")
	}
	c.host(1).core.Step(c.now, core.Unblock{})
	c.lend(onlyThisHost(1), nil, 2*time.Second)
	if st := c.host(1).core.Status(); !c.quorate(1) || st.Waiting {
		t.Errorf("told to wait for nobody: %+v, waiting %t", st.Verdict, st.Waiting)
	}
	c.configure(1, quorum.Options{DeviceVotes: 1}, 1)
	c.lend(onlyThisHost(1), nil, 2*time.Second)
	c.kill(1)
	c.start(1)
	c.run(time.Second)
	c.lend(onlyThisHost(1), nil, 2*time.Second)
	if !c.quorate(1) {
		t.Errorf("a cluster of one, with the device's vote: %+v", c.host(1).core.Status().Verdict)
	}
}

// A host that leaves has no use for the device's votes: it tells the device of itself alone, so that those who stay get them.
func TestWhoLeavesLetsGoOfTheDevice(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	c.lend(c.options.Hosts, nil, time.Second)
	for _, id := range c.options.Hosts {
		if p := c.host(id).core.Partition(); len(p.Members) != 2 || !p.Useful {
			t.Errorf("together host %d tells the device of %+v", id, p)
		}
	}
	c.host(1).core.Step(c.now, core.Leave{})
	c.run(time.Second)
	if p := c.host(1).core.Partition(); !slices.Equal(p.Members, []core.HostID{1}) || p.Useful || p.Ring == c.host(2).core.Partition().Ring {
		t.Errorf("the host that leaves tells the device of %+v", p)
	}
	if p := c.host(2).core.Partition(); !slices.Equal(p.Members, []core.HostID{2}) || !p.Useful {
		t.Errorf("the host that stays tells the device of %+v", p)
	}
}

// A word about a set of before says nothing about the same set of now.
func TestAWordIsForOneRing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
	c.start(1, 2)
	c.await(5*time.Second, 1, 2)
	old := c.host(1).core.Status().Partition.Ring
	c.cut(onlyThisHost(1), onlyThisHost(2))
	c.run(2 * time.Second)
	alone := c.host(1).core.Status().Partition.Ring
	c.heal()
	c.await(5*time.Second, 1, 2)
	c.run(time.Second)
	again := c.host(1).core.Status().Partition
	if again.Ring == old || again.Ring == alone || alone == old || again.Ring != c.host(2).core.Status().Partition.Ring {
		t.Errorf("rings %x, %x, %x (%x on the other host)", old, alone, again.Ring, c.host(2).core.Status().Partition.Ring)
	}
	c.kill(2)
	c.run(2 * time.Second)
	c.host(1).core.Step(c.now, core.DeviceSays{Ring: alone, Gives: true, Until: c.now + time.Minute})
	c.run(time.Second)
	if c.quorate(1) {
		t.Error("a word about another ring was believed")
	}
}

// While the device has yet to decide, a host that had quorum does not report that it lost it.
func TestWaitsForTheDevice(t *testing.T) {
	t.Parallel()
	lost := func(waiting bool) bool {
		c := newCluster(t, 2, quorum.Options{DeviceVotes: 1})
		c.start(1, 2)
		c.await(5*time.Second, 1, 2)
		c.cut(onlyThisHost(1), onlyThisHost(2))
		for end := c.now + 3*time.Second; c.now < end; c.run(10 * time.Millisecond) {
			c.say(1, false, waiting, c.now+time.Second)
		}
		before := !c.host(1).core.Status().Verdict.Quorate && c.host(1).core.Status().Undecided == waiting
		if !before {
			t.Errorf("waiting %t: %+v", waiting, c.host(1).core.Status())
		}
		for _, text := range c.host(1).changes {
			if len(text) > 10 && text[:9] == "no quorum" && c.now > 0 && waiting && text != c.host(1).changes[0] {
				return true
			}
		}
		return false
	}
	if lost(true) {
		t.Error("the host reports that quorum is lost before the device has decided")
	}
	lost(false)
}
