package plane

import (
	"bytes"

	"holdfast/traffic/proxy/preamble"
)

// prepare reads what comes before the first request: a PROXY header, then the TLS handshake. It tells whether there may be more to do.
func (s *session) prepare() bool {
	l, c := s.loop, s.client
	b := c.listener.bind
	if c.deadline == 0 {
		l.timers.set(c, l.within(s.headTimeout()))
	}
	if (b.AcceptProxy || s.expectProxy) && !s.preambleRead {
		if !l.fill(c, l.up) {
			return s.unprepared()
		}
		h, n, err := preamble.Parse(c.in)
		if err != nil {
			s.destroy()
			return false
		}
		if n == 0 {
			if l.more(c, l.up, smallBuffer) {
				return true
			}
			return s.unprepared()
		}
		s.authority, s.uniqueID = bytes.Clone(h.Attribute(preamble.Authority)), bytes.Clone(h.Attribute(preamble.UniqueID))
		l.used(c, n)
		if s.preambleRead = true; h.Source.IsValid() {
			s.source, s.dest = h.Source, h.Destination
		}
	}
	if b.TLS != nil && c.tls == nil {
		return s.handshake()
	}
	if s.begin(); s.state == over {
		return false
	}
	return s.state != preparing
}

// unprepared waits for more, or gives up on a client that is gone.
func (s *session) unprepared() bool {
	l, c := s.loop, s.client
	if c.eof || c.broken || !l.register(c) {
		s.destroy()
		return false
	}
	return false
}

// inspectAtMost is how much of what a client says first is looked at.
const inspectAtMost = 16 << 10

// inspect runs the content rules of a tcp frontend, and tells whether the connection goes on. With inspect-delay rules that depend on bytes which are
// not there yet wait for them.
func (s *session) inspect() bool {
	f, l, c := s.frontend, s.loop, s.client
	if len(f.TCPRequest) == 0 {
		return true
	}
	if f.InspectDelay > 0 {
		if len(c.in) == 0 {
			l.fill(c, l.up)
		} else {
			l.more(c, l.up, inspectAtMost)
		}
	}
	x := &s.x.context
	x.Preread = append([]byte(nil), c.in...)
	x.Partial = f.InspectDelay > 0 && !s.inspected && !c.eof && len(c.in) < inspectAtMost
	before := s.state
	goesOn := s.contentRules(f.TCPRequest)
	if s.state == held && before != held {
		l.timers.set(c, l.within(f.InspectDelay))
	}
	if goesOn {
		x.Partial, s.inspected = false, true
	}
	return goesOn
}

// inspectAgain goes on with a client whose bytes were waited for.
func (s *session) inspectAgain() bool {
	if s.x.waiting.answer != nil && !s.x.waiting.answer.come {
		return s.watchClient() // it is a name server that is waited for
	}
	if !s.inspect() {
		return false
	}
	s.loop.timers.set(s.client, s.loop.within(s.frontend.Timeouts.Client))
	if s.choose() {
		s.assign()
		if s.state != over {
			s.run()
		}
	}
	return false
}
