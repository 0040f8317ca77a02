package plane

import (
	"bytes"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/sample"
)

// setSocket runs set-mark and set-tos, on the connection to the client.
func (s *session) setSocket(r *config.Rule) {
	fd := s.client.fd
	if m := s.client.stream; m != nil {
		fd = m.mux.conn.fd
	}
	if fd < 0 {
		return
	}
	if r.Action == config.SetMark {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, r.Length) // it takes privileges, as with HAProxy
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, r.Length)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, r.Length)
}

// setDestination runs set-dst and set-dst-port.
func (s *session) setDestination(r *config.Rule, c *sample.Context) {
	var v sample.Value
	if !r.Expr.Get(c, &v) {
		return
	}
	at := s.destination()
	if r.Action == config.SetDestinationPort {
		if n, ok := v.Integer(); ok && n >= 0 && n < 65536 {
			s.dest = netip.AddrPortFrom(at.Addr(), uint16(n))
		}
		return
	}
	if a, ok := v.Address(); ok {
		s.dest = netip.AddrPortFrom(a, at.Port())
	}
}

// setPriority runs set-priority-class and set-priority-offset, which order those who wait for a server.
func setPriority(r *config.Rule, c *sample.Context) {
	var v sample.Value
	n, ok := int64(0), r.Expr.Get(c, &v)
	if ok {
		n, ok = v.Integer()
	}
	switch {
	case !ok:
	case r.Action == config.SetPriorityClass:
		c.PriorityClass = max(-2047, min(n, 2047))
	default:
		c.PriorityOffset = max(-524287, min(n, 524287))
	}
}

// setTimeout runs set-timeout.
func (s *session) setTimeout(r *config.Rule, c *sample.Context) {
	d := r.Time
	if r.Expr != nil {
		var v sample.Value
		if !r.Expr.Get(c, &v) {
			return
		}
		n, _ := v.Integer()
		d = time.Duration(n) * time.Millisecond
	}
	if r.Name == "tunnel" {
		s.x.tunnelTimeout = d
	} else {
		s.x.serverTimeout = d
	}
}

// normalize runs normalize-uri, and tells whether the target is one.
func (s *session) normalize(r *config.Rule) bool {
	x := s.x
	target, ok := r.Normalize(x.requestHead.TargetOf(x.request), r.Strict)
	if ok && !bytes.Equal(target, x.requestHead.TargetOf(x.request)) {
		x.request = x.requestHead.SetTarget(x.request, target)
		x.edits.request = true
	}
	return ok
}

// hint adds to the 103 that the client gets before the answer (RFC 8297); those of rules side by side go together.
func (s *session) hint(r *config.Rule, c *sample.Context) {
	x := s.x
	if x.requestHead.Minor == 0 {
		return
	}
	if len(x.hints) == 0 {
		x.hints = append(x.hints, "HTTP/1.1 103 Early Hints\r\n"...)
	}
	x.hints = append(append(x.hints, r.Name...), ": "...)
	x.hints = append(h1.AppendPrintable(x.hints, r.Format.Append(nil, c)), "\r\n"...)
}

// sendHints sends the 103, and tells whether the client is still there.
func (s *session) sendHints() bool {
	x := s.x
	if len(x.hints) == 0 {
		return true
	}
	hints := append(x.hints, "\r\n"...)
	if x.hints = nil; !s.loop.send(s.client, hints) {
		s.abort('C')
		return false
	}
	return true
}

// waiting is a request whose body is waited for before its rules go on.
type waiting struct {
	rules   []*config.Rule
	next    int // of them
	back    bool
	first   bool // no rules have run yet
	atLeast int
	answer  *lookup // of a name server, in place of the body; nil: none is waited for
}

// gatherBody has the rules go on when the body is there, or as much as they want. It tells whether that is so already.
func (s *session) gatherBody(rules []*config.Rule, next int, limit time.Duration, atLeast int) bool {
	x := s.x
	x.waiting = waiting{rules: rules, next: next, back: s.backend != nil, first: rules == nil, atLeast: atLeast}
	if s.bodyAtHand() {
		return true
	}
	s.state = gathering
	s.loop.timers.set(s.client, s.loop.within(limit))
	return false
}

