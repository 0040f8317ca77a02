package core_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// Each test here is the core of a violation that the simulator found.

// TestRestoredDiskCountsInNoVote: host 2 confirms a change together with host 3, and
// comes back with the disk that it had before. Host 1 missed the change. With host 3 gone,
// hosts 1 and 2 are two of three, and have to wait.
func TestRestoredDiskCountsInNoVote(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	old := c.host(2).disk.Clone()
	cut := func() {
		for _, o := range []core.HostID{2, 3} {
			c.cuts[[2]core.HostID{o, 1}] = true // host 1 hears nothing, and is still heard for a while
		}
	}
	cut()
	a := c.must(3, "confirmed")
	if a.Unconfirmed || a.Err != nil {
		t.Fatalf("two of three hold it: %+v", a)
	}
	c.heal()
	c.run(50 * time.Millisecond) // host 1 hears how far host 2 is, not yet what it has
	c.kill(2, 3)
	c.host(2).disk = old
	c.start(2)
	c.run(5 * time.Second)
	for _, id := range []core.HostID{1, 2} {
		h := c.host(id)
		if st := h.core.Status(); st.Leader != 0 && !slices.Contains(h.machine.entries, "confirmed") {
			t.Errorf("host %d follows host %d, which was elected with what host 2 had forgotten", id, st.Leader)
		}
	}
	c.start(3)
	c.await(5*time.Second, 1, 2, 3)
	c.run(time.Second)
	for _, h := range c.hosts {
		if !slices.Equal(h.machine.entries, []string{"confirmed"}) {
			t.Errorf("host %d has %q", h.id, h.machine.entries)
		}
	}
	if st := c.host(1).core.Status(); len(st.Forgot) > 0 {
		t.Errorf("hosts %v are still in doubt", st.Forgot)
	}
}

// TestRestoredDiskIsBroughtUpToDate: the leader believes that the host has what it had.
func TestRestoredDiskIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	old := c.host(3).disk.Clone()
	for i := range 5 {
		c.must(1, fmt.Sprint(i))
	}
	c.kill(3)
	c.host(3).disk = old
	c.start(3)
	c.await(10*time.Second, 1, 2, 3)
	c.must(3, "after")
}

// TestIgnoredQuorumConfirmsNothing: one of two sides that act without quorum may fence
// the other, and nevertheless lacks what was confirmed while it was down.
func TestIgnoredQuorumConfirmsNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.ignore = true
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	c.kill(1)
	c.await(5*time.Second, 2, 3)
	if a := c.must(2, "majority"); a.Unconfirmed || a.Err != nil {
		t.Fatalf("two of three: %+v", a)
	}
	c.kill(2, 3)
	c.start(1)
	c.await(5*time.Second, 1)
	for _, dead := range []core.HostID{2, 3} {
		c.host(1).core.Step(c.now, core.Fenced{Host: dead})
	}
	c.run(time.Second)
	if a := c.must(1, "alone"); !a.Unconfirmed || a.Err != nil {
		t.Errorf("one of three that ignores quorum, with the others fenced: %+v", a)
	}
	c.start(2, 3)
	c.await(10*time.Second, 1, 2, 3)
	c.run(time.Second)
	for _, h := range c.hosts {
		if !slices.Contains(h.machine.entries, "majority") {
			t.Errorf("host %d has lost what was confirmed: %q", h.id, h.machine.entries)
		}
	}
}

// TestIgnoredQuorumIsNoMemoryForTheTieBreaker: a side that went on only because quorum is
// ignored is not "the hosts last seen together" afterwards.
func TestIgnoredQuorumIsNoMemoryForTheTieBreaker(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{AutoTie: true, Tie: quorum.TieBreaker{Lowest: true}})
	c.ignore = true
	c.start(1, 2, 3, 4)
	c.await(3*time.Second, 1, 2, 3, 4)
	c.cut([]core.HostID{1, 2}, []core.HostID{3, 4})
	c.await(5*time.Second, 3, 4)
	c.await(5*time.Second, 1, 2)
	c.run(time.Second)
	if v := c.host(3).core.Status().View; v.Strong || !v.Ignored {
		t.Errorf("the half without the tie breaker: %+v", v)
	}
	if v := c.host(1).core.Status().View; !v.Strong || v.Ignored {
		t.Errorf("the half with the tie breaker: %+v", v)
	}
}

