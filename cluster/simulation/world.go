package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/scheduler"
)

// epoch is the wall clock's time when a run begins.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Config is what a run is made of.
type Config struct {
	Seed      uint64
	Hosts     int           // 1 to 9
	Resources int           // primitives configured
	Faulty    time.Duration // how long faults strike
	Pace      time.Duration // between two faults, in the mean
	Calm      time.Duration // how long the cluster has afterwards to converge
	// LyingFences makes fence devices say that they did what they did not: the checkers
	// have to notice.
	LyingFences bool
	Plan        func(*cib.Document, time.Time) *scheduler.Plan
	Trace       func(at time.Duration, host, text string) // nil: none
}

// World is one run.
type World struct {
	cfg    Config
	rand   *rand.Rand
	now    time.Duration
	queue  eventQueue
	count  uint64 // events scheduled so far: equal times keep their order
	hosts  []*host
	boots  uint64
	net    network
	faults bool // may strike
	check  checks
}

// network is what becomes of packets.
type network struct {
	loss float64
	cuts map[[2]core.HostID]bool // from, to
	slow time.Duration           // added to each packet's delay, at most
}

// event is something that will happen.
type event struct {
	at time.Duration
	n  uint64
	do func()
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].n < q[j].n
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is heap.Interface's.
func (q *eventQueue) Push(x any) { *q = append(*q, x.(event)) }

// Pop is heap.Interface's.
func (q *eventQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*q = old[:len(old)-1]
	return last
}

// New makes a world in which every host is off.
func New(cfg Config) *World {
	if cfg.Plan == nil {
		cfg.Plan = scheduler.Make
	}
	w := &World{cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x401dfa57)), net: network{cuts: map[[2]core.HostID]bool{}}}
	w.check.init()
	for i := range cfg.Hosts {
		w.hosts = append(w.hosts, newHost(w, core.HostID(i+1)))
	}
	return w
}

func (w *World) options() quorum.Options {
	var o quorum.Options
	for _, h := range w.hosts {
		o.Hosts = append(o.Hosts, h.id)
	}
	return o
}

// after lets something happen after a while.
func (w *World) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.queue, event{w.now + max(d, 0), w.count, do})
}

// run lets virtual time pass until end, or until ok holds after an event.
func (w *World) run(end time.Duration, ok func() bool) bool {
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
		if len(w.check.violations) > 0 || ok() {
			return true
		}
	}
	w.now = end
	return false
}

func (w *World) wall() time.Time { return epoch.Add(w.now) }

func (w *World) trace(host, format string, args ...any) {
	if w.cfg.Trace != nil {
		w.cfg.Trace(w.now, host, fmt.Sprintf(format, args...))
	}
}

// between draws a duration.
func (w *World) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rand.Int64N(int64(high-low)+1))
}

// chance draws whether something of probability p happens.
func (w *World) chance(p float64) bool { return w.rand.Float64() < p }

// connected tells whether packets from one host reach another.
func (w *World) connected(from, to core.HostID) bool { return !w.net.cuts[[2]core.HostID{from, to}] }

// delay draws how long a packet takes.
func (w *World) delay() time.Duration {
	d := w.between(100*time.Microsecond, 400*time.Microsecond)
	if w.net.slow > 0 {
		d += w.between(0, w.net.slow)
	}
	return d
}

func (w *World) host(id core.HostID) *host { return w.hosts[id-1] }

func (w *World) named(name string) *host {
	for _, h := range w.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}
