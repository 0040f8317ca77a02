package core

import (
	"fmt"
	"math"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"
)

// Raft's pace, in heartbeats. Followers never count raft's election timeout: they
// campaign when liveness says so, and on raftSilence when the leader's packets arrive
// but its log does not. A leader that hears no majority for electionTicks steps down. While
// everybody has all of the log, and liveness vouches for everybody, raft has nothing to
// say: a leader then ticks once in quietBeats.
const (
	quietBeats         = 3
	raftHeartbeatTicks = 4
	electionTicks      = 20
	trailing           = 1024 // entries kept in memory before a snapshot, for slow followers
	firstIndex         = 1    // of the snapshot that every new disk starts with
)

// load builds the group from what the disk has, or the first group from the configuration.
func (c *Core) load(saved Saved) error {
	if saved.Snapshot == nil {
		first, err := c.firstSnapshot()
		if err != nil {
			return err
		}
		b := Ballot{Number: 1}
		saved = Saved{Promised: b, Ballot: b, Snapshot: first,
			HardState: &pb.HardState{Term: proto.Uint64(1), Vote: proto.Uint64(0), Commit: proto.Uint64(firstIndex)}}
		s := c.saving()
		s.Install, s.Ballot, s.Promised = true, b, &b
		s.Snapshot, s.HardState, s.Sync, s.Disk = first, saved.HardState, true, c.cfg.Boot
		saved.Disk = c.cfg.Boot
	}
	c.disk = saved.Disk
	c.promised = saved.Promised
	if err := c.open(saved, Origin{Group: saved.Ballot}); err != nil {
		return err
	}
	c.written()
	if c.frozen() {
		c.learn() // raft, which would, does nothing until this host is in another group
	}
	return nil
}

// firstSnapshot is what all hosts with the same configuration start from.
func (c *Core) firstSnapshot() (*pb.Snapshot, error) {
	return &pb.Snapshot{Data: marshalState(&agreed{}, nil), Metadata: &pb.SnapshotMetadata{
		ConfState: confState(c.cfg.Quorum.Hosts), Index: proto.Uint64(firstIndex), Term: proto.Uint64(1)}}, nil
}

// confState makes the first MaxVoters hosts voters, the rest learners.
func confState(hosts []HostID) *pb.ConfState {
	cs := &pb.ConfState{}
	for i, h := range hosts {
		if i < MaxVoters {
			cs.Voters = append(cs.Voters, uint64(h))
		} else {
			cs.Learners = append(cs.Learners, uint64(h))
		}
	}
	return cs
}

// open starts raft on a log, in place of the one before.
func (c *Core) open(saved Saved, from Origin) error {
	log := raft.NewMemoryStorage()
	if err := log.ApplySnapshot(saved.Snapshot); err != nil {
		return fmt.Errorf("open the log's snapshot: %w", err)
	}
	if err := log.SetHardState(saved.HardState); err != nil {
		return fmt.Errorf("open the log's hard state: %w", err)
	}
	if err := log.Append(saved.Entries); err != nil {
		return fmt.Errorf("open the log's entries: %w", err)
	}
	if err := c.restore(saved.Snapshot, from); err != nil {
		return err
	}
	rn, err := raft.NewRawNode(&raft.Config{
		ID: uint64(c.cfg.ID), ElectionTick: electionTicks, HeartbeatTick: raftHeartbeatTicks, Storage: log,
		Applied: c.applied, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, MaxUncommittedEntriesSize: 64 << 20,
		CheckQuorum: true, PreVote: true, Logger: quiet{},
	})
	if err != nil {
		return fmt.Errorf("open the log of group %s: %w", saved.Ballot, err)
	}
	c.log, c.rn, c.ballot = log, rn, saved.Ballot
	c.election, c.views = election{reported: c.election.reported}, viewKeeper{}
	c.known, c.ledger = facts{}, ledger{}
	return nil
}

