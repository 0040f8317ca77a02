package core

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// election is this host's part in finding a leader of its group.
type election struct {
	campaign time.Duration // when to campaign, 0: not
	tried    int           // campaigns since there was a leader
	silence  int           // raft ticks since the leader's raft was heard
	granted  []HostID      // voted for this host in the running campaign
	held     []*pb.Message // their votes, until they are a quorum by votes (rule 6)
	reported HostID        // the leader last reported
	odd      time.Duration // since when the leader's heartbeats name another leader
}

const (
	campaignStagger = 12 * time.Millisecond // between hosts, by rank
	campaignAgain   = 60 * time.Millisecond
	campaignDoubled = 7 // how often, at most
	raftSilence     = electionTicks * 3 / 2
)

func (e *election) at() time.Duration {
	if e.campaign == 0 {
		return 1<<63 - 1
	}
	return e.campaign
}

// leader is the leader that this host follows and hears, or itself; 0 when there is none.
func (c *Core) leader() HostID {
	if c.frozen() || c.halted {
		return 0
	}
	lead := HostID(c.rn.BasicStatus().Lead)
	if lead != 0 && lead != c.cfg.ID && (c.peer(lead) == nil || !c.peer(lead).alive) {
		return 0
	}
	return lead
}

func (c *Core) leads() bool { return c.leader() == c.cfg.ID }

// inGroup tells whether a live host has this host's log and is free to follow it.
func (c *Core) inGroup(id HostID) bool {
	if id == c.cfg.ID {
		return !c.frozen()
	}
	hb := &c.peer(id).last
	return hb.Ballot == c.ballot && !c.ballot.Less(hb.Promised)
}

// considerElection gives up a leader that is gone, and campaigns when there is none.
func (c *Core) considerElection() {
	if c.frozen() {
		c.election.campaign = 0
		return
	}
	st := c.rn.BasicStatus()
	lead := HostID(st.Lead)
	if lead != 0 && lead != c.cfg.ID && c.gaveUp(lead) {
		_ = c.rn.ForgetLeader()
		lead, c.election.silence = 0, 0
	}
	if lead != 0 || st.RaftState == raft.StateLeader || !c.mayCampaign() {
		c.election.campaign = 0
		if lead != 0 {
			c.election.tried = 0
		}
		return
	}
	if c.election.campaign == 0 {
		c.election.campaign = c.now + c.election.pause(c.rank())
	}
	if c.now >= c.election.campaign {
		c.election.tried++
		c.election.campaign = c.now + c.election.pause(c.rank())
		c.election.granted, c.election.held = []HostID{c.cfg.ID}, nil
		_ = c.rn.Campaign() // refused only when it leads already or may not
	}
}

// pause is how long a host waits before it campaigns (again). A vote counts when it is on a disk, and each campaign makes those of the
// one before worthless, so slow disks are given twice as long each time.
func (e *election) pause(rank int) time.Duration {
	wait := campaignStagger * time.Duration(rank)
	if e.tried == 0 {
		return wait
	}
	return (campaignAgain + 2*wait) << min(e.tried-1, campaignDoubled)
}

// gaveUp tells that a follower need not wait for its leader any longer.
func (c *Core) gaveUp(lead HostID) bool {
	p := c.peer(lead)
	if p == nil || !p.alive || c.election.silence > raftSilence {
		return true
	}
	if c.ballot.Less(p.last.Promised) || p.last.Ballot != c.ballot {
		return true // it yields (rule 9)
	}
	if p.last.Leader == lead {
		c.election.odd = 0
		return false
	}
	if c.election.odd == 0 {
		c.election.odd = c.now
	}
	return c.now-c.election.odd > 4*c.cfg.Timing.Heartbeat
}

// rank orders the hosts that could campaign.
func (c *Core) rank() int {
	rank := 0
	for _, v := range c.voters() {
		if v < c.cfg.ID && slices.Contains(c.reach, v) && c.inGroup(v) {
			rank++
		}
	}
	return rank
}

// mayCampaign tells whether this host could be elected and should try.
func (c *Core) mayCampaign() bool {
	return !c.forgot(c.cfg.ID) && !c.leaving && !c.sleeper.dazed(c, c.cfg.Timing.Token/2) && slices.Contains(c.voters(), c.cfg.ID) &&
		c.electable(c.ballot, c.voters(), c.reach) && !c.obstructed()
}

// receive takes a message of another host in.
func (c *Core) receive(m *Message) {
	p := c.peer(m.From)
	if p == nil || m.To != c.cfg.ID || p.boot != 0 && m.Boot != p.boot {
		return
	}
	switch m.Kind {
	case RaftMessage:
		c.receiveRaft(m)
	case ForwardMessage:
		c.forwarded(m)
	case RefusedMessage:
		c.refused(m)
	case ProposeMessage:
		c.proposed(m)
	case PromiseMessage:
		c.promisedBy(m)
	case RefuseMessage:
		c.refusedBy(m)
	case StartMessage:
		c.startAsked(m)
	case InstallMessage:
		c.installAsked(m)
	}
}

// receiveRaft steps raft, unless a promise forbids it (rule 4).
func (c *Core) receiveRaft(m *Message) {
	rm := m.Raft
	if c.frozen() || m.Ballot != c.ballot || HostID(rm.GetFrom()) != m.From || HostID(rm.GetTo()) != c.cfg.ID {
		return
	}
	if raft.IsLocalMsg(rm.GetType()) || rm.GetType() == pb.MsgProp {
		return
	}
	if c.beyond(rm) {
		return
	}
	if HostID(c.rn.BasicStatus().Lead) == m.From {
		c.election.silence = 0
	}
	if t := rm.GetType(); (t == pb.MsgVoteResp || t == pb.MsgPreVoteResp) && !rm.GetReject() {
		c.holdVote(rm)
	} else if t == pb.MsgAppResp && !rm.GetReject() {
		c.holdAck(rm)
	} else {
		_ = c.rn.Step(rm)
	}
	c.noteLeader()
	if c.rn.BasicStatus().Lead == 0 {
		c.dirty = true
	}
}

// holdVote lets raft count votes only once those who gave them are quorate by votes.
func (c *Core) holdVote(rm *pb.Message) {
	e := &c.election
	from := HostID(rm.GetFrom())
	if rm.GetType() == pb.MsgVoteResp && len(e.held) > 0 && e.held[0].GetType() == pb.MsgPreVoteResp {
		e.held, e.granted = nil, []HostID{c.cfg.ID}
	}
	e.held = append(e.held, rm)
	if !slices.Contains(e.granted, from) {
		e.granted = append(e.granted, from)
	}
	set := slices.Clone(e.granted)
	for _, l := range c.conf.GetLearners() {
		if slices.Contains(c.reach, HostID(l)) {
			set = append(set, HostID(l))
		}
	}
	slices.Sort(set)
	if !c.rules.Elects(c.judge(set).Quorate) {
		return
	}
	held := e.held
	e.held = nil
	for _, m := range held {
		_ = c.rn.Step(m)
	}
}

// noteLeader reports a new leader, and sends it what waits.
func (c *Core) noteLeader() {
	lead := c.leader()
	if lead != c.election.reported {
		c.election.reported, c.election.silence, c.election.odd = lead, 0, 0
		text := fmt.Sprintf("host %d leads", lead)
		if lead == 0 {
			text = "no leader is known"
		}
		c.change(Change{Kind: LeaderIs, Host: lead, Text: text})
	}
	c.proposals.resubmit(c)
}
