package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/witness"
)

// epoch is the wall clock's time when a run begins.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Trace is told what happens: when, on which host, and what.
type Trace func(at time.Duration, host, text string)

// World is one run.
type World struct {
	shape  Shape
	tamper Tamper
	traced Trace
	chance dice
	now    time.Duration
	queue  queue
	count  uint64 // events scheduled so far: equal times keep their order
	hosts  []*host
	boots  uint64
	net    network
	// ambushes wait for requests.
	ambushes []Fault
	faults   bool // agents may fail
	agents   float64
	fences   float64
	check    checks
	device   device

	counting  counting
	departure *departure // at most one at a time; nil: none

	entries map[string]*replica.Batch // of the log, that some host has applied already
	states  map[string]*replica.State // of snapshots that some host has read already
}

// dice are the world's sources of chance. Each has its own stream, so that a fault that is
// taken out of a schedule changes as little as possible of the rest.
type dice struct{ network, agents, client, disks, slowness *rand.Rand }

func throw(seed uint64) dice {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	return dice{network: stream(1), agents: stream(2), client: stream(3), disks: stream(4), slowness: stream(6)}
}

// between draws a duration.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)+1))
}

// newWorld makes a world in which every host is off.
func newWorld(cfg *Config, shape Shape) *World {
	w := &World{shape: shape, tamper: cfg.Tamper, traced: cfg.Trace, chance: throw(cfg.Seed), agents: 0.01, fences: 0.05,
		entries: map[string]*replica.Batch{}, states: map[string]*replica.State{}}
	w.counting.now = shape.Quorum
	w.check.init(w)
	w.device = device{disk: newPlatter(), chance: rand.New(rand.NewPCG(cfg.Seed, 5)), lines: map[witness.ConnID]*line{}}
	w.startDevice()
	for i := range shape.Hosts {
		w.hosts = append(w.hosts, newHost(w, core.HostID(i+1)))
	}
	return w
}

// event is something that will happen.
type event struct {
	at time.Duration
	n  uint64
	do func()
}

// queue is a heap of events, the earliest first. It is container/heap without its boxing:
// most of a run's time goes through here.
type queue []event

func (q queue) before(a, b int) bool {
	return q[a].at < q[b].at || q[a].at == q[b].at && q[a].n < q[b].n
}

func (q *queue) push(e event) {
	*q = append(*q, e)
	h := *q
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.before(i, up) {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *queue) pop() event {
	h := *q
	top, last := h[0], len(h)-1
	h[0], h[last] = h[last], event{}
	h = h[:last]
	*q = h
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return top
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// after lets something happen after a while.
func (w *World) after(d time.Duration, do func()) {
	w.count++
	w.queue.push(event{w.now + max(d, 0), w.count, do})
}

// run lets virtual time pass until end, until a checker objects, or until ok holds after
// an event; nil never does.
func (w *World) run(end time.Duration, ok func() bool) bool {
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := w.queue.pop()
		w.now = e.at
		e.do()
		if len(w.check.violations) > 0 || ok != nil && ok() {
			return true
		}
	}
	w.now = end
	return false
}

func (w *World) trace(host, format string, args ...any) {
	if w.traced != nil {
		w.traced(w.now, host, fmt.Sprintf(format, args...))
	}
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
