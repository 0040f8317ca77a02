package quorumdisk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/sectors"
)

// medium is a disk on which accesses take time: what a read shows of each sector is of any instant
// between its beginning and its end, and a write may land at any.
type medium struct {
	data [Sectors * sectors.Min]byte
}

func newMedium(id byte) *medium {
	m := &medium{}
	copy(m.data[:], Header{ID: [16]byte{id}, Size: sectors.Min}.Marshal())
	return m
}

func (m *medium) sector(i uint32) []byte { return m.data[i*sectors.Min : (i+1)*sectors.Min] }

// party is a host at a medium.
type party struct {
	id     uint32
	lease  *Lease
	rate   float64 // of its clock
	access *access
	paused time.Duration // stands still up to this instant
	daemon uint64
}

func (p *party) clock(now time.Duration) time.Duration {
	return time.Hour + time.Duration(float64(now)*p.rate)
}

// access is one under way.
type access struct {
	op      Op
	started time.Duration // by the party's clock
	halfway time.Duration // the write lands, the first half of the read is done
	end     time.Duration
	landed  bool
	fails   bool
	data    []byte
}

var testTiming = TimingOf(2 * time.Second)

func (p *party) start() {
	p.daemon++
	p.access = nil
	p.lease = New(Config{Self: p.id, Daemon: p.daemon<<8 | uint64(p.id), Timing: testTiming})
}

// stepAt lets a party do what it does at an instant.
func (p *party) stepAt(r *rand.Rand, m *medium, now time.Duration) {
	if a := p.access; a != nil && !a.landed && now >= a.halfway { // the disk does that, whatever the host does
		a.landed = true
		if a.op.Read {
			a.data = append([]byte{}, m.data[:]...)
		} else {
			copy(m.sector(p.id), a.op.Write.Marshal())
		}
	}
	if now < p.paused {
		return
	}
	here := p.clock(now)
	if a := p.access; a != nil && now >= a.end {
		p.access = nil
		switch {
		case a.fails && a.op.Read:
			p.lease.ReadFailed(here, errors.New("no answer"))
		case a.fails:
			p.lease.Wrote(here, errors.New("no answer"))
		case a.op.Read:
			for i := uint32(0); i < Sectors; i += 2 { // the other half as it is now
				copy(a.data[i*sectors.Min:(i+1)*sectors.Min], m.sector(i))
			}
			p.lease.Read(a.started, here, a.data, sectors.Min)
		default:
			p.lease.Wrote(here, nil)
		}
	}
	if op, ok := p.lease.Next(here); ok {
		first, second := upTo(r, 80), upTo(r, 80)
		switch r.IntN(40) {
		case 0:
			first += upTo(r, 6000)
		case 1:
			second += upTo(r, 6000)
		}
		p.access = &access{op: op, started: here, halfway: now + first, end: now + first + second, fails: r.IntN(60) == 0}
	}
}

// upTo draws a time of at most so many milliseconds.
func upTo(r *rand.Rand, most int) time.Duration {
	return time.Duration(r.IntN(most)) * time.Millisecond
}

// TestOneHolder: whatever is slow, fails, stands still, dies and starts again, and whoever wants the lease, no two
// hosts hold it at a time, nor one soon after another.
func TestOneHolder(t *testing.T) {
	t.Parallel()
	held, changed := 0, 0
	for seed := range uint64(200) {
		w := &watch{t: t, seed: seed}
		w.run(rand.New(rand.NewPCG(seed, 0)))
		held, changed = held+w.held, changed+w.changed
	}
	if held < 50_000 || changed < 500 {
		t.Errorf("the lease was held at %d instants and went from one to another %d times: this proves too little", held, changed)
	}
}

// watch looks who holds the lease, by their own clocks.
type watch struct {
	t             *testing.T
	seed          uint64
	last          uint32
	lastAt        time.Duration
	held, changed int
}

