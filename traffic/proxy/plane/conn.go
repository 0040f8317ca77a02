package plane

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/pool"
)

type role uint8

const (
	free role = iota
	listening
	clientSide
	serverSide
	idle      // a server's connection that waits for a request
	lingering // a client's that is being closed gently
	mailbox
	shaking // TLS is being agreed on
	alarm   // a deadline, and nothing else
)

// conn is a descriptor in a loop's epoll set.
type conn struct {
	fd   int
	tag  uint32 // tells this use of the descriptor from the one before: events of a batch may be stale
	role role

	readable, writable bool // as far as is known; edges set them, EAGAIN clears them
	hungUp             bool // the peer has sent its FIN, or worse
	broken             bool
	watchesWrite       bool
	registered         bool
	eof                bool // read returned 0
	bulk               bool // much came at once the last time
	ended              bool // the peer's FIN has come, and nothing worse
	last               bool // what is sent now is followed by the connection's end

	// Input that was read and not used yet. It lies in the loop's scratch buffer while the loop works on the connection, and
	// is kept in a buffer of its own when that ends.
	in   []byte
	keep []byte // memory that in lies in; nil: scratch

	out     []byte // output that the kernel did not take yet
	outDone int

	session *session
	server  *pool.Server
	serverConnection
	listener *listener
	tls      *secure
	mux      *mux    // the connection speaks HTTP/2
	stream   *stream // there is no descriptor: it is one of a mux's streams
	refused  bool    // a stream that the server has not looked at
	remote   netip.AddrPort
	accepted int64 // loop's milliseconds

	deadline             int64
	wheelTick            int64
	wheelNext, wheelLast *conn
	inWheel              bool
}

// serverConnection is what is known of a connection to a server.
type serverConnection struct {
	served   int // requests so far
	endpoint endpoint
}

// pending is how much output waits.
func (c *conn) pending() int { return len(c.out) - c.outDone }

// fill reads once into the loop's scratch buffer when no input is at hand. It tells whether there is input now.
func (l *Loop) fill(c *conn, scratch []byte) bool {
	if len(c.in) > 0 {
		return true
	}
	if !c.readable || c.eof {
		return false
	}
	n, e := c.read(scratch)
	switch {
	case n > 0 && e == 0:
		// A short read means that the socket is empty. Where the end had come before, nothing but the end is left.
		if n < len(scratch) && c.tls == nil {
			switch {
			case c.ended && c.stream == nil:
				c.readable, c.eof = false, true
			case !c.hungUp:
				c.readable = false
			}
		}
		c.in, c.keep = scratch[:n], nil
		return true
	case e == syscall.EAGAIN:
		c.readable = false
	case e == syscall.EINTR:
		return l.fill(c, scratch)
	case e != 0:
		c.broken, c.eof, c.readable = true, true, false
	default:
		c.eof, c.readable = true, false
	}
	return false
}

func (c *conn) read(p []byte) (int, syscall.Errno) {
	switch {
	case c.tls != nil:
		return c.tls.read(c, p)
	case c.stream != nil:
		return c.stream.read(p)
	}
	return read(c.fd, p)
}

func (c *conn) write(p []byte) (int, syscall.Errno) {
	switch {
	case c.stream != nil:
		return c.stream.write(p)
	case c.last:
		return writeLast(c.fd, p)
	}
	return write(c.fd, p)
}

// more reads behind the input that is at hand, for a message that is not whole yet. It tells whether something came.
func (l *Loop) more(c *conn, scratch []byte, limit int) bool {
	if !c.readable || c.eof || len(c.in) >= limit {
		return false
	}
	l.own(c, limit)
	n, e := c.read(c.keep[len(c.in):limit])
	switch {
	case n > 0 && e == 0:
		c.in = c.keep[:len(c.in)+n]
		return true
	case e == syscall.EAGAIN:
		c.readable = false
	case e != 0:
		c.broken, c.eof, c.readable = true, true, false
	default:
		c.eof, c.readable = true, false
	}
	return false
}

