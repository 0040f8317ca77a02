package quorumdisk

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Timing are a lease's times.
type Timing struct {
	Hold     time.Duration // for how long a confirmed claim counts
	Grace    time.Duration // after that, before others may take the lease
	Interval time.Duration // between two writes of a block
}

// TimingOf derives all times from Hold.
func TimingOf(hold time.Duration) Timing {
	return Timing{Hold: hold, Grace: hold / 2, Interval: hold / 5}
}

// Decide is how long after a change of its partition a host without the lease hopes for it.
func (t Timing) Decide() time.Duration { return t.Hold + t.Grace + 4*t.Interval }

// Config is what a Lease starts from.
type Config struct {
	Self   uint32 // node id, 1 to MaxHost
	Daemon uint64 // drawn at the start of the daemon
	Timing Timing
}

// Situation is what the host sees of its cluster.
type Situation struct {
	Ring       uint64   // names the partition; another one with every change
	Members    []uint32 // of it, ascending
	Useful     bool     // with the disk's votes the partition has quorum
	Whole      bool     // all configured hosts are in it
	Pending    bool     // the heuristics run, their outcome is to come
	Heuristics qdevice.Heuristics
}

// Op is an access to the disk. Exactly one of its fields is set.
type Op struct {
	Write *Block // into the host's own sector
	Read  bool   // all Sectors
}

// step is what the access under way is for.
type step int

const (
	beat   step = iota // write that the host is there, and look around
	intend             // steps 1 and 2 of taking the lease
	claim              // steps 3 and 4
)

// ErrWriters is why a host gives the lease up when somebody else writes its block.
var ErrWriters = errors.New("another daemon writes this host's block of the quorum disk; two hosts have one node id, or the disk was written by something else")

// ErrExchanged is why a host gives the lease up when the disk is another.
var ErrExchanged = errors.New("the quorum disk was created anew")

// Lease is a host's side. It is not safe for concurrent use.
type Lease struct {
	cfg  Config
	sit  Situation
	disk [16]byte // the header's
	own  Block    // as written last, or being written

	began   bool // the host's own block is free of what an earlier daemon claimed
	written bool // own is on the disk
	doing   step
	reading bool // the write of doing has ended
	busy    bool // an access is under way

	known   map[uint32]*seen
	highest uint64        // number of the ballots seen
	wrote   time.Duration // when the write of doing began
	looked  time.Duration // when the last read began
	read    time.Duration // and ended
	until   time.Duration // the hold's end; 0: none
	free    time.Duration // when the claim may be taken back; 0: it need not
	since   time.Duration // when sit.Ring began
	next    time.Duration // when the next step is due
	backoff time.Duration // no intent before
	failure error         // of the last access
}

// seen is what was seen of a block.
type seen struct {
	raw    string
	block  Block
	valid  bool
	first  time.Duration // the end of the read that showed it first
	before bool          // it was another in the read before that
}

// New makes a Lease that holds nothing.
func New(cfg Config) *Lease {
	return &Lease{cfg: cfg, own: Block{Host: cfg.Self, Daemon: cfg.Daemon}, known: map[uint32]*seen{}}
}

// Situate tells what the host sees of its cluster.
func (l *Lease) Situate(now time.Duration, s Situation) {
	if s.Ring != l.sit.Ring {
		l.since = now
		l.next = min(l.next, now)
	}
	l.sit = s
	l.consider(now)
}

// Next is the access that is due; ok is false when there is none, or one is under way.
func (l *Lease) Next(now time.Duration) (op Op, ok bool) {
	l.consider(now)
	if l.busy || now < l.next {
		return Op{}, false
	}
	l.busy = true
	if !l.began || l.reading {
		l.reading = true
		return Op{Read: true}, true
	}
	if l.free > 0 && now < l.free {
		// The claim stands and nothing rests on it: the block stays as it is, and with it what others wait for.
		l.reading = true
		return Op{Read: true}, true
	}
	if l.free > 0 {
		l.own.Intent, l.own.Claim, l.free = Ballot{}, Ballot{}, 0
	}
	switch l.doing {
	case intend:
		l.highest++
		l.own.Intent = Ballot{Number: l.highest, Host: l.cfg.Self}
	case claim:
		l.own.Claim = l.own.Intent
	}
	l.own.Counter++
	l.own.Ring, l.own.Heuristics = l.sit.Ring, l.sit.Heuristics
	l.wrote, l.written = now, true
	k := l.own
	return Op{Write: &k}, true
}

