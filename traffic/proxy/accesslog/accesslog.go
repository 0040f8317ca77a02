// Package accesslog sends log lines where haproxy.cfg's `log` directives say: to syslog servers by UDP or a unix socket (RFC 3164,
// RFC 5424), to stdout and stderr.
//
// Log never blocks: a line that a socket does not take at once is dropped and counted. Lines to stdout and stderr go through a
// goroutine of their own, which Close ends; so does it those that pass the lines of rings on, one for each server.
package accesslog

import (
	"cmp"
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// Sink sends log lines.
type Sink struct {
	Host    string
	PID     int
	Dropped atomic.Int64

	mu      sync.Mutex // guards sockets
	sockets map[string]int
	lines   chan output
	done    chan struct{}
	stamp   atomic.Pointer[stamp]
	samples sync.Map // *config.Sample to *atomic.Uint64: lines so far

	Rings      map[string]*Ring // by name
	stopRings  context.CancelFunc
	forwarders sync.WaitGroup
}

type output struct {
	to   io.Writer
	text []byte
}

// stamp is a second's time as RFC 3164 writes it.
type stamp struct {
	second int64
	text   string
}

// New makes a sink; stdout and stderr take the lines for them.
func New(host string, pid int) *Sink {
	s := &Sink{Host: host, PID: pid, sockets: map[string]int{}, lines: make(chan output, 1024), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for l := range s.lines {
			_, _ = l.to.Write(l.text)
		}
	}()
	return s
}

// Close ends the sink when its lines are written.
func (s *Sink) Close() {
	if s.stopRings != nil {
		s.stopRings()
		s.forwarders.Wait()
	}
	close(s.lines)
	<-s.done
	for _, fd := range s.sockets {
		_ = unix.Close(fd)
	}
}

// Open connects to the targets ahead of the first line: after a chroot their sockets cannot be found any more.
func (s *Sink) Open(targets []config.LogTarget) {
	for i := range targets {
		if targets[i].Network == "udp" || targets[i].Network == "unixgram" {
			s.socket(&targets[i])
		}
	}
}

// Console are the standard streams by target's name.
var Console = map[string]io.Writer{}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// Log sends a line to the targets that want its level.
func (s *Sink) Log(targets []config.LogTarget, level int, tag string, line []byte) {
	s.LogStructured(targets, level, tag, plane.Line{Text: line})
}

// LogStructured sends a line with data for those targets whose form has a place for it.
func (s *Sink) LogStructured(targets []config.LogTarget, level int, tag string, line plane.Line) {
	for i := range targets {
		t := &targets[i]
		if level > t.Level || t.Sample != nil && !s.takes(t.Sample) {
			continue
		}
		if t.Network == "ring" {
			s.toRing(t, level, tag, line)
			continue
		}
		room := buffers.Get().(*[]byte)
		b := s.format((*room)[:0], t, max(level, t.Minimum), tag, line)
		switch t.Network {
		case "stdout", "stderr":
			select {
			case s.lines <- output{Console[t.Network], append(append([]byte(nil), b...), '\n')}:
			default:
				s.Dropped.Add(1)
			}
		default:
			s.send(t, b)
		}
		*room = b[:0]
		buffers.Put(room)
	}
}

// takes tells whether a line is one of those that a sample has.
func (s *Sink) takes(sample *config.Sample) bool {
	n, _ := s.samples.LoadOrStore(sample, new(atomic.Uint64))
	return sample.Takes[(n.(*atomic.Uint64).Add(1)-1)%uint64(sample.Of)]
}

// toRing keeps a line in the form that the ring has.
func (s *Sink) toRing(t *config.LogTarget, level int, tag string, line plane.Line) {
	r := s.Rings[t.Address]
	if r == nil {
		return
	}
	own := *t
	own.Format, own.Length = r.Format, r.Length
	r.push(s.format(nil, &own, max(level, t.Minimum), tag, line))
}

func (s *Sink) format(b []byte, t *config.LogTarget, level int, tag string, line plane.Line) []byte {
	priority := func() {
		b = append(b, '<')
		b = strconv.AppendInt(b, int64(t.Facility*8+level), 10)
		b = append(b, '>')
	}
	switch t.Format {
	case "raw":
	case "short", "priority":
		priority()
		if t.Format == "short" {
			b = append(b, ' ')
		}
	case "rfc5424", "iso":
		priority()
		b = append(b, "1 "...)
		b = time.Now().AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
		b = append(append(append(b, ' '), cmp.Or(s.Host, "-")...), ' ')
		b = append(append(b, tag...), ' ')
		b = strconv.AppendInt(b, int64(s.PID), 10)
		b = append(b, " - "...)
		if len(line.Data) == 0 {
			b = append(b, '-')
		}
		b = append(append(b, line.Data...), ' ')
	case "timed":
		priority()
		b = append(b, s.time()...)
		b = append(b, ' ')
	default:
		priority()
		b = append(b, s.time()...)
		b = append(b, ' ')
		if s.Host != "" && t.Format != "local" {
			b = append(append(b, s.Host...), ' ')
		}
		b = append(append(b, tag...), '[')
		b = strconv.AppendInt(b, int64(s.PID), 10)
		b = append(b, "]: "...)
	}
	b = append(b, line.Text...)
	return b[:min(len(b), t.Length)]
}

// time is now as RFC 3164 writes it; it is put together once a second.
func (s *Sink) time() string {
	now := time.Now()
	if st := s.stamp.Load(); st != nil && st.second == now.Unix() {
		return st.text
	}
	st := &stamp{now.Unix(), now.Format(time.Stamp)}
	s.stamp.Store(st)
	return st.text
}

// Batch makes a place where one event loop's lines come together.
func (s *Sink) Batch() plane.LogBatch { return &batch{sink: s} }

func (s *Sink) send(t *config.LogTarget, b []byte) {
	fd := s.socket(t)
	if fd < 0 {
		s.Dropped.Add(1)
		return
	}
	err := unix.Send(fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if err == nil {
		return
	}
	s.Dropped.Add(1)
	if err != syscall.EAGAIN && err != syscall.ENOBUFS && err != syscall.EMSGSIZE && t.Network == "unixgram" {
		s.forget(t, fd) // the daemon was started anew, perhaps: its next socket is another
	}
}

func (s *Sink) forget(t *config.LogTarget, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := t.Network + t.Address; s.sockets[key] == fd {
		_ = unix.Close(fd)
		delete(s.sockets, key)
	}
}

// socket is a socket that is connected to the target; -1: there is none.
func (s *Sink) socket(t *config.LogTarget) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := t.Network + t.Address
	if fd, ok := s.sockets[key]; ok {
		return fd
	}
	family, address := unix.AF_UNIX, unix.Sockaddr(&unix.SockaddrUnix{Name: t.Address})
	if t.Network == "udp" {
		a, err := net.ResolveUDPAddr("udp", t.Address)
		if err != nil {
			return -1
		}
		if four := a.IP.To4(); four != nil {
			family, address = unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(four)}
		} else {
			family, address = unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())}
		}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1
	}
	if err := unix.Connect(fd, address); err != nil {
		_ = unix.Close(fd)
		return -1
	}
	s.sockets[key] = fd
	return fd
}
