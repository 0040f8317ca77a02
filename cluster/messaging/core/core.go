package core

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"holdfast/cluster/messaging/quorum"
)

// Errors of proposals.
var (
	ErrNoQuorum = errors.New("no quorum: the hosts reachable from here may not change the cluster")
	// ErrUnsettled says that the quorum was lost before the change was acknowledged: once the
	// hosts meet again it may turn out to have been made.
	ErrUnsettled = errors.New("the quorum was lost before the change was acknowledged, and it may yet be made")
	ErrStopped   = errors.New("this host's messaging has stopped")
)

// Core is one host's part of the protocol. It is not safe for concurrent use.
type Core struct {
	cfg     Config
	rules   Rules
	now     time.Duration
	started time.Duration

	// Liveness.
	self         peer     // only its rival
	others       []HostID // configured hosts but this one, ascending
	peers        []*peer  // and what is known of them, in the same order
	former       []*peer  // hosts that were configured
	beats        uint64
	lastBeat     time.Duration
	nextBeat     time.Duration
	leaving      bool
	leavingSince time.Duration
	dirty        bool     // what reach depends on has changed
	reach        []HostID // the largest set with this host that all hear each other, ascending
	steady       time.Duration
	verdict      quorum.Verdict
	ignore       bool
	sleeper      sleeper

	// The group: this host's log and its raft.
	promised   Ballot
	ballot     Ballot
	log        *raft.MemoryStorage
	rn         *raft.RawNode
	conf       *pb.ConfState
	electorate struct { // conf's voters, in order
		of    *pb.ConfState
		hosts []HostID
	}
	conferred bool // conf changed since the last snapshot
	applied   uint64
	snapped   uint64 // index of the last snapshot
	agreed    agreed
	ready     *raft.Ready
	quiet     int // beats since raft's last tick, while this host leads
	election  election
	ledger    ledger
	views     viewKeeper
	fork      fork
	known     facts

	proposals proposals
	device    device

	out       Batch
	save      *Save
	halted    bool
	asked     int  // expected votes by an operator's word, not yet in the log
	unblocked bool // wait_for_all ended by an operator's word

	disk uint64 // rule 12
	held Held   // what is on the disk for certain
}

// New starts a core at the given instant of the host's clock, which must count time
// asleep too, and never jump.
func New(cfg Config, now time.Duration) (*Core, error) {
	hosts := cfg.Quorum.Hosts
	if !slices.Contains(hosts, cfg.ID) || !slices.IsSorted(hosts) {
		return nil, fmt.Errorf("host %d is not among the cluster's hosts %v, or they are not in order", cfg.ID, hosts)
	}
	if cfg.Boot == 0 || cfg.Links < 1 || cfg.Links > MaxLinks {
		return nil, fmt.Errorf("host %d needs a boot id and 1 to %d links, not %d", cfg.ID, MaxLinks, cfg.Links)
	}
	if cfg.CompactEvery <= 0 {
		cfg.CompactEvery = 4096
	}
	if cfg.Timing.Token <= 0 {
		cfg.Timing = NewTiming(0)
	}
	c := &Core{cfg: cfg, now: now, started: now, dirty: true}
	if c.rules = Lawful(); cfg.Rules != nil {
		c.rules = *cfg.Rules
	}
	c.self = *newPeer(cfg.ID, cfg.Links)
	c.self.boot = cfg.Boot
	for _, id := range hosts {
		if id != cfg.ID {
			c.others = append(c.others, id)
			c.peers = append(c.peers, newPeer(id, cfg.Links))
		}
	}
	c.lastBeat, c.nextBeat = never, now
	c.sleeper.last, c.device.hoped = now, never
	c.proposals.waiting = map[uint64]*proposal{}
	c.saving().Boot = cfg.Boot
	if err := c.load(cfg.Saved); err != nil {
		return nil, fmt.Errorf("start host %d: %w", cfg.ID, err)
	}
	return c, nil
}

// Step takes an event in.
func (c *Core) Step(now time.Duration, ev Event) {
	if c.halted {
		c.stepHalted(ev)
		return
	}
	c.pass(now)
	switch ev := ev.(type) {
	case Heard:
		c.heartbeat(&ev)
	case Received:
		c.receive(&ev.Message)
	case Propose:
		c.propose(ev)
	case Cancel:
		c.cancel(ev.Seq)
	case Unsent:
		c.raftUnreachable(ev.To)
		delete(c.fork.invited, ev.To)
		c.proposals.unsent(ev.To)
	case Fenced:
		c.confirmFenced(ev)
	case Configure:
		c.configure(ev.Quorum)
	case Expect:
		c.expect(ev.Votes)
	case Unblock:
		c.unblocked, c.dirty = true, true
	case DeviceSays:
		c.device.says, c.dirty = ev, true
	case Leave:
		if !c.leaving {
			c.leaving, c.leavingSince = true, c.now
		}
	}
	if c.dirty {
		c.consider()
	}
}

