package simulation

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"holdfast/cluster/messaging/core"
)

// spoken is what hosts have said to each other and may not say otherwise later, whatever
// happened to them in between. It is read off the messages that leave a host. A lost or
// restored disk excuses its host: that others then do not count on it is for other checkers.
type spoken struct {
	votes    map[office]core.HostID // by voter: whom it voted for
	leaders  map[office]core.HostID // voter 0: who leads
	promises map[core.HostID]core.Ballot
}

// office is a term of a group.
type office struct {
	group core.Ballot
	term  uint64
	voter core.HostID
}

// said looks at a message that a host sends.
func (c *checks) said(h *host, m *core.Message) {
	switch m.Kind {
	case core.RaftMessage:
		c.saidOfRaft(h, m)
	case core.PromiseMessage:
		c.pledges(h, m.Ballot)
	}
}

// pledges: a host promises higher ballots only, in what it writes and in what it says.
func (c *checks) pledges(h *host, b core.Ballot) {
	s := &c.spoken
	if last := s.promises[h.id]; !h.replaced && b.Less(last) {
		c.w.violate("promised: %s promises %s, having promised %s", h.name, b, last)
	}
	s.promises[h.id] = b
}

func (c *checks) saidOfRaft(h *host, m *core.Message) {
	s, rm := &c.spoken, m.Raft
	at := office{group: m.Ballot, term: rm.GetTerm()}
	switch rm.GetType() {
	case pb.MsgVoteResp:
		if rm.GetReject() || h.replaced {
			return
		}
		c.bound(h, m, "votes")
		at.voter = h.id
		if other, voted := s.votes[at]; voted && other != m.To {
			c.w.violate("voted: %s votes for host%d in term %d of group %s, having voted for host%d", h.name, m.To, at.term, at.group, other)
		}
		s.votes[at] = m.To
	case pb.MsgAppResp:
		if !rm.GetReject() && !h.replaced {
			c.bound(h, m, "acknowledges")
		}
	case pb.MsgApp:
		if other, led := s.leaders[at]; led && other != h.id {
			c.w.violate("led: %s leads in term %d of group %s, as host%d does", h.name, at.term, at.group, other)
		}
		s.leaders[at] = h.id
	}
}

// bound: a host that has promised a ballot does nothing for a group below it.
func (c *checks) bound(h *host, m *core.Message, what string) {
	if last := c.spoken.promises[h.id]; m.Ballot.Less(last) {
		c.w.violate("promised: %s %s in group %s, having promised %s", h.name, what, m.Ballot, last)
	}
}

// votes tells whether a message gives another host a vote.
func votes(m core.Message) bool {
	return m.Kind == core.RaftMessage && m.Raft.GetType() == pb.MsgVoteResp && !m.Raft.GetReject()
}
