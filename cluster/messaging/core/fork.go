package core

import (
	"fmt"
	"slices"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// fork is this host's part in making a new group (rules 1 to 5) and in bringing hosts
// into the group that it leads (rule 9).
type fork struct {
	ballot   Ballot                   // proposed by this host, not yet started; zero: none
	hosts    []HostID                 // the set that it is for
	promises map[HostID]Position      // by those of hosts that promised
	highest  uint64                   // ballot number seen in refusals
	sent     time.Duration            // when the proposal was last sent
	invited  map[HostID]time.Duration // when the group's log was last sent to a host
	founding []HostID                 // this host was the seed of the group for these
	seeding  bool                     // the tail of the log is being applied
	begun    time.Duration            // when this host entered its group
	led      time.Duration            // when a reachable host last led, or none was to be expected
	heeds    HostID                   // whose proposal this host has promised last, if another's
	heeded   time.Duration            // and when
}

// inVain is for how many tokens without a leader a group that seems able to elect one is waited for. What another log says of the tie breaker, of
// expected votes and of wait_for_all is not known here: its hosts may not think themselves able.
const inVain = 4

// position is this host's.
func (c *Core) position() Position {
	p := Position{Sealed: c.sealed(), Log: c.ballot, Lineage: c.agreed.Lineage}
	p.LastTerm, p.LastIndex = c.last()
	p.Kept = p.kept()
	return p
}

// positionOf is a live host's, as it says.
func (c *Core) positionOf(id HostID) Position {
	if id == c.cfg.ID {
		return c.position()
	}
	hb := &c.peer(id).last
	return Position{Sealed: hb.Sealed, Kept: hb.Kept, Log: hb.Ballot, LastTerm: hb.LastTerm, LastIndex: hb.LastIndex}
}

func (c *Core) promisedOf(id HostID) Ballot {
	if id == c.cfg.ID {
		return c.promised
	}
	return c.peer(id).last.Promised
}

// electable tells whether the group could elect a leader among the hosts of a set, and that leader commit
// something. Hosts that have the group's log and are not yet in its configuration neither vote nor
// acknowledge, whatever their votes would make of the set.
func (c *Core) electable(group Ballot, voters, set []HostID) bool {
	var free, learners []HostID
	if group == c.ballot {
		learners = c.learners()
	}
	n := 0
	for _, h := range set {
		if c.positionOf(h).Log != group || group.Less(c.promisedOf(h)) {
			continue
		}
		if slices.Contains(voters, h) {
			free = append(free, h)
			n++
		} else if slices.Contains(learners, h) {
			free = append(free, h)
		}
	}
	verdict := c.judge(free)
	// What another group's documents say of no-quorum-policy is not known here, and to
	// wait for an election that it never holds would be to wait for ever.
	return n > len(voters)/2 && verdict.Quorate && !(verdict.Ignored && group != c.ballot)
}

// obstructed tells whether a reachable host may not enter this host's group (rule 9).
func (c *Core) obstructed() bool { return c.obstructs(c.position()) }

// obstructs tells it of any group, as far as its log's position says.
func (c *Core) obstructs(group Position) bool {
	for _, h := range c.reach {
		p := c.positionOf(h)
		if c.rules.Obstructs(c.promisedOf(h), p, group) {
			return true
		}
	}
	return false
}

// anyElectable tells whether some group of the reachable hosts could go on by itself.
func (c *Core) anyElectable() bool {
	for _, h := range c.reach {
		p := c.positionOf(h)
		voters := c.voters()
		if h != c.cfg.ID {
			voters = c.peer(h).last.Voters
		}
		if c.electable(p.Log, voters, c.reach) && !c.obstructs(p) {
			return true
		}
	}
	return false
}

// leaderSeen tells whether a reachable host leads and says so itself.
func (c *Core) leaderSeen() bool {
	for _, h := range c.reach {
		if h == c.cfg.ID && c.leads() || h != c.cfg.ID && c.peer(h).last.Leader == h {
			return true
		}
	}
	return false
}

// considerFork yields when the group cannot go on, forks when none can, and invites.
func (c *Core) considerFork() {
	wait := time.Duration(0)
	if len(c.reach) > 1 {
		wait = 2 * c.cfg.Timing.Heartbeat // until all have said where they are
	}
	if !c.rules.MayFork(c.verdict.Quorate) || c.sleeper.dazed(c, 2*c.cfg.Timing.Token) || c.leaving || c.now-c.steady < wait {
		c.fork.led = c.now
		return
	}
	if c.leads() && (c.obstructed() || !c.electable(c.ballot, c.voters(), c.reach)) {
		c.stepDown()
	}
	c.found()
	led := c.leaderSeen()
	if led {
		c.fork.led = c.now
	}
	if led && c.leads() {
		c.invite()
	}
	electable := !led && c.now-c.fork.led < inVain*c.cfg.Timing.Token && c.anyElectable()
	young := c.steady <= c.fork.begun && c.now-c.fork.begun < 2*c.cfg.Timing.Token // others are still entering
	if young && !led || c.yields() || !c.rules.Proposes(c.cfg.ID, c.inTurn(), led, electable) {
		c.abandon()
		return
	}
	c.proposeFork()
}

// inTurn are the hosts that may propose a fork, the one whose turn it is first. That is the lowest, unless there is no leader for longer than
// its proposal could take: its log may be old and know of disks that are no more, so that it does not think itself quorate.
func (c *Core) inTurn() []HostID {
	turn := int((c.now-c.fork.led)/(inVain*c.cfg.Timing.Token)) - 1
	return c.reach[max(turn, 0)%len(c.reach):]
}

// yields tells whether this host has just promised a reachable host to follow it: that is not outbid before it had time to start.
func (c *Core) yields() bool {
	return slices.Contains(c.reach, c.fork.heeds) && c.now-c.fork.heeded < 2*c.cfg.Timing.Token
}

// stepDown makes raft give its leadership up: a message of a higher term does.
func (c *Core) stepDown() {
	term := c.rn.BasicStatus().HardState.GetTerm()
	_ = c.rn.Step(&pb.Message{Type: pb.MsgHeartbeatResp.Enum(), From: proto.Uint64(uint64(c.cfg.ID)),
		To: proto.Uint64(uint64(c.cfg.ID)), Term: proto.Uint64(term + 1)})
	c.noteLeader()
}

func (c *Core) abandon() { c.fork.ballot, c.fork.promises = Ballot{}, nil }

// proposeFork is rule 2: it asks all of the set, and asks again until they answer.
func (c *Core) proposeFork() {
	f := &c.fork
	top := f.highest
	for _, h := range c.reach {
		top = max(top, c.promisedOf(h).Number, c.positionOf(h).Log.Number)
	}
	if f.ballot.Number < top || f.ballot.Number == 0 || c.promised != f.ballot || !slices.Equal(f.hosts, c.reach) {
		*f = fork{begun: f.begun, led: f.led, ballot: above(top, c.cfg.ID, c.cfg.Boot), hosts: slices.Clone(c.reach), promises: map[HostID]Position{}, sent: never}
		c.promise(f.ballot)
		f.promises[c.cfg.ID] = c.position()
	}
	if c.now-f.sent < 2*c.cfg.Timing.Heartbeat {
		return
	}
	f.sent = c.now
	for _, h := range f.hosts {
		if _, has := f.promises[h]; !has {
			c.send(Message{Kind: ProposeMessage, To: h, Ballot: f.ballot, Hosts: f.hosts})
		}
	}
	c.tryStart()
}

// promise is rule 4: durable before anybody hears of it.
func (c *Core) promise(b Ballot) {
	c.promised = b
	s := c.saving()
	s.Promised, s.Sync = &b, true
	c.hurry()
	c.noteLeader()
}

// proposed answers a proposal (rule 3).
func (c *Core) proposed(m *Message) {
	again := m.Ballot == c.promised && c.frozen()
	fresh := c.rules.Promises(Proposal{Ballot: m.Ballot, Hosts: m.Hosts, Promised: c.promised, Log: c.ballot, Reach: c.reach, Leader: c.leaderSeen()})
	if !fresh && !(again && slices.Equal(m.Hosts, c.reach)) {
		c.send(Message{Kind: RefuseMessage, To: m.From, Ballot: Ballot{Number: max(c.promised.Number, c.ballot.Number)}, Seq: m.Ballot.Number})
		return
	}
	if fresh {
		c.abandon()
		c.promise(m.Ballot)
		c.fork.heeds, c.fork.heeded = m.From, c.now
	}
	p := c.position()
	c.send(Message{Kind: PromiseMessage, To: m.From, Ballot: m.Ballot, Position: p})
}

func (c *Core) refusedBy(m *Message) {
	if c.fork.ballot.Number != 0 {
		c.fork.highest = max(c.fork.highest, m.Ballot.Number)
		c.dirty = true
	}
}

// promisedBy counts a promise.
func (c *Core) promisedBy(m *Message) {
	f := &c.fork
	if f.promises == nil || m.Ballot != f.ballot || c.promised != f.ballot || !slices.Contains(f.hosts, m.From) {
		return
	}
	f.promises[m.From] = m.Position
	c.tryStart()
}

// tryStart has the seed start the group once all have promised.
func (c *Core) tryStart() {
	f := &c.fork
	if f.promises == nil || len(f.promises) < len(f.hosts) || c.promised != f.ballot {
		return
	}
	s := c.rules.Seed(f.promises, f.hosts)
	if s == c.cfg.ID {
		c.start(f.ballot, f.hosts)
		return
	}
	c.send(Message{Kind: StartMessage, To: s, Ballot: f.ballot, Hosts: f.hosts, Host: s})
}

func (c *Core) startAsked(m *Message) {
	if m.Ballot == c.promised && c.frozen() && m.Host == c.cfg.ID && slices.Contains(m.Hosts, c.cfg.ID) && slices.IsSorted(m.Hosts) {
		c.start(m.Ballot, m.Hosts)
	}
}

// start makes this host's log the new group's (rule 5): everything in it counts as
// committed, because some of it may have been acknowledged.
func (c *Core) start(b Ballot, hosts []HostID) {
	c.fork.seeding = true // what is answered meanwhile is held by this host alone
	defer func() { c.fork.seeding = false }()
	for _, e := range c.tail() {
		if e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 && e.GetIndex() > c.applied {
			c.applied = e.GetIndex()
			c.apply(e)
		}
	}
	for _, h := range hosts {
		c.agreed.readmit(h, &c.rules)
	}
	term, index := c.last()
	c.agreed.Lineage = append(slices.Clone(c.agreed.Lineage), Ancestor{c.ballot, term, index})
	if n := len(c.agreed.Lineage); n > keptLineage {
		c.agreed.Lineage = slices.Delete(c.agreed.Lineage, 0, n-keptLineage)
	}
	machine, err := c.cfg.Machine.Snapshot()
	if err != nil {
		c.change(Change{Kind: Forked, Ballot: c.ballot, Text: "the machine cannot be snapshot for a new group: " + err.Error()})
		return
	}
	if machine == nil {
		machine = []byte{}
	}
	snap := &pb.Snapshot{Data: marshalState(&c.agreed, machine), Metadata: &pb.SnapshotMetadata{
		ConfState: confState(hosts), Index: proto.Uint64(index), Term: proto.Uint64(term)}}
	c.install(snap, Origin{Group: b}, nil)
	c.fork = fork{founding: hosts, begun: c.now, led: c.now}
	c.change(Change{Kind: Forked, Ballot: b, Text: fmt.Sprintf("hosts %v go on as group %s", hosts, b)})
	c.found()
}

// keptLineage is how many earlier groups a log remembers to have grown from.
const keptLineage = 32

// install replaces this host's log, in one write.
func (c *Core) install(snap *pb.Snapshot, from Origin, lost *Fork) {
	b, meta := from.Group, snap.GetMetadata()
	hs := &pb.HardState{Term: proto.Uint64(meta.GetTerm()), Vote: proto.Uint64(0), Commit: proto.Uint64(meta.GetIndex())}
	if c.promised.Less(b) {
		c.promised = b
	}
	promised := c.promised
	s := c.saving()
	*s = Save{Boot: s.Boot, Disk: s.Disk, Promised: &promised, Install: true, Ballot: b, HardState: hs, Snapshot: snap, Discarded: lost, Sync: true}
	if err := c.open(Saved{Promised: promised, Ballot: b, HardState: hs, Snapshot: snap}, from); err != nil {
		panic(fmt.Sprintf("host %d: the log of group %s cannot be opened: %v", c.cfg.ID, b, err))
	}
	c.hurry()
}

// found sends the log of the group that this host seeded to those that wait for it.
func (c *Core) found() {
	for _, h := range c.fork.founding {
		if h != c.cfg.ID && slices.Contains(c.reach, h) && c.positionOf(h).Log.Less(c.ballot) && !c.ballot.Less(c.promisedOf(h)) {
			c.sendLog(h)
		}
	}
}

// invite sends the group's log to reachable hosts that are in older groups.
func (c *Core) invite() {
	for _, h := range c.reach {
		if h != c.cfg.ID && c.positionOf(h).Log.Less(c.ballot) && !c.ballot.Less(c.promisedOf(h)) {
			c.sendLog(h)
		}
	}
}

// sendLog sends what is applied, at most once a token.
func (c *Core) sendLog(to HostID) {
	if at, ok := c.fork.invited[to]; ok && c.now-at < c.cfg.Timing.Token {
		return
	}
	snap, err := c.log.Snapshot()
	if err != nil || snap.GetMetadata().GetIndex() < c.applied {
		if snap, err = c.snapshot(); err != nil {
			return // the machine's trouble; compact reports it
		}
	}
	if c.fork.invited == nil {
		c.fork.invited = map[HostID]time.Duration{}
	}
	c.fork.invited[to] = c.now
	c.send(Message{Kind: InstallMessage, To: to, Ballot: c.ballot, Position: c.position(), Snapshot: snap})
}

// installAsked takes a group's log over: as a founder, or as a joiner (rule 9).
func (c *Core) installAsked(m *Message) {
	if !c.ballot.Less(m.Ballot) || m.Ballot.Less(c.promised) {
		return
	}
	state, _, err := unmarshalState(m.Snapshot.GetData())
	if err != nil || m.Snapshot.GetMetadata().GetIndex() == 0 {
		return
	}
	// Who promised this ballot was asked for its seal, and a log that the group's grew
	// from has nothing to lose.
	own := c.position()
	group := Position{Sealed: m.Sealed, Kept: m.Kept, Log: m.Ballot, Lineage: state.Lineage}
	if m.Ballot != c.promised && own.withheld(group) {
		return
	}
	var lost *Fork
	old, from := c.ballot, Origin{Group: m.Ballot}
	if own.LastIndex > firstIndex && !own.within(group) {
		lost, from.Discarded, from.Lost = c.discard(), true, c.groupsBeyond(state.Lineage)
	}
	c.install(m.Snapshot, from, lost)
	c.fork = fork{begun: c.now, led: c.now}
	if lost != nil {
		c.change(Change{Kind: Discarded, Ballot: old, Text: fmt.Sprintf(
			"group %s has gone on without what group %s wrote here; that is kept, see holdfast forks", m.Ballot, old)})
	}
	c.change(Change{Kind: Forked, Ballot: m.Ballot, Text: fmt.Sprintf("this host joins group %s", m.Ballot)})
}

// groupsBeyond are the groups of this host's log, its own the last, that are not in another log's lineage.
func (c *Core) groupsBeyond(lineage []Ancestor) []Ballot {
	var beyond []Ballot
	for _, a := range append(slices.Clone(c.agreed.Lineage), Ancestor{Log: c.ballot}) {
		if !slices.ContainsFunc(lineage, func(b Ancestor) bool { return b.Log == a.Log }) {
			beyond = append(beyond, a.Log)
		}
	}
	return beyond
}

// discard collects what this host has, before its log goes.
func (c *Core) discard() *Fork {
	f := &Fork{Ballot: c.ballot, Index: c.applied}
	if machine, err := c.cfg.Machine.Snapshot(); err == nil {
		f.Snapshot = machine
	}
	for _, e := range c.tail() {
		if d, err := unmarshalEntry(e.GetData()); err == nil && d.Kind == changeEntry {
			f.Tail = append(f.Tail, d.Data)
		}
	}
	return f
}
