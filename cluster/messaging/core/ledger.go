package core

import (
	"maps"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Raft commits what most of the voters have. Where hosts have unequal votes, where there are
// more hosts than voters, or where a tie breaker decides, those need not be quorate by the
// votes, and another set that is could know nothing of it: of the view, say, that moved the tie
// breaker. So the leader keeps acknowledgements from raft until the hosts that gave them are
// quorate (rule 6).

// ledger is the leader's: what each host has acknowledged in a term.
type ledger struct {
	term  uint64
	acked map[HostID]uint64
	held  map[HostID]*pb.Message // the newest acknowledgement that raft was not told in full
}

// forget drops what was acknowledged by a host that was taken out of the group: one that comes in its place may have nothing of it.
func (l *ledger) forget(h HostID) {
	delete(l.acked, h)
	delete(l.held, h)
}

// even tells that raft's majority is always more than half of the votes: every host is a
// voter, with the same votes, and nothing else decides.
func (c *Core) even() bool {
	o := &c.cfg.Quorum
	if len(c.conf.GetVoters()) != len(o.Hosts) || o.Expected > 0 || o.DeviceVotes > 0 {
		return false
	}
	for _, h := range o.Hosts {
		if o.HostVotes(h) != o.HostVotes(o.Hosts[0]) {
			return false
		}
	}
	return true
}

// holdAck tells raft of an acknowledgement as far as hosts that are quorate have given it.
func (c *Core) holdAck(rm *pb.Message) {
	st := c.rn.BasicStatus()
	if st.RaftState != raft.StateLeader || rm.GetTerm() != st.HardState.GetTerm() || c.even() {
		_ = c.rn.Step(rm)
		return
	}
	l := &c.ledger
	if l.term != rm.GetTerm() {
		*l = ledger{term: rm.GetTerm(), acked: map[HostID]uint64{}, held: map[HostID]*pb.Message{}}
	}
	from := HostID(rm.GetFrom())
	if rm.GetIndex() < l.acked[from] {
		return // late: a newer one is known
	}
	l.acked[from], l.held[from] = rm.GetIndex(), rm
	c.releaseAcks()
}

// releaseAcks tells raft what hosts that are quorate have acknowledged meanwhile.
func (c *Core) releaseAcks() {
	l := &c.ledger
	st := c.rn.BasicStatus()
	if len(l.held) == 0 || c.frozen() || st.RaftState != raft.StateLeader || l.term != st.HardState.GetTerm() {
		return
	}
	safe := c.quorateIndex()
	for _, from := range slices.Sorted(maps.Keys(l.held)) {
		rm := l.held[from]
		if rm.GetIndex() <= safe {
			delete(l.held, from)
		} else {
			rm = proto.CloneOf(rm)
			rm.Index = proto.Uint64(safe)
		}
		_ = c.rn.Step(rm)
	}
}

// acknowledged is up to where a host has acknowledged this leader's log, as far as the ledger is kept.
func (c *Core) acknowledged(h HostID) uint64 {
	if !c.leads() || c.ledger.term != c.rn.BasicStatus().HardState.GetTerm() {
		return 0
	}
	return c.ledger.acked[h]
}

// quorateIndex is up to where hosts that are quorate have the log.
func (c *Core) quorateIndex() uint64 {
	acked := maps.Clone(c.ledger.acked)
	acked[c.cfg.ID] = c.held.Log.Index
	hosts := slices.Sorted(maps.Keys(acked))
	indexes := slices.Compact(slices.Sorted(maps.Values(acked)))
	for _, index := range slices.Backward(indexes) {
		var set []HostID
		for _, h := range hosts {
			if acked[h] >= index {
				set = append(set, h)
			}
		}
		if c.rules.Commits(c.judgeVotes(c.counted(set), c.reach).Quorate) {
			return index
		}
	}
	return 0
}
