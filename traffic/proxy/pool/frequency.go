package pool

import (
	"sync/atomic"
	"time"
)

// Frequency tells how often something happens, as HAProxy's counters do: by seconds that begin with an event, of which the one that runs and the one before are
// kept. Each loop counts in a Share of its own; what is shared is written once in a second, by the loop that is first to see it over.
type Frequency struct {
	begun  atomic.Int64 // when the second began, in Unix milliseconds
	number atomic.Int64 // of the second: shares with a lower one are of a second before
	most   atomic.Int64 // in any second that is over
}

// Share is one loop's part of a Frequency. Only the loop writes.
type Share struct{ number, current, last atomic.Int64 }

const second = 1000 // milliseconds

// Event is what a Frequency counts.
type Event uint8

// The events that are counted by frequency.
const (
	Arrival        Event = iota // a client's connection, a backend's session, a server's request
	RequestArrival              // a frontend's request
	events
)

// Happened counts an event in a loop.
func (c *Counters) Happened(e Event, loop int, now time.Time) { c.Amounted(e, loop, 1, now) }

// Amounted counts so much at once.
func (c *Counters) Amounted(e Event, loop int, n int64, now time.Time) {
	f, own, at := &c.frequencies[e], &c.sets[loop].shares[e], now.UnixMilli()
	if at-f.begun.Load() >= second {
		c.turn(e, at)
	}
	own.catchUp(f.number.Load())
	own.current.Store(own.current.Load() + n)
}

// turn begins a second that follows the one that is over, or, where nothing happened meanwhile, one that begins now.
func (c *Counters) turn(e Event, at int64) {
	f := &c.frequencies[e]
	before := f.begun.Load()
	passed := at - before
	if passed < second {
		return
	}
	begun, number := before+second, f.number.Load()+1
	if passed >= 2*second {
		begun, number = at, number+1
	}
	if !f.begun.CompareAndSwap(before, begun) {
		return // another loop was first
	}
	current, _ := c.shared(e)
	f.reached(current)
	f.number.Store(number)
}

func (f *Frequency) reached(n int64) {
	for {
		most := f.most.Load()
		if n <= most || f.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func (s *Share) catchUp(number int64) {
	own := s.number.Load()
	if own == number {
		return
	}
	last := int64(0)
	if own == number-1 {
		last = s.current.Load()
	}
	s.last.Store(last)
	s.current.Store(0)
	s.number.Store(number)
}

// shared sums up what the loops have of the second that runs, and of the one before.
func (c *Counters) shared(e Event) (current, last int64) {
	number := c.frequencies[e].number.Load()
	for i := range c.sets {
		switch s := &c.sets[i].shares[e]; s.number.Load() {
		case number:
			current, last = current+s.current.Load(), last+s.last.Load()
		case number - 1:
			last += s.current.Load()
		}
	}
	return current, last
}

// Frequency is how often an event came within the last second, for which the one before counts as far as it reaches into it, and the most that came in one.
func (c *Counters) Frequency(e Event, now time.Time) (current, most int64) {
	f := &c.frequencies[e]
	current, last := c.shared(e)
	most = max(f.most.Load(), current)
	passed := max(0, now.UnixMilli()-f.begun.Load())
	if passed >= second {
		current, last, passed = 0, current, passed-second
	}
	switch {
	case passed >= second:
		return 0, most
	case current == 0 && last <= 1: // one event would be there and gone
		return last, most
	}
	return current + last*(second-passed)/second, most
}

// Over tells whether the second that runs has had its share of an event.
func (c *Counters) Over(e Event, now time.Time, limit int64) bool {
	if now.UnixMilli()-c.frequencies[e].begun.Load() >= second {
		return false
	}
	current, _ := c.shared(e)
	return current >= limit
}

// ForgetMost begins to look anew for the most that came within a second.
func (c *Counters) ForgetMost(now time.Time) {
	for e := range c.frequencies {
		f := &c.frequencies[e]
		passed := now.UnixMilli() - f.begun.Swap(now.UnixMilli())
		f.number.Add(1 + min(1, passed/second))
		f.most.Store(0)
	}
}
