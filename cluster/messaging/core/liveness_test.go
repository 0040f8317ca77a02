package core_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
)

// heardOf tells whether a host reported something with the words in it.
func (h *host) heardOf(words string) bool {
	return slices.ContainsFunc(h.changes, func(c string) bool { return strings.Contains(c, words) })
}

// times counts the changes that say so.
func (h *host) times(words string) (n int) {
	for _, c := range h.changes {
		if strings.Contains(c, words) {
			n++
		}
	}
	return n
}

func TestSlowHostIsNotDead(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	for range 50 {
		for id := core.HostID(1); id <= 3; id++ {
			c.host(id).frozen = true
			c.run(600 * time.Millisecond)
			c.thaw(id)
			c.run(time.Second)
		}
	}
	c.loss = 0.1
	c.run(10 * time.Minute)
	for _, h := range c.hosts {
		if n := len(h.machine.views); n != 1 {
			t.Errorf("host %d: %d views %v", h.id, n, h.machine.views)
		}
		if h.heardOf("not heard for") {
			t.Errorf("host %d declared a host dead: %q", h.id, h.changes)
		}
	}
}

func TestDeadHostIsOutOfTheViewWithinASecond(t *testing.T) {
	t.Parallel()
	for victim := core.HostID(1); victim <= 3; victim++ {
		c := newCluster(t, 3, quorum.Options{})
		c.start(1, 2, 3)
		c.await(3*time.Second, 1, 2, 3)
		c.run(5*time.Second + 33*time.Millisecond*time.Duration(victim))
		c.kill(victim)
		rest := slices.DeleteFunc([]core.HostID{1, 2, 3}, func(h core.HostID) bool { return h == victim })
		if took := c.await(2*time.Second, rest...); took > 950*time.Millisecond {
			t.Errorf("host %d: view agreed after %s", victim, took)
		}
	}
}

// A leader that has just been started waits for hosts that it has not heard, not for one that
// it has heard die.
func TestHostThatDiesEarlyIsOutOfTheViewAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(time.Second, 1, 2, 3)
	c.kill(3)
	if took := c.await(3*time.Second, 1, 2); took > core.DefaultToken+100*time.Millisecond {
		t.Errorf("the view without it came after %s", took)
	}
	late := newCluster(t, 3, quorum.Options{})
	late.start(1, 2)
	if took := late.await(3*time.Second, 1, 2); took < 2*core.DefaultToken {
		t.Errorf("a host that was not heard yet was called lost after %s", took)
	}
}

func TestLinkFaultIsReportedAndCostsNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	c.downs[0] = true
	c.run(3 * time.Second)
	delete(c.downs, 0)
	c.run(time.Second)
	for _, h := range c.hosts {
		if len(h.machine.views) != 1 || !h.heardOf("link 0 to host") || !h.heardOf("works again") {
			t.Errorf("host %d: views %v, changes %q", h.id, h.machine.views, h.changes)
		}
	}
}

func TestHalfBrokenNetworkGivesOneView(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	before := len(c.host(3).machine.views)
	c.cut([]core.HostID{1}, []core.HostID{2}) // 3 hears both
	c.run(10 * time.Second)
	last := c.host(3).machine.views
	if len(last)-before > 2 {
		t.Errorf("views flap: %v", last)
	}
	if members := last[len(last)-1].Members; !slices.Equal(members, []core.HostID{1, 3}) && !slices.Equal(members, []core.HostID{2, 3}) {
		t.Errorf("members %v", members)
	}
	c.heal()
	c.await(3*time.Second, 1, 2, 3)
}

func TestPausedHostIsSuspectUntilTheViewIsConfirmed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	h := c.host(3)
	h.frozen = true
	c.await(2*time.Second, 1, 2)
	c.run(3 * time.Second)
	c.thaw(3)
	if !c.until(time.Millisecond, func() bool { return h.core.Status().Suspect }) {
		t.Fatal("the pause went unnoticed")
	}
	c.await(3*time.Second, 1, 2, 3)
	if !c.until(2*time.Second, func() bool { return !h.core.Status().Suspect }) {
		t.Fatal("the view was not confirmed")
	}
	for _, o := range c.hosts[:2] {
		if o.heardOf("stood still") {
			t.Errorf("host %d: %q", o.id, o.changes)
		}
	}
}

// A host that has lost its disk knows none of the ballots that it made. Two groups of one name
// would have two histories.
func TestLostDiskMakesNoBallotTwice(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2, quorum.Options{TwoNode: true, WaitForAllOff: true})
	var alone []core.Ballot
	for range 2 {
		c.host(2).disk = &store.Memory{}
		c.start(2)
		if !c.until(10*time.Second, func() bool { return c.host(2).core.Status().Leader == 2 }) {
			t.Fatalf("the host did not go on alone: %+v %q", c.host(2).core.Status(), c.host(2).changes)
		}
		alone = append(alone, c.host(2).core.Status().Ballot)
		c.kill(2)
	}
	if alone[0] == alone[1] || alone[0].String() != alone[1].String() {
		t.Errorf("the host went on alone as group %s (%x) and, without a disk, as %s (%x)", alone[0], alone[0].Number, alone[1], alone[1].Number)
	}
}

