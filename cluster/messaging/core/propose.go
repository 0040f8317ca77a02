package core

import (
	"slices"
	"time"
)

// proposals are this host's, until they are answered.
type proposals struct {
	waiting map[uint64]*proposal
	order   []uint64 // of waiting, oldest first
	barrier uint64   // sequence numbers of barriers, from the top half
	leader  HostID   // whom they were sent to
	term    uint64
	ballot  Ballot

	witnessed []witnessed // applied, and not yet answered
}

type proposal struct {
	entry  entry
	asked  time.Duration
	sent   time.Duration
	failed bool // to be sent again with the next beat
	given  int  // how often it was put into a log, or on its way to one
	hasty  bool // Propose.Unconfirmed
}

// barrierSeqs is where the sequence numbers of barriers begin; they are answered to nobody.
const barrierSeqs = 1 << 62

// Reasons of a refusal.
const (
	reasonNoQuorum uint8 = 1
	reasonRetry    uint8 = 2
)

// propose takes a proposal of this host; one without a number is a barrier.
func (c *Core) propose(ev Propose) {
	e := entry{Kind: changeEntry, Host: c.cfg.ID, Boot: c.cfg.Boot, Seq: ev.Seq, Data: ev.Data}
	if ev.Seq == 0 {
		c.proposals.barrier++
		e.Kind, e.Seq = barrierEntry, barrierSeqs+c.proposals.barrier
	}
	p := &proposal{entry: e, asked: c.now, hasty: ev.Unconfirmed}
	if e.Kind == changeEntry {
		c.proposals.waiting[ev.Seq] = p
		c.proposals.order = append(c.proposals.order, ev.Seq)
	}
	c.submit(p)
}

// submit appends a proposal as the leader, or forwards it to the leader.
func (c *Core) submit(p *proposal) {
	p.sent, p.failed = c.now, false
	p.entry.Oldest = p.entry.Seq
	if len(c.proposals.order) > 0 {
		p.entry.Oldest = c.proposals.order[0]
	}
	lead := c.leader()
	switch {
	case lead == 0:
		p.failed = true
	case lead == c.cfg.ID:
		switch c.append(&p.entry) {
		case reasonNoQuorum:
			c.deny(p)
		case reasonRetry:
			p.failed = true
		default:
			p.given++
		}
	default:
		p.given++
		c.send(Message{Kind: ForwardMessage, To: lead, Ballot: c.ballot, Seq: p.entry.Seq, Oldest: p.entry.Oldest,
			Reason: uint8(p.entry.Kind), Data: p.entry.Data})
	}
}

// append is the leader's: it takes an entry into the log or says why not.
func (c *Core) append(e *entry) (refused uint8) {
	if !c.rules.Accepts(c.verdict.Quorate) {
		return reasonNoQuorum
	}
	if c.rn.Propose(e.marshal()) != nil {
		return reasonRetry
	}
	return 0
}

// forwarded takes another host's proposal.
func (c *Core) forwarded(m *Message) {
	e := entry{Kind: entryKind(m.Reason), Host: m.From, Boot: m.Boot, Seq: m.Seq, Oldest: m.Oldest, Data: m.Data}
	if e.Kind != changeEntry && e.Kind != barrierEntry && e.Kind != fencedEntry {
		return
	}
	reason := reasonRetry
	if c.leads() && m.Ballot == c.ballot {
		reason = c.append(&e)
	}
	if reason != 0 && e.Kind == changeEntry {
		c.send(Message{Kind: RefusedMessage, To: m.From, Ballot: c.ballot, Seq: m.Seq, Reason: reason})
	}
}

// refused takes the leader's refusal.
func (c *Core) refused(m *Message) {
	p := c.proposals.waiting[m.Seq]
	switch {
	case p == nil:
	case m.Reason == reasonNoQuorum:
		p.given-- // this one is in no log
		c.deny(p)
	default:
		p.failed = true
	}
}

// deny answers that there is no quorum. Whether the change is refused for good depends on
// whether it ever was on its way into a log: there it may yet be committed.
func (c *Core) deny(p *proposal) {
	if p.given > 0 {
		c.answer(Answer{Seq: p.entry.Seq, Err: ErrUnsettled})
		return
	}
	c.answer(Answer{Seq: p.entry.Seq, Err: ErrNoQuorum})
}

// tick sends again what failed or was not answered in time. Repeating is harmless: an
// entry is applied once for each sequence number.
func (ps *proposals) tick(c *Core) {
	for _, seq := range slices.Clone(ps.order) {
		p := ps.waiting[seq]
		switch {
		case !c.verdict.Quorate && c.now-p.asked > 2*c.cfg.Timing.Token:
			c.deny(p)
		case c.leader() != 0 && (p.failed || c.now-p.sent > 2*c.cfg.Timing.Token):
			c.submit(p)
		}
	}
}

// unsent has proposals sent again with the next beat whose way to the leader broke.
func (ps *proposals) unsent(to HostID) {
	for _, seq := range ps.order {
		ps.waiting[seq].failed = ps.waiting[seq].failed || to == ps.leader
	}
}

// resubmit sends all that waits to a new leader.
func (ps *proposals) resubmit(c *Core) {
	term := c.rn.BasicStatus().HardState.GetTerm()
	lead := c.leader()
	if lead == ps.leader && term == ps.term && c.ballot == ps.ballot {
		return
	}
	ps.leader, ps.term, ps.ballot = lead, term, c.ballot
	if lead == 0 {
		return
	}
	for _, seq := range slices.Clone(ps.order) {
		c.submit(ps.waiting[seq])
	}
}

// answer hands an answer out, once.
func (c *Core) answer(a Answer) {
	if c.proposals.waiting[a.Seq] == nil {
		return
	}
	c.cancel(a.Seq)
	c.out.Answers = append(c.out.Answers, a)
}

// cancel forgets a proposal; it may still be applied.
func (c *Core) cancel(seq uint64) {
	delete(c.proposals.waiting, seq)
	c.proposals.witnessed = slices.DeleteFunc(c.proposals.witnessed, func(w witnessed) bool { return w.answer.Seq == seq })
	if i := slices.Index(c.proposals.order, seq); i >= 0 {
		c.proposals.order = slices.Delete(c.proposals.order, i, i+1)
	}
}

// confirmFenced puts a confirmation into the log, on the leader or through it.
func (c *Core) confirmFenced(ev Fenced) {
	if c.peer(ev.Host) == nil {
		return
	}
	if ev.Boot == 0 {
		ev.Boot = c.peer(ev.Host).boot
	}
	e := entry{Kind: fencedEntry, Host: ev.Host, Boot: ev.Boot}
	if c.leads() {
		c.append(&e)
	}
}
