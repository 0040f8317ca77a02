package plane

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/pool"
)

// limits are what an administrator may change of how many clients are taken.
type limits struct {
	maxconn atomic.Int64
	secure  int64 // clients with TLS; 0: any number
}

// MaxConn is how many clients the process takes; 0: any number.
func (p *Plane) MaxConn() int64 { return p.limits.maxconn.Load() }

// SetMaxConn changes that.
func (p *Plane) SetMaxConn(n int64) {
	p.limits.maxconn.Store(n)
	p.everywhere(func(l *Loop) { l.resume() })
}

// ForgetMost begins to look for the most connections, and the most in a second, anew; with all, to count everything anew.
func (p *Plane) ForgetMost(all bool) {
	now := time.Now()
	for f := range p.frequencies {
		p.frequencies[f].ForgetMost(now)
	}
	snapshot := p.Snapshot()
	for _, f := range snapshot.Frontends {
		f.MaxSeen.Store(f.Sessions.Load())
		f.Counters.ForgetMost(now)
		if all {
			f.Counters.Reset()
		}
	}
	for _, b := range snapshot.Backends {
		b.ForgetMost(all)
	}
	if all {
		p.Total.Store(0)
		p.refusals.Clear()
	}
}

// Stopping tells whether the process takes no more clients.
func (p *Plane) Stopping() bool { return p.stopping.Load() }

// SetFrontendMaxConn changes how many clients a frontend takes at once; 0: any number.
func (p *Plane) SetFrontendMaxConn(f *Frontend, n int64) {
	f.maxconn.Store(n)
	p.everywhere(func(l *Loop) { l.resume() })
}

// Limit is how many clients the frontend takes at once; 0: any number.
func (f *Frontend) Limit() int64 { return f.maxconn.Load() }

// everywhere has f run on each loop, and waits.
func (p *Plane) everywhere(f func(*Loop)) {
	var all sync.WaitGroup
	for _, l := range p.loops {
		all.Add(1)
		if !l.post(func() { defer all.Done(); f(l) }) {
			all.Done()
		}
	}
	all.Wait()
}

// gather joins what each loop has, in no order.
func gather[T any](p *Plane, own func(*Loop) []T) []T {
	var mu sync.Mutex // guards all
	var all []T
	p.everywhere(func(l *Loop) {
		some := own(l)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, some...)
	})
	return all
}

// Suspend has a frontend refuse new clients, or take them again. Those that are there go on.
func (p *Plane) Suspend(f *Frontend, suspended bool) {
	if f.Disabled.Swap(suspended) == suspended {
		return
	}
	p.everywhere(func(l *Loop) {
		for _, s := range l.listeners {
			switch {
			case s.frontend != f || s.conn == nil:
			case suspended:
				l.accept(s)
				_ = unix.Shutdown(s.conn.fd, unix.SHUT_RD) // it listens no more, but stays bound
			default:
				_ = unix.Listen(s.conn.fd, backlogOf(f, s.bind))
				l.accept(s)
			}
		}
	})
}

// CloseFrontend closes a frontend's sockets for good.
func (p *Plane) CloseFrontend(f *Frontend) {
	f.Disabled.Store(true)
	f.Closed.Store(true)
	p.everywhere(func(l *Loop) {
		for _, s := range l.listeners {
			if s.frontend == f && s.conn != nil {
				l.drop(s.conn)
				s.conn = nil
			}
		}
	})
}

// EndSession ends a session, and tells whether there was one of that number.
func (p *Plane) EndSession(id uint64) bool {
	var mu sync.Mutex // guards found
	found := false
	p.everywhere(func(l *Loop) {
		for s := range l.sessions {
			if s.number != id {
				continue
			}
			s.note('K', 'D')
			s.log()
			s.destroy()
			mu.Lock()
			found = true
			mu.Unlock()
			return
		}
	})
	return found
}

// IdleConnections counts the connections to servers that wait for requests, by loop.
func (p *Plane) IdleConnections() map[*pool.Server][]int {
	var mu sync.Mutex // guards all
	all := map[*pool.Server][]int{}
	p.everywhere(func(l *Loop) {
		mu.Lock()
		defer mu.Unlock()
		for s, conns := range l.idle {
			if all[s] == nil {
				all[s] = make([]int, len(p.loops))
			}
			all[s][l.id] = len(conns)
		}
	})
	return all
}

// part closes the connections that are kept to a server, where they are good no more.
func (p *Plane) part(s *pool.Server) {
	for _, l := range p.loops {
		l.post(func() { l.part(s) })
	}
}

// ForgetServer has the loops know nothing any more of a server that is there no more. It was in maintenance, so that no connection is kept to it.
func (p *Plane) ForgetServer(s *pool.Server) {
	p.everywhere(func(l *Loop) {
		l.part(s)
		if len(l.idle[s]) == 0 {
			delete(l.idle, s)
		}
		if len(l.muxes[s]) == 0 {
			delete(l.muxes, s)
		}
	})
}

// Descriptor is an open socket of a loop's, to be shown.
type Descriptor struct {
	FD, Loop                  int
	Role                      string
	Frontend, Backend, Server string
	Local                     netip.AddrPort
	Readable, Writable, Ended bool
	TLS, HTTP2                bool
	Pending                   int // bytes that the kernel did not take yet
}

var roleNames = [...]string{free: "free", listening: "listening", clientSide: "client", serverSide: "server", idle: "idle", lingering: "closing", mailbox: "wakes the loop",
	shaking: "handshake", alarm: "alarm"}

// Descriptors lists the sockets that the loops watch.
func (p *Plane) Descriptors() []Descriptor {
	all := gather(p, func(l *Loop) (own []Descriptor) {
		for fd, c := range l.conns {
			if c != nil {
				own = append(own, c.shown(l, fd))
			}
		}
		return own
	})
	slices.SortFunc(all, func(a, b Descriptor) int { return a.FD - b.FD })
	return all
}

func (c *conn) shown(l *Loop, fd int) Descriptor {
	d := Descriptor{FD: fd, Loop: l.id, Role: roleNames[c.role], Readable: c.readable, Writable: c.writable, Ended: c.eof || c.hungUp, TLS: c.tls != nil, HTTP2: c.mux != nil,
		Pending: c.pending()}
	if c.listener != nil && c.listener.frontend != nil {
		d.Frontend, d.Local = c.listener.frontend.Name, c.listener.bind.Address
	}
	if s := c.session; s != nil {
		if d.Frontend = s.frontend.Name; s.backend != nil {
			d.Backend = s.backend.Name
		}
	}
	if c.server != nil {
		d.Backend, d.Server = c.server.Backend.Name, c.server.Server.Name
	}
	return d
}

// LoopState is what an event loop has to do, to be shown.
type LoopState struct {
	Sessions, Idle, Multiplexed, Requests int64
	Posted, Deferred                      int // what others, and what it itself, left for its next round
}

// LoopStates asks each loop.
func (p *Plane) LoopStates() []LoopState {
	all := make([]LoopState, len(p.loops))
	p.everywhere(func(l *Loop) {
		v := &all[l.id]
		v.Sessions, v.Requests, v.Deferred = int64(len(l.sessions)), l.requests, len(l.again)
		for _, conns := range l.idle {
			v.Idle += int64(len(conns))
		}
		for _, muxes := range l.muxes {
			v.Multiplexed += int64(len(muxes))
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		v.Posted = len(l.posted)
	})
	return all
}
