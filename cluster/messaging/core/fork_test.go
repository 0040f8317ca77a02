package core_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

func (c *cluster) verbose() {
	c.trace = func(id core.HostID, text string) {
		c.t.Logf("%8s host %d: %s", c.now.Round(time.Millisecond/10), id, text)
	}
}

func TestTwoHostsSurviveTheDeathOfOne(t *testing.T) {
	t.Parallel()
	for victim := core.HostID(1); victim <= 2; victim++ {
		c := newCluster(t, 2, quorum.Options{TwoNode: true})
		c.verbose()
		other := 3 - victim
		c.start(other)
		if c.until(5*time.Second, func() bool { return c.host(other).core.Status().Leader != 0 }) {
			t.Fatal("wait_for_all: one host alone was elected at start")
		}
		c.start(victim)
		c.await(3*time.Second, 1, 2)
		if a := c.must(victim, "together"); a.Unconfirmed || a.Err != nil {
			t.Fatalf("both hosts hold it: %+v", a)
		}
		c.kill(victim)
		t.Logf("the other goes on after %s", c.await(2*time.Second, other))
		if a := c.must(other, "alone"); !a.Unconfirmed || a.Err != nil {
			t.Fatalf("one of two without a fence confirmation: %+v", a)
		}
		c.host(other).core.Step(c.now, core.Fenced{Host: victim})
		c.run(100 * time.Millisecond)
		if a := c.must(other, "fenced"); a.Unconfirmed || a.Err != nil {
			t.Fatalf("the other host is confirmed dead: %+v", a)
		}
		c.start(victim)
		c.await(3*time.Second, 1, 2)
		if a := c.must(victim, "again"); a.Unconfirmed || a.Err != nil {
			t.Fatalf("both hosts hold it: %+v", a)
		}
		c.run(2 * time.Second)
		for _, h := range c.hosts {
			if want := []string{"together", "alone", "fenced", "again"}; !slices.Equal(h.machine.entries, want) {
				t.Errorf("host %d has %q, want %q", h.id, h.machine.entries, want)
			}
		}
	}
}

// Hosts that have taken a group's log over, and are not yet in its configuration, do not elect its leader. When those that
// are have booted anew, and may not use the quorum device's votes for it (rule 10), the group is not waited for: all fork together.
func TestAGroupThatCannotElectIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{DeviceVotes: 3})
	all := c.options.Hosts
	c.start(all...)
	c.await(10*time.Second, all...)
	few, most := all[2:], all[:2]
	c.cut(few, most)
	c.lend(few, most, 3*time.Second)
	group := c.host(4).core.Group()
	if c.host(4).core.Status().Leader == 0 || group == c.host(1).core.Group() {
		t.Fatalf("hosts %v did not go on as a group: %+v", few, c.host(4).core.Status())
	}
	c.heal()
	for end := c.now + 5*time.Second; c.host(1).core.Group() != group; {
		if c.now > end {
			t.Fatalf("host 1 is in group %s, not in %s", c.host(1).core.Group(), group)
		}
		for _, id := range all {
			c.say(id, true, false, c.now+time.Second)
		}
		c.until(5*time.Millisecond, func() bool { return c.host(1).core.Group() == group })
	}
	c.kill(few...)
	c.start(few...)
	c.run(500 * time.Millisecond)
	c.lend(all, nil, 3*time.Second)
	c.await(10*time.Second, all...)
}

// A host that has promised to follow another group takes no part in its own. A daemon that begins there still has to know what its log tells:
// it has resources to stop when it stays without quorum.
func TestWhoHasPromisedKnowsWhatItsLogTells(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	all := c.options.Hosts
	c.start(all...)
	c.await(3*time.Second, all...)
	if a := c.must(1, "x"); a.Err != nil {
		t.Fatal(a.Err)
	}
	c.run(time.Second)
	for _, id := range all {
		for _, h := range c.hosts {
			h.core = nil // the daemon alone dies: the disk has what was not synced, too
		}
		h := c.host(id)
		if err := h.disk.Save(&core.Save{Promised: &core.Ballot{Number: 7, Proposer: 2}, Sync: true}); err != nil {
			t.Fatal(err)
		}
		c.start(id)
		c.run(5 * time.Second)
		if !slices.Equal(h.machine.entries, []string{"x"}) || len(h.machine.views) == 0 {
			t.Errorf("host %d knows %q and the views %v", id, h.machine.entries, h.machine.views)
		}
	}
	c.start(all[:2]...) // beside the last one
	c.await(10*time.Second, all...)
	if a := c.must(3, "y"); a.Err != nil || a.Unconfirmed {
		t.Errorf("%+v", a)
	}
	for _, h := range c.hosts {
		if !slices.Equal(h.machine.entries, []string{"x", "y"}) {
			t.Errorf("host %d has %q", h.id, h.machine.entries)
		}
	}
}