// own moves the input to memory of the connection's own, with room for so many bytes.
func (l *Loop) own(c *conn, size int) {
	if c.keep != nil && cap(c.keep) >= size && len(c.in) <= cap(c.keep) {
		if len(c.in) > 0 && &c.in[0] != &c.keep[0] {
			copy(c.keep[:cap(c.keep)], c.in)
			c.in = c.keep[:len(c.in)]
		}
		c.keep = c.keep[:cap(c.keep)]
		return
	}
	kept := l.buffers.get(max(size, len(c.in)))
	n := copy(kept, c.in)
	if c.keep != nil {
		l.buffers.put(c.keep)
	}
	c.keep, c.in = kept, kept[:n]
}

// used takes n bytes off the input.
func (l *Loop) used(c *conn, n int) {
	if c.in = c.in[n:]; len(c.in) == 0 && c.keep != nil {
		l.buffers.put(c.keep)
		c.keep = nil
	}
}

// stash keeps input that lies in the scratch buffer, which the next connection will use.
func (l *Loop) stash(c *conn) {
	if c == nil || len(c.in) == 0 || c.keep != nil {
		return
	}
	kept := l.buffers.get(len(c.in))
	n := copy(kept, c.in)
	c.keep, c.in = kept, kept[:n]
}

// send writes p, and keeps what the kernel does not take. It tells whether the connection is still good.
func (l *Loop) send(c *conn, p []byte) bool {
	if c.tls != nil {
		return c.tls.write(l, c, p)
	}
	return l.sendRaw(c, p)
}

func (l *Loop) sendRaw(c *conn, p []byte) bool {
	if c.pending() > 0 {
		l.queue(c, p)
		return true
	}
	for len(p) > 0 {
		n, e := c.write(p)
		switch {
		case e == 0:
			p = p[n:]
			if len(p) == 0 {
				return true
			}
		case e == syscall.EAGAIN || e == syscall.ENOTCONN:
			l.queue(c, p)
			return true
		case e == syscall.EINTR:
		default:
			c.broken = true
			return false
		}
	}
	return true
}

// sendLast sends what is followed at once by the connection's end, when nothing follows; else it is send.
func (l *Loop) sendLast(c *conn, p []byte, last bool) bool {
	c.last = last
	good := l.send(c, p)
	c.last = false
	return good
}

// copyBelow is up to how many bytes two pieces are made one.
const copyBelow = 4 << 10

// send2 writes two pieces, in one call when it can.
func (l *Loop) send2(c *conn, p, q []byte) bool {
	if c.tls != nil || c.stream != nil || c.pending() > 0 || len(q) == 0 || len(p) == 0 {
		return l.send(c, p) && l.send(c, q)
	}
	if len(p)+len(q) <= copyBelow {
		// Copying a little costs less than a call with two pieces.
		l.joined = append(append(l.joined[:0], p...), q...)
		return l.sendRaw(c, l.joined)
	}
	n, e := write2(c.fd, p, q)
	switch {
	case e == syscall.EAGAIN || e == syscall.EINTR || e == syscall.ENOTCONN:
		n = 0
	case e != 0:
		c.broken = true
		return false
	}
	if n < len(p) {
		l.queue(c, p[n:])
		l.queue(c, q)
	} else if n -= len(p); n < len(q) {
		l.queue(c, q[n:])
	}
	return true
}

// queue keeps output for when the socket has room.
func (l *Loop) queue(c *conn, p []byte) {
	if len(p) == 0 {
		return
	}
	if c.out == nil {
		c.out = l.buffers.get(len(p))[:0]
	}
	c.out = append(c.out, p...)
	c.writable = false
	l.watchWrites(c)
}

