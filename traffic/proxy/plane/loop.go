package plane

import (
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/compress"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
)

// Loop is one event loop.
type Loop struct {
	plane *Plane
	id    int
	ep    int
	bell  int // an eventfd that ends a wait
	conns []*conn
	tags  uint32

	now    int64     // milliseconds since the plane began, as of this batch
	clock  time.Time // the same as a time
	timers wheel

	up, down []byte // scratch: what came from clients, what came from servers
	compose  []byte // scratch: heads that are being put together
	joined   []byte // scratch: what goes out in one call
	coded    []byte // scratch: what was compressed
	packer   *compress.Coder
	requests int64 // so far
	written  int64 // log lines so far
	buffers  buffers
	pipes    []*pipe

	pipesOpen, pipesUnused, spliced atomic.Int64 // for others to read

	freeConns, garbage []*conn
	freeSessions       []*session
	exchanges          []*exchange
	sessions           map[*session]struct{}
	idle               map[*pool.Server][]*conn
	listeners          []*listener
	paused             []*listener // for want of room
	again              []func()    // what had to let others go first
	muxes              map[*pool.Server][]*mux
	dirty              []*mux // that have something to send
	freeStreams        []*stream
	goneStreams        []*stream // of this batch

	logger   Logger
	lines    LogBatch // the same, when it takes lines together
	logsLeft bool

	mu     sync.Mutex // guards posted, ended, and the bell's being open
	posted []func()
	ended  bool
	waked  atomic.Bool
	quit   bool
}

const (
	scratchSize = 128 << 10
	batchSize   = 256
	yieldEvery  = 8 // milliseconds
	logsAgain   = 2 // milliseconds until lines are offered again that a daemon had no room for
)

func newLoop(p *Plane, id int) (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		_ = unix.Close(ep)
		return nil, err
	}
	l := &Loop{plane: p, id: id, ep: ep, up: make([]byte, scratchSize), down: make([]byte, scratchSize),
		sessions: map[*session]struct{}{}, idle: map[*pool.Server][]*conn{}, muxes: map[*pool.Server][]*mux{}}
	l.bell, l.logger = event, p.logger
	if b, ok := p.logger.(BatchLogger); ok {
		l.lines = b.Batch()
		l.logger = l.lines
	}
	l.register(l.newConn(event, mailbox))
	l.tick()
	l.timers.tick = l.now / tickLength
	return l, nil
}

func (l *Loop) tick() {
	l.clock = time.Now()
	l.now = l.clock.Sub(l.plane.began).Milliseconds()
}

// run is the loop.
func (l *Loop) run() {
	events := make([]unix.EpollEvent, batchSize)
	yielded := l.now
	for !l.quit {
		timeout := l.timers.wait(l.now)
		if l.logsLeft && (timeout < 0 || timeout > logsAgain) {
			timeout = logsAgain
		}
		if len(l.again) > 0 {
			timeout = 0
		}
		n := epollWait(l.ep, events, timeout)
		if l.tick(); l.now-yielded >= yieldEvery {
			// Before the run-time system's monitor finds that it has to: that takes a signal, and keeps the monitor awake.
			runtime.Gosched()
			yielded = l.now
		}
		for i := range n {
			fd := int(events[i].Fd)
			c := l.conns[fd]
			if c == nil || c.tag != uint32(events[i].Pad) {
				continue // of a descriptor that was closed earlier in this batch
			}
			l.event(c, events[i].Events)
		}
		l.goOn()
		if l.waked.Load() {
			l.readMail()
		}
		l.timers.advance(l.now, l.expired)
		l.flushMuxes()
		if l.lines != nil {
			l.logsLeft = l.lines.Flush()
		}
		l.recycle()
	}
	l.close()
}

// recycle makes the memory of what went away during a batch ready for use.
func (l *Loop) recycle() {
	l.freeConns = append(l.freeConns, l.garbage...)
	l.garbage = l.garbage[:0]
	for _, st := range l.goneStreams {
		if len(l.freeStreams) < 1024 && !st.waits && !st.woken {
			st.recycle()
			l.freeStreams = append(l.freeStreams, st)
		}
	}
	l.goneStreams = l.goneStreams[:0]
}

// goOn runs what had to let others go first.
func (l *Loop) goOn() {
	if len(l.again) == 0 {
		return
	}
	again := l.again
	l.again = nil
	for _, f := range again {
		f()
	}
}

func (l *Loop) event(c *conn, events uint32) {
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable = true
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.hungUp = true
		c.ended = events&(unix.EPOLLHUP|unix.EPOLLERR) == 0
	}
	if events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.writable = true
	}
	switch c.role {
	case clientSide, serverSide:
		if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 && events&unix.EPOLLERR != 0 {
			c.broken = true
		}
		if c.mux != nil {
			c.mux.run()
		} else if s := c.session; s != nil {
			if c.role == clientSide {
				s.clientEvent()
			} else {
				s.serverEvent(c)
			}
		}
	case listening:
		l.accept(c.listener)
	case idle:
		l.forget(c)
	case lingering:
		l.linger(c)
	case mailbox:
		var count [8]byte
		_, _ = unix.Read(c.fd, count[:])
	case shaking:
		l.shake(c)
	}
}