// restore takes a snapshot over as the applied state.
func (c *Core) restore(s *pb.Snapshot, from Origin) error {
	a, machine, err := unmarshalState(s.GetData())
	if err != nil {
		return err
	}
	if machine != nil {
		if err := c.cfg.Machine.Restore(machine, from); err != nil {
			return fmt.Errorf("restore the machine from the snapshot at %d: %w", s.GetMetadata().GetIndex(), err)
		}
	}
	c.heed()
	changed := a.View.Number != c.agreed.View.Number || a.View.Ballot != c.agreed.View.Ballot
	c.agreed, c.conf = a, s.GetMetadata().GetConfState()
	c.applied, c.snapped = s.GetMetadata().GetIndex(), s.GetMetadata().GetIndex()
	c.dirty = true
	if changed {
		c.cfg.Machine.View(c.applied, a.View)
		c.change(Change{Kind: Viewed, View: a.View, Text: viewText(a.View)})
	}
	return nil
}

// heed takes over what the applied state says of lost quorum.
func (c *Core) heed() {
	ignore := c.cfg.Machine.QuorumIgnored()
	c.dirty = c.dirty || c.ignore != ignore
	c.ignore = ignore
}

// frozen: a promise to a higher ballot keeps this host out of its group (rule 4).
func (c *Core) frozen() bool { return c.rules.Frozen(c.promised, c.ballot) }

func (c *Core) raftTick() {
	if c.frozen() {
		return
	}
	if st := c.rn.BasicStatus(); st.RaftState == raft.StateLeader {
		if c.quiet++; c.quiet >= quietBeats || !c.caughtUpAll(&st) {
			c.quiet = 0
			c.rn.Tick()
		}
		return
	}
	c.rn.TickQuiesced() // counts the lease, and never campaigns by itself
	c.election.silence++
}

// caughtUpAll tells whether this leader's log is committed and applied, and every host that is
// alive has confirmed all of it.
func (c *Core) caughtUpAll(st *raft.BasicStatus) bool {
	last, _ := c.log.LastIndex()
	all := c.applied == last && st.HardState.GetCommit() == last && st.LeadTransferee == 0 && len(c.proposals.order) == 0
	c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		if p := c.peer(HostID(id)); p != nil && p.alive {
			all = all && pr.Match == last && pr.State == tracker.StateReplicate
		}
	})
	return all
}

func (c *Core) raftUnreachable(id HostID) {
	if c.rn != nil && !c.frozen() {
		c.rn.ReportUnreachable(uint64(id))
		c.rn.ReportSnapshot(uint64(id), raft.SnapshotFailure)
	}
}

// raftReady tells whether raft has something to do. A frozen group has not.
func (c *Core) raftReady() bool { return !c.frozen() && c.rn.HasReady() }

// takeReady adds raft's wishes to the batch.
func (c *Core) takeReady() {
	if !c.raftReady() {
		return
	}
	rd := c.rn.Ready()
	c.ready = &rd
	s := c.save
	newTerm := false
	if !raft.IsEmptyHardState(rd.HardState) {
		s = c.saving()
		before, _, _ := c.log.InitialState()
		newTerm = before.GetTerm() != rd.HardState.GetTerm()
		s.HardState = rd.HardState
		_ = c.log.SetHardState(rd.HardState)
	}
	if !raft.IsEmptySnap(rd.Snapshot) {
		s = c.saving()
		s.Snapshot, s.Entries, s.Replace = rd.Snapshot, nil, true
		c.facts() // which heartbeats go on telling until the snapshot is written and applied
		_ = c.log.ApplySnapshot(rd.Snapshot)
	}
	if len(rd.Entries) > 0 {
		s = c.saving()
		s.Entries = rd.Entries
		_ = c.log.Append(rd.Entries)
	}
	if s != nil {
		s.Sync = s.Sync || rd.MustSync || s.Promised != nil || s.Snapshot != nil
	}
	leads := c.rn.BasicStatus().RaftState == raft.StateLeader
	for _, rm := range rd.Messages {
		m := Message{Kind: RaftMessage, From: c.cfg.ID, Boot: c.cfg.Boot, To: HostID(rm.GetTo()), Ballot: c.ballot, Raft: rm}
		if leads && !newTerm && (rm.GetType() == pb.MsgApp || rm.GetType() == pb.MsgHeartbeat) {
			c.out.Early = append(c.out.Early, m)
		} else {
			c.out.Messages = append(c.out.Messages, m)
		}
	}
}

// finishReady applies what the batch committed.
func (c *Core) finishReady() {
	rd := c.ready
	if rd == nil {
		return
	}
	c.ready = nil
	if !raft.IsEmptySnap(rd.Snapshot) {
		if err := c.restore(rd.Snapshot, Origin{Group: c.ballot}); err != nil {
			panic(fmt.Sprintf("host %d: a snapshot that the leader could write cannot be read: %v", c.cfg.ID, err))
		}
	}
	for _, e := range rd.CommittedEntries {
		c.applyRaft(e)
	}
	c.rn.Advance(*rd)
	c.compact()
	c.noteLeader()
}