// At is when Next or Standing may say something new, unless an access ends before.
func (l *Lease) At(now time.Duration) time.Duration {
	at := time.Duration(1<<63 - 1)
	if !l.busy {
		at = l.next
	}
	for _, t := range []time.Duration{l.until, l.since + l.cfg.Timing.Hold, l.since + l.cfg.Timing.Decide()} {
		if t > now {
			at = min(at, t)
		}
	}
	return at
}

// Wrote tells that the write is over.
func (l *Lease) Wrote(now time.Duration, err error) {
	l.busy = false
	if err != nil {
		l.failed(now, err)
		return
	}
	l.reading, l.next = true, now
}

// failed gives up what was being done. What is on the disk is not known.
func (l *Lease) failed(now time.Duration, err error) {
	l.failure, l.doing, l.reading, l.next = err, beat, false, now+l.cfg.Timing.Interval
	l.written = false
	l.consider(now)
	if l.until == 0 && l.free == 0 {
		l.own.Intent, l.own.Claim = Ballot{}, Ballot{}
	}
}

// ReadFailed tells that a read is over and showed nothing.
func (l *Lease) ReadFailed(now time.Duration, err error) {
	l.busy = false
	l.failed(now, err)
}

// Read hands over what a read showed: all Sectors, each of size bytes. It began at started.
func (l *Lease) Read(started, now time.Duration, data []byte, size int) {
	l.busy, l.reading = false, false
	header, err := ParseHeader(data[:min(len(data), size)])
	if err == nil && len(data) < Sectors*size {
		err = fmt.Errorf("read quorum disk: %d bytes where %d were expected", len(data), Sectors*size)
	}
	if err == nil && header.Size != size {
		err = fmt.Errorf("the quorum disk was made for sectors of %d bytes, and has %d; create it anew on this disk", header.Size, size)
	}
	if err != nil {
		l.failed(now, err)
		return
	}
	if header.ID != l.disk {
		exchanged := l.disk != [16]byte{}
		l.restart(now)
		l.disk = header.ID
		if exchanged {
			l.failed(now, ErrExchanged)
			return
		}
	}
	l.looked, l.read = started, now
	for host := uint32(1); host <= MaxHost; host++ {
		l.see(host, data[int(host)*size:int(host+1)*size], now)
	}
	l.decide(now)
}

// restart forgets everything. Who may have held the lease by what is forgotten does so no more when it may
// be taken again.
func (l *Lease) restart(now time.Duration) {
	l.began, l.written, l.doing, l.until, l.free = false, false, beat, 0, 0
	l.own.Intent, l.own.Claim = Ballot{}, Ballot{}
	l.known = map[uint32]*seen{}
	l.backoff = now + l.cfg.Timing.Hold + l.cfg.Timing.Grace
}

// see notes a block.
func (l *Lease) see(host uint32, raw []byte, now time.Duration) {
	s := l.known[host]
	if s != nil && s.raw == string(raw) {
		return
	}
	k, ok := ParseBlock(raw)
	l.known[host] = &seen{raw: string(raw), block: k, valid: ok && k.Host == host, first: now, before: s != nil}
	if ok {
		l.highest = max(l.highest, k.Intent.Number, k.Claim.Number)
	}
}

// spent tells whether nobody can hold the lease by a host's claim any more.
func (l *Lease) spent(s *seen) bool {
	if s.valid && s.block.Claim == (Ballot{}) || !s.valid && len(s.raw) > 0 && s.raw == string(make([]byte, len(s.raw))) {
		return true
	}
	return l.looked >= s.first+l.cfg.Timing.Hold+l.cfg.Timing.Grace
}

// others tells whether any other host's block is so.
func (l *Lease) others(is func(host uint32, s *seen) bool) bool {
	for host := uint32(1); host <= MaxHost; host++ {
		if s := l.known[host]; s != nil && host != l.cfg.Self && is(host, s) {
			return true
		}
	}
	return false
}

// outbid tells whether another has a higher intent.
func (l *Lease) outbid(by Ballot) bool {
	return l.others(func(_ uint32, s *seen) bool { return s.valid && by.Less(s.block.Intent) })
}

