package plane

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"os"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/sample"
)

// secure is TLS on a connection. The handshake is in blocking style, and a coroutine of the loop: where there is nothing to read it stands still,
// and goes on when the loop has seen an event. Afterwards the loop feeds what came into the TLS library's reads, which find an error
// that counts as temporary where nothing is left, and sends what the library writes.
type secure struct {
	conn   *tls.Conn
	wire   *wire
	shaken bool
	seen   sample.Handshake
	hands  *handshake // while it goes on
}

// handshake is what goes on until a connection is secure.
type handshake struct {
	next func() (struct{}, bool)
	stop func()
	role role // of the connection, afterwards
	err  error
	done func(error)
}

// wire is the connection below TLS.
type wire struct {
	loop  *Loop
	c     *conn
	fd    int
	early []byte // what was read before TLS began
	keep  int    // bytes of what each side says first that are kept
	of    *secure
	asks  bool                // this side is the client
	still func(struct{}) bool // has the handshake stand still; false: it is to end. nil: it is over
}

// errNotNow is what reading finds when nothing is left: the library keeps what it has, and reads on later.
type errNotNow struct{}

func (errNotNow) Error() string   { return "nothing to read now" }
func (errNotNow) Timeout() bool   { return true }
func (errNotNow) Temporary() bool { return true }

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.read(p)
	if w.still != nil {
		w.note(p[:n], !w.asks)
	}
	return n, err
}

// note keeps what a side says first.
func (w *wire) note(p []byte, client bool) {
	into := &w.of.seen.FromServer
	if client {
		into = &w.of.seen.FromClient
	}
	if room := w.keep - len(*into); room > 0 {
		*into = append(*into, p[:min(room, len(p))]...)
	}
}

// Shown takes note of the certificate that the client is shown.
func (w *wire) Shown(c *tls.Certificate) {
	if c != nil {
		w.of.seen.Certificate = c.Leaf
	}
}

func (w *wire) read(p []byte) (int, error) {
	if len(w.early) > 0 {
		n := copy(p, w.early)
		w.early = w.early[n:]
		return n, nil
	}
	for {
		n, e := read(w.fd, p)
		switch {
		case e == 0 && n == 0:
			return 0, io.EOF
		case e == 0:
			return n, nil
		case e == syscall.EINTR:
			continue
		case e != syscall.EAGAIN:
			return 0, os.NewSyscallError("read", e)
		case w.still == nil:
			return 0, errNotNow{}
		case !w.still(struct{}{}):
			return 0, os.ErrClosed
		}
	}
}

