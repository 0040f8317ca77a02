package plane

import (
	"net/netip"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// assign finds a server for the request and connects to it.
func (s *session) assign() bool {
	b := s.backend
	if b.Stats.On && s.frontend.Mode == config.HTTP && b.Proxy != s.frontend.Proxy && s.statistics(b.Proxy) {
		return s.state != over
	}
	target, bound := s.boundServer()
	if target == nil {
		bound = false
		target = b.Pick(s.key())
	}
	return s.take(target, bound)
}

// take has the request go to a server, or wait for it where the client is bound to it or a hash chose it, or for any. Where too many wait for the one
// server already, the request goes to another if it may.
func (s *session) take(target *pool.Server, bound bool) bool {
	switch {
	case target == nil:
		s.note('S', 'C')
		s.countFailure()
		s.respond(503)
		return s.state != over
	case !bound && s.backend.Crowded() && !s.hashes():
		return s.enqueue(nil)
	case target.TryAcquire():
		s.countBalanced(target, bound)
		return s.assigned(target)
	case !bound && !s.hashes():
		return s.enqueue(nil)
	}
	s.countBalanced(target, bound)
	switch {
	case target.MaxQueue == 0 || target.Queued.Load() < int64(target.MaxQueue):
		s.target = target
		return s.enqueue(target)
	case bound && s.mayRedispatch() && !s.persistenceIs(true):
		next := s.backend.Pick(s.key())
		s.moveOn(target, next)
		if next == target {
			return s.enqueue(nil)
		}
		return s.take(next, false)
	}
	s.target = target
	s.note('S', 'Q')
	s.countFailure()
	s.respond(503)
	return s.state != over
}

// assigned goes on with a place on a server.
func (s *session) assigned(target *pool.Server) bool {
	s.target, s.acquired = target, true
	target.Counters.Set(s.loop.id).Picked.Add(1)
	target.Counters.Happened(pool.Arrival, s.loop.id, s.loop.clock)
	if target.Redirect != "" && s.sendsElsewhere() {
		return s.state != over
	}
	if s.x != nil && s.x.chosen == 0 {
		s.x.chosen = s.loop.now
	}
	s.last = target
	if len(s.backend.Sticks) > 0 {
		s.stickTo(false)
	}
	return s.open(s.x != nil && !s.x.sent)
}

// endpoint is where a connection to a server leads. Requests that are for another place, or name another host in TLS, do not use it.
type endpoint struct {
	to         netip.AddrPort
	name       string // in TLS (SNI); "": as the server's line says
	generation uint32 // the server's

	client, goal netip.AddrPort // of a personal connection: what the server was told of its client
}

// endpointOf is where the request is for at the server that was chosen: at an address that its line leaves open, where the client wanted to go.
func (s *session) endpointOf(target *pool.Server) endpoint {
	e := endpoint{to: target.Address(), generation: target.Generation()}
	if target.Relative {
		e.to = netip.AddrPortFrom(e.to.Addr(), uint16(int(s.destination().Port())+target.PortOff))
	}
	if e.to.Addr().IsUnspecified() {
		port := e.to.Port()
		if port == 0 {
			port = s.destination().Port()
		}
		e.to = netip.AddrPortFrom(s.destination().Addr().Unmap(), port)
	}
	if s.personal() {
		e.client, e.goal = s.source, s.destination()
	}
	if secure := target.Security(); secure != nil && secure.SNI != nil {
		e.name = string(secure.SNI.Append(nil, s.ctx()))
	}
	return e
}

// open takes a connection to s.target out of the pool, or makes one.
func (s *session) open(mayReuse bool) bool {
	l, target := s.loop, s.target
	s.x.answerHead.Reset() // an attempt before this one may have got a part of an answer, or one that was no good
	where := s.endpointOf(target)
	if s.server != nil { // kept from the client's request before
		if s.server.server == target && s.server.endpoint == where && !s.server.hungUp && !s.server.readable {
			s.useServer(s.server, true)
			return s.started()
		}
		l.drop(s.server)
		s.server = nil
	}
	if mayReuse && s.mayShare() {
		if c := l.unpark(target, where); c != nil {
			s.useServer(c, true)
			return s.started()
		}
		if !s.plainWebSocket() {
			if m := l.muxTo(target, where); m != nil {
				s.useServer(m.open(), true)
				return s.started()
			}
		}
	}
	fd, err := connect(s.wayTo(where.to))
	target.Counters.Set(l.id).Connections.Add(1)
	if err != nil {
		return s.connectFailed(false)
	}
	c := l.newConn(fd, serverSide)
	c.server, c.endpoint = target, where
	if s.backend.Options.ServerKeepAlive {
		keepAlive(fd, &s.backend.ServerAlive)
	}
	s.useServer(c, false)
	if target.Relay.IsValid() {
		return s.relay(where.to, s.reached)
	}
	return s.reached()
}

// reached goes on with a connection that was begun: with TLS, with HTTP/2, or with the request.
func (s *session) reached() bool {
	target := s.target
	if target.Security() != nil {
		return s.secureServer()
	}
	if s.frontend.Mode == config.HTTP && (target.HTTP2 && !s.plainWebSocket() || target.WebSockets == "h2" && s.x.requestHead.Upgrade) {
		return s.startStream(false)
	}
	return s.started()
}

func (s *session) useServer(c *conn, reused bool) {
	s.server, c.session = c, s
	c.role = serverSide
	if s.x != nil {
		s.x.reused = reused
	}
	counters := s.target.Counters.Set(s.loop.id)
	counters.Sessions.Add(1)
	if reused {
		counters.Reused.Add(1)
	} else {
		counters.Opened.Add(1)
	}
}

// mayShare tells whether the request may go over a connection that other clients have used. A client's first request does so only
// when it can be repeated should that connection turn out to be dead.
func (s *session) mayShare() bool {
	if s.personal() || s.frontend.Mode != config.HTTP {
		return false
	}
	x := s.x
	switch s.backend.Reuse {
	case config.ReuseNever:
		return false
	case config.ReuseAlways, config.ReuseAggressive:
		return true
	}
	return s.requests > 1 || idempotent(&x.requestHead, x.request) && x.upOver
}

// started sends what there is to send; while the connection is still being made, the kernel says so and it is kept.
func (s *session) started() bool {
	l, c := s.loop, s.server
	if s.frontend.Mode == config.TCP {
		return s.startTunnel()
	}
	s.state = exchanging
	if !s.sendRequest() {
		if !s.x.reused && c.served == 0 {
			return s.connectFailed(false)
		}
		return s.serverLost()
	}
	if s.state != exchanging {
		return s.state != over
	}
	if !c.registered && !l.register(c) {
		return s.serverLost()
	}
	if c.pending() > 0 && !s.x.reused && c.served == 0 && !c.writable {
		// Not connected yet, most likely.
		s.state = connecting
		l.timers.set(c, l.within(s.backend.Timeouts.Connect))
		return false
	}
	s.connectedNow()
	return true
}

func (s *session) connectedNow() {
	l := s.loop
	if s.x != nil && s.x.connected == 0 {
		s.x.connected = l.now
	}
	if s.state != tunnelling {
		s.state = exchanging
	}
	l.timers.set(s.server, l.within(s.serverTimeout()))
}

// finishConnecting is called when an event came while a connection is being made.
func (s *session) finishConnecting() bool {
	c, l := s.server, s.loop
	if s.client.broken {
		s.abort('C')
		return false
	}
	if c != nil && s.frontend.Mode == config.TCP {
		return s.settle()
	}
	if c == nil || !c.writable && !c.readable && !c.broken {
		return false
	}
	if c.stream == nil && socketError(c.fd) != 0 || c.stream != nil && c.broken {
		return s.connectFailed(false)
	}
	if c.broken && c.hungUp && !c.readable {
		return s.connectFailed(false)
	}
	if !l.flush(c) {
		return s.serverLost()
	}
	s.connectedNow()
	return true
}

// connectFailed tries again, elsewhere when that is allowed, or gives up.
func (s *session) connectFailed(timedOut bool) bool {
	s.observe(false)
	return s.again("conn-failure", timedOut)
}

// again makes another attempt for a reason of retry-on's, if there is one left.
func (s *session) again(reason string, timedOut bool) bool {
	x, b := s.x, s.backend
	s.dropServer()
	failed := s.target
	s.release()
	if x.retries >= b.Retries || !b.RetryOn[reason] || x.sent && reason != "conn-failure" && !x.replayable {
		s.giveUp(reason, timedOut)
		return s.state != over
	}
	x.retries++
	target := failed
	if s.redispatches(x.retries) {
		if target = b.Pick(pool.Key{Avoid: failed}); target == nil {
			target = failed
		}
		s.moveOn(failed, target)
	}
	if target == failed {
		b.Counters.Set(s.loop.id).Retries.Add(1)
		failed.Counters.Set(s.loop.id).Retries.Add(1)
	}
	if !target.TryAcquire() {
		return s.enqueue(nil)
	}
	s.countBalanced(target, target == failed)
	s.target, s.acquired = target, true
	// A server that refuses is asked again after a moment; another one at once.
	if target == failed && !timedOut && reason == "conn-failure" {
		s.later(time.Second)
		return false
	}
	return s.open(false)
}

// later opens the connection after a while.
func (s *session) later(d time.Duration) {
	if limit := s.backend.Timeouts.Connect; limit > 0 {
		d = min(d, limit)
	}
	l, w := s.loop, &pool.Waiter{} // for nobody: it has a place
	s.state, s.waiter = queued, w
	l.timers.set(s.client, 0)
	time.AfterFunc(d, func() {
		l.post(func() {
			if s.waiter != w {
				return
			}
			if s.leftQueue(); s.open(false) {
				s.run()
			}
		})
	})
}

// mayRedispatch tells whether a request that is for one server may go to another when that one takes it not.
func (s *session) mayRedispatch() bool {
	return s.backend.Options.Redispatch || s.frontend.Options.Redispatch
}

// redispatches tells whether an attempt may go to another server.
func (s *session) redispatches(attempt int) bool {
	b := s.backend
	if !s.mayRedispatch() {
		return false
	}
	switch at := b.RedispatchAt; {
	case at > 0:
		return attempt%at == 0
	case at < 0:
		return (b.Retries+1-attempt)%-at == 0
	}
	return true
}

// giveUp answers for a server that could not be reached, or that gave no answer.
func (s *session) giveUp(reason string, timedOut bool) {
	if reason == "conn-failure" {
		s.countFailure()
	}
	switch {
	case reason == "conn-failure" && timedOut:
		s.note('s', 'C')
		s.respond(503)
	case reason == "conn-failure":
		s.note('S', 'C')
		s.respond(503)
	case timedOut:
		s.note('s', 'H')
		s.respond(504)
	case reason == "junk-response":
		s.note('P', 'H')
		s.respond(502)
	default:
		s.note('S', 'H')
		s.respond(502)
	}
}

// serverLost is called when the server's connection failed before an answer came.
func (s *session) serverLost() bool {
	x := s.x
	if x == nil || x.answered {
		s.note('S', 'D')
		s.log()
		s.destroy()
		return false
	}
	if s.server != nil && s.server.refused && !x.movedOn && x.retries < s.backend.Retries { // nobody has looked at the request
		x.retries++
		s.dropServer()
		return s.open(true)
	}
	// A connection from the pool that had died meanwhile says nothing about the server: a fresh one is tried.
	if x.reused && x.replayable && !x.noReplay && idempotent(&x.requestHead, x.request) {
		s.dropServer()
		return s.open(false)
	}
	s.target.Counters.Set(s.loop.id).AnswerErrors.Add(1)
	s.backend.Counters.Set(s.loop.id).AnswerErrors.Add(1)
	s.observe(false)
	return s.again("empty-response", false)
}

func (s *session) dropServer() {
	if s.server != nil {
		s.loop.drop(s.server)
		s.server = nil
	}
}

// abort ends a request whose client or server has gone.
func (s *session) abort(who byte) {
	if s.x != nil {
		phase := byte('D')
		switch s.state {
		case awaiting:
			phase = 'R'
		case queued:
			phase = 'Q'
		case connecting:
			phase = 'C'
		case exchanging:
			if !s.x.answered && s.x.upOver {
				phase = 'H'
			}
		}
		s.note(who, phase)
		if s.backend != nil {
			s.backend.Counters.Set(s.loop.id).ClientAborts.Add(1)
		}
		s.frontend.Counters.Set(s.loop.id).ClientAborts.Add(1)
		s.log()
	}
	s.destroy()
}
