package plane

import (
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h2"
)

// speaksHTTP2 tells whether a client speaks HTTP/2, as the bind says or as TLS agreed.
func (s *session) speaksHTTP2() bool {
	return s.client.listener.bind.HTTP2 || s.client.tls.speaksHTTP2()
}

func (t *secure) speaksHTTP2() bool {
	return t != nil && t.shaken && t.conn.ConnectionState().NegotiatedProtocol == "h2"
}

// secured is TLS on the connection, or on the one that a stream is part of.
func (c *conn) secured() *secure {
	if c.stream != nil {
		return c.stream.mux.conn.tls
	}
	return c.tls
}

// becomesHTTP2 tells whether a client's first bytes are HTTP/2's preface, or may still become that: clients that know that this proxy
// speaks it do not ask first (RFC 9113, 3.3).
func (s *session) becomesHTTP2() bool {
	l, c := s.loop, s.client
	if c.in[0] != 'P' || c.stream != nil || s.frontend.Options.NoHTTP2Upgrade {
		return false
	}
	for len(c.in) < len(h2.Preface) {
		if string(c.in) != h2.Preface[:len(c.in)] {
			return false
		}
		if !l.more(c, l.up, smallBuffer) {
			if c.eof || c.broken {
				s.clientGone()
			}
			return true // it waits
		}
	}
	if string(c.in[:len(h2.Preface)]) != h2.Preface {
		return false
	}
	s.multiplex()
	return true
}

// startStream makes HTTP/2 of the server's connection, and takes its first stream.
func (s *session) startStream(connected bool) bool {
	l, c := s.loop, s.server
	if s.target.SendProxy != 0 && c.tls == nil && !l.send(c, s.appendProxyLine(nil)) {
		return s.connectFailed(false)
	}
	m := l.multiplexTo(c, s.target, connected)
	m.private = s.personal() || s.backend.Reuse == config.ReuseNever
	s.server = m.open()
	s.server.session = s
	if !l.register(c) {
		m.fail()
		return s.state != over
	}
	return s.started()
}
