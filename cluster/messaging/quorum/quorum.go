// Package quorum is the arithmetic of votes: may this set of hosts act for the
// cluster? It is votequorum's (votequorum(5)) as a pure function of values:
// no clock, no network, no state of its own. What must be remembered, such as
// which hosts have seen the whole cluster since they booted, or the expected
// votes that last_man_standing has reached, comes in as a value and is kept in
// the replicated log by package core.
//
// Two answers are given for a set. Quorate: the set may act. Strong: the set
// holds more than half of the votes without a qdevice's, or wins the automatic
// tie; two strong sets of one cluster always have a host in common, and that is
// what lets a change be acknowledged for good.
package quorum

import (
	"fmt"
	"slices"
	"time"
)

// HostID is a host's node id: corosync.conf's nodeid, 1 and up.
type HostID uint32

// TieBreaker names the host that carries an even split (auto_tie_breaker_node).
type TieBreaker struct {
	Lowest  bool     // the lowest id of the hosts last seen together
	Highest bool     // the highest of them
	List    []HostID // or the first of this list that was among them
}

// Options are the quorum section of corosync.conf.
type Options struct {
	Expected        int            // expected_votes; 0: the sum of the hosts' votes
	Votes           map[HostID]int // votes of each configured host; a host not named has 1
	Hosts           []HostID       // the configured hosts, ascending
	TwoNode         bool           // two_node: one of two hosts is enough
	WaitForAll      bool           // wait_for_all, which two_node implies unless WaitForAllOff
	WaitForAllOff   bool           // wait_for_all: 0 was written
	AutoTie         bool           // auto_tie_breaker
	Tie             TieBreaker     // auto_tie_breaker_node
	LastManStanding bool           // last_man_standing
	Window          time.Duration  // last_man_standing_window; 0: 10 s. The caller's to keep
	AllowDownscale  bool           // allow_downscale
	DeviceVotes     int            // votes of the qdevice; 0 without one
	DeviceWait      time.Duration  // for how long hosts that lost quorum go on while the qdevice decides; 0: no limit. The caller's to keep
}

// Input is the set in question and what is known about it.
type Input struct {
	Members []HostID // the hosts whose votes count, ascending
	// Present are the hosts that are there, votes or not; nil: Members. Only wait_for_all asks.
	Present []HostID
	// SeenAll are the hosts that have been, since they booted, in an agreed view
	// of all configured hosts. Only wait_for_all asks (Options.WaitsForAll).
	SeenAll []HostID
	// Previous are the members of the last quorate view. Only auto_tie_breaker asks.
	Previous []HostID
	// Expected overrides the configured expected votes when above 0: set at run time,
	// or lowered by last_man_standing and allow_downscale.
	Expected int
	// Device tells that the qdevice gives this set its votes.
	Device bool
	// Ignore is no-quorum-policy=ignore: the set acts as if quorate.
	Ignore bool
}

// Verdict is the answer, with the arithmetic shown.
type Verdict struct {
	Quorate  bool
	Ignored  bool // quorate only because Input.Ignore says so
	Strong   bool
	Sole     bool // quorate, and while it is no other set can be
	Device   bool // the qdevice's votes are among Votes
	Waiting  bool // only wait_for_all is in the way
	Votes    int  // held by the set, with the qdevice's if given
	Expected int  // counted against
	Needed   int  // votes that make a quorum
	tie      bool // quorate by the tie breaker
}

// Why is the arithmetic in one line for the operator.
func (v *Verdict) Why() string {
	why := fmt.Sprintf("%d of %d votes, %d needed", v.Votes, v.Expected, v.Needed)
	for _, more := range []struct {
		holds bool
		text  string
	}{
		{v.Device, ", the quorum device votes for this side"},
		{v.tie, ", the tie breaker is here"},
		{v.Waiting, ", waiting for all hosts to have been together once since they booted"},
		{v.Ignored, ", ignored by no-quorum-policy"},
	} {
		if more.holds {
			why += more.text
		}
	}
	return why
}

// HostVotes returns the votes of one configured host, 1 unless configured.
func (o *Options) HostVotes(id HostID) int {
	if v, ok := o.Votes[id]; ok {
		return v
	}
	return 1
}

// ExpectedVotes returns the configured expected votes, with the qdevice's.
func (o *Options) ExpectedVotes() int {
	if o.Expected > 0 {
		return o.Expected
	}
	sum := o.DeviceVotes
	for _, h := range o.Hosts {
		sum += o.HostVotes(h)
	}
	return sum
}