// TestViewsThatOnlyOneSideHasDoNotMoveTheTieBreaker: the side without it had written a view of more
// than half of the votes before it noticed all that it lost, and by ignoring the lack of quorum made that view count.
func TestViewsThatOnlyOneSideHasDoNotMoveTheTieBreaker(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{AutoTie: true, Tie: quorum.TieBreaker{List: []core.HostID{4, 1}}})
	c.ignore = true
	c.start(1, 2, 3, 4)
	c.await(3*time.Second, 1, 2, 3, 4)
	c.cut([]core.HostID{4}, []core.HostID{1, 2}) // 2 leads
	c.run(100 * time.Millisecond)
	c.cut([]core.HostID{3}, []core.HostID{1, 2})
	c.await(5*time.Second, 1, 2)
	c.await(5*time.Second, 3, 4)
	c.run(time.Second)
	if v := c.host(2).core.Status().View; v.Strong {
		t.Errorf("the half without the tie breaker: %+v", v)
	}
	if a := c.must(2, "without"); !a.Unconfirmed {
		t.Errorf("a change by the half without the tie breaker: %+v", a)
	}
	if a := c.must(3, "with"); a.Unconfirmed {
		t.Errorf("a change by the half with the tie breaker: %+v", a)
	}
}

// TestHostsThatDifferAboutIgnoringQuorumComeTogether: each waited for the other's group to
// elect.
func TestHostsThatDifferAboutIgnoringQuorumComeTogether(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{TwoNode: true})
	c.ignore = true
	c.start(1, 2)
	c.await(3*time.Second, 1, 2)
	c.cut([]core.HostID{1}, []core.HostID{2})
	c.await(5*time.Second, 1)
	c.await(5*time.Second, 2)
	c.kill(1, 2)
	c.start(1)
	c.ignore = false
	c.start(2) // whose document says otherwise
	c.run(time.Second)
	c.heal()
	c.await(10*time.Second, 1, 2)
}

// TestGoodbyeOfADaemonThatWasInNoViewIsNone: its predecessor died with resources running,
// and it has a full disk and leaves at once.
func TestGoodbyeOfADaemonThatWasInNoViewIsNone(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	c.kill(2)
	c.host(2).disk.Fail = errDiskFull
	c.start(2)
	c.host(2).core.Step(c.now, core.Leave{})
	c.run(300 * time.Millisecond)
	c.kill(2)
	c.await(5*time.Second, 1, 3)
	c.run(2 * time.Second)
	if v := c.host(1).core.Status().View; !slices.Equal(v.Lost, []core.HostID{2}) || len(v.Left) > 0 {
		t.Errorf("%+v, want host 2 lost", v)
	}
}

// TestTieIsWonOnlyByTheMemoryOfAll: hosts 2, 3 and 4 went on without host 1, so of two halves
// afterwards the one with host 2 has the tie breaker, whatever host 1 remembers.
func TestTieIsWonOnlyByTheMemoryOfAll(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{AutoTie: true, Tie: quorum.TieBreaker{Lowest: true}})
	c.start(1, 2, 3, 4)
	c.await(5*time.Second, 1, 2, 3, 4)
	c.kill(1)
	c.await(5*time.Second, 2, 3, 4)
	c.cut([]core.HostID{1, 4}, []core.HostID{2, 3})
	c.start(1)
	c.await(5*time.Second, 2, 3)
	c.run(5 * time.Second)
	for id, want := range map[core.HostID]bool{1: false, 2: true, 3: true, 4: false} {
		st := c.host(id).core.Status()
		if acts := st.Leader != 0 && st.View.Quorate && st.Verdict.Quorate; acts != want {
			t.Errorf("host %d acts %t, want %t: %+v", id, acts, want, st)
		}
	}
	c.heal()
	c.await(5*time.Second, 1, 2, 3, 4)
}