// flush writes what was kept, and tells whether the connection is still good; pending tells what is left.
func (l *Loop) flush(c *conn) bool {
	for c.pending() > 0 {
		n, e := c.write(c.out[c.outDone:])
		switch e {
		case 0:
			c.outDone += n
		case syscall.EAGAIN, syscall.ENOTCONN:
			c.writable = false
			l.watchWrites(c)
			return true
		case syscall.EINTR:
		default:
			c.broken = true
			return false
		}
	}
	if c.out != nil {
		l.buffers.put(c.out[:cap(c.out)])
		c.out, c.outDone = nil, 0
	}
	return true
}

// watchWrites asks for an event when there is room. Most connections never need one, and are spared the event on opening.
func (l *Loop) watchWrites(c *conn) {
	if c.watchesWrite || c.stream != nil {
		return
	}
	c.watchesWrite = true
	if c.registered {
		epollModify(l.ep, c.fd, interestRead|interestWrite, c.tag)
	}
}

// register puts a descriptor into the epoll set.
func (l *Loop) register(c *conn) bool {
	if c.registered {
		return true
	}
	l.tags++
	c.tag = l.tags
	for len(l.conns) <= c.fd {
		l.conns = append(l.conns, make([]*conn, max(64, len(l.conns)))...)
	}
	l.conns[c.fd] = c
	events := uint32(interestRead)
	if c.watchesWrite {
		events |= interestWrite
	}
	c.registered = epollAdd(l.ep, c.fd, events, c.tag) == 0
	return c.registered
}

// drop closes a connection. Its memory is used again only when the batch of events is over.
func (l *Loop) drop(c *conn) {
	if c == nil || c.role == free {
		return
	}
	l.timers.take(c)
	if c.fd >= 0 && c.fd < len(l.conns) && l.conns[c.fd] == c {
		l.conns[c.fd] = nil
	}
	if c.tls != nil {
		c.tls.abandon()
		if c.server != nil && c.tls.conn != nil {
			l.plane.SecureServers.Add(-1)
		}
	}
	switch {
	case c.fd >= 0:
		closeFD(c.fd)
	case c.stream != nil:
		c.stream.release()
	}
	if c.keep != nil {
		l.buffers.put(c.keep)
	}
	if c.out != nil {
		l.buffers.put(c.out[:cap(c.out)])
	}
	*c = conn{fd: -1}
	l.garbage = append(l.garbage, c)
}

// reset closes a connection with RST: the peer learns at once that nothing is to be had.
func (l *Loop) reset(c *conn) {
	if c != nil && c.fd >= 0 {
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	l.drop(c)
}

func (l *Loop) newConn(fd int, r role) *conn {
	var c *conn
	if n := len(l.freeConns); n > 0 {
		c, l.freeConns = l.freeConns[n-1], l.freeConns[:n-1]
	} else {
		c = &conn{}
	}
	c.fd, c.role, c.writable = fd, r, true
	return c
}

// buffers are memory for input and output that has to wait, by size.
type buffers struct{ small, medium, large [][]byte }

const (
	smallBuffer  = 2 << 10
	mediumBuffer = 16 << 10
	largeBuffer  = 64 << 10
)

// get returns a slice of at least n bytes, with its whole capacity in its length.
func (b *buffers) get(n int) []byte {
	from, size := &b.large, largeBuffer
	switch {
	case n <= smallBuffer:
		from, size = &b.small, smallBuffer
	case n <= mediumBuffer:
		from, size = &b.medium, mediumBuffer
	case n > largeBuffer:
		return make([]byte, n)
	}
	if last := len(*from) - 1; last >= 0 {
		p := (*from)[last]
		*from = (*from)[:last]
		return p
	}
	return make([]byte, size)
}

func (b *buffers) put(p []byte) {
	p = p[:cap(p)]
	to, most := &b.large, 64
	switch {
	case cap(p) < smallBuffer:
		return
	case cap(p) < mediumBuffer:
		to, most = &b.small, 4096
	case cap(p) < largeBuffer:
		to, most = &b.medium, 1024
	case cap(p) > largeBuffer:
		return
	}
	if len(*to) < most {
		*to = append(*to, p)
	}
}