// WaitsForAll tells whether a freshly booted cluster must be complete once.
func (o *Options) WaitsForAll() bool {
	return o.WaitForAll || o.TwoNode && !o.WaitForAllOff
}

// Judge decides for one set of hosts.
func Judge(o *Options, in Input) Verdict {
	v := Verdict{Expected: o.ExpectedVotes()}
	if in.Expected > 0 {
		v.Expected = in.Expected
	}
	own := 0
	for _, h := range in.Members {
		own += o.HostVotes(h)
	}
	v.Votes = own
	if in.Device {
		v.Votes += o.DeviceVotes
		v.Device = o.DeviceVotes > 0
	}
	v.Expected = max(v.Expected, v.Votes)
	v.Needed = v.Expected/2 + 1
	if o.TwoNode && v.Expected <= 2 {
		v.Needed = 1
	}
	v.tie = o.AutoTie && 2*own == v.Expected && o.winsTie(in)
	// Strong counts against the configured votes: expected votes that were lowered as
	// hosts left say nothing about what those hosts do now.
	full := o.ExpectedVotes() - o.DeviceVotes
	v.Strong = 2*own > full || o.AutoTie && 2*own == full && o.winsTie(in)
	v.Quorate = v.Votes >= v.Needed || v.tie
	if v.Quorate && o.WaitsForAll() && !o.satisfied(in) {
		v.Quorate, v.Waiting = false, true
	}
	v.Sole = v.Quorate && o.sole(v.Votes, v.Strong)
	if !v.Quorate && in.Ignore {
		v.Quorate, v.Ignored = true, true
	}
	return v
}

// sole tells whether a set that is quorate is the only one: it has more than half of all votes that are, or wins
// the automatic tie. Where expected votes go down as hosts die, those that died must not come back by themselves.
func (o *Options) sole(votes int, strong bool) bool {
	return !o.BothSides() && (2*votes > o.ExpectedVotes() || o.AutoTie && o.DeviceVotes == 0 && strong)
}

// allVotes are those that are, whatever expected_votes says.
func (o *Options) allVotes() int {
	all := o.DeviceVotes
	for _, h := range o.Hosts {
		all += o.HostVotes(h)
	}
	return all
}

// BothSides tells that two sets can be quorate at a time: with two_node, with fewer expected votes than there are, and
// where they go down as hosts die and those may have quorum when they come back.
func (o *Options) BothSides() bool {
	return o.TwoNode || o.ExpectedVotes() < o.allVotes() || (o.LastManStanding || o.AllowDownscale) && !o.WaitsForAll()
}

// satisfied is wait_for_all: all are here now, or a member has seen all since it booted.
func (o *Options) satisfied(in Input) bool {
	if max(len(in.Members), len(in.Present)) >= len(o.Hosts) {
		return true
	}
	seen := func(h HostID) bool { return slices.Contains(in.SeenAll, h) }
	return slices.ContainsFunc(in.Members, seen) || slices.ContainsFunc(in.Present, seen)
}

// winsTie tells whether the tie breaker's host is in the set.
func (o *Options) winsTie(in Input) bool {
	before := in.Previous
	if len(before) == 0 {
		before = o.Hosts
	}
	var carrier HostID
	switch {
	case len(o.Tie.List) > 0:
		for _, h := range o.Tie.List {
			if slices.Contains(before, h) {
				carrier = h
				break
			}
		}
	case o.Tie.Highest:
		carrier = slices.Max(before)
	default:
		carrier = slices.Min(before)
	}
	return carrier != 0 && slices.Contains(in.Members, carrier)
}

// Downscale returns the expected votes after hosts have gone and stayed away for the
// last_man_standing window: the votes still present, never above the present value,
// and never below what a majority of them needs. orderly tells that the hosts left by
// themselves, which is what allow_downscale asks for; that goes no lower than written expected_votes.
func Downscale(o *Options, in Input, orderly bool) int {
	now := o.ExpectedVotes()
	if in.Expected > 0 {
		now = in.Expected
	}
	if !o.LastManStanding && !(orderly && o.AllowDownscale) {
		return now
	}
	votes, floor := 0, 0
	if orderly {
		floor = o.Expected
	}
	for _, h := range in.Members {
		votes += o.HostVotes(h)
	}
	if in.Device {
		votes += o.DeviceVotes
	}
	// Going from two to one needs the tie breaker, as in votequorum.
	if votes < 2 && !o.AutoTie && !orderly {
		return now
	}
	return min(now, max(votes, 1, floor))
}
