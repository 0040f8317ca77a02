package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/witness"
)

// conn is a host's connection. Its reader, which is the goroutine of serve, waits after a
// StartTLS until the loop says what comes.
type conn struct {
	server *Server
	raw    net.Conn
	addr   string
	id     witness.ConnID // the loop's
	out    chan *qdevice.Message
	steps  chan struct{} // TLS may begin
	ended  chan struct{}
	once   sync.Once

	mu     sync.Mutex // guards stream
	stream net.Conn   // raw, or TLS on it
}

// writeLimit is how long a host may take to read what it is sent.
const writeLimit = 5 * time.Second

// serve reads until the connection ends.
func (c *conn) serve() {
	s := c.server
	c.stream = c.raw
	registered := make(chan struct{})
	if !s.do(func(now time.Duration) {
		s.next++
		c.id = s.next
		s.conns[c.id] = c
		s.core.Connected(now, c.id, c.addr)
		close(registered)
	}) {
		c.raw.Close()
		return
	}
	select {
	case <-registered:
	case <-s.ctx.Done():
		c.raw.Close()
		return
	}
	s.tasks.Go(c.write)
	err := c.read()
	if err != nil {
		s.log.Debug("a host's connection ended", "from", c.addr, "cause", err)
	}
	c.close()
	s.do(func(now time.Duration) {
		delete(s.conns, c.id)
		s.core.Disconnected(now, c.id)
	})
}

// read hands messages to the core.
func (c *conn) read() error {
	var r qdevice.Reader
	buffer := make([]byte, 4096)
	for {
		n, err := c.now().Read(buffer)
		r.Feed(buffer[:n])
		for {
			m, bad := r.Next()
			if bad != nil {
				return bad
			}
			if m == nil {
				break
			}
			if !c.server.do(func(now time.Duration) { c.server.core.Receive(now, c.id, m) }) {
				return nil
			}
			if m.Type == qdevice.StartTLS {
				if err := c.startTLS(r.Rest()); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return err
		}
	}
}

func (c *conn) now() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stream
}

// startTLS waits for the core's word and makes the connection one of TLS.
func (c *conn) startTLS(rest []byte) error {
	select {
	case <-c.steps:
	case <-c.ended:
		return nil
	}
	config := c.server.tls.Clone()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	// The client begins its handshake at once, so that some of it may have been read already.
	stream := tls.Server(&peeked{c.raw, bufio.NewReader(io.MultiReader(bytes.NewReader(rest), c.raw))}, config)
	ctx, cancel := context.WithTimeout(c.server.ctx, writeLimit)
	defer cancel()
	if err := stream.HandshakeContext(ctx); err != nil {
		c.server.log.Warn("a host's certificate is not accepted", "from", c.addr, "cause", err)
		return err
	}
	name := stream.ConnectionState().PeerCertificates[0].Subject.CommonName
	c.mu.Lock()
	c.stream = stream
	c.mu.Unlock()
	c.server.do(func(time.Duration) { c.server.core.Secured(c.id, name) })
	return nil
}

// send queues a message for the writer. The loop's.
func (c *conn) send(m *qdevice.Message) {
	select {
	case c.out <- m:
	default:
		c.server.log.Warn("a host does not read what it is sent; its connection is closed", "from", c.addr)
		c.close()
	}
}

// secure lets the reader begin TLS. The loop's.
func (c *conn) secure() {
	select {
	case c.steps <- struct{}{}:
	default:
	}
}

// finish closes the connection when all that is queued is written. The loop's.
func (c *conn) finish() {
	select {
	case c.out <- nil:
	default:
		c.close()
	}
}

// write writes what is queued.
func (c *conn) write() {
	for {
		select {
		case <-c.ended:
			return
		case m := <-c.out:
			if m == nil {
				c.close()
				return
			}
			stream := c.now()
			err := stream.SetWriteDeadline(time.Now().Add(writeLimit))
			if err == nil {
				_, err = stream.Write(m.Marshal())
			}
			if err != nil {
				c.close()
				return
			}
		}
	}
}

// close ends the connection.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.ended)
		c.raw.Close()
	})
}
