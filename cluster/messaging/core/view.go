package core

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"holdfast/cluster/messaging/quorum"
)

// viewKeeper is the leader's: it proposes a view when the agreed set changes.
type viewKeeper struct {
	since    time.Duration // when a set that leaves out a host that is heard was first seen
	evicting []HostID      // that set
	wait     time.Duration // when to look again, 0: with the next event
	stood    time.Duration // since when the present view stands
	window   time.Duration // when last_man_standing's window ends, 0: it does not run
	expected [3]uint64     // term, view and votes of the last change of expected votes proposed
	number   uint64        // of the last view proposed
	term     uint64        // and in which term
	conf     time.Duration // when a conf change was last proposed
	renewed  []Peer        // daemons with a new disk whose progress was looked at
	moved    time.Duration // when leadership was last offered to another
}

func (k *viewKeeper) at() time.Duration {
	next := time.Duration(1<<63 - 1)
	for _, at := range []time.Duration{k.wait, k.window} {
		if at != 0 {
			next = min(next, at)
		}
	}
	return next
}

// settle is how long a leader that has just been started waits for the other hosts
// before it calls those that it has not heard lost.
func (t Timing) settle() time.Duration { return 2 * t.Token }

// considerView is the leader's part: agree on the set, keep raft's configuration in step,
// and hand over when it leaves.
func (c *Core) considerView() {
	c.views.wait, c.views.window = 0, 0
	if !c.leads() {
		return
	}
	st := c.rn.BasicStatus()
	if c.leaving {
		c.handOver()
	}
	last, _ := c.log.LastIndex()
	if term, _ := c.log.Term(last); term < st.HardState.GetTerm() {
		return // the entry that begins the term is not in the log yet
	}
	if c.overrated() {
		c.stepDown()
		return
	}
	c.reconcile()
	c.considerExpected()
	if c.readmits() {
		return
	}
	set := c.agreeSet()
	if set == nil {
		return
	}
	if !slices.Contains(set, c.cfg.ID) {
		c.handOver()
		return
	}
	c.proposeView(set)
}

// agreeSet is the largest set of the group's hosts that all hear each other; nil while
// it is too early to say.
func (c *Core) agreeSet() []HostID {
	var able []HostID
	for _, h := range c.live() {
		if c.inGroup(h) && c.enrolled(h) && !(h == c.cfg.ID && c.gone()) {
			able = append(able, h)
		}
	}
	set := largestClique(able, c.mutual, 0, preference{leader: c.cfg.ID, members: c.agreed.View.Members})
	if len(set) == 0 {
		return nil
	}
	if all := c.cfg.Quorum.Hosts; len(set) < len(all) && c.now-c.started < c.cfg.Timing.settle() && !c.accountedFor(set) {
		c.views.wait = c.started + c.cfg.Timing.settle()
		return nil
	}
	if !c.evicts(set, able) {
		c.views.evicting = nil
		return set
	}
	// A host that is heard here is left out because others do not hear it. News of that
	// travels at different speeds, so it has to last before it counts.
	if !slices.Equal(set, c.views.evicting) {
		c.views.evicting, c.views.since = set, c.now
	}
	if ripe := c.views.since + c.cfg.Timing.Token/2; c.now < ripe {
		c.views.wait = ripe
		return nil
	}
	return set
}

// evicts tells whether a member that is heard here would be left out.
func (c *Core) evicts(set, able []HostID) bool {
	for _, h := range able {
		if slices.Contains(c.agreed.View.Members, h) && !slices.Contains(set, h) {
			return true
		}
	}
	return false
}

// accountedFor tells whether all that a set lacks have said goodbye, or were heard by this
// daemon and are dead: for those there is nothing to wait for.
func (c *Core) accountedFor(set []HostID) bool {
	for _, h := range c.cfg.Quorum.Hosts {
		if slices.Contains(set, h) || c.hasLeft(h) {
			continue
		}
		if p := c.peer(h); p == nil || p.alive || p.boot == 0 {
			return false
		}
	}
	return true
}