// Whoever was given up by others has to know it, however short the pause.
func TestNoHostIsGivenUpWithoutNoticing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	h, token := c.host(3), core.NewTiming(0).Token
	for pause := token / 2; pause < token+token/4; pause += 7 * time.Millisecond {
		given, noticed := c.host(1).times("host 3 was not heard")+c.host(2).times("host 3 was not heard"), h.core.Pauses()
		h.frozen = true
		c.run(pause)
		c.thaw(3)
		c.await(3*time.Second, 1, 2, 3)
		now := c.host(1).times("host 3 was not heard") + c.host(2).times("host 3 was not heard")
		if now > given && h.core.Pauses() == noticed {
			t.Errorf("after %s others had given the host up, and it noticed nothing", pause)
		}
		if pause <= 600*time.Millisecond && h.core.Pauses() > noticed {
			t.Errorf("the host doubts itself after %s", pause)
		}
		c.run(time.Second)
	}
}

// A host may stand still while its disk writes: that is no slow disk.
func TestPauseDuringAWriteIsNoticed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	h := c.host(3)
	before := h.core.Pauses()
	pace := core.NewTiming(0)
	for wrote := time.Duration(0); wrote < 2*pace.Token; wrote += pace.Heartbeat {
		h.core.Pulse(c.now + wrote)
	}
	if h.core.Pauses() != before || h.core.Status().Suspect {
		t.Error("a slow write is taken for a pause")
	}
	h.core.Pulse(c.now + 4*pace.Token)
	if h.core.Pauses() != before+1 || !h.core.Status().Suspect {
		t.Error("the pause went unnoticed")
	}
	h.core.Done()
}

// A host that was away for long is sent a snapshot, and its disk takes its time with that.
func TestHeartbeatsGoOnWhileASnapshotIsWritten(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.compact = 64
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	c.kill(3)
	c.await(3*time.Second, 1, 2)
	for n := range 1200 {
		c.must(1, fmt.Sprint(n))
	}
	h := c.host(3)
	h.slow = true
	c.start(3)
	c.await(10*time.Second, 1, 2, 3)
	if got := len(h.machine.entries); got != 1200 {
		t.Errorf("the host has %d of 1200 entries", got)
	}
}

func TestDuplicateIDIsReportedAndKeptOut(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	views := len(c.host(1).machine.views)
	for i := range 100 { // a second daemon with id 3 speaks up
		hb := core.Heartbeat{From: 3, Boot: 999, Seq: uint64(i + 1), Hears: []core.Peer{{ID: 1, Boot: 1}}}
		for _, h := range c.hosts {
			h.core.Step(c.now, core.Heard{Link: 0, Heartbeat: &hb})
			c.pump(h)
		}
		c.run(50 * time.Millisecond)
	}
	for _, h := range c.hosts {
		if !h.heardOf("two daemons use host id 3") || len(h.machine.views) != views {
			t.Errorf("host %d: views %v, changes %q", h.id, h.machine.views, h.changes)
		}
	}
}

// A daemon that is killed and started anew at once speaks while its predecessor was just heard.
func TestQuickRestartIsNoDuplicate(t *testing.T) {
	t.Parallel()
	for after := range 9 {
		c := newCluster(t, 3, quorum.Options{})
		c.start(1, 2, 3)
		c.await(3*time.Second, 1, 2, 3)
		c.kill(3)
		c.run(time.Duration(after) * 10 * time.Millisecond)
		c.start(3)
		c.run(time.Second)
		c.await(3*time.Second, 1, 2, 3)
		for _, h := range c.hosts {
			if h.heardOf("two daemons") {
				t.Errorf("restarted after %d0 ms: host %d: %q", after, h.id, h.changes)
			}
		}
	}
}

func TestLostDiskCountsInNoVote(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	c.kill(3)
	c.await(2*time.Second, 1, 2)
	if a := c.must(1, "kept"); a.Err != nil || a.Unconfirmed {
		t.Fatalf("%+v", a)
	}
	c.kill(1, 2)
	c.host(2).disk = &store.Memory{}
	c.start(2, 3)
	if c.until(20*time.Second, func() bool { return c.host(3).core.Status().Leader != 0 }) {
		t.Fatalf("hosts 2 and 3 elected a leader, and neither has what was confirmed: %+v", c.host(3).core.Status())
	}
	c.start(1)
	c.await(5*time.Second, 1, 2, 3)
	c.kill(1) // host 2 is up to date now and counts
	c.await(5*time.Second, 2, 3)
	for _, h := range c.hosts[1:] {
		if !slices.Contains(h.machine.entries, "kept") {
			t.Errorf("host %d has %q", h.id, h.machine.entries)
		}
	}
}

