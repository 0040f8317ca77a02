package plane

import (
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

// inspect runs the content rules of a tcp frontend, and tells whether the connection goes on. With inspect-delay it waits for the
// client's first bytes.
func (s *session) inspect() bool {
	f, l, c := s.frontend, s.loop, s.client
	if len(f.TCPRequest) == 0 {
		return true
	}
	if f.InspectDelay > 0 && !s.inspected {
		if !l.fill(c, l.up) && !c.eof {
			if s.state != held {
				s.state = held
				l.timers.set(c, l.within(f.InspectDelay))
			}
			return false
		}
	}
	s.inspected = true
	s.x.context.Preread = append([]byte(nil), c.in...)
	return s.contentRules(f.TCPRequest)
}

// inspectAgain goes on with a client whose first bytes were waited for.
func (s *session) inspectAgain() bool {
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
