package pool

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/traffic/proxy/config"
)

// Backend is a backend at run time.
type Backend struct {
	*config.Proxy
	Sessions atomic.Int64
	MaxSeen  atomic.Int64
	Counters Counters

	secret   atomic.Pointer[string] // of dynamic cookies
	members  atomic.Pointer[[]*Server]
	order    atomic.Pointer[ordering]
	turn     atomic.Uint64 // roundrobin's place in the sequence
	waiting  atomic.Int64  // requests in the queue
	common   atomic.Int64  // those of them that any server will do for
	longest  atomic.Int64  // most of them at once
	mu       sync.Mutex    // guards queue, dequeued and the servers' served, made, changes of members and the making of order
	queue    []*Waiter
	dequeued int64 // requests that waited for any server and were given one
	made     int   // servers so far
	availability
	now    func() time.Time
	random func(n int) int
	part   func(*Server) // see Part
}

// New makes a backend of its configuration, with counters for so many loops.
func New(p *config.Proxy, loops int, now func() time.Time) *Backend {
	b := &Backend{Proxy: p, Counters: NewCounters(loops), now: now, random: rand.IntN}
	var all []*Server
	for _, c := range p.Servers {
		all = append(all, b.newServer(c))
	}
	b.members.Store(&all)
	b.initialCookies(p)
	b.Refresh()
	return b
}

// Now is the backend's clock.
func (b *Backend) Now() time.Time { return b.now() }

// Link makes the servers of a configuration follow those that they track.
func Link(c *config.Config, backends map[string]*Backend) {
	of := map[*config.Server]*Server{}
	for _, b := range backends {
		for _, s := range b.Servers() {
			of[s.Server] = s
		}
	}
	for _, p := range c.Proxies {
		if !p.Back {
			continue
		}
		for _, s := range backends[p.Name].Servers() {
			if s.Track != "" {
				s.Follow(of[c.Tracked(p, s.Server)])
			}
		}
	}
}

// Part has f called, on any goroutine, when connections that were made to a server before are good no more: it has moved, is spoken to otherwise, or was
// taken out. It is to be said before anybody else knows the backend.
func (b *Backend) Part(f func(*Server)) { b.part = f }

