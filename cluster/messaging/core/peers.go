package core

import (
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/quorum"
)

// peer is what this host knows of another from its heartbeats.
type peer struct {
	id      HostID
	alive   bool // heard within a token
	boot    uint64
	last    Heartbeat       // the newest of boot
	memory  memory          // of its disk (rule 12)
	heard   time.Duration   // when last heard on any link; later by as much as this host has stood still since
	spoke   time.Duration   // when last heard
	upSince time.Duration   // alive since
	without time.Duration   // since when this host alone can have quorum, and does not reach it; never: it is not so
	links   []time.Duration // when last heard, by link; below 0: never
	down    []bool          // reported as down, by link
	rival   struct {        // another daemon with the same id
		boot     uint64
		since    time.Duration // when first heard
		heard    time.Duration // when last heard
		reported time.Duration
	}
}

// changeover is the silence after which a new daemon of a host takes the place of the
// old one. A restarted daemon waits that long; a second host with the same id is never let in.
func (t Timing) changeover() time.Duration { return t.Heartbeat * 5 / 2 }

// duplicateReports is the time between two reports of the same duplicate id.
const duplicateReports = 30 * time.Second

const never = -1 << 62

func newPeer(id HostID, links int) *peer {
	p := &peer{id: id, heard: never, spoke: never, without: never, links: make([]time.Duration, links), down: make([]bool, links)}
	for i := range p.links {
		p.links[i] = never
	}
	p.rival.reported = never
	return p
}

// peer returns what is known of another host: one that is configured, or was while this daemon ran, as the log may still have
// its name; else nil.
func (c *Core) peer(id HostID) *peer {
	if i := slices.Index(c.others, id); i >= 0 {
		return c.peers[i]
	}
	for _, p := range c.former {
		if p.id == id {
			return p
		}
	}
	return nil
}

// configure takes the hosts and votes of a changed configuration over.
func (c *Core) configure(options quorum.Options) {
	known := c.peers
	c.others, c.peers = nil, nil
	for _, id := range slices.Sorted(slices.Values(options.Hosts)) {
		if id == c.cfg.ID {
			continue
		}
		at := slices.IndexFunc(known, func(p *peer) bool { return p.id == id })
		if at < 0 {
			p := newPeer(id, c.cfg.Links)
			p.last.Leaving = true
			c.former = slices.DeleteFunc(c.former, func(p *peer) bool { return p.id == id })
			at, known = len(known), append(known, p)
		}
		c.others, c.peers = append(c.others, id), append(c.peers, known[at])
	}
	for _, p := range known {
		if !slices.Contains(c.peers, p) {
			if p.alive {
				c.change(Change{Kind: HostGone, Host: p.id, Text: fmt.Sprintf("host %d is no longer one of the cluster's", p.id)})
			}
			p.alive, p.last.Leaving = false, true
			c.former = append(c.former, p)
		}
	}
	c.cfg.Quorum = options
	c.dirty = true
}

// hear takes a heartbeat in.
func (c *Core) hear(link int, hb *Heartbeat) {
	if hb.From == c.cfg.ID {
		if hb.Boot != c.cfg.Boot {
			c.duplicate(&c.self, c.cfg.ID, hb.Boot)
		}
		return
	}
	p := c.peer(hb.From)
	if p == nil || link < 0 || link >= len(p.links) || !slices.Contains(c.others, p.id) {
		return
	}
	if p.boot != hb.Boot && p.boot != 0 {
		if p.heard > c.now-c.cfg.Timing.changeover() && !p.last.Leaving {
			if p.rival.boot != hb.Boot {
				p.rival.boot, p.rival.since = hb.Boot, c.now
			}
			p.rival.heard = c.now
			return
		}
		c.rebooted(p)
	}
	if p.boot == hb.Boot && hb.Seq < p.last.Seq && p.alive {
		p.links[link] = c.now // late on a slower link: proves the link, says nothing new
		return
	}
	p.boot, p.heard, p.spoke, p.links[link] = hb.Boot, c.now, c.now, c.now
	c.compareRival(p)
	left := p.last.Leaving
	p.last = *hb
	p.remember(&c.rules)
	switch {
	case !p.alive && !hb.Leaving:
		p.alive, p.upSince = true, c.now
		c.change(Change{Kind: HostUp, Host: p.id, Text: fmt.Sprintf("host %d is up", p.id)})
	case p.alive && hb.Leaving && !left:
		c.change(Change{Kind: HostLeft, Host: p.id, Text: fmt.Sprintf("host %d leaves", p.id)})
	}
	if p.down[link] {
		p.down[link] = false
		c.change(Change{Kind: LinkUp, Host: p.id, Link: link, Text: fmt.Sprintf("link %d to host %d works again", link, p.id)})
	}
	for _, seen := range hb.Hears {
		if seen.ID == c.cfg.ID && seen.Boot != c.cfg.Boot && c.now-c.started > c.cfg.Timing.Token {
			c.duplicate(&c.self, c.cfg.ID, seen.Boot)
		}
	}
}