// stepHalted takes an event of a host that takes part no more.
func (c *Core) stepHalted(ev Event) {
	switch ev := ev.(type) {
	case Leave:
		c.leaving = true
		c.hurry()
	case Propose:
		c.out.Answers = append(c.out.Answers, Answer{Seq: ev.Seq, Err: ErrStopped})
	}
}

// heartbeat takes a packet in, and looks at the network again if it said something new.
func (c *Core) heartbeat(ev *Heard) {
	p := c.peer(ev.Heartbeat.From)
	var before Heartbeat
	if p != nil {
		before = p.last
	}
	c.hear(ev.Link, ev.Heartbeat)
	if p == nil {
		return
	}
	a, b := &before, &p.last
	awaited := p.inDoubt() || len(c.proposals.witnessed) > 0
	if a.Boot != b.Boot || !slices.Equal(a.Doubts, b.Doubts) || a.Held != b.Held && awaited || a.Leaving != b.Leaving || a.Disk != b.Disk || a.Leader != b.Leader || a.Promised != b.Promised ||
		a.Ballot != b.Ballot || a.Sealed != b.Sealed || a.Epoch != b.Epoch || a.Lent != b.Lent || !slices.Equal(a.Hears, b.Hears) || !slices.Equal(a.Voters, b.Voters) {
		c.dirty = true
	}
}

// Tick lets time pass. Call it at Next, or more often.
func (c *Core) Tick(now time.Duration) {
	if c.halted {
		if c.now, c.sleeper.last = now, now; now >= c.nextBeat {
			c.beat()
		}
		return
	}
	c.pass(now)
	if now >= c.nextBeat {
		c.raftTick()
		c.proposals.tick(c)
		c.sleeper.ask(c)
		c.beat()
	}
	c.judgePeers()
	c.consider()
}

// Next returns the instant at which Tick must be called at the latest.
func (c *Core) Next() time.Duration {
	if c.halted {
		return c.nextBeat
	}
	return max(c.now, min(c.nextBeat, c.deadline(), c.election.at(), c.views.at(), c.device.at(c.now, c.cfg.Quorum.DeviceWait)))
}

// minBeat keeps news from making more than one heartbeat each so long.
const minBeat = 10 * time.Millisecond

// hurry sends the next heartbeat soon: it has news.
func (c *Core) hurry() { c.nextBeat = min(c.nextBeat, max(c.now, c.lastBeat+minBeat)) }

// beat sends a heartbeat to every peer on every link.
func (c *Core) beat() {
	c.beats++
	c.lastBeat, c.nextBeat = c.now, c.now+c.cfg.Timing.Heartbeat
	hb := &Heartbeat{From: c.cfg.ID, Boot: c.cfg.Boot, Seq: c.beats, Leaving: c.gone(), Disk: c.disk, Trusted: c.cfg.TrustEmpty, Hears: c.hears(), Leader: c.leader(),
		Promised: c.promised, Ballot: c.ballot, Sealed: c.sealed(), Kept: c.position().Kept, Voters: c.voters()}
	hb.LastTerm, hb.LastIndex = c.last()
	hb.Held, hb.Doubts = c.held, c.doubts()
	hb.Epoch, hb.Lent = c.device.epoch, c.lent()
	c.out.Heartbeats = slices.Grow(c.out.Heartbeats, len(c.others)*c.cfg.Links)
	for _, id := range c.others {
		for link := range c.cfg.Links {
			c.out.Heartbeats = append(c.out.Heartbeats, Packet{To: id, Link: link, Heartbeat: hb})
		}
	}
}

// consider draws the conclusions from what is known: who is reachable, whether that is a
// quorum, whether to campaign, to fork, or to propose a view.
func (c *Core) consider() {
	c.dirty = false
	reach := largestClique(c.live(), c.mutual, c.cfg.ID, preference{leader: c.leader(), members: c.agreed.View.Members})
	if !slices.Equal(reach, c.reach) {
		c.reach, c.steady = reach, c.now
		c.device.epoch++
		c.hurry()
	}
	c.partition()
	c.verdict = c.judge(c.reach)
	c.report()
	c.reportQuorum()
	c.considerSole()
	c.releaseAcks()
	c.considerWitnessed()
	c.considerElection()
	c.considerFork()
	c.considerView()
	c.noteLeader()
}

// reportQuorum makes known whether this host has quorum, unless that hangs on the quorum device,
// which is about to say.
func (c *Core) reportQuorum() {
	v := &c.verdict
	switch {
	case v.Quorate || !c.device.quorate:
		c.device.hoped = never
	case c.device.hoped == never:
		c.device.hoped = c.now
	}
	if c.device.reported && v.Quorate == c.device.quorate || c.awaitsDevice() {
		return
	}
	c.device.reported, c.device.quorate = true, v.Quorate
	text := "quorum: " + v.Why()
	if !v.Quorate {
		text = "no " + text
	}
	c.change(Change{Kind: QuorumIs, Quorate: v.Quorate, Text: text})
}