func TestOrderlyLeaveIsNotALoss(t *testing.T) {
	t.Parallel()
	for leaver := core.HostID(1); leaver <= 3; leaver++ {
		c := newCluster(t, 3, quorum.Options{})
		c.start(1, 2, 3)
		c.await(3*time.Second, 1, 2, 3)
		c.host(leaver).core.Step(c.now, core.Leave{})
		rest := slices.DeleteFunc([]core.HostID{1, 2, 3}, func(h core.HostID) bool { return h == leaver })
		took := c.await(time.Second, rest...)
		v := c.host(rest[0]).core.Status().View
		if took > 300*time.Millisecond || !slices.Equal(v.Left, []core.HostID{leaver}) || len(v.Lost) > 0 {
			t.Errorf("host %d left: view %+v after %s", leaver, v, took)
		}
		c.kill(leaver)
		c.run(3 * time.Second)
		if v := c.host(rest[0]).core.Status().View; len(v.Lost) > 0 {
			t.Errorf("host %d left and was then called lost: %+v", leaver, v)
		}
		for _, h := range rest {
			if c.host(h).heardOf("not heard") || c.host(h).heardOf("silent") || !c.host(h).heardOf("is gone") {
				t.Errorf("host %d left, and host %d complains: %q", leaver, h, c.host(h).changes)
			}
		}
		c.start(leaver)
		c.await(3*time.Second, 1, 2, 3)
	}
}

// TestAHostWhoseDiskIsFullAtItsStartKnowsItsLog: it has to stop what an earlier daemon has started, and that is in the log.
func TestAHostWhoseDiskIsFullAtItsStartKnowsItsLog(t *testing.T) {
	t.Parallel()
	for victim := core.HostID(1); victim <= 3; victim++ {
		c := newCluster(t, 3, quorum.Options{})
		c.start(1, 2, 3)
		c.await(3*time.Second, 1, 2, 3)
		for _, entry := range []string{"a", "b", "c", "d", "e"} {
			c.must(1, entry)
		}
		c.run(time.Second)
		h := c.host(victim)
		entries := h.machine.entries[:4] // the disk need not know yet that the last one is committed
		c.kill(victim)
		h.disk.Fail = errDiskFull
		c.start(victim)
		c.run(100 * time.Millisecond)
		if !h.heardOf("no space left") || !slices.Equal(h.machine.entries, entries) || len(h.machine.views) == 0 {
			t.Errorf("host %d knows %q and the views %v, want %q: %q", victim, h.machine.entries, h.machine.views, entries, h.changes)
		}
	}
}

func TestFullDiskHaltsTheHostOnly(t *testing.T) {
	t.Parallel()
	for victim := core.HostID(1); victim <= 3; victim++ {
		c := newCluster(t, 3, quorum.Options{})
		c.start(1, 2, 3)
		c.await(3*time.Second, 1, 2, 3)
		h, other := c.host(victim), c.host(victim%3+1)
		h.disk.Fail = errDiskFull
		if a := c.must(other.id, "x"); a.Err != nil && victim != 1 {
			t.Errorf("%+v", a)
		}
		c.run(3 * time.Second)
		if !h.heardOf("no space left") {
			t.Errorf("host %d did not say that its disk is full: %q", victim, h.changes)
		}
		if other.heardOf("not heard for") {
			t.Errorf("host %d was taken for dead while it stops what it runs", victim)
		}
		if a := c.must(other.id, "y"); a.Err != nil {
			t.Errorf("the others do not go on: %+v", a)
		}
		h.core.Step(c.now, core.Leave{})
		rest := slices.DeleteFunc([]core.HostID{1, 2, 3}, func(h core.HostID) bool { return h == victim })
		c.await(2*time.Second, rest...)
		if v := other.core.Status().View; !slices.Equal(v.Left, []core.HostID{victim}) {
			t.Errorf("view %+v", v)
		}
	}
}

// A host stands still twice. Word of the barrier that it asked for in between comes when it has awoken again: that the cluster had it
// then says nothing about now.
func TestBarrierFromBeforeThePauseConfirmsNothing(t *testing.T) {
	t.Parallel()
	awoken := func() (*cluster, *host, func()) {
		c := newCluster(t, 3, quorum.Options{})
		c.start(c.options.Hosts...)
		c.await(3*time.Second, c.options.Hosts...)
		h := c.host(3)
		sleep := func() {
			h.frozen = true
			c.run(2 * time.Second)
			c.thaw(h.id)
			c.run(10 * time.Microsecond) // what came meanwhile, and nothing that is sent now
		}
		sleep()
		return c, h, sleep
	}
	c, h, _ := awoken()
	woke := c.now
	if !c.until(3*time.Second, func() bool { return !h.core.Status().Suspect }) {
		t.Fatal("the view was not confirmed")
	}
	confirmed := c.now - woke // each of these clusters does the same at the same time
	for early := 20 * time.Microsecond; early < 2*time.Millisecond; early += 20 * time.Microsecond {
		c, h, sleep := awoken()
		c.run(confirmed - early)
		sleep()
		if !h.core.Status().Suspect {
			t.Errorf("host 3 stood still %s before it was confirmed, and afterwards takes what it finds for that", early)
		}
		if !c.until(3*time.Second, func() bool { return !h.core.Status().Suspect }) {
			t.Error("host 3 stays suspect")
		}
	}
}
