package accesslog

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
)

// batch collects the lines of one event loop's turn, and sends them in one call: a daemon that reads them is woken once, not for each. What
// its socket has no room for stays for the next time, up to mostKept bytes. It belongs to its loop.
type batch struct {
	sink  *Sink
	text  []byte
	lines []line
	calls []message
	parts []syscall.Iovec
}

type line struct {
	target   *config.LogTarget
	from, to int // of text
}

// message is the kernel's struct mmsghdr.
type message struct {
	header syscall.Msghdr
	length uint32
	_      [4]byte
}

const (
	mostKept = 256 << 10
	together = 64 // lines in one call
)

// Log keeps a line for the targets that want its level.
func (b *batch) Log(targets []config.LogTarget, level int, tag string, text []byte) {
	b.LogStructured(targets, level, tag, plane.Line{Text: text})
}

// LogStructured keeps a line with data for those targets whose form has a place for it.
func (b *batch) LogStructured(targets []config.LogTarget, level int, tag string, text plane.Line) {
	for i := range targets {
		t := &targets[i]
		switch {
		case level > t.Level:
		case t.Network != "udp" && t.Network != "unixgram":
			b.sink.LogStructured(targets[i:i+1], level, tag, text)
		case t.Sample != nil && !b.sink.takes(t.Sample):
		case len(b.text)+len(text.Text)+len(text.Data) > mostKept:
			b.sink.Dropped.Add(1)
		default:
			from := len(b.text)
			room := b.text[from:from] // format bounds what it is given
			whole := b.sink.format(room, t, max(level, t.Minimum), tag, text)
			b.text = append(b.text, whole...)
			b.lines = append(b.lines, line{t, from, len(b.text)})
		}
	}
}

// Flush sends the lines in their order.
func (b *batch) Flush() bool {
	for done := 0; done < len(b.lines); {
		n := done + 1
		for n < min(len(b.lines), done+together) && b.lines[n].target == b.lines[done].target {
			n++
		}
		sent := b.send(b.lines[done:n])
		if done += sent; done < n {
			b.keep(b.lines[done:])
			return true
		}
	}
	b.text, b.lines = b.text[:0], b.lines[:0]
	return false
}

// keep moves what is left to the front.
func (b *batch) keep(left []line) {
	from := left[0].from
	b.text = append(b.text[:0], b.text[from:]...)
	b.lines = append(b.lines[:0], left...)
	for i := range b.lines {
		b.lines[i].from -= from
		b.lines[i].to -= from
	}
}

// send sends lines of one target, and returns how many are done with: sent, or given up.
func (b *batch) send(lines []line) int {
	s, t := b.sink, lines[0].target
	fd := s.socket(t)
	if fd < 0 {
		s.Dropped.Add(int64(len(lines)))
		return len(lines)
	}
	if len(b.calls) == 0 {
		b.calls, b.parts = make([]message, together), make([]syscall.Iovec, together)
	}
	for i, l := range lines {
		b.parts[i] = syscall.Iovec{Base: unsafe.SliceData(b.text[l.from:l.to])}
		b.parts[i].SetLen(l.to - l.from)
		b.calls[i] = message{header: syscall.Msghdr{Iov: &b.parts[i], Iovlen: 1}}
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b.calls))), uintptr(len(lines)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	switch {
	case e == 0:
		return int(n)
	case e == syscall.EAGAIN || e == syscall.ENOBUFS:
		return 0
	case e != syscall.EINTR && e != syscall.EMSGSIZE && t.Network == "unixgram":
		s.forget(t, fd) // the daemon was started anew, perhaps: its next socket is another
	}
	s.Dropped.Add(1)
	return 1
}