// bodyAtHand reads what there is of the body, and tells whether it is all that can be had or was asked for.
func (s *session) bodyAtHand() bool {
	x, l, c := s.x, s.loop, s.client
	if x.upOver {
		return true
	}
	limit := l.plane.Snapshot().Config.Global.BufferSize
	for {
		whole := s.readBody()
		if whole || x.waiting.atLeast > 0 && len(x.context.Body) >= x.waiting.atLeast || len(c.in) >= limit || c.eof || c.broken {
			return true
		}
		if len(c.in) == 0 && l.fill(c, l.up) || len(c.in) > 0 && l.more(c, l.up, limit) {
			continue
		}
		return c.eof || c.broken
	}
}

// readBody takes the body's data out of what has come, for expressions, and tells whether it is whole. The bytes stay where they are.
func (s *session) readBody() bool {
	x := s.x
	body := x.requestHead.RequestBody()
	x.context.Body = bodyData(&body, s.client.in, x.context.Body[:0])
	return body.Over()
}

// bodyData appends the data of a body, of which p is the beginning.
func bodyData(body *h1.Body, p, dst []byte) []byte {
	for len(p) > 0 && !body.Over() {
		piece, n, err := body.Data(p)
		if err != nil || n == 0 {
			break
		}
		dst = append(dst, piece...)
		p = p[n:]
	}
	return dst
}

// gather goes on with a request whose body was waited for. late: the time is up.
func (s *session) gather(late bool) bool {
	if s.client.broken {
		s.abort('C')
		return false
	}
	l, w := s.loop, s.x.waiting
	switch {
	case late:
	case w.answer != nil && !w.answer.come, w.answer == nil && !s.bodyAtHand():
		return false
	}
	s.x.waiting.answer = nil
	l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
	s.state = awaiting
	if w.first {
		return s.process()
	}
	if !s.requestRulesFrom(w.rules, w.next) {
		return s.state != over && s.state != gathering
	}
	if !w.back {
		return s.route()
	}
	return s.routed()
}

// answerWait is the rule that has the answer's body waited for; nil: there is none.
func (s *session) answerWait() *config.Rule {
	if s.x.downBody.Over() || !s.x.upOver {
		return nil
	}
	for _, rules := range [2][]*config.Rule{s.backend.HTTPResponse, s.frontend.HTTPResponse} {
		for _, r := range rules {
			if r.Action == config.WaitForBody && r.If.Holds(s.ctx()) {
				return r
			}
		}
	}
	return nil
}

// gatherAnswer waits for an answer's body, or as much of it as is wanted or there is room for, and goes on with its rules. late: the time is up.
func (s *session) gatherAnswer(late bool) bool {
	x, l, c := s.x, s.loop, s.server
	limit := l.plane.Snapshot().Config.Global.BufferSize
	for {
		body := x.answerHead.ResponseBody(x.toHead, false)
		x.context.AnswerBody = bodyData(&body, c.in[x.answerHead.Size:], x.context.AnswerBody[:0])
		enough := body.Over() || x.waiting.atLeast > 0 && len(x.context.AnswerBody) >= x.waiting.atLeast || len(c.in) >= limit
		if enough || late || c.eof || c.broken {
			break
		}
		if !l.more(c, l.down, limit) && !c.eof && !c.broken {
			return false
		}
	}
	s.state = exchanging
	l.timers.set(c, l.within(s.serverTimeout()))
	return s.passAnswer()
}

// hasBody tells whether the request has a body that has not been seen whole.
func hasBody(h *h1.Head) bool { return h.Chunked || h.Length > 0 }

// answerContent runs tcp-response rules on what a server has begun to say, and tells whether it goes on.
func (s *session) answerContent() bool {
	x := s.x
	x.answerSeen = true
	rules := s.backend.TCPResponse
	if len(rules) == 0 {
		return true
	}
	x.context.AnswerBody = append([]byte(nil), s.server.in...)
	for _, r := range rules {
		c := s.ctx()
		if !r.If.Holds(c) {
			continue
		}
		switch r.Action {
		case config.Allow:
			return true
		case config.Reject, config.SilentDrop, config.Close:
			s.frontend.Counters.Set(s.loop.id).DeniedAnswers.Add(1)
			s.note('P', 'D')
			s.log()
			s.destroy()
			return false
		}
		s.applyAnywhere(r, true)
	}
	return true
}
