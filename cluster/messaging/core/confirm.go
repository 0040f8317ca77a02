package core

import (
	"slices"
	"time"
)

// Rule 7 is kept in two ways. Mostly it is known beforehand: every majority of the voters is strong
// (majoritiesHold). Where it is not, with more hosts than voters or in a part of the cluster, nothing follows from an
// entry's being committed: what sufficed for that, a device's votes, expected votes that an operator had lowered, a
// policy, only the leader of that moment knew, and it may be otherwise by now. But each heartbeat says what
// its sender has on its disk for certain (Held), and a leader knows what was acknowledged, so the proposer's host waits until those
// who are known to have the entry are strong, which takes a heartbeat at most. It waits no longer than there is hope, and
// then says unconfirmed.

// witnessed is the answer to a change that is applied, and waits for those who have it.
type witnessed struct {
	answer Answer
	group  Ballot
	until  time.Duration
}

// conclude answers an applied change of this host's, or has the answer wait for witnesses.
func (c *Core) conclude(a Answer) {
	p := c.proposals.waiting[a.Seq]
	switch {
	case p == nil:
	case !p.hasty && (c.confirmed() || c.vouched(a.Index)):
		c.answer(a)
	case p.hasty || !c.hopes():
		a.Unconfirmed = true
		c.answer(a)
	default:
		c.cancel(a.Seq) // it need not be proposed again
		c.proposals.witnessed = append(c.proposals.witnessed, witnessed{a, c.ballot, c.now + 2*c.cfg.Timing.Token})
	}
}

// confirmed is rule 7: any majority of the voters is strong, or all others are fenced: those
// outside that majority, as hosts outside the voters alone would not do.
func (c *Core) confirmed() bool { return c.confirms(c.majoritiesHold(c.voters())) }

// vouched is rule 7, too: those who are known to have an entry are strong.
func (c *Core) vouched(index uint64) bool { return c.confirms(c.strong(c.holders(index))) }

// confirms tells whether what is held suffices. Before the group's ballot is sealed nothing does: a fork is chosen by seals, so
// what an unsealed group has written may lose.
func (c *Core) confirms(held bool) bool {
	return !c.fork.seeding && c.rules.Confirms(Confirmation{Sealed: c.agreed.Sealed, Group: c.ballot, Held: held})
}

// hopes tells whether hosts that can be reached could confirm a change together.
func (c *Core) hopes() bool {
	able := slices.DeleteFunc(slices.Clone(c.reach), func(h HostID) bool { return !c.inGroup(h) })
	return c.confirms(c.strong(able))
}

func (c *Core) strong(set []HostID) bool {
	set = c.counted(set)
	return c.judgeVotes(set, set).Strong
}

// considerWitnessed gives the answers that have waited long enough.
func (c *Core) considerWitnessed() {
	if len(c.proposals.witnessed) == 0 {
		return
	}
	var waiting []witnessed
	for _, w := range c.proposals.witnessed {
		here := w.group == c.ballot
		if here && c.vouched(w.answer.Index) {
			c.out.Answers = append(c.out.Answers, w.answer)
			continue
		}
		if here && c.now < w.until && c.hopes() {
			waiting = append(waiting, w)
			continue
		}
		w.answer.Unconfirmed = true
		c.out.Answers = append(c.out.Answers, w.answer)
	}
	c.proposals.witnessed = waiting
}

// holders are the reachable hosts that are known to have an applied entry on their disks: they have acknowledged it to
// this leader, or their logs end in the term in which this host's does, and not before the entry. What one leader wrote in one
// term is the same in all logs, up to where each ends.
func (c *Core) holders(index uint64) []HostID {
	term, _ := c.last()
	var set []HostID
	for _, h := range c.reach {
		held := c.held
		if h != c.cfg.ID {
			held = c.peer(h).last.Held
		}
		if held.Log.Log == c.ballot && held.Log.Term == term && held.Log.Index >= index || c.acknowledged(h) >= index {
			set = append(set, h)
		}
	}
	return set
}