func (w *wire) Write(p []byte) (int, error) {
	if w.still != nil {
		w.note(p, w.asks)
	}
	if !w.loop.sendRaw(w.c, p) {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

func (w *wire) Close() error                     { return nil }
func (w *wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (w *wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

func (t *secure) read(c *conn, p []byte) (int, syscall.Errno) {
	n, err := t.conn.Read(p)
	var notNow errNotNow
	switch {
	case n > 0:
		return n, 0
	case errors.As(err, &notNow):
		return 0, syscall.EAGAIN
	case errors.Is(err, io.EOF):
		return 0, 0
	}
	return 0, syscall.ECONNRESET
}

func (t *secure) write(_ *Loop, c *conn, p []byte) bool {
	if len(p) == 0 {
		return true
	}
	_, err := t.conn.Write(p)
	return err == nil && !c.broken
}

// closing tells the peer that nothing follows.
func (t *secure) closing(_ *Loop, c *conn) {
	if t.shaken && !c.broken {
		_ = t.conn.CloseWrite()
	}
}

func (t *secure) state() *tls.ConnectionState {
	if !t.shaken {
		return nil
	}
	state := t.conn.ConnectionState()
	return &state
}

// helloLimit is how much of a ClientHello is kept where its lists are asked for.
const helloLimit = 4 << 10

// handshakeLimit bounds a handshake where no timeout is configured.
const handshakeLimit = 10 * time.Second

// secureConn begins TLS on a connection; done is called when it stands, or has failed, which may be at once. A connection that is dropped meanwhile
// is not heard of again.
func (s *session) secureConn(c *conn, make func(net.Conn) *tls.Conn, limit time.Duration, done func(error)) bool {
	t := &secure{wire: &wire{}}
	t.conn = make(t.wire)
	if c.role == serverSide {
		s.loop.plane.SecureServers.Add(1)
		s.loop.plane.SecureReached.Add(1)
	}
	return s.shakeHands(c, t, func(*wire) error { return t.conn.HandshakeContext(context.Background()) }, limit, done)
}

// shakeHands runs what has to be agreed on before anything else in blocking style, as a coroutine of the loop. done is called as secureConn's is.
func (s *session) shakeHands(c *conn, t *secure, agree func(*wire) error, limit time.Duration, done func(error)) bool {
	l := s.loop
	if limit <= 0 {
		limit = handshakeLimit
	}
	w := t.wire
	w.loop, w.c, w.fd, w.early = l, c, c.fd, append([]byte(nil), c.in...)
	w.of, w.asks, w.keep = t, c.role == serverSide, sample.HandshakeHead
	if l.plane.Snapshot().Config.Global.CaptureHello > 0 {
		w.keep = helloLimit
	}
	l.used(c, len(c.in))
	h := &handshake{role: c.role, done: done}
	h.next, h.stop = iter.Pull(func(still func(struct{}) bool) {
		w.still = still
		h.err = agree(w)
		w.still = nil
	})
	c.tls, c.role, t.hands = t, shaking, h
	l.timers.set(c, l.within(limit))
	if !l.register(c) {
		return false
	}
	l.shake(c)
	return true
}

// shake goes on with a handshake as far as it gets now.
func (l *Loop) shake(c *conn) {
	h := c.tls.hands
	if c.pending() > 0 && !l.flush(c) {
		l.endShaking(c, os.ErrClosed)
		return
	}
	if _, goesOn := h.next(); !goesOn {
		l.endShaking(c, h.err)
	}
}

// endShaking ends a handshake, for good or ill.
func (l *Loop) endShaking(c *conn, err error) {
	t := c.tls
	h := t.hands
	t.abandon()
	if t.shaken = err == nil; t.shaken && t.conn != nil && !t.conn.ConnectionState().DidResume {
		l.counted(keysOf[h.role], 1)
	}
	t.seen.Secrets = l.plane.keys.take(t.seen.ClientRandom())
	l.timers.set(c, 0)
	c.role, c.readable, c.writable = h.role, true, c.pending() == 0
	h.done(err)
}

// keysOf are the figures of keys that were agreed on.
var keysOf = map[role]Figure{clientSide: ClientKeys, serverSide: ServerKeys}

// abandon ends the coroutine, if there is one still.
func (t *secure) abandon() {
	if h := t.hands; h != nil {
		t.hands = nil
		h.stop()
	}
}

// handshake begins TLS with a client.
func (s *session) handshake() bool {
	bind := s.client.listener.bind
	c := s.loop.plane.Snapshot().tls.of(bind.TLS)
	if c == nil {
		s.destroy()
		return false
	}
	server := func(w net.Conn) *tls.Conn { return tls.Server(w, c) }
	ok := s.secureConn(s.client, server, s.headTimeout(), func(err error) {
		if err != nil {
			s.destroy()
			return
		}
		s.run()
	})
	if !ok {
		s.destroy()
	}
	return false
}

// secureServer begins TLS with a server.
func (s *session) secureServer() bool {
	c := s.loop.plane.Snapshot().tls.of(s.target.Server.TLS)
	if c == nil {
		return s.connectFailed(false)
	}
	if name := s.server.endpoint.name; name != "" {
		c = c.Clone()
		c.ServerName = name
	}
	if ws := s.target.WebSockets; ws != "auto" && s.x != nil && s.x.requestHead.Upgrade {
		c = c.Clone()
		c.NextProtos = []string{map[string]string{"h1": "http/1.1", "h2": "h2"}[ws]}
	}
	s.state = securing
	if s.target.SendProxy != 0 {
		if !s.loop.send(s.server, s.appendProxyLine(nil)) {
			return s.connectFailed(false)
		}
	}
	client := func(w net.Conn) *tls.Conn { return tls.Client(w, c) }
	ok := s.secureConn(s.server, client, s.backend.Timeouts.Connect, func(err error) {
		if err != nil {
			if s.connectFailed(false) {
				s.run()
			}
			return
		}
		if s.server.tls.speaksHTTP2() && s.frontend.Mode == config.HTTP {
			if s.startStream(true) {
				s.run()
			}
			return
		}
		if s.started() {
			s.run()
		}
	})
	if !ok {
		return s.connectFailed(false)
	}
	return false
}
