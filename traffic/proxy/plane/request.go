package plane

import (
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
)

// headLimit is how large a head may be.
func (s *session) headLimit() int {
	g := &s.loop.plane.Snapshot().Config.Global
	return g.BufferSize - g.MaxRewrite
}

// tooLong tells whether a head is longer than it may be, whole or not.
func tooLong(h *h1.Head, b []byte, limit int) bool {
	return h.Size > limit || h.Size == 0 && len(b) >= limit
}

// awaitRequest reads a request's head.
func (s *session) awaitRequest() bool {
	l, c := s.loop, s.client
	if c.pending() > 0 {
		return s.drain()
	}
	if !l.fill(c, l.up) {
		if c.eof || c.broken {
			s.clientGone()
		}
		return false
	}
	if s.requests == 0 && s.x == nil && s.becomesHTTP2() {
		return s.state == multiplexing
	}
	x := s.x
	if x == nil {
		x = l.getExchange()
		s.x = x
		x.begun = l.now
		if s.requests > 0 {
			l.timers.set(c, l.within(s.headTimeout()))
		}
	}
	err, limit := x.requestHead.Request(c.in), s.headLimit()
	if err == nil && tooLong(&x.requestHead, c.in, limit) {
		err = h1.ErrTooLarge
	}
	switch {
	case err != nil:
		l.plane.refused(err)
		s.keepRejected(c.in, false, err)
		s.refuse(400)
		return true
	case x.requestHead.Size == 0:
		if l.more(c, l.up, limit) {
			return true
		}
		if c.eof {
			s.clientGone()
		}
		return false
	}
	x.request = append(x.request[:0], c.in[:x.requestHead.Size]...)
	l.used(c, x.requestHead.Size)
	x.receivedBytes = int64(x.requestHead.Size)
	x.whole = l.now
	return s.request()
}

// drain writes what is left of the answer before.
func (s *session) drain() bool {
	if !s.loop.flush(s.client) {
		s.destroy()
		return false
	}
	return s.client.pending() == 0
}

// clientGone ends a session whose client closed between requests, or within a head.
func (s *session) clientGone() {
	begun := len(s.client.in) > 0
	if !begun && (s.requests > 0 || s.frontend.Options.NullLog || s.frontend.Options.IgnoreProbes) {
		s.destroy()
		return
	}
	if s.x == nil {
		s.x = s.loop.getExchange()
		s.x.begun = s.loop.now
	}
	s.note('C', 'R')
	s.x.answerHead.Status = 400
	if begun {
		s.frontend.Counters.Set(s.loop.id).BadRequests.Add(1)
	}
	s.log()
	s.destroy()
}

// headTimedOut answers a request that did not come in time; a client that sent none is let go in silence.
func (s *session) headTimedOut() {
	if s.requests > 0 && s.x == nil || s.x == nil && s.frontend.Options.IgnoreProbes {
		s.finish()
		return
	}
	if s.x == nil {
		s.x = s.loop.getExchange()
		s.x.begun = s.loop.now
	}
	s.x.requestHead.Size = 0
	s.note('c', 'R')
	s.keep = false
	s.frontend.Counters.Set(s.loop.id).BadRequests.Add(1)
	s.respond(408)
	s.run()
}

// refuse answers a request that is not one.
func (s *session) refuse(status int) {
	s.x.requestHead.Size = 0
	s.keep = false
	s.note('P', 'R')
	s.frontend.Counters.Set(s.loop.id).BadRequests.Add(1)
	s.respond(status)
}

