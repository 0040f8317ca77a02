package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/witness"
)

// Options are what a Server starts from.
type Options struct {
	Listen  string // address and port
	Dir     string // of its keys
	TLS     uint8  // 0 not offered, 1 offered, 2 required
	MaxConn int    // connections at once; 0: 1000
	Log     *slog.Logger
}

// Server is a running witness.
type Server struct {
	keys     Keys
	log      *slog.Logger
	tls      *tls.Config // nil: TLS is off
	required uint8       // Options.TLS
	listener net.Listener
	web      *http.Server
	handover *handover
	events   chan func(now time.Duration)
	ctx      context.Context
	cancel   context.CancelFunc
	tasks    sync.WaitGroup
	limit    chan struct{} // one for each connection

	// Owned by the loop.
	core  *witness.Server
	conns map[witness.ConnID]*conn
	next  witness.ConnID
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	s := &Server{keys: Keys{o.Dir}, log: o.Log, required: o.TLS, events: make(chan func(time.Duration), 64), conns: map[witness.ConnID]*conn{}}
	if o.TLS != 0 {
		var err error
		if s.tls, err = s.keys.tls(); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for hosts: %w", err)
	}
	if o.MaxConn <= 0 {
		o.MaxConn = 1000
	}
	s.listener, s.limit = listener, make(chan struct{}, o.MaxConn)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.core = witness.NewServer(witness.Settings{TLS: o.TLS, WantsCert: true}, clock())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/enrol", s.enrol)
	s.handover = &handover{conns: make(chan net.Conn), done: s.ctx.Done(), addr: listener.Addr()}
	s.web = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	s.tasks.Go(s.loop)
	s.tasks.Go(s.accept)
	s.tasks.Go(func() { _ = s.web.Serve(s.handover) }) // ends with Close
	return s, nil
}

// Addr is where the witness listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends all connections and waits.
func (s *Server) Close() error {
	s.cancel()
	err := errors.Join(s.listener.Close(), s.web.Close())
	s.tasks.Wait()
	return err
}

// Status returns what is known of a cluster, or of all (name "").
func (s *Server) Status(name string) []witness.ClusterStatus {
	got := make(chan []witness.ClusterStatus, 1)
	s.do(func(time.Duration) { got <- s.core.Status(name) })
	select {
	case list := <-got:
		return list
	case <-s.ctx.Done():
		return nil
	}
}

// clock counts time asleep too: a vote that was given before ends.
func clock() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(err) // it exists since Linux 2.6.39
	}
	return time.Duration(ts.Nano())
}

// do hands work to the loop; false when that has ended.
func (s *Server) do(f func(now time.Duration)) bool {
	select {
	case s.events <- f:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// loop alone touches the core.
func (s *Server) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := clock()
		s.core.Tick(now)
		s.carryOut()
		timer.Reset(max(0, min(time.Minute, s.core.Next()-clock())))
		select {
		case <-s.ctx.Done():
			for _, c := range s.conns {
				c.close()
			}
			return
		case f := <-s.events:
			f(clock())
			s.carryOut()
		case <-timer.C:
		}
	}
}

// carryOut does what the core wants.
func (s *Server) carryOut() {
	for _, o := range s.core.Outputs() {
		c := s.conns[o.Conn]
		if c == nil {
			continue
		}
		switch {
		case o.Send != nil:
			c.send(o.Send)
		case o.Handshake:
			c.secure()
		case o.Close != nil:
			s.log.Warn("a host's connection is closed", "from", c.addr, "cause", o.Close)
			c.finish()
		}
	}
}

// accept takes connections in.
func (s *Server) accept() {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			if s.ctx.Err() != nil {
				return
			}
			s.log.Warn("accept a connection", "cause", err)
			select {
			case <-time.After(100 * time.Millisecond): // out of descriptors, say: it may pass
				continue
			case <-s.ctx.Done():
				return
			}
		}
		select {
		case s.limit <- struct{}{}:
		default:
			s.log.Warn("too many connections; one more is refused", "from", raw.RemoteAddr().String())
			raw.Close()
			continue
		}
		s.tasks.Go(func() { s.receive(raw) })
	}
}

// receive finds out who calls: TLS begins with 0x16, a host with a message of type 0.
func (s *Server) receive(raw net.Conn) {
	in := bufio.NewReader(raw)
	stop := context.AfterFunc(s.ctx, func() { raw.Close() })
	defer stop()
	_ = raw.SetReadDeadline(time.Now().Add(10 * time.Second)) // what follows fails if this does
	first, err := in.Peek(1)
	_ = raw.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		raw.Close()
	case first[0] == 0x16 && s.tls != nil:
		s.handover.offer(tls.Server(&peeked{raw, in}, s.tls))
	default:
		c := &conn{server: s, raw: &peeked{raw, in}, addr: raw.RemoteAddr().String(), out: make(chan *qdevice.Message, 64), steps: make(chan struct{}, 1), ended: make(chan struct{})}
		c.serve()
	}
	<-s.limit
}

// peeked is a connection of which something was read already.
type peeked struct {
	net.Conn
	in *bufio.Reader
}

// Read reads what was peeked at first.
func (p *peeked) Read(b []byte) (int, error) { return p.in.Read(b) }

// handover is a listener whose connections come from elsewhere.
type handover struct {
	conns chan net.Conn
	done  <-chan struct{}
	addr  net.Addr
}

func (h *handover) offer(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		c.Close()
	}
}

// Accept waits for a connection that is offered.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the server's context ends the listener.
func (h *handover) Close() error { return nil }

// Addr is the witness'.
func (h *handover) Addr() net.Addr { return h.addr }