// compareRival reports a second daemon of a host, once the first was heard well after it: a
// restarted daemon also speaks within a heartbeat of its predecessor, but that is silent from then on.
func (c *Core) compareRival(p *peer) {
	beat := c.cfg.Timing.Heartbeat
	if p.rival.boot != 0 && c.now-p.rival.heard <= 2*beat && c.now-p.rival.since > beat {
		c.duplicate(p, p.id, p.rival.boot)
	}
}

// duplicate reports, now and then, that two daemons use one id.
func (c *Core) duplicate(p *peer, id HostID, boot uint64) {
	if p.rival.reported > c.now-duplicateReports {
		return
	}
	p.rival.reported = c.now
	c.change(Change{Kind: DuplicateID, Host: id, Text: fmt.Sprintf(
		"two daemons use host id %d at once (boots %x and %x); give one of them another nodeid and restart it", id, p.boot, boot)})
}

// rebooted forgets what the old daemon of a host had said.
func (c *Core) rebooted(p *peer) {
	if p.alive {
		p.alive = false
		c.change(Change{Kind: HostDead, Host: p.id, Text: fmt.Sprintf("the daemon of host %d was restarted", p.id)})
	}
	c.credit(p)
	p.last, p.rival.boot = Heartbeat{}, 0
	c.raftUnreachable(p.id)
	if slices.Contains(c.fork.hosts, p.id) {
		c.abandon() // had it started the group that was proposed, it would have nobody come to it now
	}
}

// silent is when a host that is not heard from now on is dead: after a token in which this host ran. A host
// that stands still again and again, or whose disk hangs, would take others for alive for ever, and itself for a member of a set that has
// gone on without it; so patience ends after three tokens, with the time to hear them now.
func (t Timing) silent(p *peer) time.Duration {
	return min(p.heard+t.Token, max(p.spoke+3*t.Token, p.heard+t.Token/4))
}

// judgePeers finds hosts and links that have been silent for a token.
func (c *Core) judgePeers() {
	token := c.cfg.Timing.Token
	for _, p := range c.peers {
		id := p.id
		if !p.alive {
			continue
		}
		if c.now >= c.cfg.Timing.silent(p) {
			p.alive = false
			ch := Change{Kind: HostDead, Host: id, For: c.now - p.spoke,
				Text: fmt.Sprintf("host %d was not heard for %s on any link", id, (c.now - p.spoke).Round(time.Millisecond))}
			if p.last.Leaving {
				ch.Kind, ch.Text = HostGone, fmt.Sprintf("host %d is gone, as it had said", id)
			}
			c.change(ch)
			c.raftUnreachable(id)
			continue
		}
		for link, heard := range p.links {
			// A link whose last packet came just before another link's says nothing: the host may be dying.
			alone := p.heard-heard >= 2*c.cfg.Timing.Heartbeat
			if c.now-max(heard, p.upSince) >= token && alone && !p.down[link] && !p.last.Leaving {
				p.down[link] = true
				c.change(Change{Kind: LinkDown, Host: id, Link: link, Text: fmt.Sprintf("link %d to host %d is silent, another carries on", link, id)})
			}
		}
	}
}

// excuse gives every peer back the time that this host itself slept.
func (c *Core) excuse(slept time.Duration) {
	for _, p := range c.peers {
		p.heard += slept
		p.upSince += slept
		for i := range p.links {
			if p.links[i] != never {
				p.links[i] += slept
			}
		}
	}
}

// deadline is the next instant at which judgePeers may find something.
func (c *Core) deadline() time.Duration {
	next := time.Duration(1<<63 - 1)
	for _, p := range c.peers {
		if p.alive {
			next = min(next, c.cfg.Timing.silent(p))
		}
	}
	return next
}

// hears lists the peers heard.
func (c *Core) hears() []Peer {
	var list []Peer
	for _, p := range c.peers {
		if p.alive {
			list = append(list, Peer{p.id, p.boot})
		}
	}
	return list
}

// mutual tells whether two hosts hear each other's present daemons, as far as known here.
func (c *Core) mutual(a, b HostID) bool { return c.hearing(a, b) && c.hearing(b, a) }

// hearing tells whether a hears b.
func (c *Core) hearing(a, b HostID) bool {
	boot := c.cfg.Boot
	if b != c.cfg.ID {
		heard := c.peer(b)
		if !heard.alive {
			return false
		}
		boot = heard.boot
	}
	if a == c.cfg.ID {
		return true
	}
	hears := c.peer(a)
	return hears.alive && slices.Contains(hears.last.Hears, Peer{b, boot})
}

// live lists this host and the peers that it hears and that do not leave, ascending.
func (c *Core) live() []HostID {
	list := make([]HostID, 0, len(c.cfg.Quorum.Hosts))
	for _, id := range c.cfg.Quorum.Hosts {
		if id == c.cfg.ID {
			list = append(list, id)
		} else if p := c.peer(id); p.alive && !p.last.Leaving {
			list = append(list, id)
		}
	}
	return list
}

// bootOf returns the boot of a host's present daemon, 0 when it was never heard.
func (c *Core) bootOf(id HostID) uint64 {
	if id == c.cfg.ID {
		return c.cfg.Boot
	}
	return c.peer(id).boot
}