// request goes on with a head that is whole.
func (s *session) request() bool {
	x, l, f := s.x, s.loop, s.frontend
	h := &x.requestHead
	s.requests++
	l.requests++
	x.record.RequestNumber = l.requests*int64(len(l.plane.loops)) + int64(l.id)
	f.Counters.Set(l.id).Requests.Add(1)
	f.Counters.Happened(pool.RequestArrival, l.id, l.clock)
	err := h.CheckHost(x.request)
	if err == nil && !hasWebSocketKey(h, x.request) {
		err = h1.ErrUpgrade
	}
	if err != nil {
		l.plane.refused(err)
		s.keepRejected(x.request, false, err)
		s.refuse(400)
		return true
	}
	x.upBody = h.RequestBody()
	x.upOver = x.upBody.Over()
	method := h.MethodOf(x.request)
	x.toHead = string(method) == "HEAD"
	s.keep = h.KeepsAlive() && s.client.stream == nil && !l.plane.stopping.Load() && !f.Options.ForceClose
	if string(method) == "CONNECT" {
		s.refuse(405)
		return true
	}
	l.timers.set(s.client, l.within(f.Timeouts.Client))
	if f.Options.BufferRequest && hasBody(h) && !s.gatherBody(nil, 0, s.headTimeout(), 0) {
		return false
	}
	return s.process()
}

// hasWebSocketKey tells whether a request for a WebSocket has the key that its answer has to go with (RFC 6455, 4.1); others need none.
func hasWebSocketKey(h *h1.Head, b []byte) bool {
	return !asksWebSocket(h, b) || h.Find(b, "sec-websocket-key", 0) >= 0
}

func asksWebSocket(h *h1.Head, b []byte) bool {
	if !h.Upgrade {
		return false
	}
	at := h.Find(b, "upgrade", 0)
	return at >= 0 && h1.EqualFold(h.Fields[at].ValueOf(b), "websocket")
}

// process has the frontend's rules run, and goes on from there.
func (s *session) process() bool {
	if !s.frontend.plain && !s.frontRules() {
		return s.state != over && s.state != gathering
	}
	return s.route()
}

// route finds the request's backend, and has its rules run.
func (s *session) route() bool {
	f := s.frontend
	if f.Stats.On && s.statistics(f.Proxy) || !s.choose() {
		return s.state != over && s.state != gathering
	}
	return s.routed()
}

// routed goes on with a request whose rules have run.
func (s *session) routed() bool {
	if s.backend.Balance.InBody && s.balancesByBody() && !s.gatherBody([]*config.Rule{}, 0, s.headTimeout(), 0) {
		return s.state != over && s.state != gathering
	}
	if s.backend.Compression != nil || s.frontend.Compression != nil {
		s.chooseCoding()
	}
	return s.assign()
}

// choose finds the backend.
func (s *session) choose() bool {
	f := s.frontend
	b := s.backend
	if b == nil {
		b = s.pickBackend()
	}
	if b == nil {
		s.note('S', 'C')
		s.respond(503)
		return false
	}
	s.backend = b
	s.counted = true
	if n := b.Sessions.Add(1); n > b.MaxSeen.Load() {
		b.MaxSeen.Store(n)
	}
	counters := b.Counters.Set(s.loop.id)
	counters.Connections.Add(1)
	counters.Requests.Add(1)
	b.Counters.Happened(pool.Arrival, s.loop.id, s.loop.clock)
	if b.Proxy == f.Proxy || !hasRules(b.Proxy) {
		return true
	}
	return s.backRules()
}

func (s *session) pickBackend() *pool.Backend {
	f := s.frontend
	for i := range f.uses {
		u := &f.uses[i]
		if u.If != nil && !u.If.Holds(s.ctx()) {
			continue
		}
		if u.Format == nil {
			return u.backend
		}
		if b := f.backs[string(u.Format.Append(nil, s.ctx()))]; b != nil {
			return b
		}
	}
	return f.Default
}