// hasLeft tells whether a host left in an orderly way and was not back since. A daemon that
// was in no view cannot speak for its predecessor: what that ran may still run.
func (c *Core) hasLeft(h HostID) bool {
	if h == c.cfg.ID {
		return c.gone()
	}
	p, v := c.peer(h), &c.agreed.View
	if !p.last.Leaving {
		return slices.Contains(v.Left, h) && !p.alive
	}
	if boot, here := v.BootOf(h); here {
		return p.boot == 0 || p.boot == boot
	}
	return p.boot == 0 || !slices.Contains(v.Lost, h)
}

// proposeView puts the view into the log when it differs from the last one.
func (c *Core) proposeView(set []HostID) {
	verdict := c.judge(set)
	v := View{Number: c.agreed.View.Number + 1, Members: set, Leader: c.cfg.ID, Ballot: c.ballot,
		Strong: c.rules.Seals(verdict.Strong, c.alone(set) && c.sawAll(set))}
	v.take(verdict)
	for _, h := range set {
		v.Boots = append(v.Boots, c.bootOf(h))
	}
	for _, h := range c.cfg.Quorum.Hosts {
		switch {
		case slices.Contains(set, h):
		case c.hasLeft(h):
			v.Left = append(v.Left, h)
		default:
			v.Lost = append(v.Lost, h)
		}
	}
	term := c.rn.BasicStatus().HardState.GetTerm()
	if !v.Quorate && (!c.majority(set) || c.undecided()) {
		// Without a majority it could not be committed, and would only make this log seem to have
		// more than that of the side that goes on.
		return
	}
	if sameView(&v, &c.agreed.View) && !c.anyNewDisk(set) || c.views.number == v.Number && c.views.term == term {
		return
	}
	if c.rn.Propose((&entry{Kind: viewEntry, View: v, Disks: c.disks(set)}).marshal()) == nil {
		c.views.number, c.views.term = v.Number, term
	}
}

// take notes what the votes say. A view that has quorum only because its lack is ignored is contested, however many
// votes it has: with wait_for_all they may be more than half.
func (v *View) take(verdict quorum.Verdict) {
	v.Quorate, v.Ignored, v.Contested = verdict.Quorate, verdict.Ignored, verdict.Quorate && (verdict.Ignored || !verdict.Strong)
}

// majority tells whether a set has more than half of the group's voters, together with hosts that
// have said goodbye: those vote until the view that lets them go is written.
func (c *Core) majority(set []HostID) bool {
	voters, n := c.voters(), 0
	for _, h := range voters {
		p := c.peer(h)
		if slices.Contains(set, h) || p != nil && p.alive && p.last.Leaving && c.inGroup(h) {
			n++
		}
	}
	return 2*n > len(voters)
}

// sameView tells whether a view says nothing but what the present one does. A seal is not taken back, so less strength is no news.
func sameView(a, present *View) bool {
	return slices.Equal(a.Members, present.Members) && slices.Equal(a.Boots, present.Boots) && slices.Equal(a.Lost, present.Lost) &&
		slices.Equal(a.Left, present.Left) && a.Quorate == present.Quorate && a.Ignored == present.Ignored && a.Contested == present.Contested &&
		(!a.Strong || present.Strong) && a.Leader == present.Leader && a.Ballot == present.Ballot
}

// enrolled tells whether raft counts on a host: as a voter, or as a learner when the
// voters are complete.
func (c *Core) enrolled(h HostID) bool {
	voters := c.voters()
	return slices.Contains(voters, h) || len(voters) >= MaxVoters && slices.Contains(c.learners(), h)
}

// readmits tells whether a host that was confirmed dead is here again, and the log does not say so yet: reconcile sees to that. A view with
// it comes after that: of two sides of a cut one could have that view, the other only the confirmation, and each believe
// to be all that is left.
func (c *Core) readmits() bool {
	return slices.ContainsFunc(c.reach, func(h HostID) bool { return c.inGroup(h) && c.agreed.returned(h, &c.rules) })
}

