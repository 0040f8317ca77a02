package plane

import (
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// enqueue has the request wait for a server, or for any when target is nil.
func (s *session) enqueue(target *pool.Server) bool {
	l, b := s.loop, s.backend
	s.state = queued
	s.queuedAt = l.now
	w := &pool.Waiter{Server: target, Since: l.now}
	s.waiter = w
	if x := s.x; x != nil {
		w.Class, w.Since = x.context.PriorityClass, l.now+x.context.PriorityOffset
	}
	w.Wake = func(granted *pool.Server) {
		l.post(func() {
			if s.waiter != w {
				granted.Release()
				return
			}
			s.leftQueue()
			if s.assigned(granted) {
				s.run()
			}
		})
	}
	if target != nil && s.mayRedispatch() && !s.persistenceIs(true) {
		w.Move = func() {
			l.post(func() {
				if s.waiter != w {
					return
				}
				s.leftQueue()
				next := b.Pick(s.key())
				if s.moveOn(target, next); s.take(next, false) {
					s.run()
				}
			})
		}
	}
	l.timers.set(s.client, l.within(queueTimeout(b.Proxy)))
	b.Wait(w)
	return false
}

// moveOn takes note that the request goes to another server than the one that it was for.
func (s *session) moveOn(from, to *pool.Server) {
	if x := s.x; from != to && to != nil {
		x.redispatched = true
		if x.cookieKnown {
			x.cookieKnown, x.cookieDown = false, true
		}
		from.Counters.Set(s.loop.id).Redispatches.Add(1)
		s.backend.Counters.Set(s.loop.id).Redispatches.Add(1)
	}
}

// leftQueue takes note that the request waits no more.
func (s *session) leftQueue() {
	r := &s.x.record
	if w := s.waiter; w.Server != nil {
		r.ServerQueue += w.Passed
	} else {
		r.BackendQueue += w.Passed
	}
	s.waiter, s.state = nil, connecting
	s.loop.timers.set(s.client, s.loop.within(s.frontend.Timeouts.Client))
}

func (s *session) queueTimedOut() {
	s.release()
	s.countFailure()
	s.note('s', 'Q')
	s.respond(503)
	s.run()
}

// countBalanced counts a server that balancing has chosen.
func (s *session) countBalanced(target *pool.Server, bound bool) {
	if !bound {
		target.Counters.Set(s.loop.id).Balanced.Add(1)
	}
}

// countFailure counts a request that came to no server.
func (s *session) countFailure() {
	if s.target != nil {
		s.target.Counters.Set(s.loop.id).ConnectErrors.Add(1)
	}
	s.backend.Counters.Set(s.loop.id).ConnectErrors.Add(1)
}

// queueTimeout is how long a request waits for a server: timeout queue, or timeout connect where there is none.
func queueTimeout(p *config.Proxy) time.Duration {
	if p.Timeouts.Queue > 0 {
		return p.Timeouts.Queue
	}
	return p.Timeouts.Connect
}