// learn applies what the log is known to have committed. Who takes part in no group, for its disk or its promise, has to know what runs
// on its host, to stop it, even if its daemon has just begun.
func (c *Core) learn() {
	last, _ := c.log.LastIndex()
	last = min(last, c.rn.BasicStatus().HardState.GetCommit())
	if last <= c.applied {
		return
	}
	entries, err := c.log.Entries(c.applied+1, last+1, math.MaxUint64)
	if err != nil {
		return // a snapshot that could not be written has taken their place: it is of what others know
	}
	for _, e := range entries {
		c.applyRaft(e)
	}
}

// applyRaft applies one committed entry.
func (c *Core) applyRaft(e *pb.Entry) {
	if e.GetIndex() <= c.applied {
		return
	}
	c.applied = e.GetIndex()
	switch {
	case e.GetType() == pb.EntryConfChange:
		cc := &pb.ConfChange{}
		if err := proto.Unmarshal(e.GetData(), cc); err != nil {
			panic(fmt.Sprintf("host %d: conf change at %d: %v", c.cfg.ID, e.GetIndex(), err))
		}
		c.conf = c.rn.ApplyConfChange(cc)
		c.dirty, c.views.conf, c.conferred = true, 0, true
		if h := HostID(cc.GetNodeId()); cc.GetType() == pb.ConfChangeRemoveNode {
			c.agreed.forget(h)
			c.ledger.forget(h)
		} else {
			c.agreed.readmit(h, &c.rules)
		}
	case e.GetType() == pb.EntryConfChangeV2:
		cc := &pb.ConfChangeV2{}
		if err := proto.Unmarshal(e.GetData(), cc); err != nil {
			panic(fmt.Sprintf("host %d: conf change at %d: %v", c.cfg.ID, e.GetIndex(), err))
		}
		c.conf = c.rn.ApplyConfChange(cc)
		c.dirty, c.views.conf, c.conferred = true, 0, true
	case len(e.GetData()) > 0:
		c.apply(e)
	}
}

// apply applies an entry of this package.
func (c *Core) apply(re *pb.Entry) {
	e, err := unmarshalEntry(re.GetData())
	if err != nil {
		panic(fmt.Sprintf("host %d: committed entry %d: %v; this daemon is older than the one that leads", c.cfg.ID, re.GetIndex(), err))
	}
	mine := e.Host == c.cfg.ID && e.Boot == c.cfg.Boot
	switch e.Kind {
	case changeEntry:
		data, before := c.agreed.applied(&e)
		if !before {
			data = c.cfg.Machine.Apply(re.GetIndex(), e.Data)
			c.agreed.note(&e, data)
			c.heed()
		}
		if mine {
			c.conclude(Answer{Seq: e.Seq, Index: re.GetIndex(), Data: data})
		}
	case barrierEntry:
		if mine {
			c.sleeper.confirm(c, e.Seq)
		}
	case fencedEntry:
		c.dirty = c.agreed.fence(Peer{e.Host, e.Boot}, &c.rules) || c.dirty
	case expectedEntry:
		c.applyExpected(e.Votes)
	case viewEntry:
		if e.View.Number <= c.agreed.View.Number {
			return // a leader that had not yet applied its predecessor's
		}
		e.View.Ballot = c.ballot
		c.agreed.install(&e, c.cfg.Quorum.Hosts, c.ignore, &c.rules)
		c.raiseExpected(&e.View)
		c.cfg.Machine.View(re.GetIndex(), e.View)
		c.change(Change{Kind: Viewed, View: e.View, Text: viewText(e.View)})
	}
}

// alone tells whether a set is all that is left: every other host is confirmed dead, and
// those could not have gone on by themselves before they died. A confirmation of long ago says
// nothing about what a host did between its next boot and now.
func (c *Core) alone(set []HostID) bool {
	all := c.cfg.Quorum.Hosts
	others := slices.DeleteFunc(slices.Clone(all), func(h HostID) bool { return slices.Contains(set, h) })
	return c.agreed.allFenced(set, all) && !c.judgeVotes(others, others).Strong
}

