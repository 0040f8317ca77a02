package plane

import (
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
)

// exchange moves the request's body to the server and the answer to the client.
func (s *session) exchange() bool {
	l, x, c := s.loop, s.x, s.server
	if c.pending() > 0 && !l.flush(c) {
		return s.serverBroken()
	}
	if !x.upOver {
		switch s.moveUp() {
		case moveFailed:
			return false
		case movePaused:
			l.again = append(l.again, s.resumer())
		}
		if s.state != exchanging {
			return s.state != over
		}
	}
	if !x.answered {
		if x.upOver && s.client.hungUp && s.backendOption(func(o *config.Options) bool { return o.AbortOnClose }) {
			s.clientLeft()
			return s.state != over
		}
		return s.awaitAnswer()
	}
	return s.moveDown()
}

// clientLeft ends a request that a server works on, as its client has closed its side and `option abortonclose` says that nobody waits then.
func (s *session) clientLeft() {
	s.note('C', 'H')
	s.keep = false
	s.backend.Counters.Set(s.loop.id).ClientAborts.Add(1)
	s.frontend.Counters.Set(s.loop.id).ClientAborts.Add(1)
	s.respond(400)
}

// awaitAnswer reads the answer's head.
func (s *session) awaitAnswer() bool {
	l, x, c := s.loop, s.x, s.server
	if !l.fill(c, l.down) {
		if c.eof || c.broken {
			return s.serverLost()
		}
		return false
	}
	h := &x.answerHead
	err, limit := h.Response(c.in), s.headLimit()
	if err == nil && tooLong(h, c.in, limit) {
		err = h1.ErrTooLarge
	}
	switch {
	case err != nil:
		s.backend.Counters.Set(l.id).AnswerErrors.Add(1)
		s.target.Counters.Set(l.id).AnswerErrors.Add(1)
		s.observe(false)
		s.keepRejected(c.in, true, err)
		return s.again("junk-response", false)
	case h.Size == 0:
		if l.more(c, l.down, limit) {
			return true
		}
		if c.eof {
			return s.serverLost()
		}
		return false
	case h.Status < 200 && h.Status != 101:
		return s.informational()
	}
	if s.retriesStatus(h.Status) {
		return s.again(statusText(h.Status), false)
	}
	return s.answer()
}

// retriesStatus tells whether the answer's status is a reason to try again.
func (s *session) retriesStatus(status int) bool {
	if len(s.backend.RetryOn) < 2 && s.backend.RetryOn["conn-failure"] {
		return false
	}
	return s.backend.RetryOn[statusText(status)] && s.x.replayable && s.x.retries < s.backend.Retries
}

// informational passes an answer of 1xx on; the real one is still to come.
func (s *session) informational() bool {
	l, x, c := s.loop, s.x, s.server
	if x.requestHead.Minor == 1 {
		out := x.answerHead.AppendResponse(l.compose[:0], c.in)
		out = append(out, "\r\n"...)
		l.compose = out
		if !l.send(s.client, out) {
			s.abort('C')
			return false
		}
	}
	l.used(c, x.answerHead.Size)
	x.answerHead.Reset()
	return true
}

// answer goes on with an answer's head that is whole.
func (s *session) answer() bool {
	l, x, c := s.loop, s.x, s.server
	h := &x.answerHead
	x.answeredAt = l.now
	c.served++
	s.count(h.Status)
	s.observe(h.Status < 500 || h.Status == 501 || h.Status == 505)
	b := s.backend
	x.downBody = h.ResponseBody(x.toHead, false)
	if h.Status == 101 {
		if !x.requestHead.Upgrade || asksWebSocket(&x.requestHead, x.request) && h.Find(c.in, "sec-websocket-accept", 0) < 0 {
			return s.again("junk-response", false)
		}
		return s.upgrade()
	}
	if x.requestHead.Minor == 0 && x.downBody.Framing == h1.Chunked {
		x.downBody.Bare, s.keep = true, false
		h.Drop(c.in, "transfer-encoding")
	}
	lengthless := h.Status == 204 && h.Find(c.in, "content-length", 0) >= 0
	if lengthless { // RFC 9110, 8.6: there is no length where there can be no body
		h.Drop(c.in, "content-length")
	}
	closing := b.Options.ServerClose || b.Options.ForceClose || s.frontend.Options.ServerClose || s.frontend.Options.ForceClose
	x.keepServer = h.KeepsAlive() && !closing && !x.edits.close && x.downBody.Framing != h1.UntilClose && (!s.personal() || s.staysPersonal()) && !s.wornOut()
	if !x.upOver || x.downBody.Framing == h1.UntilClose || l.plane.stopping.Load() {
		s.keep = false
	}
	if len(b.TCPResponse) > 0 && !x.answerSeen && !s.answerContent() {
		return false
	}
	if b.Cookie == nil && b.Compression == nil && s.frontend.plain && !hasAnswerRules(s) {
		if h.Minor == 1 && !h.HopByHop && !lengthless && (s.keep || s.client.stream != nil) && x.requestHead.Minor == 1 && h.FirstOffset == 0 {
			return s.passOn(nil)
		}
		return s.passOn(s.composeAnswer(c.in))
	}
	x.answer = append(x.answer[:0], c.in[:h.Size]...)
	if r := s.answerWait(); r != nil {
		s.state, x.waiting.atLeast = gatheringAnswer, r.Length
		l.timers.set(c, l.within(r.Time))
		return s.gatherAnswer(false)
	}
	return s.passAnswer()
}