func (w *watch) run(r *rand.Rand) {
	m := newMedium(1)
	var all []*party
	for id := range uint32(2 + r.IntN(3)) {
		p := &party{id: id + 1, rate: 0.95 + 0.1*r.Float64()}
		p.start()
		all = append(all, p)
	}
	ring := uint64(0)
	divide := func(p *party, now time.Duration) {
		ring++
		p.lease.Situate(p.clock(now), Situation{Ring: ring, Members: []uint32{p.id}, Useful: r.IntN(6) > 0, Heuristics: qdevice.Heuristics(r.IntN(3))})
	}
	for _, p := range all {
		divide(p, 0)
	}
	for now := time.Duration(0); now < time.Minute; now += 20 * time.Millisecond {
		p := all[r.IntN(len(all))]
		switch r.IntN(400) {
		case 0:
			p.paused = now + upTo(r, 8000)
		case 1:
			if p.access == nil || p.access.landed { // a dead host's write does not land later
				p.start()
				divide(p, now)
			}
		case 2, 3:
			divide(p, now)
		}
		for _, p := range all {
			p.stepAt(r, m, now)
		}
		w.look(all, now)
	}
}

func (w *watch) look(all []*party, now time.Duration) {
	n := 0
	for _, p := range all {
		if !p.lease.holds(p.clock(now)) {
			continue
		}
		n++
		w.held++
		if w.last != p.id {
			w.changed++
		}
		// Clocks that differ by a tenth take up a part of the grace.
		if w.last != 0 && w.last != p.id && now-w.lastAt < testTiming.Grace/2 {
			w.t.Fatalf("seed %d: at %v host %d holds the lease, and host %d did at %v", w.seed, now, p.id, w.last, w.lastAt)
		}
		w.last, w.lastAt = p.id, now
	}
	if n > 1 {
		w.t.Fatalf("seed %d: at %v %d hosts hold the lease", w.seed, now, n)
	}
}

// bench runs parties at a medium without trouble, until a condition holds.
type bench struct {
	t   *testing.T
	m   *medium
	all []*party
	now time.Duration
}

func newBench(t *testing.T, hosts int) *bench {
	b := &bench{t: t, m: newMedium(1)}
	for id := range uint32(hosts) {
		p := &party{id: id + 1, rate: 1}
		p.start()
		b.all = append(b.all, p)
	}
	return b
}

// run lets time pass; down hosts do nothing.
func (b *bench) run(for_ time.Duration, down ...uint32) {
	for end := b.now + for_; b.now < end; b.now += 10 * time.Millisecond {
		for _, p := range b.all {
			here := p.clock(b.now)
			if len(down) > 0 && down[0] == p.id {
				continue
			}
			op, ok := p.lease.Next(here)
			switch {
			case !ok:
			case op.Read:
				p.lease.Read(here, here, append([]byte{}, b.m.data[:]...), sectors.Min)
			default:
				copy(b.m.sector(p.id), op.Write.Marshal())
				p.lease.Wrote(here, nil)
			}
		}
	}
}

func (b *bench) situate(ring uint64, useful bool, h qdevice.Heuristics, members ...uint32) {
	for _, p := range b.all {
		for _, id := range members {
			if id == p.id {
				p.lease.Situate(p.clock(b.now), Situation{Ring: ring, Members: members, Useful: useful, Whole: len(members) == len(b.all), Heuristics: h})
			}
		}
	}
}

// votes are the hosts' answers, one letter each: Yes, No, Undecided.
func (b *bench) votes() string {
	s := ""
	for _, p := range b.all {
		s += map[qdevice.Vote]string{qdevice.Ack: "Y", qdevice.Nack: "N", qdevice.NoVote: "U"}[p.lease.Standing(p.clock(b.now)).Vote]
	}
	return s
}

func (b *bench) want(votes, when string) {
	b.t.Helper()
	if got := b.votes(); got != votes {
		b.t.Errorf("%s: %s, want %s; %s", when, got, votes, b.status())
	}
}

func (b *bench) status() string {
	s := ""
	for _, p := range b.all {
		s += fmt.Sprintf("%+v ", p.lease.Status(p.clock(b.now)))
	}
	return s
}

// TestLeaseStays: the lowest id of a whole cluster takes the lease, and keeps it when the cluster divides.
func TestLeaseStays(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	b.situate(1, true, 0, 1, 2)
	b.run(time.Second)
	b.want("UU", "a new daemon waits until nobody can hold the lease by what was on the disk before")
	b.run(9 * time.Second)
	b.want("YN", "whole")
	b.situate(2, true, 0, 1)
	b.situate(3, true, 0, 2)
	b.want("YU", "just divided")
	b.run(time.Second)
	b.want("YN", "divided")
	b.situate(4, true, 0, 1, 2)
	b.run(time.Second)
	b.want("YU", "whole again")
}

