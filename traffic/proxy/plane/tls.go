package plane

import (
	"crypto/tls"
	"syscall"
)

// secure is TLS on a connection.
type secure struct{ conn *tls.Conn }

func (t *secure) read(c *conn, p []byte) (int, syscall.Errno) { return read(c.fd, p) }
func (t *secure) write(l *Loop, c *conn, p []byte) bool       { return l.sendRaw(c, p) }
func (t *secure) closing(l *Loop, c *conn)                    {}
func (t *secure) wake()                                       {}
func (t *secure) state() *tls.ConnectionState                 { return nil }
func (s *session) handshake() bool                            { s.destroy(); return false }
func (s *session) secureServer() bool                         { return s.started() }