// majoritiesHold tells whether every majority of the voters is strong, or all that is left.
func (c *Core) majoritiesHold(voters []HostID) bool {
	need := len(voters)/2 + 1
	for mask := range 1 << len(voters) {
		var set []HostID
		for i, v := range voters {
			if mask&(1<<i) != 0 {
				set = append(set, v)
			}
		}
		if len(set) == need && !c.judgeVotes(set, set).Strong && !c.alone(set) {
			return false
		}
	}
	return true
}

// compact replaces the applied log by a snapshot now and then.
func (c *Core) compact() {
	// A host that was added is only sent a snapshot that names it.
	if c.applied < c.snapped+uint64(c.cfg.CompactEvery) && !c.conferred {
		return
	}
	c.conferred = false
	snap, err := c.snapshot()
	if err != nil {
		c.change(Change{Kind: Viewed, View: c.agreed.View, Text: "the log could not be compacted: " + err.Error()})
		c.snapped = c.applied // try again after as many entries
		return
	}
	c.snapped = c.applied
	if c.applied > trailing {
		_ = c.log.Compact(c.applied - trailing) // nothing to do when that is gone already
	}
	s := c.saving()
	s.Snapshot, s.Sync = snap, true
}

// snapshot makes a snapshot of what is applied and puts it into the log.
func (c *Core) snapshot() (*pb.Snapshot, error) {
	machine, err := c.cfg.Machine.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("snapshot the machine at %d: %w", c.applied, err)
	}
	if machine == nil {
		machine = []byte{}
	}
	snap, err := c.log.CreateSnapshot(c.applied, c.conf, marshalState(&c.agreed, machine))
	if err != nil {
		return nil, fmt.Errorf("snapshot the log at %d: %w", c.applied, err)
	}
	return snap, nil
}

// voters are the group's, ascending. The caller must not change them.
func (c *Core) voters() []HostID {
	if c.electorate.of != c.conf {
		list := make([]HostID, 0, len(c.conf.GetVoters()))
		for _, v := range c.conf.GetVoters() {
			list = append(list, HostID(v))
		}
		slices.Sort(list)
		c.electorate.of, c.electorate.hosts = c.conf, slices.Clip(list)
	}
	return c.electorate.hosts
}

// last is the position of the log's end.
func (c *Core) last() (term, index uint64) {
	index, _ = c.log.LastIndex()
	term, _ = c.log.Term(index)
	return term, index
}

// sealed is the highest ballot that the log seals, applied or not. A seal counts once it
// is persisted: the hosts that committed it may be gone.
func (c *Core) sealed() Ballot { return c.facts().sealed }

// facts are what the log says, applied or not.
type facts struct {
	at     [3]uint64 // the log's end, term and index, and what is applied
	sealed Ballot
	disks  []Peer // as recorded by views
}

func (c *Core) facts() *facts {
	if first, _ := c.log.FirstIndex(); first > c.applied+1 {
		return &c.known // of before a snapshot that has yet to be written and applied
	}
	term, last := c.last()
	at := [3]uint64{term, last, c.applied}
	if c.known.at == at {
		return &c.known
	}
	c.known = facts{at: at, sealed: c.agreed.Sealed, disks: slices.Clone(c.agreed.Disks)}
	for _, re := range c.tail() {
		e, err := unmarshalEntry(re.GetData())
		if err != nil || e.Kind != viewEntry {
			continue
		}
		if e.View.Strong {
			c.known.sealed = c.ballot
		}
		for _, d := range e.Disks {
			c.known.disks = setPeer(c.known.disks, d)
		}
	}
	return &c.known
}

// tail is what the log has and the machine has not applied.
func (c *Core) tail() []*pb.Entry {
	last, _ := c.log.LastIndex()
	if last <= c.applied {
		return nil
	}
	entries, err := c.log.Entries(c.applied+1, last+1, 1<<62)
	if err != nil {
		panic(fmt.Sprintf("host %d: log between %d and %d: %v", c.cfg.ID, c.applied, last, err))
	}
	return entries
}

// Group returns the ballot of the group whose log this host has. What the seed of a fork applies of its log's tail was
// committed by nobody, and is the new group's: the old one may go on elsewhere with other entries.
func (c *Core) Group() Ballot {
	if c.fork.seeding {
		return c.promised
	}
	return c.ballot
}