// Find returns the server of that name, nil when there is none.
func (b *Backend) Find(name string) *Server {
	for _, s := range b.Servers() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// ByCookie returns the server that a cookie's value names, nil when there is none.
func (b *Backend) ByCookie(value []byte) *Server {
	for _, s := range b.Servers() {
		if cookie := s.Cookie(); cookie != "" && cookie == string(value) {
			return s
		}
	}
	return nil
}

// Usable counts the servers that take new clients.
func (b *Backend) Usable() (usable, backups int) {
	for _, s := range b.Servers() {
		switch {
		case !s.Usable():
		case s.Backup:
			backups++
		default:
			usable++
		}
	}
	return usable, backups
}

// Queued counts the requests that wait.
func (b *Backend) Queued() int64 { return b.waiting.Load() }

// Crowded tells whether requests wait for any server: those that come now have to wait behind them.
func (b *Backend) Crowded() bool { return b.common.Load() > 0 }

// MostQueued is the most requests that waited at once.
func (b *Backend) MostQueued() int64 { return b.longest.Load() }

// Paces are how long requests took lately.
func (b *Backend) Paces() Paces {
	var all []*Counters
	for _, s := range b.Servers() {
		all = append(all, &s.Counters)
	}
	return PacesOf(all...)
}

// availability is whether a backend has a server that takes new clients, and since when. Backend.mu guards it.
type availability struct {
	known, up bool
	changed   time.Time
	downs     int64
	down      time.Duration // before the change
}

func (a *availability) note(up bool, now time.Time) {
	if a.known && a.up == up {
		return
	}
	switch {
	case !a.known:
	case up:
		a.down += now.Sub(a.changed)
	default:
		a.downs++
	}
	a.known, a.up, a.changed = true, up, now
}

// Availability is when the backend began or ceased to have a server that takes new clients, how often it ceased, and how long it had none.
func (b *Backend) Availability(now time.Time) (since time.Time, downs int64, down time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if down = b.availability.down; !b.availability.up {
		down += now.Sub(b.changed)
	}
	return b.changed, b.downs, down
}

// ForgetMost begins to look for the most of what is counted anew, here and of each server; with all, to count everything anew.
func (b *Backend) ForgetMost(all bool) {
	b.MaxSeen.Store(b.Sessions.Load())
	b.longest.Store(b.Queued())
	b.Counters.ForgetMost(b.now())
	if all {
		b.Counters.Reset()
	}
	for _, s := range b.Servers() {
		s.forgetMost(all)
	}
}

// Key is what a request is balanced by, beside the servers' state.
type Key struct {
	Hash    uint32
	Hashed  bool       // Hash counts
	Source  netip.Addr // balance source
	Avoid   *Server    // where it was tried before
	Waiting bool       // full servers will do: the request is going to wait
}

// Pick chooses a server, nil when none can be used. A full server is chosen only when the algorithm leaves no choice.
func (b *Backend) Pick(k Key) *Server {
	o := b.order.Load()
	if o.ramping {
		b.Refresh()
		o = b.order.Load()
	}
	if len(o.servers) == 0 {
		return nil
	}
	if len(o.servers) == 1 {
		return o.servers[0]
	}
	if k.Hashed {
		if s := o.hashed(b, k.Hash); s != nil && s != k.Avoid {
			return s
		}
	}
	switch b.Balance.Algorithm {
	case "leastconn":
		return o.least(k.Avoid)
	case "first":
		return o.first(k.Avoid)
	case "random":
		return o.drawn(b.random, b.Balance.Draws, k.Avoid)
	}
	return o.next(b.turn.Add(1)-1, k.Avoid)
}

// Waiter is a request in the queue.
type Waiter struct {
	Server *Server       // only this one will do; nil: any
	Wake   func(*Server) // called, on any goroutine, with a place taken on the server
	Move   func()        // called likewise when Server takes nobody any more: the request is out of the queue, and may go elsewhere; nil: it may not
	Class  int64         // lower ones go first
	Since  int64         // milliseconds; among those of a class the lowest goes first
	Passed int64         // how many were given a place out of the queue while this one was in it, and one for itself; read when it has left
	queued bool
}

// Wait puts a request at the queue's end, unless a place is free by now.
func (b *Backend) Wait(w *Waiter) (position int64) {
	b.mu.Lock()
	w.queued = true
	w.Passed = -*b.served(w)
	b.queue = slices.Insert(b.queue, b.place(w), w)
	position = b.waiting.Add(1)
	b.longest.Store(max(b.longest.Load(), position))
	if w.Server != nil {
		w.Server.longest.Store(max(w.Server.longest.Load(), w.Server.Queued.Add(1)))
	} else {
		b.common.Add(1)
	}
	b.mu.Unlock()
	// A place may have become free between the look and the queue, and the server that is waited for may have gone.
	for _, s := range b.Servers() {
		if s.HasRoom() && (s == w.Server || s.ordered.Load()) {
			b.wake(s)
		}
	}
	if w.Server != nil && !w.Server.Alive() {
		b.disperse(w.Server)
	}
	return position
}

// place is where a request stands in the queue: behind all that do not come after it.
func (b *Backend) place(w *Waiter) int {
	at := len(b.queue)
	for at > 0 && (b.queue[at-1].Class > w.Class || b.queue[at-1].Class == w.Class && b.queue[at-1].Since > w.Since) {
		at--
	}
	return at
}

// Leave takes a request out of the queue, and tells whether it was still there.
func (b *Backend) Leave(w *Waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !w.queued {
		return false
	}
	for i, other := range b.queue {
		if other == w {
			b.drop(i)
			return true
		}
	}
	return false
}

// served counts the requests that were taken out of the queue that one waits in: its server's, or that of all servers. b.mu guards it.
func (b *Backend) served(w *Waiter) *int64 {
	if w.Server != nil {
		return &w.Server.served
	}
	return &b.dequeued
}

func (b *Backend) drop(i int) {
	w := b.queue[i]
	b.queue = append(b.queue[:i], b.queue[i+1:]...)
	w.queued = false
	w.Passed += *b.served(w) + 1
	b.waiting.Add(-1)
	if w.Server != nil {
		w.Server.Queued.Add(-1)
	} else {
		b.common.Add(-1)
	}
}

// wake gives a server's free places to those who wait for them, one after another. Those who wait for any server get none of a backup's while there are
// others.
func (b *Backend) wake(s *Server) {
	for {
		b.mu.Lock()
		at := slices.IndexFunc(b.queue, func(w *Waiter) bool { return w.Server == s || w.Server == nil && s.ordered.Load() })
		if at < 0 || !s.TryAcquire() {
			b.mu.Unlock()
			return
		}
		w := b.queue[at]
		b.drop(at)
		*b.served(w)++
		b.mu.Unlock()
		w.Wake(s)
	}
}

// disperse has those go elsewhere who wait for a server that takes nobody any more.
func (b *Backend) disperse(s *Server) {
	if s.Queued.Load() == 0 {
		return
	}
	var moved []*Waiter
	b.mu.Lock()
	for i := 0; i < len(b.queue); {
		w := b.queue[i]
		if w.Server != s || w.Move == nil {
			i++
			continue
		}
		b.drop(i)
		moved = append(moved, w)
	}
	b.mu.Unlock()
	for _, w := range moved {
		w.Move()
	}
}