// TestCommitNeedsAQuorumByVotes: hosts 1 and 2 are two of three voters for raft, and hold
// two of five votes. Found with eight hosts and a tie breaker, which a view moved that only raft's
// majority had.
func TestCommitNeedsAQuorumByVotes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{Votes: map[core.HostID]int{3: 3}})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	if lead := c.host(1).core.Status().Leader; lead != 1 {
		t.Fatalf("host %d leads; the test is about host 1", lead)
	}
	c.cuts[[2]core.HostID{3, 1}] = true // its acknowledgements are lost; its silence is not yet noticed
	seq := c.propose(1, "change")
	c.run(300 * time.Millisecond)
	if a, answered := c.host(1).answers[seq]; answered {
		t.Errorf("two of five votes committed it: %+v", a)
	}
	for _, id := range []core.HostID{1, 2} {
		if h := c.host(id); len(h.machine.entries) > 0 {
			t.Errorf("host %d applied %q", id, h.machine.entries)
		}
	}
	c.heal()
	if !c.until(2*time.Second, func() bool { _, answered := c.host(1).answers[seq]; return answered }) {
		t.Fatalf("with five of five votes it was not: %+v", c.host(1).core.Status())
	}
	if a := c.must(2, "next"); a.Err != nil || a.Unconfirmed {
		t.Errorf("%+v", a)
	}
}

// TestConfirmationsEndBeforeTheViewWithTheirHost: two hosts, of which each was fenced once, are cut off from each other just after the one
// came back, at whatever moment: only one may take itself for all that is left. Nor does it help one of them when what fenced the other told of it
// once more, late.
func TestConfirmationsEndBeforeTheViewWithTheirHost(t *testing.T) {
	t.Parallel()
	for n := range 220 {
		ms, late := 150+n/2, n%2 == 1
		c := newCluster(t, 2, quorum.Options{TwoNode: true, WaitForAllOff: true})
		c.start(1, 2)
		c.await(3*time.Second, 1, 2)
		former := c.host(2).core.Status().View.Boots[0]
		c.kill(1)
		c.await(5*time.Second, 2)
		c.host(2).core.Step(c.now, core.Fenced{Host: 1, Boot: former})
		c.run(time.Second)
		if a := c.must(2, "alone"); a.Unconfirmed || a.Err != nil {
			t.Fatalf("with the other host fenced: %+v", a)
		}
		c.start(1)
		c.run(time.Duration(ms) * time.Millisecond)
		if late {
			c.host(2).core.Step(c.now, core.Fenced{Host: 1, Boot: former})
			c.run(4 * time.Millisecond)
		}
		c.cut([]core.HostID{1}, []core.HostID{2})
		c.await(5*time.Second, 1)
		c.await(5*time.Second, 2)
		c.host(1).core.Step(c.now, core.Fenced{Host: 2})
		c.run(time.Second)
		confirmed := map[string]bool{}
		for _, id := range []core.HostID{1, 2} {
			text := fmt.Sprintf("by %d", id)
			confirmed[text] = !c.must(id, text).Unconfirmed
		}
		c.heal()
		c.await(10*time.Second, 1, 2)
		for _, h := range c.hosts {
			for text, sure := range confirmed {
				if sure && !slices.Contains(h.machine.entries, text) {
					t.Errorf("cut after %d ms, late confirmation %t: host %d has lost the change %q, which was confirmed", ms, late, h.id, text)
				}
			}
		}
	}
}

// TestNobodyWaitsForAnElectionThatIsNeverHeld: two hosts went on with the tie breaker, by a log that ends with a view that took it from them.
// The others, who do not know that view, believe that the two can elect a leader.
func TestNobodyWaitsForAnElectionThatIsNeverHeld(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4, quorum.Options{AutoTie: true, Tie: quorum.TieBreaker{List: []core.HostID{3, 1, 2}}})
	c.start(1, 2, 3, 4)
	c.await(3*time.Second, 1, 2, 3, 4)
	before := c.host(2).disk.Clone() // 2 leads
	c.kill(3)
	c.run(780 * time.Millisecond)
	c.cut([]core.HostID{2}, []core.HostID{1})
	c.run(50 * time.Millisecond) // 4 alone gets the view of 1, 2 and 4
	c.kill(1, 2, 4)
	c.heal()
	c.host(2).disk = before // it sent the view before it wrote it
	c.start(3, 4)
	c.run(2 * time.Second)
	if st := c.host(4).core.Status(); st.Leader != 0 || st.Ballot.Number < 2 {
		t.Fatalf("3 and 4 are to have gone on as a group that cannot elect a leader: %+v", st)
	}
	c.start(1, 2)
	c.await(10*time.Second, 1, 2, 3, 4)
}
