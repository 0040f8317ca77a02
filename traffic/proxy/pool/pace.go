package pool

import (
	"sync/atomic"
	"time"
)

// Pace is how long the last exchanges took in a loop, by what was waited for. Only the loop writes.
type Pace struct {
	exchanges atomic.Int64 // up to paceWindow
	sums      [4]atomic.Int64
	slowest   [4]atomic.Int64
	last      atomic.Int64 // Unix seconds
}

// paceWindow is over how many exchanges times are averaged.
const paceWindow = 1024

// Spent is what an exchange waited for, in milliseconds: for a place on a server, for the connection, for the answer, and all of it.
type Spent struct{ Queue, Connect, Response, Total int64 }

// Add takes the times of an exchange that is over.
func (p *Pace) Add(t Spent, now time.Time) {
	full := p.exchanges.Load() == paceWindow
	if !full {
		p.exchanges.Add(1)
	}
	for i, ms := range [4]int64{t.Queue, t.Connect, t.Response, t.Total} {
		sum := p.sums[i].Load()
		if full {
			sum -= sum / paceWindow
		}
		p.sums[i].Store(sum + ms)
		if ms > p.slowest[i].Load() {
			p.slowest[i].Store(ms)
		}
	}
	p.last.Store(now.Unix())
}

// Paces are the averages and the maxima of the last exchanges, and when the last was, as Unix seconds; 0: there was none.
type Paces struct {
	Average, Slowest Spent
	Last             int64
}

// PacesOf looks at all loops and all counters together: at those of a backend's servers, for the backend.
func PacesOf(all ...*Counters) Paces {
	var sums, slowest [4]int64
	exchanges, last := int64(0), int64(0)
	for _, c := range all {
		for i := range c.sets {
			p := &c.sets[i].Pace
			exchanges += p.exchanges.Load()
			last = max(last, p.last.Load())
			for j := range sums {
				sums[j] += p.sums[j].Load()
				slowest[j] = max(slowest[j], p.slowest[j].Load())
			}
		}
	}
	spent := func(t [4]int64) Spent { return Spent{t[0], t[1], t[2], t[3]} }
	for j := range sums {
		sums[j] /= max(1, exchanges)
	}
	return Paces{spent(sums), spent(slowest), last}
}

// ForgetSlowest begins to look for the slowest anew.
func (c *Counters) ForgetSlowest() {
	for i := range c.sets {
		for j := range c.sets[i].Pace.slowest {
			c.sets[i].Pace.slowest[j].Store(0)
		}
	}
}
