package simulation

import (
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// watchMinorities looks, fifty times a second, for hosts that reach no quorum, whatever they
// believe: the cables tell.
func (w *World) watchMinorities(end time.Duration) {
	if w.now >= end || w.shape.Policy == "ignore" {
		return
	}
	for _, h := range w.hosts {
		if h.core == nil || h.frozen || h.lone.broken || w.mayBeQuorate(h) {
			delete(w.check.minority, h.id)
			continue
		}
		if _, known := w.check.minority[h.id]; !known {
			w.check.minority[h.id] = w.now
		}
		w.check.idle(h)
	}
	w.after(20*time.Millisecond, func() { w.watchMinorities(end) })
}

// mayBeQuorate counts the votes of the hosts that a host hears and that hear it. They need
// not all hear each other, so the true set may be smaller.
func (w *World) mayBeQuorate(h *host) bool {
	for _, q := range w.inForce() {
		votes := q.DeviceVotes // whether it has them the cables do not tell
		for _, id := range q.Hosts {
			if other := w.host(id); other.core != nil && (other == h || w.linked(h, other)) {
				votes += q.HostVotes(id)
			}
		}
		if maySuffice(q, votes) {
			return true
		}
	}
	return false
}

// maySuffice tells whether so many votes may make a quorum.
func maySuffice(q *quorum.Options, votes int) bool {
	return q.TwoNode || q.LastManStanding || q.AllowDownscale ||
		2*votes > q.ExpectedVotes() || q.AutoTie && 2*votes == q.ExpectedVotes()
}

// followsQuorum tells whether a host, or one that it hears, may be quorate. Where a cut divides two hosts, a leader that hears
// both counts both until they have noticed it, and what it takes is with a quorum.
func (w *World) followsQuorum(h *host) bool {
	for _, other := range w.hosts {
		if other.core != nil && (other == h || w.linked(h, other)) && w.mayBeQuorate(other) {
			return true
		}
	}
	return false
}

// noteFollowers notes who may have followed a quorum, before a daemon dies or a path is cut: it may have been there for less than a look.
func (w *World) noteFollowers() {
	for _, h := range w.hosts {
		if w.followsQuorum(h) {
			w.check.followed[h.id] = w.now
		}
	}
}

// linked tells whether two hosts hear each other.
func (w *World) linked(a, b *host) bool {
	there, back := false, false
	for link := range w.shape.Links {
		there = there || w.packets(link, a.id, b.id)
		back = back || w.packets(link, b.id, a.id)
	}
	return there && back
}

// Times that a minority has: to notice, and to stop what it runs.
const (
	timeToNotice = 3 * time.Second
	timeToStop   = 15 * time.Second
)

// notWithoutQuorum, but for no-quorum-policy=freeze, which lets a host start again what it ran: a host that has reached no quorum for long enough to know it neither starts
// anything nor takes changes.
func (c *checks) notWithoutQuorum(h *host, what string) {
	since, minor := c.minority[h.id]
	since = max(since, h.noticing())
	if !minor || c.w.now-since <= timeToNotice || c.w.followsQuorum(h) {
		return
	}
	if followed, ever := c.followed[h.id]; ever && c.w.now-followed < core.DefaultToken {
		return // what a leader with a quorum has confirmed may be on its way when that leader ends
	}
	c.w.violate("minority: %s %s, and has reached no quorum since %s", h.name, what, since)
}

// awake: a host that stood still starts nothing before it has heard of the others, who may have gone on without it: but those who have fewer
// votes than it has by itself may not, whatever view was on its way when it lost them.
func (c *checks) awake(h *host, name string) {
	q := &c.w.shape.Quorum
	if h.thawedAt > 0 && len(h.replica.LastView().Members) > 1 && 2*q.HostVotes(h.id) <= q.ExpectedVotes() {
		c.w.violate("paused: %s starts %s, and has heard nothing of the others since it stood still until %s", h.name, name, h.thawedAt)
	}
}

// idle: where no-quorum-policy is stop, a host without quorum stops what it runs. A stop that
// failed, and one under way, are no fault of the daemon's.
func (c *checks) idle(h *host) {
	if c.w.shape.Policy != "stop" || c.w.now-max(c.minority[h.id], h.noticing()) < timeToStop || c.w.now < h.atWork+2*time.Second {
		return
	}
	left := ""
	for _, name := range c.w.shape.primitives() {
		switch h.active[name] {
		case broken:
			return
		case running:
			left = name
		}
	}
	if left != "" {
		c.w.violate("minority: %s runs %s, and has reached no quorum since %s", h.name, left, c.minority[h.id])
	}
}
