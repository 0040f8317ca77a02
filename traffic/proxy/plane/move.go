package plane

import (
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/h1"
)

type moveOutcome uint8

const (
	moveWaits  moveOutcome = iota // for input, or for room
	moveOver                      // the body is over
	moveEnded                     // the sender's connection has ended
	moveFailed                    // one of the connections is broken, or the framing is
	movePaused                    // there is more, but others have waited long enough
)

const (
	spliceFrom   = 256 << 10 // it takes as many bytes to make up for the calls, as measured
	moveAtOnce   = 1 << 20   // bytes before others get their turn
	pipeCapacity = 256 << 10
	outLimit     = 64 << 10 // output that may wait in memory
)

// pipe is what splice moves bytes through without their coming to this process.
type pipe struct {
	r, w int
	n    int // bytes in it
}

func (p *pipe) held() int {
	if p == nil {
		return 0
	}
	return p.n
}

func (p *pipe) close() {
	closeFD(p.r)
	closeFD(p.w)
}

// release gives a pipe back; one with bytes in it is closed.
func (p *pipe) release(l *Loop) {
	switch {
	case p == nil:
	case p.n > 0 || len(l.pipes) >= 128:
		p.close()
		l.pipesOpen.Add(-1)
	default:
		l.pipes = append(l.pipes, p)
		l.pipesUnused.Add(1)
	}
}

func (l *Loop) getPipe() *pipe {
	if n := len(l.pipes); n > 0 {
		p := l.pipes[n-1]
		l.pipes = l.pipes[:n-1]
		l.pipesUnused.Add(-1)
		return p
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		return nil
	}
	_, _ = unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, pipeCapacity)
	l.pipesOpen.Add(1)
	return &pipe{r: fds[0], w: fds[1]}
}

// transfer is a body on its way from one connection to the other.
type transfer struct {
	from, to *conn
	body     *h1.Body
	scratch  []byte
	pipe     **pipe
	splicing bool
	most     int64                     // bytes at once
	watch    func(piece []byte) []byte // sees each piece, and says what goes on in its place; nil: the pieces go on as they come
}

// move carries a body on, until it is over or one of the connections makes it wait. It returns how many bytes went into to.
func (l *Loop) move(t *transfer) (moved int64, outcome moveOutcome) {
	from, to, body, p := t.from, t.to, t.body, t.pipe
	for moved < t.most {
		if to.pending() > 0 {
			if !l.flush(to) {
				return moved, moveFailed
			}
			if to.pending() > 0 {
				return moved, moveWaits
			}
		}
		if (*p).held() > 0 {
			n, ok := l.empty(*p, to)
			if moved += n; !ok {
				return moved, moveFailed
			}
			if (*p).n > 0 {
				return moved, moveWaits
			}
			continue // perhaps it was all that may go at once
		}
		if body.Over() {
			(*p).release(l)
			*p = nil
			return moved, moveOver
		}
		if t.splicing && len(from.in) == 0 && from.readable && body.Left() >= spliceFrom && (body.Framing == h1.Sized || from.bulk) {
			if *p == nil {
				*p = l.getPipe()
			}
			if *p != nil {
				if done := l.suck(from, *p, body, t.most-moved); done != moveOver {
					return moved, done
				}
				continue
			}
		}
		if !l.fill(from, t.scratch) {
			switch {
			case from.broken:
				return moved, moveFailed
			case from.eof:
				return moved, moveEnded
			}
			return moved, moveWaits
		}
		from.bulk = len(from.in) == len(t.scratch)
		out, n, err := body.Pass(from.in[:min(int64(len(from.in)), t.most-moved)])
		if err != nil {
			return moved, moveFailed
		}
		passed := int64(n)
		if t.watch != nil {
			out = t.watch(out)
			passed = int64(len(out))
		}
		if !l.sendLast(to, out, from.eof && n == len(from.in) && body.Framing == h1.UntilClose) {
			return moved, moveFailed
		}
		l.used(from, n)
		moved += passed
		if len(from.in) > 0 && n == 0 && !body.Over() {
			return moved, moveFailed
		}
	}
	return moved, movePaused
}

// suck fills a pipe from a connection, with so many bytes at most. moveOver: there is something in it now.
func (l *Loop) suck(from *conn, p *pipe, body *h1.Body, most int64) moveOutcome {
	for {
		n, e := splice(from.fd, p.w, int(min(body.Left(), most, pipeCapacity)))
		switch {
		case e == 0 && n > 0:
			p.n = n
			body.Skip(int64(n))
			return moveOver
		case e == 0:
			from.eof, from.readable = true, false
			return moveEnded
		case e == syscall.EAGAIN:
			from.readable = false
			return moveWaits
		case e == syscall.EINTR:
		default:
			from.broken, from.eof = true, true
			return moveFailed
		}
	}
}

// empty moves a pipe's bytes into a connection.
func (l *Loop) empty(p *pipe, to *conn) (moved int64, ok bool) {
	for p.n > 0 {
		n, e := splice(p.r, to.fd, p.n)
		switch {
		case e == 0 && n > 0:
			p.n -= n
			moved += int64(n)
			l.spliced.Add(int64(n))
		case e == syscall.EAGAIN:
			to.writable = false
			l.watchWrites(to)
			return moved, true
		case e == syscall.EINTR:
		default:
			to.broken = true
			return moved, false
		}
	}
	return moved, true
}

// spliceAllowed tells whether bytes may go from socket to socket in the kernel.
func (s *session) spliceAllowed() bool {
	return s.client.tls == nil && s.client.stream == nil && (s.server == nil || s.server.tls == nil && s.server.stream == nil) && !s.frontend.Options.SplicingOff &&
		!s.loop.plane.noSplice
}
