package plane

import (
	"holdfast/traffic/proxy/h1"
)

// beginTCP goes on with a client of a tcp frontend: inspection, then a server.
func (s *session) beginTCP() {
	l := s.loop
	s.x = l.getExchange()
	s.x.begun, s.x.whole = l.now, l.now
	s.x.noReplay = true
	s.keep = false
	l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
	if !s.inspect() {
		return
	}
	if s.choose() {
		s.assign()
	}
}

// startTunnel is called with a connection to the server that is made or on its way.
func (s *session) startTunnel() bool {
	l, c := s.loop, s.server
	if s.target.SendProxy != 0 {
		l.compose = s.appendProxyLine(l.compose[:0])
		if !l.send(c, l.compose) {
			return s.connectFailed(false)
		}
	}
	// What the client has said already goes out at once; otherwise an event will tell that the connection is made.
	if l.fill(s.client, l.up) && c.pending() == 0 {
		if !l.send(c, s.client.in) {
			return s.connectFailed(false)
		}
		s.x.receivedBytes += int64(len(s.client.in))
		l.used(s.client, len(s.client.in))
		s.x.sent = true
	}
	if !s.x.sent || c.pending() > 0 {
		c.watchesWrite, c.writable = true, false
	}
	if !l.register(c) {
		return s.connectFailed(false)
	}
	s.becomeTunnel()
	if c.watchesWrite {
		s.state = connecting
		l.timers.set(c, l.within(s.backend.Timeouts.Connect))
		return false
	}
	s.connectedNow()
	return true
}

// becomeTunnel passes bytes both ways from now on.
func (s *session) becomeTunnel() {
	s.state = tunnelling
	s.x.upBody, s.x.downBody = h1.Tunnel(), h1.Tunnel()
	t := s.backend.Timeouts.Tunnel
	if t > 0 {
		s.loop.timers.set(s.client, s.loop.within(t))
		s.loop.timers.set(s.server, s.loop.within(t))
	}
}

// tunnel moves bytes both ways.
func (s *session) tunnel() bool {
	l, x := s.loop, s.x
	splicing := s.spliceAllowed()
	paused := false
	for _, way := range [2]struct {
		from, to *conn
		body     *h1.Body
		scratch  []byte
		pipe     **pipe
		count    *int64
		shut     *bool // the end was passed on
	}{
		{s.server, s.client, &x.downBody, l.down, &s.downPipe, &x.sentBytes, &x.downShut},
		{s.client, s.server, &x.upBody, l.up, &s.upPipe, &x.receivedBytes, &x.upShut},
	} {
		if *way.shut {
			continue
		}
		moved, outcome := l.move(way.from, way.to, way.body, way.scratch, way.pipe, splicing)
		*way.count += moved
		if moved > 0 {
			s.tunnelProgress()
		}
		switch outcome {
		case moveFailed:
			s.tunnelFailed(way.from == s.server)
			return false
		case movePaused:
			paused = true
		case moveEnded:
			way.body.End()
		}
		if way.body.Over() && !*way.shut && way.to.pending() == 0 && (*way.pipe).held() == 0 {
			*way.shut = true
			s.halfClose(way.to)
		}
	}
	if x.downShut && x.upShut {
		s.addBytes()
		s.log()
		s.destroy()
		return false
	}
	if paused {
		l.again = append(l.again, s.resumer())
	}
	return false
}

func (s *session) tunnelFailed(fromServer bool) {
	if fromServer && s.server.broken || s.server.broken {
		s.note('S', 'D')
	} else {
		s.note('C', 'D')
	}
	s.addBytes()
	s.log()
	s.destroy()
}

// tunnelProgress puts the deadlines off.
func (s *session) tunnelProgress() {
	l := s.loop
	if t := s.backend.Timeouts.Tunnel; t > 0 {
		l.timers.set(s.client, l.within(t))
		l.timers.set(s.server, l.within(t))
		return
	}
	l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
	l.timers.set(s.server, l.within(s.backend.Timeouts.Server))
}

// halfClose passes one side's end on to the other.
func (s *session) halfClose(to *conn) {
	l := s.loop
	if to.tls != nil {
		to.tls.closing(l, to)
	}
	shutdownWrite(to.fd)
	if to == s.server && s.backend.Timeouts.ServerFin > 0 {
		l.timers.set(to, l.within(s.backend.Timeouts.ServerFin))
	}
	if to == s.client && s.frontend.Timeouts.ClientFin > 0 {
		l.timers.set(to, l.within(s.frontend.Timeouts.ClientFin))
	}
}