// contested tells whether another may hold the lease.
func (l *Lease) contested() bool {
	return l.others(func(_ uint32, s *seen) bool { return !l.spent(s) })
}

// fresh tells whether a block was seen to change lately.
func (l *Lease) fresh(s *seen, now time.Duration) bool {
	return s.valid && s.before && now < s.first+l.cfg.Timing.Hold
}

// decide goes on after a read.
func (l *Lease) decide(now time.Duration) {
	l.failure, l.next = nil, now+l.cfg.Timing.Interval
	own := l.known[l.cfg.Self]
	if !l.began {
		if l.began = l.spent(own); l.began {
			l.own.Counter = own.block.Counter // every block differs from all before
			l.next = now
		}
		return
	}
	if l.written && (!own.valid || own.block != l.own) {
		l.restart(now)
		l.failure = ErrWriters
		return
	}
	doing := l.doing
	l.doing = beat
	switch {
	case l.free > 0:
	case doing == intend && (l.outbid(l.own.Intent) || l.contested()), doing == claim && l.outbid(l.own.Intent):
		l.yield(now)
	case doing == intend:
		l.doing, l.next = claim, now
	case doing == claim:
		l.until = l.wrote + l.cfg.Timing.Hold
	case l.holds(now) && l.outbid(l.own.Claim):
		l.doing, l.next = intend, now
	case l.holds(now):
		l.until = l.wrote + l.cfg.Timing.Hold
	case l.wants(now) && now >= l.backoff && !l.contested() && !l.deputed(now):
		l.doing, l.next = intend, now
	}
	l.consider(now)
}

// yield takes intent and claim back, unless the host holds the lease by an earlier one.
func (l *Lease) yield(now time.Duration) {
	l.backoff = now + l.cfg.Timing.Interval*time.Duration(8+l.cfg.Self%8)/8
	if l.holds(now) {
		return
	}
	l.own.Intent, l.own.Claim = Ballot{}, Ballot{}
	l.until, l.next = 0, now
	l.doing = beat
	// What is on the disk differs from own until the next write, which is at once.
	l.written = false
}

// consider lets a hold end.
func (l *Lease) consider(now time.Duration) {
	if l.until == 0 || l.free > 0 {
		return
	}
	if now < l.until && !l.releases(now) {
		return
	}
	// Others of this side count on what they heard a little longer.
	l.free = min(now, l.until) + l.cfg.Timing.Grace
	l.until, l.doing = 0, beat
}

// releases tells whether the holder gives the lease back: its side has no use for it, or has failing
// heuristics where another's pass.
func (l *Lease) releases(now time.Duration) bool {
	if !l.sit.Useful {
		return true
	}
	return l.failing() && l.others(func(host uint32, s *seen) bool {
		return l.fresh(s, now) && !slices.Contains(l.sit.Members, host) && s.block.Heuristics == qdevice.HeuristicsPass
	})
}

func (l *Lease) failing() bool {
	return l.sit.Heuristics == qdevice.HeuristicsFail && !l.sit.Whole && !l.sit.Pending
}

// holds tells whether the lease is held.
func (l *Lease) holds(now time.Duration) bool { return l.free == 0 && now < l.until }

// wants tells whether the host's side should have the lease. With failing heuristics it lets others go first.
func (l *Lease) wants(now time.Duration) bool {
	return l.sit.Ring != 0 && l.sit.Useful && !l.sit.Pending && (!l.failing() || now >= l.since+l.cfg.Timing.Decide())
}

// deputed tells whether a host of the same side with a lower id looks after the lease.
func (l *Lease) deputed(now time.Duration) bool {
	return l.others(func(host uint32, s *seen) bool {
		return host < l.cfg.Self && slices.Contains(l.sit.Members, host) && l.fresh(s, now) && s.block.Ring == l.sit.Ring
	})
}

// lost tells whether another side holds the lease: its claim was seen to change since this side came to be.
func (l *Lease) lost(now time.Duration) bool {
	return l.others(func(host uint32, s *seen) bool {
		return l.fresh(s, now) && s.block.Claim != (Ballot{}) && s.first > l.since && !slices.Contains(l.sit.Members, host)
	})
}