// TestLeasePassesOn: when the holder dies, or has no use for it, another takes the lease, and not before it may.
func TestLeasePassesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.situate(1, true, 0, 1, 2, 3)
	b.run(6 * time.Second)
	b.want("YNN", "whole")
	b.situate(2, true, 0, 2, 3)
	b.run(2500*time.Millisecond, 1)
	b.want("NUU", "host 1 is dead; its claim is not spent")
	b.run(time.Second, 1)
	if got := b.votes()[1:]; got != "YU" {
		t.Errorf("the claim is spent, and host 2 does not have the lease: %s", got)
	}
	b.situate(3, false, 0, 2)
	b.situate(4, true, 0, 3)
	b.run(2*time.Second, 1)
	if got := b.votes()[1:]; got != "NY" {
		t.Errorf("host 2 has no use for the lease any more, and host 3 does not have it: %s", got)
	}
}

// TestHeuristicsDecide: the side whose heuristics pass gets the lease from one whose fail.
func TestHeuristicsDecide(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	b.situate(1, true, qdevice.HeuristicsPass, 1, 2)
	b.run(6 * time.Second)
	b.want("YN", "whole")
	b.situate(2, true, qdevice.HeuristicsFail, 1)
	b.situate(3, true, qdevice.HeuristicsPass, 2)
	b.want("UU", "just divided")
	b.run(3 * time.Second)
	b.want("NY", "host 2 reaches what counts")
	b.situate(4, true, qdevice.HeuristicsFail, 2)
	b.run(3 * time.Second)
	b.want("NY", "nobody reaches it: who has the lease keeps it")
}

// TestStaleIntent: what a host that died half way left on the disk costs the holder nothing.
func TestStaleIntent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	b.situate(1, true, 0, 1)
	b.run(6 * time.Second)
	left := Block{Host: 2, Daemon: 99, Counter: 7, Intent: Ballot{Number: 50, Host: 2}}
	copy(b.m.sector(2), left.Marshal())
	for range 10 {
		b.run(time.Second, 2)
		if got := b.votes()[:1]; got != "Y" {
			t.Fatalf("the holder lost the lease to an intent that nobody has: %s", got)
		}
	}
}

// TestForeignWriters: a disk that is exchanged or written by somebody else ends the hold.
func TestForeignWriters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(m *medium)
		want error
	}{
		{"created anew", func(m *medium) { *m = *newMedium(2) }, ErrExchanged},
		{"two daemons of one id", func(m *medium) { copy(m.sector(1), (&Block{Host: 1, Daemon: 5}).Marshal()) }, ErrWriters},
		{"zeroes", func(m *medium) { clear(m.data[:]) }, ErrForeign},
	} {
		b := newBench(t, 1)
		b.situate(1, true, 0, 1)
		b.run(6 * time.Second)
		b.want("Y", c.name)
		l := b.all[0].lease
		for i := 0; i < 2 && l.failure == nil; i++ { // between the write and the read after it
			b.all[0].lease.next = b.all[0].clock(b.now)
			here := b.all[0].clock(b.now)
			if op, ok := l.Next(here); ok && op.Write != nil {
				copy(b.m.sector(1), op.Write.Marshal())
				l.Wrote(here, nil)
			}
			c.do(b.m)
			if op, ok := l.Next(here); ok && op.Read {
				l.Read(here, here, b.m.data[:], sectors.Min)
			}
		}
		if !errors.Is(l.failure, c.want) {
			t.Errorf("%s: %v, want %v", c.name, l.failure, c.want)
		}
		b.run(3 * time.Second)
		if c.want != ErrWriters && c.want != ErrExchanged && l.holds(b.all[0].clock(b.now)) {
			t.Errorf("%s: the host holds the lease of a disk that is none", c.name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add((&Block{Host: 3, Daemon: 1, Counter: 2, Intent: Ballot{4, 3}, Claim: Ballot{4, 3}, Ring: 9}).Marshal())
	f.Add(Header{ID: [16]byte{1}, Size: 512}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, ok := ParseBlock(b); ok {
			if back, ok := ParseBlock(k.Marshal()); !ok || back != k {
				t.Errorf("%+v became %+v", k, back)
			}
		}
		if h, err := ParseHeader(b); err == nil {
			if back, err := ParseHeader(h.Marshal()); err != nil || back != h {
				t.Errorf("%+v became %+v", h, back)
			}
		}
	})
}
