package accesslog

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"holdfast/traffic/proxy/config"
)

// Ring keeps log lines in memory, as many as there is room for: the oldest go first. Lines have numbers that rise by one.
type Ring struct {
	*config.Ring

	mu      sync.Mutex // guards what follows
	lines   [][]byte
	bytes   int
	first   uint64        // number of lines[0]
	news    chan struct{} // closed at the next line
	dropped int64         // lines that a server was never told of
}

// NewRing makes an empty ring.
func NewRing(c *config.Ring) *Ring { return &Ring{Ring: c, news: make(chan struct{})} }

// perLine is what a line takes beside its bytes.
const perLine = 32

// push adds a line.
func (r *Ring) push(line []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, append([]byte(nil), line...))
	r.bytes += len(line) + perLine
	drop := 0
	for ; r.bytes > r.Size && drop < len(r.lines)-1; drop++ {
		r.bytes -= len(r.lines[drop]) + perLine
		r.lines[drop] = nil
	}
	r.lines = r.lines[drop:]
	r.first += uint64(drop)
	close(r.news)
	r.news = make(chan struct{})
}

// Since returns the lines from a number on, the number of the one that follows them, and what is closed when there is one. Lines before
// the first that is there are lost.
func (r *Ring) Since(number uint64) (lines [][]byte, next, lost uint64, news <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = r.first + uint64(len(r.lines))
	if number < r.first {
		lost, number = r.first-number, r.first
	}
	if number < next {
		lines = append(lines, r.lines[number-r.first:]...)
	}
	return lines, next, lost, r.news
}

// Dropped is how many lines a server was never told of.
func (r *Ring) Dropped() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// reconnectAfter is how long a server that cannot be reached is left alone.
const reconnectAfter = time.Second

// forward passes lines on to a server until the context ends. What the server does not take stays in the ring for as long as there is room.
func (r *Ring) forward(ctx context.Context, s *config.RingServer) {
	next := uint64(0)
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{Timeout: r.Connect}).DialContext(ctx, s.Network, s.Address)
		if err == nil {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			next = r.send(ctx, conn, s, next)
			stop()
			_ = conn.Close()
		}
		select {
		case <-time.After(reconnectAfter):
		case <-ctx.Done():
		}
	}
}

// send writes lines to a connection until that fails, and returns the number of the first line that did not go out.
func (r *Ring) send(ctx context.Context, conn net.Conn, s *config.RingServer, next uint64) uint64 {
	var out []byte
	for {
		lines, after, lost, news := r.Since(next)
		if lost > 0 {
			r.mu.Lock()
			r.dropped += int64(lost)
			r.mu.Unlock()
		}
		out = out[:0]
		for _, line := range lines {
			if s.Counted {
				out = append(strconv.AppendInt(out, int64(len(line)), 10), ' ')
				out = append(out, line...)
			} else {
				out = append(append(out, line...), '\n')
			}
		}
		if len(out) > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(r.Write))
			if _, err := conn.Write(out); err != nil {
				return next
			}
		}
		next = after
		select {
		case <-news:
		case <-ctx.Done():
			return next
		}
	}
}

// AddRings takes rings, which log targets name, and begins to pass their lines on.
func (s *Sink) AddRings(all map[string]*config.Ring) {
	ctx, cancel := context.WithCancel(context.Background())
	s.stopRings = cancel
	s.Rings = map[string]*Ring{}
	for name, c := range all {
		r := NewRing(c)
		s.Rings[name] = r
		for _, server := range c.Servers {
			s.forwarders.Go(func() { r.forward(ctx, server) })
		}
	}
}