// judge asks package quorum about a set, as things are now.
func (c *Core) judge(set []HostID) quorum.Verdict { return c.judgeVotes(c.counted(set), set) }

// judgeVotes asks about the votes of some of the hosts that are present.
func (c *Core) judgeVotes(votes, present []HostID) quorum.Verdict {
	in := quorum.Input{Members: votes, Present: present, Previous: c.agreed.Quorate, Expected: c.expected(), Ignore: c.ignore}
	if o := &c.cfg.Quorum; o.WaitsForAll() || o.DeviceVotes > 0 {
		in.SeenAll = c.seenAll()
	}
	in.Device = c.lends(votes, in.SeenAll)
	return quorum.Judge(&c.cfg.Quorum, in)
}

// seenAll are the hosts whose present daemons have been in a view of all.
func (c *Core) seenAll() []HostID {
	list := make([]HostID, 0, len(c.cfg.Quorum.Hosts))
	for _, h := range c.cfg.Quorum.Hosts {
		if c.rules.Completed(slices.Contains(c.agreed.Seen, Peer{h, c.bootOf(h)})) || h == c.cfg.ID && c.unblocked {
			list = append(list, h)
		}
	}
	return list
}

func (c *Core) change(ch Change) {
	c.out.Changes = append(c.out.Changes, ch)
	c.dirty = true
	c.hurry()
}

func (c *Core) send(m Message) {
	m.From, m.Boot = c.cfg.ID, c.cfg.Boot
	c.out.Messages = append(c.out.Messages, m)
}

// saving returns the write that the next batch makes.
func (c *Core) saving() *Save {
	if c.save == nil {
		c.save = &Save{}
	}
	return c.save
}

// HasBatch tells whether there is something to do.
func (c *Core) HasBatch() bool {
	o := &c.out
	if c.halted {
		return len(o.Heartbeats)+len(o.Changes)+len(o.Answers) > 0
	}
	return c.save != nil || len(o.Heartbeats)+len(o.Messages)+len(o.Changes)+len(o.Answers) > 0 || o.Partition != nil || c.raftReady()
}

// Batch hands out what is to be done. The caller carries it out and calls Done before
// any other method.
func (c *Core) Batch() Batch {
	if !c.halted {
		c.takeReady()
	}
	b := c.out
	b.Save = c.save
	c.out, c.save = Batch{}, nil
	return b
}

// Done tells that the last batch was carried out, and applies what it committed.
func (c *Core) Done() {
	if c.halted {
		return
	}
	c.written()
	c.releaseAcks()
	c.finishReady()
	if c.dirty {
		c.consider()
	}
}

// Halt tells that the last batch's Save failed. The host stays visible, so that it is not
// taken for dead while it stops what it runs, but it votes, follows and leads no more.
func (c *Core) Halt(cause error) {
	c.halted, c.ready, c.out, c.save = true, nil, Batch{}, nil
	c.learn()
	for _, w := range c.proposals.witnessed {
		w.answer.Unconfirmed = true
		c.out.Answers = append(c.out.Answers, w.answer)
	}
	for seq := range c.proposals.waiting {
		c.out.Answers = append(c.out.Answers, Answer{Seq: seq, Err: ErrStopped})
	}
	slices.SortFunc(c.out.Answers, func(a, b Answer) int { return cmp.Compare(a.Seq, b.Seq) })
	c.proposals = proposals{waiting: map[uint64]*proposal{}}
	c.change(Change{Kind: Halted, Host: c.cfg.ID, Text: "this host takes part no more, its state cannot be written: " + cause.Error()})
}

// Status returns what the core knows.
func (c *Core) Status() Status {
	st := Status{ID: c.cfg.ID, Leader: c.leader(), View: c.agreed.View, Reach: slices.Clone(c.reach), Verdict: c.verdict, Quorum: c.cfg.Quorum, Waiting: c.verdict.Waiting || c.barred(),
		Suspect: c.sleeper.suspect, Halted: c.halted, Applied: c.applied, Promised: c.promised, Ballot: c.ballot,
		Sealed: c.sealed(), Without: c.withoutOthers(), Hears: c.hears(), Partition: c.device.known, Undecided: c.awaitsDevice(), Links: map[HostID][]bool{}}
	hs := c.rn.BasicStatus().HardState
	st.Term, st.Commit = hs.GetTerm(), hs.GetCommit()
	for _, h := range c.reach {
		if c.forgot(h) {
			st.Forgot = append(st.Forgot, h)
		}
		if h == c.cfg.ID && c.lent() != 0 || h != c.cfg.ID && c.peer(h).last.Lent != 0 && c.peer(h).last.Lent == c.device.known.Ring {
			st.Lenders = append(st.Lenders, h)
		}
	}
	for _, p := range c.peers {
		up := make([]bool, c.cfg.Links)
		for i, heard := range p.links {
			up[i] = c.now-heard < c.cfg.Timing.Token
		}
		st.Links[p.id] = up
	}
	return st
}
