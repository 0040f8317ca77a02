package core_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
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

// configure gives hosts the configuration of the first n hosts while they run.
func (c *cluster) configure(n int, options quorum.Options, ids ...core.HostID) {
	for len(c.hosts) < n {
		c.hosts = append(c.hosts, &host{id: core.HostID(len(c.hosts) + 1), disk: &store.Memory{}})
	}
	options.Hosts = nil
	for i := range n {
		options.Hosts = append(options.Hosts, core.HostID(i+1))
	}
	c.options = options
	for _, id := range ids {
		c.host(id).core.Step(c.now, core.Configure{Quorum: options})
		c.pump(c.host(id))
	}
}

// A proposal that was lost with the connection is sent again as soon as that is known, not
// when its answer is overdue.
func TestProposalLostOnItsWayIsSentAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	leader := c.host(1).core.Status().Leader
	h := c.host(leader%3 + 1)
	c.cut([]core.HostID{h.id}, []core.HostID{leader})
	seq := c.propose(h.id, "lost")
	c.run(20 * time.Millisecond)
	c.heal()
	h.core.Step(c.now, core.Unsent{To: leader})
	answered := func() bool { _, ok := h.answers[seq]; return ok }
	if !c.until(2*core.NewTiming(0).Heartbeat, answered) {
		t.Error("it was not sent again")
	}
	c.run(3 * time.Second)
	if n := len(h.machine.entries); n != 1 {
		t.Errorf("%d entries: %q", n, h.machine.entries)
	}
}

func TestClusterGrowsWhileItRuns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, quorum.Options{})
	c.start(1)
	c.await(5*time.Second, 1)
	c.must(1, "alone")

	c.configure(2, quorum.Options{TwoNode: true}, 1)
	c.run(3 * time.Second)
	if st := c.host(1).core.Status(); !st.Verdict.Quorate || len(st.View.Lost) > 0 {
		t.Fatalf("before host 2 starts, host 1 must be quorate and miss nobody: %+v", st)
	}
	c.start(2)
	c.await(5*time.Second, 1, 2)
	if a := c.must(2, "two"); a.Err != nil || a.Unconfirmed {
		t.Fatalf("answer %+v", a)
	}

	c.configure(3, quorum.Options{}, 1, 2)
	c.run(3 * time.Second)
	for _, id := range []core.HostID{1, 2} {
		if st := c.host(id).core.Status(); !st.Verdict.Quorate || len(st.View.Lost) > 0 {
			t.Fatalf("before host 3 starts, host %d must be quorate and miss nobody: %+v", id, st)
		}
	}
	c.start(3)
	c.await(5*time.Second, 1, 2, 3)
	if a := c.must(3, "three"); a.Err != nil || a.Unconfirmed {
		t.Fatalf("answer %+v", a)
	}
	c.run(time.Second)
	for _, h := range c.hosts {
		if !slices.Equal(h.machine.entries, []string{"alone", "two", "three"}) {
			t.Errorf("host %d has %q", h.id, h.machine.entries)
		}
	}

	// The host that was there first is no more needed than the others.
	c.kill(1)
	c.await(5*time.Second, 2, 3)
	if a := c.must(2, "without the first"); a.Err != nil || a.Unconfirmed {
		t.Fatalf("answer %+v", a)
	}
}

func TestHostIsTakenOutWhileTheClusterRuns(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(5*time.Second, 1, 2, 3)
	c.must(1, "three")
	c.host(3).core.Step(c.now, core.Leave{})
	c.pump(c.host(3))
	c.await(5*time.Second, 1, 2)
	c.kill(3)

	c.configure(2, quorum.Options{TwoNode: true}, 1, 2)
	c.run(3 * time.Second)
	for _, id := range []core.HostID{1, 2} {
		st := c.host(id).core.Status()
		if !st.Verdict.Quorate || len(st.View.Lost)+len(st.View.Left) > 0 {
			t.Fatalf("host %d must be quorate and miss nobody: %+v", id, st)
		}
	}
	if a := c.must(2, "two"); a.Err != nil || a.Unconfirmed {
		t.Fatalf("answer %+v", a)
	}
	// Two hosts are what they are now: each goes on without the other.
	c.kill(1)
	c.await(5*time.Second, 2)
	if a := c.must(2, "one"); a.Err != nil {
		t.Fatalf("answer %+v", a)
	}
}

// The last but one takes the quorum along: its vote elects who leads after it, and commits the
// view that lets it go.
func TestHostsLeaveUntilOneIsLeft(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	for leaver := core.HostID(1); leaver <= 2; leaver++ {
		c.host(leaver).core.Step(c.now, core.Leave{})
		c.pump(c.host(leaver))
		if !c.until(5*time.Second, func() bool { return slices.Contains(c.host(3).core.Status().View.Left, leaver) }) {
			t.Fatalf("host %d was not let go: %+v", leaver, c.host(3).core.Status())
		}
		c.kill(leaver)
	}
}