// reconcile adds reachable hosts of the group that raft does not know, and anew those that were confirmed dead, makes learners voters,
// and drops what is no longer configured; one change at a time.
func (c *Core) reconcile() {
	if c.now-c.views.conf < 2*c.cfg.Timing.Heartbeat && c.views.conf != 0 {
		return
	}
	voters := c.voters()
	propose := func(kind pb.ConfChangeType, h HostID) {
		c.views.conf = c.now
		_ = c.rn.ProposeConfChange(&pb.ConfChange{Type: kind.Enum(), NodeId: proto.Uint64(uint64(h))})
	}
	for _, h := range append(slices.Clone(voters), c.learners()...) {
		if !slices.Contains(c.cfg.Quorum.Hosts, h) && h != c.cfg.ID {
			propose(pb.ConfChangeRemoveNode, h)
			return
		}
	}
	for _, h := range c.reach {
		anew := c.agreed.returned(h, &c.rules)
		switch voter := slices.Contains(voters, h); {
		case !c.inGroup(h) || voter && !anew:
		case voter:
			propose(pb.ConfChangeAddNode, h)
			return
		case anew || !slices.Contains(c.learners(), h):
			propose(pb.ConfChangeAddLearnerNode, h)
			return
		case len(voters) < MaxVoters && c.caughtUp(h):
			propose(pb.ConfChangeAddNode, h)
			return
		}
	}
}

func (c *Core) learners() []HostID {
	var list []HostID
	for _, l := range c.conf.GetLearners() {
		list = append(list, HostID(l))
	}
	return list
}

// caughtUp tells whether a host has nearly all of the log.
func (c *Core) caughtUp(h HostID) bool {
	last, _ := c.log.LastIndex()
	ok := false
	c.rn.WithProgress(func(id uint64, _ raft.ProgressType, pr tracker.Progress) {
		ok = ok || HostID(id) == h && pr.Match+64 >= last && pr.Match > 0
	})
	return ok
}

// handOver moves leadership to the voter that has most of the log.
func (c *Core) handOver() {
	if c.views.moved != 0 && c.now-c.views.moved < 2*c.cfg.Timing.Heartbeat {
		return
	}
	var best, most uint64
	c.rn.WithProgress(func(id uint64, kind raft.ProgressType, pr tracker.Progress) {
		h := HostID(id)
		if kind == raft.ProgressTypePeer && h != c.cfg.ID && slices.Contains(c.reach, h) && c.inGroup(h) &&
			(pr.Match > most || pr.Match == most && id < best) {
			best, most = id, pr.Match
		}
	})
	if best != 0 {
		c.views.moved = c.now
		c.rn.TransferLeader(best)
	}
}

// gone tells that this host leaves, leads nobody who could take over, and is not waited for by a
// new leader's election, which may need its vote.
func (c *Core) gone() bool {
	if !c.leaving || c.halted {
		return c.leaving
	}
	if electing := c.leader() == 0 && c.verdict.Quorate && c.now-c.leavingSince < 2*c.cfg.Timing.Token; !c.leads() && !electing {
		return true
	}
	for _, v := range c.voters() {
		if v != c.cfg.ID && slices.Contains(c.reach, v) && c.inGroup(v) {
			return false
		}
	}
	return true
}

// inView tells whether this daemon is a member of the last view.
func (c *Core) inView() bool {
	i := slices.Index(c.agreed.View.Members, c.cfg.ID)
	return i >= 0 && c.agreed.View.Boots[i] == c.cfg.Boot
}

func viewText(v View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "view %d: members %v", v.Number, v.Members)
	if len(v.Lost) > 0 {
		fmt.Fprintf(&b, ", lost %v", v.Lost)
	}
	if len(v.Left) > 0 {
		fmt.Fprintf(&b, ", left %v", v.Left)
	}
	if !v.Quorate {
		b.WriteString(", no quorum")
	}
	fmt.Fprintf(&b, ", leader %d, group %s", v.Leader, v.Ballot)
	return b.String()
}

// sawAll tells whether a host of a set has been in a view of all hosts since its daemon started:
// then what all knew at that time is known here.
func (c *Core) sawAll(set []HostID) bool {
	for _, p := range c.agreed.Seen {
		if slices.Contains(set, p.ID) && c.bootOf(p.ID) == p.Boot {
			return true
		}
	}
	return false
}
