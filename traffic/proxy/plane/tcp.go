package plane

import (
	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
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
	if s.target.SendProxy != 0 && c.tls == nil {
		l.compose = s.appendProxyLine(l.compose[:0])
		if !l.send(c, l.compose) {
			return s.connectFailed(false)
		}
	}
	// Whether the connection is made is not asked for: the client's first bytes will show it, or the server's.
	c.writable = false
	if !l.register(c) {
		return s.connectFailed(false)
	}
	s.becomeTunnel()
	s.state = connecting
	l.timers.set(c, l.within(s.backend.Timeouts.Connect))
	return s.settle()
}

// settle finds out whether the connection to the server stands by now, and if so goes on.
func (s *session) settle() bool {
	l, c := s.loop, s.server
	switch {
	case c.broken:
		return s.connectFailed(false)
	case c.readable, c.tls != nil:
	case c.writable:
		if socketError(c.fd) != 0 {
			return s.connectFailed(false)
		}
	case c.tls == nil && c.pending() == 0 && l.fill(s.client, l.up):
		n, e := write(c.fd, s.client.in)
		switch e {
		case 0:
			s.x.receivedBytes += int64(n)
			l.used(s.client, n)
		case unix.EAGAIN, unix.ENOTCONN:
			l.watchWrites(c)
			return false
		default:
			return s.connectFailed(false)
		}
	case s.client.eof:
		l.watchWrites(c)
		return false
	default:
		return false
	}
	s.state = tunnelling
	s.connectedNow()
	return true
}

// settled tells whether a connection was made that nothing has been heard of.
func (s *session) settled() bool {
	if s.frontend.Mode != config.TCP || s.server == nil {
		return false
	}
	const established = 1
	info, err := unix.GetsockoptTCPInfo(s.server.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || info.State != established {
		return false
	}
	s.state = tunnelling
	s.connectedNow()
	return true
}

// becomeTunnel passes bytes both ways from now on.
func (s *session) becomeTunnel() {
	s.state = tunnelling
	s.x.upBody, s.x.downBody = h1.Tunnel(), h1.Tunnel()
	_, t := s.timeouts(s.backend)
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
		upload   bool
	}{
		{s.server, s.client, &x.downBody, l.down, &s.downPipe, &x.sentBytes, &x.downShut, false},
		{s.client, s.server, &x.upBody, l.up, &s.upPipe, &x.receivedBytes, &x.upShut, true},
	} {
		if *way.shut {
			continue
		}
		if !x.answerSeen && way.from == s.server && len(s.backend.TCPResponse) > 0 {
			if !l.fill(way.from, way.scratch) && !way.from.eof {
				continue
			}
			if !s.answerContent() {
				return false
			}
		}
		t := transfer{from: way.from, to: way.to, body: way.body, scratch: way.scratch, pipe: way.pipe, splicing: splicing, most: moveAtOnce}
		if len(x.throttles) > 0 {
			if t.most = s.bandwidth(way.upload); t.most == 0 {
				continue
			}
		}
		moved, outcome := l.move(&t)
		*way.count += moved
		s.charge(way.upload, moved)
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
			if *way.shut = true; !(x.downShut && x.upShut) { // else both are about to be closed
				s.halfClose(way.to)
			}
		}
	}
	if x.downShut && x.upShut {
		s.client.endStream()
		s.server.endStream()
		s.addBytes()
		s.log()
		s.pace()
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
	if _, t := s.timeouts(s.backend); t > 0 {
		l.timers.set(s.client, l.within(t))
		l.timers.set(s.server, l.within(t))
		return
	}
	l.timers.set(s.client, l.within(s.frontend.Timeouts.Client))
	l.timers.set(s.server, l.within(s.serverTimeout()))
}

// halfClose passes one side's end on to the other.
func (s *session) halfClose(to *conn) {
	l := s.loop
	if to.tls != nil {
		to.tls.closing(l, to)
	}
	if to.endStream(); to.stream == nil {
		shutdownWrite(to.fd)
	}
	if to == s.server && s.backend.Timeouts.ServerFin > 0 {
		l.timers.set(to, l.within(s.backend.Timeouts.ServerFin))
	}
	if to == s.client && s.frontend.Timeouts.ClientFin > 0 {
		l.timers.set(to, l.within(s.frontend.Timeouts.ClientFin))
	}
}