// post has f called on the loop, and tells whether the loop still runs. It may be called from anywhere.
func (l *Loop) post(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	l.posted = append(l.posted, f)
	if !l.waked.Swap(true) {
		one := [8]byte{1}
		_, _ = unix.Write(l.bell, one[:])
	}
	return true
}

func (l *Loop) readMail() {
	l.waked.Store(false)
	l.mu.Lock()
	mail := l.posted
	l.posted = nil
	l.mu.Unlock()
	for _, f := range mail {
		f()
	}
}

// expired is called for a connection whose deadline has passed.
func (l *Loop) expired(c *conn) {
	c.deadline = 0
	switch c.role {
	case idle:
		l.forget(c)
	case lingering:
		l.drop(c)
	case clientSide, serverSide:
		if c.mux != nil {
			c.mux.expired()
		} else if c.session != nil {
			c.session.expired(c)
		}
	case listening:
		l.resume()
		l.accept(c.listener)
	case shaking:
		l.endShaking(c, os.ErrDeadlineExceeded)
	case alarm:
		c.session.awake()
	}
}

// within is a deadline so long from now; 0: none.
func (l *Loop) within(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return l.now + d.Milliseconds() + 1
}

// forget closes an idle connection to a server.
func (l *Loop) forget(c *conn) {
	all := l.idle[c.server]
	for i, other := range all {
		if other == c {
			l.idle[c.server] = append(all[:i], all[i+1:]...)
			break
		}
	}
	l.drop(c)
}

// park keeps a server's connection for the next request.
func (l *Loop) park(c *conn) {
	s := c.server
	if c.hungUp || c.broken || c.eof || len(c.in) > 0 || c.endpoint.generation != s.Generation() || s.PoolMax == 0 || c.stream != nil || s.PoolMax > 0 && len(l.idle[s]) >= s.PoolMax {
		l.drop(c)
		return
	}
	if c.tls != nil { // what TLS has read ahead must be nothing
		if _, e := c.tls.read(c, l.down); e != unix.EAGAIN {
			l.drop(c)
			return
		}
		c.readable = false
	}
	if !l.register(c) {
		l.drop(c)
		return
	}
	c.role, c.session = idle, nil
	l.timers.set(c, l.within(s.PoolPurge))
	l.idle[s] = append(l.idle[s], c)
}

// unpark takes an idle connection that leads to an endpoint of a server, nil when there is none.
func (l *Loop) unpark(s *pool.Server, where endpoint) *conn {
	all := l.idle[s]
	for i := len(all) - 1; i >= 0; i-- {
		c := all[i]
		if c.endpoint != where {
			continue
		}
		all = slices.Delete(all, i, i+1)
		l.idle[s] = all
		if !c.readable {
			c.role, c.deadline = serverSide, 0
			return c
		}
		l.drop(c)
	}
	return nil
}

// part closes the connections to a server that are good no more. Those that are in use are closed after it.
func (l *Loop) part(s *pool.Server) {
	now := s.Generation()
	for _, c := range slices.Clone(l.idle[s]) {
		if c.endpoint.generation != now {
			l.forget(c)
		}
	}
	for _, m := range slices.Clone(l.muxes[s]) {
		if m.conn.endpoint.generation != now {
			m.leaving = parted
			m.settle()
		}
	}
}

// linger reads what a client still sends until it ends, so that closing does not throw away the answer on its way to it.
func (l *Loop) linger(c *conn) {
	for range 64 {
		n, e := read(c.fd, l.up)
		if e == unix.EAGAIN {
			return
		}
		if e != 0 || n == 0 {
			break
		}
	}
	l.drop(c)
}

// closeGently ends a client's connection: what was sent arrives, even when the client was still sending.
func (l *Loop) closeGently(c *conn) {
	if st := c.stream; st != nil {
		if c.endStream(); st.lingers() {
			c.role, c.session = lingering, nil
			l.timers.set(c, l.within(time.Second))
			st.linger()
			return
		}
		l.drop(c)
		return
	}
	if c.eof || c.broken || c.hungUp && !c.readable {
		l.drop(c)
		return
	}
	shutdownWrite(c.fd)
	if !l.register(c) {
		l.drop(c)
		return
	}
	c.role, c.session = lingering, nil
	l.timers.set(c, l.within(time.Second))
	if c.readable {
		l.linger(c)
	}
}

func (l *Loop) close() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.readMail() // somebody may wait for it
	for s := range l.sessions {
		s.destroy()
	}
	for _, c := range l.conns {
		if c != nil {
			l.drop(c)
		}
	}
	for _, p := range l.pipes {
		p.close()
	}
	closeFD(l.ep)
}

func (l *Loop) getExchange() *exchange {
	if n := len(l.exchanges); n > 0 {
		x := l.exchanges[n-1]
		l.exchanges = l.exchanges[:n-1]
		return x
	}
	return &exchange{requestHead: h1.Head{}, answerHead: h1.Head{}}
}

func (l *Loop) putExchange(x *exchange) {
	x.reset()
	if len(l.exchanges) < 1024 {
		l.exchanges = append(l.exchanges, x)
	}
}
