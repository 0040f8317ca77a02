package core

import (
	"fmt"
	"time"
)

// sleeper notices that this host did not run for a while: its verdicts about others
// would be wrong, and others may have gone on without it.
type sleeper struct {
	last    time.Duration
	suspect bool
	woke    time.Duration // when suspect became true
	asked   uint64        // heartbeats since a barrier after the pause was first due
	stale   uint64        // the last barrier from before the pause
	pauses  uint64        // noticed since the start
}

// pass moves time forward.
func (c *Core) pass(now time.Duration) {
	gap := now - c.sleeper.last
	c.now = max(now, c.now)
	c.sleeper.last = c.now
	if gap > 2*c.cfg.Timing.Heartbeat {
		c.excuse(gap - c.cfg.Timing.Heartbeat)
	}
	c.doubt(gap)
}

// doubt makes this host suspect if it stood still and others may have stopped waiting for it:
// what counts is its silence, and that its last heartbeat may have been lost.
func (c *Core) doubt(gap time.Duration) {
	t := c.cfg.Timing
	if gap <= 2*t.Heartbeat || c.lastBeat == never || c.now-c.lastBeat <= t.Token-t.Heartbeat {
		return
	}
	c.sleeper.suspect, c.sleeper.woke = true, c.now
	c.sleeper.asked, c.sleeper.stale = 0, c.proposals.barrier
	c.sleeper.pauses++
	c.change(Change{Kind: Paused, For: gap, Text: fmt.Sprintf(
		"this host stood still for %s, and others may have gone on without it: it starts nothing until the view is confirmed", gap.Round(time.Millisecond))})
}

// Pauses counts the pauses that were noticed, one for each Paused change. What has to
// happen before this host says another word is done when it grows, ahead of the batch.
func (c *Core) Pauses() uint64 { return c.sleeper.pauses }

// ask proposes a barrier while the host is suspect: once that is applied, everything
// that the cluster decided before is known here.
func (s *sleeper) ask(c *Core) {
	if s.suspect {
		s.asked++
		if s.asked%5 == 1 {
			c.propose(Propose{})
		}
	}
}

// confirm is called when a barrier of this host was applied. One from before the pause proves nothing: word of it may have waited
// while this host stood still. Nor does one that this host applies because its log becomes a new group's: nobody else has committed that.
func (s *sleeper) confirm(c *Core, barrier uint64) {
	if !s.suspect || barrier <= barrierSeqs+s.stale || c.fork.seeding || !c.inView() {
		return
	}
	s.suspect, s.asked = false, 0
	c.change(Change{Kind: Resumed, Text: "the view is confirmed after the pause"})
}

// Pulse keeps this host's heartbeats going while a batch is being carried out, between
// Batch and Done: a slow disk is no dead host. The time does not count against peers.
func (c *Core) Pulse(now time.Duration) []Packet {
	gap := now - c.sleeper.last
	if gap <= 0 {
		return nil
	}
	c.excuse(gap)
	c.now, c.sleeper.last = now, now
	c.doubt(gap) // nobody waits for a disk without a pulse for so long, unless stopped with it
	if now < c.nextBeat {
		return nil
	}
	before := c.out.Heartbeats
	c.out.Heartbeats = nil
	c.beat()
	packets := c.out.Heartbeats
	c.out.Heartbeats = before
	return packets
}

// dazed tells that this host woke up less than so long ago: who is there and who leads
// may not have been heard yet.
func (s *sleeper) dazed(c *Core, long time.Duration) bool {
	return s.suspect && c.now-s.woke < long
}
