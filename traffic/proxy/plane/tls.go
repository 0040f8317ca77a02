package plane

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"holdfast/traffic/proxy/config"
)

// secure is TLS on a connection. The handshake is a goroutine's, in blocking style: it reads the socket itself, and sleeps until the
// loop tells that there is something to read. Afterwards the loop has the connection alone: it feeds what came into the TLS
// library's reads, which find an error that counts as temporary where nothing is left, and sends what the library writes.
type secure struct {
	conn   *tls.Conn
	wire   *wire
	shaken bool
}

// wire is the connection below TLS.
type wire struct {
	loop   *Loop
	c      *conn
	fd     int
	wakes  chan struct{}
	handed bool   // the handshake is over: the loop works with it
	early  []byte // what was read before TLS began
	limit  time.Time
}

// errNotNow is what reading finds when nothing is left: the library keeps what it has, and reads on later.
type errNotNow struct{}

func (errNotNow) Error() string   { return "nothing to read now" }
func (errNotNow) Timeout() bool   { return true }
func (errNotNow) Temporary() bool { return true }

func (w *wire) Read(p []byte) (int, error) {
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
		case w.handed:
			return 0, errNotNow{}
		}
		if err := w.sleep(); err != nil {
			return 0, err
		}
	}
}

// sleep waits until the loop has seen an event.
func (w *wire) sleep() error {
	timer := time.NewTimer(time.Until(w.limit))
	defer timer.Stop()
	select {
	case <-w.wakes:
		return nil
	case <-timer.C:
		return os.ErrDeadlineExceeded
	}
}

func (w *wire) Write(p []byte) (int, error) {
	if w.handed {
		if !w.loop.sendRaw(w.c, p) {
			return 0, syscall.EPIPE
		}
		return len(p), nil
	}
	done := 0
	for done < len(p) {
		n, e := write(w.fd, p[done:])
		switch e {
		case 0:
			done += n
		case syscall.EAGAIN, syscall.ENOTCONN:
			if err := w.sleep(); err != nil {
				return done, err
			}
		case syscall.EINTR:
		default:
			return done, os.NewSyscallError("write", e)
		}
	}
	return done, nil
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

func (t *secure) wake() {
	select {
	case t.wire.wakes <- struct{}{}:
	default:
	}
}

func (t *secure) state() *tls.ConnectionState {
	if !t.shaken {
		return nil
	}
	state := t.conn.ConnectionState()
	return &state
}

// handshakeLimit bounds a handshake where no timeout is configured.
const handshakeLimit = 10 * time.Second

// secureConn begins TLS on a connection; done is called on the loop when it stands, or has failed.
func (s *session) secureConn(c *conn, make func(net.Conn) *tls.Conn, limit time.Duration, done func(error)) bool {
	l := s.loop
	if limit <= 0 {
		limit = handshakeLimit
	}
	w := &wire{loop: l, c: c, fd: c.fd, wakes: wakeChannel(), early: append([]byte(nil), c.in...), limit: time.Now().Add(limit)}
	l.used(c, len(c.in))
	t := &secure{wire: w, conn: make(w)}
	c.tls = t
	kind := c.role
	c.role = relay
	c.watchesWrite = true
	l.timers.set(c, 0)
	if !l.register(c) {
		return false
	}
	uses := s.uses
	go func() {
		err := t.conn.HandshakeContext(context.Background())
		l.post(func() {
			if s.uses != uses || c.tls != t {
				closeFD(w.fd) // the session has gone meanwhile, and left the descriptor to us
				return
			}
			t.shaken, w.handed = err == nil, true
			c.role, c.readable, c.writable = kind, true, true
			done(err)
		})
	}()
	return true
}

func wakeChannel() chan struct{} { return make(chan struct{}, 1) }

// handshake begins TLS with a client.
func (s *session) handshake() bool {
	bind := s.client.listener.bind
	c := s.loop.plane.Snapshot().tls[bind.TLS]
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
	c := s.loop.plane.Snapshot().tls[s.target.TLS]
	if c == nil {
		return s.connectFailed(false)
	}
	if s.target.TLS.SNI != nil {
		if name := s.target.TLS.SNI.Append(nil, s.ctx()); len(name) > 0 {
			c = c.Clone()
			c.ServerName = string(name)
		}
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