// sendRequest puts the request on its way over s.server. It tells whether the connection took it.
func (s *session) sendRequest() bool {
	x, l, c := s.x, s.loop, s.server
	head := s.composeRequest()
	body := x.body
	if x.sent { // once more
		x.upBody = x.requestHead.RequestBody()
		if n, err := x.upBody.Advance(body); err != nil || n != len(body) {
			return false
		}
	} else {
		n, err := x.upBody.Advance(s.client.in)
		if err != nil {
			s.badBody(err)
			return true
		}
		body = s.client.in[:n]
		x.replayable = x.upBody.Over() && !x.noReplay
		// Kept even when more is to come: the connection may turn out not to have been made.
		x.body = append(x.body[:0], body...)
		x.receivedBytes += int64(n)
		s.charge(true, int64(n))
		defer l.used(s.client, n)
	}
	x.sent = true
	x.upOver = x.upBody.Over()
	return l.send2(c, head, body)
}

// badBody ends a request whose body is not what its framing says.
func (s *session) badBody(err error) {
	s.loop.plane.refused(err)
	s.keepRejected(s.client.in, false, err)
	s.frontend.Counters.Set(s.loop.id).BadRequests.Add(1)
	s.note('P', 'D')
	s.keep = false
	if s.x.answered {
		s.log()
		s.destroy()
		return
	}
	s.dropServer()
	s.respond(400)
}

// composeRequest puts the head together as the server is to see it.
func (s *session) composeRequest() []byte {
	x, l := s.x, s.loop
	h, b := &x.requestHead, s.backend
	extra := &x.edits
	closing := b.Options.ServerClose || b.Options.ForceClose || s.frontend.Options.ServerClose || s.frontend.Options.ForceClose
	forward := s.forwardFor()
	if h.Minor == 1 && !h.HopByHop && !closing && !extra.request && forward == nil && b.NameHeader == "" && b.Cookie == nil && s.target.SendProxy == 0 && h.FirstOffset == 0 {
		return x.request
	}
	out := l.compose[:0]
	if s.target.SendProxy != 0 && s.server.served == 0 && s.server.stream == nil && s.server.tls == nil {
		out = s.appendProxyLine(out)
	}
	if b.NameHeader != "" {
		h.Drop(x.request, lowerCase(b.NameHeader))
	}
	out = h.AppendRequest(out, x.request)
	if h.Upgrade {
		out = append(out, "Connection: upgrade\r\n"...)
	} else if closing || extra.close {
		out = append(out, "Connection: close\r\n"...)
	} else if h.Minor == 0 {
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	for _, f := range forward {
		out = s.appendForwarding(out, f)
	}
	if b.NameHeader != "" {
		out = append(append(append(append(out, b.NameHeader...), ": "...), s.target.Server.Name...), "\r\n"...)
	}
	out = append(out, "\r\n"...)
	l.compose = out
	return out
}

// forwardFor lists the forwarding headers that are to be added.
func (s *session) forwardFor() []*config.Forwarding {
	f, b := s.frontend, s.backend
	if !f.ForwardFor.On && !b.ForwardFor.On && !f.OriginalTo.On && !b.OriginalTo.On {
		return nil
	}
	var all []*config.Forwarding
	pick := func(first, second *config.Forwarding) {
		use := first
		if !first.On {
			use = second
		}
		if !use.On {
			return
		}
		if use.IfNone && s.x.requestHead.Find(s.x.request, lowerCase(use.Header), 0) >= 0 {
			return
		}
		all = append(all, use)
	}
	pick(&b.ForwardFor, &f.ForwardFor)
	pick(&b.OriginalTo, &f.OriginalTo)
	return all
}

func (s *session) appendForwarding(out []byte, f *config.Forwarding) []byte {
	address := s.source.Addr()
	if f.Header == s.frontend.OriginalTo.Header || f.Header == s.backend.OriginalTo.Header {
		address = s.destination().Addr()
	}
	if !address.IsValid() || f.Except.IsValid() && f.Except.Contains(address) {
		return out
	}
	out = append(out, f.Header...)
	out = append(out, ": "...)
	out = address.AppendTo(out)
	return append(out, "\r\n"...)
}

// replayed tells whether a request does no harm when it happens twice (RFC 9110, 9.2.2).
func idempotent(h *h1.Head, b []byte) bool {
	switch string(h.MethodOf(b)) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}