// passAnswer has the rules for answers run, and sends what they make of it.
func (s *session) passAnswer() bool {
	x := s.x
	if !s.answerRules() {
		return s.state != over
	}
	if x.caching.storing != nil {
		s.startRecording()
	}
	if s.mayCompress() || x.caching.storing != nil {
		return s.passOnHead(s.composeAnswer(x.answer))
	}
	return s.passOn(s.composeAnswer(x.answer))
}

// composeAnswer puts the head together as the client is to see it.
func (s *session) composeAnswer(from []byte) []byte {
	x, l := s.x, s.loop
	out := x.answerHead.AppendResponse(l.compose[:0], from)
	switch {
	case !s.keep:
		out = append(out, "Connection: close\r\n"...)
	case x.requestHead.Minor == 0:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	l.compose = out
	return out
}

// passOn sends the head, and what is at hand of the body. A nil head goes as it came.
func (s *session) passOn(head []byte) bool {
	l, x, c := s.loop, s.x, s.server
	size := x.answerHead.Size
	body, n, err := x.downBody.Pass(c.in[size:])
	if err != nil {
		return s.again("junk-response", false)
	}
	x.answered = true
	s.charge(false, int64(len(body)))
	good := false
	if s.client.last = !s.keep && x.downBody.Over(); head == nil {
		good = l.send(s.client, c.in[:size+n])
		x.sentBytes += int64(size + n)
	} else {
		good = l.send2(s.client, head, body)
		x.sentBytes += int64(len(head) + len(body))
	}
	if s.client.last = false; !good {
		s.abort('C')
		return false
	}
	l.used(c, size+n)
	if s.client.pending() > 0 {
		l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
	}
	return true
}

// passOnHead sends the head alone.
func (s *session) passOnHead(head []byte) bool {
	l, x := s.loop, s.x
	x.answered = true
	x.sentBytes += int64(len(head))
	if !l.send(s.client, head) {
		s.abort('C')
		return false
	}
	l.used(s.server, x.answerHead.Size)
	return true
}

// moveDown moves the answer's body, and ends the exchange when all of it has gone.
func (s *session) moveDown() bool {
	l, x := s.loop, s.x
	if !x.downBody.Over() || s.downPipe.held() > 0 {
		t := transfer{from: s.server, to: s.client, body: &x.downBody, scratch: l.down, pipe: &s.downPipe, splicing: s.spliceAllowed(), most: moveAtOnce}
		if x.codes || x.caching.storing != nil {
			t.watch, t.splicing = s.watched, false
		}
		if len(x.throttles) > 0 {
			if t.most = s.bandwidth(false); t.most == 0 {
				return false
			}
		}
		moved, outcome := l.move(&t)
		x.sentBytes += moved
		s.charge(false, moved)
		switch outcome {
		case moveWaits:
			s.progress(moved)
			return false
		case movePaused:
			l.again = append(l.again, s.resumer())
			return false
		case moveEnded:
			if !x.downBody.End() {
				s.note('S', 'D')
				s.backend.Counters.Set(l.id).ServerAborts.Add(1)
				s.log()
				s.destroy()
				return false
			}
		case moveFailed:
			if s.client.broken {
				s.abort('C')
				return false
			}
			s.note('S', 'D')
			s.log()
			s.destroy()
			return false
		}
	}
	return s.finishExchange()
}

// progress puts the deadlines off, as bytes have passed.
func (s *session) progress(moved int64) {
	l := s.loop
	if moved == 0 {
		return
	}
	l.timers.set(s.server, l.within(s.serverTimeout()))
	l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
}

// moveUp moves the request's body.
func (s *session) moveUp() moveOutcome {
	l, x := s.loop, s.x
	t := transfer{from: s.client, to: s.server, body: &x.upBody, scratch: l.up, pipe: &s.upPipe, splicing: s.spliceAllowed(), most: moveAtOnce}
	if len(x.throttles) > 0 {
		if t.most = s.bandwidth(true); t.most == 0 {
			return moveWaits
		}
	}
	moved, outcome := l.move(&t)
	x.receivedBytes += moved
	s.charge(true, moved)
	x.movedOn = x.movedOn || moved > 0
	s.progress(moved)
	switch outcome {
	case moveOver:
		x.upOver = true
	case moveEnded:
		// The client stopped within its request.
		s.keep = false
		s.abort('C')
		return moveFailed
	case moveFailed:
		if s.server.broken {
			// The server may have answered without reading all.
			s.keep, x.upOver, x.keepServer = false, true, false
			s.server.broken = false
			return moveOver
		}
		s.badBody(h1.ErrChunk)
		return moveFailed
	}
	return outcome
}

// resumer goes on with the session, once others had their turn.
func (s *session) resumer() func() {
	uses := s.uses
	return func() {
		if s.uses == uses && s.state != over {
			s.run()
		}
	}
}

// serverBroken is called when writing to the server failed: an answer may be there all the same.
func (s *session) serverBroken() bool {
	if !s.x.answered {
		return s.serverLost()
	}
	s.note('S', 'D')
	s.log()
	s.destroy()
	return false
}

// finishExchange ends an exchange whose answer has gone out whole.
func (s *session) finishExchange() bool {
	l, x := s.loop, s.x
	if s.client.pending() > 0 {
		if !l.flush(s.client) {
			s.abort('C')
			return false
		}
		if s.client.pending() > 0 {
			return false
		}
	}
	s.addBytes()
	s.log()
	s.pace()
	c, personal := s.server, s.personal()
	s.server = nil
	c.session = nil
	s.leaveBackend()
	switch {
	case !x.keepServer || !x.upOver || c.eof:
		l.drop(c)
	case (personal || s.backend.Reuse == config.ReuseNever) && s.keep && c.stream == nil: // it stays with its client
		s.server, c.session = c, s
		l.timers.set(c, l.within(c.server.PoolPurge))
	case personal:
		l.drop(c)
	default:
		l.park(c)
	}
	if !s.keep {
		s.finish()
		return false
	}
	s.nextRequest()
	return true
}

// pace counts what the exchange took for its server's averages.
func (s *session) pace() {
	x, l := s.x, s.loop
	spent := func(from, to int64) int64 {
		if from == 0 || to == 0 {
			return 0
		}
		return to - from
	}
	s.target.Counters.Set(l.id).Pace.Add(pool.Spent{Queue: spent(x.whole, x.chosen), Connect: spent(x.chosen, x.connected), Response: spent(x.connected, x.answeredAt),
		Total: spent(x.begun, l.now)}, l.clock)
}

// nextRequest makes the session ready for another request.
func (s *session) nextRequest() {
	l := s.loop
	s.untrackContents()
	l.putExchange(s.x)
	s.x, s.target, s.backend = nil, nil, nil
	s.state = awaiting
	t := &s.frontend.Timeouts
	wait := t.KeepAlive
	if wait == 0 {
		wait = s.headTimeout()
	}
	l.timers.set(s.client, l.within(wait))
}

// upgrade makes a tunnel of the connection, as the server agreed to another protocol.
func (s *session) upgrade() bool {
	l, x := s.loop, s.x
	x.answer = append(x.answer[:0], s.server.in[:x.answerHead.Size]...)
	out := x.answerHead.AppendResponse(l.compose[:0], x.answer)
	out = append(out, "Connection: upgrade\r\n\r\n"...)
	l.compose = out
	l.used(s.server, x.answerHead.Size)
	if !l.send(s.client, out) {
		s.abort('C')
		return false
	}
	x.sentBytes += int64(len(out))
	x.answered = true
	s.keep = false
	s.becomeTunnel()
	return true
}

// exchangeTimedOut is called when one side was silent for too long.
func (s *session) exchangeTimedOut(c *conn) {
	x := s.x
	if c == s.client {
		if x.upOver && s.client.pending() == 0 {
			return // it is the server's turn
		}
		s.note('c', 'D')
		if !x.answered {
			s.keep = false
			s.dropServer()
			s.respond(408)
			s.run()
			return
		}
	} else {
		if x.answered && s.client.pending() > 0 || !x.upOver {
			s.loop.timers.set(c, s.loop.within(s.serverTimeout()))
			return // it is the client's turn
		}
		if !x.answered {
			s.observe(false)
			s.backend.Counters.Set(s.loop.id).AnswerErrors.Add(1)
			if s.again("response-timeout", true) {
				s.run()
			}
			return
		}
		s.note('s', 'D')
	}
	s.log()
	s.destroy()
}
