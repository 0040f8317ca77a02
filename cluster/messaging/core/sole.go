package core

import (
	"slices"
	"time"
)

// Whoever counts on a host's own watchdog to end it counts the time for which that host cannot have had quorum. A view
// that is quorate now proves nothing about a moment ago: a third host, or a quorum device, may have gone over to the other side and
// come back. So each host keeps account of how long it has had quorum, with no other set able to have it too, and whom it has
// not heard for all that time. In a network that is half broken two hosts may take a third for theirs: only what all members of a
// view say together proves that a host outside it has no quorum.

// considerSole keeps that account.
func (c *Core) considerSole() {
	for _, p := range c.peers {
		h := p.id
		switch {
		case !c.verdict.Sole || p.alive || slices.Contains(c.reach, h):
			p.without = never
		case p.without == never:
			p.without = c.now
		}
	}
}

// withoutOthers is for how long, for each host.
func (c *Core) withoutOthers() map[HostID]time.Duration {
	long := map[HostID]time.Duration{}
	for _, h := range c.others {
		if since := c.peer(h).without; since != never {
			long[h] = c.now - since
		}
	}
	return long
}
