package plane

import (
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/compress"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
)

// chooseCoding decides how the answer to the request at hand may be coded, before the request goes on.
func (s *session) chooseCoding() {
	offered, offload := s.frontend.Compression, false
	if b := s.backend.Compression; b != nil {
		offload = b.Offload
		if len(b.Algorithms) > 0 {
			offered = b
		}
	}
	if s.frontend.Compression != nil {
		offload = offload || s.frontend.Compression.Offload
	}
	x := s.x
	if offered == nil || x.requestHead.Minor == 0 || x.toHead {
		return
	}
	x.coding.Algorithm = compress.Choose(&x.requestHead, x.request, offered.Algorithms)
	if x.coding.Algorithm > compress.Identity && offload {
		x.requestHead.Drop(x.request, "accept-encoding")
		x.edits.request = true
	}
}

// mayCompress tells whether the answer at hand is one that is to be coded, and if so changes its head.
func (s *session) mayCompress() bool {
	x := s.x
	h := &x.answerHead
	if x.coding.Algorithm == compress.None || x.downBody.Over() || x.downBody.Framing == h1.UntilClose {
		return false
	}
	for _, p := range [2]*config.Proxy{s.backend.Proxy, s.frontend.Proxy} {
		if p.Compression != nil {
			eligible, tag := compress.Eligible(h, x.answer, p.Compression.Types)
			if !eligible || !s.loop.plane.coding.admits(s.loop) {
				return false
			}
			if tag >= 0 {
				weak := append([]byte("W/"), h.Fields[tag].ValueOf(x.answer)...)
				h.Fields[tag].Dropped = true
				x.answer = h.Add(x.answer, "ETag", weak)
			}
			break
		}
	}
	if x.coding.Algorithm != compress.Identity {
		x.answer = h.Add(x.answer, "Content-Encoding", []byte(x.coding.Algorithm.Coding()))
	}
	x.answer = h.Add(x.answer, "Vary", []byte("Accept-Encoding"))
	if x.downBody.Framing == h1.Chunked {
		x.downBody.Bare = true // only to be read: it is framed anew
	} else {
		h.Drop(x.answer, "content-length")
		x.answer = h.Add(x.answer, "Transfer-Encoding", []byte("chunked"))
	}
	x.codes = true
	for _, c := range s.counters() {
		c.Compressed.Add(1)
	}
	return true
}

// watched is a piece of the answer's body that is recorded for a cache or coded on the way, or both.
func (s *session) watched(piece []byte) []byte {
	if s.x.codes {
		return s.codePiece(piece)
	}
	s.record(piece)
	return piece
}

// codePiece codes the next piece of the answer's body, as chunks.
func (s *session) codePiece(data []byte) []byte {
	l, x := s.loop, s.x
	over := x.downBody.Over()
	if x.caching.storing != nil {
		s.recordData(data, over)
	}
	// The length of a chunk is written before it: room is left for it.
	out := append(l.coded[:0], "00000000\r\n"...)
	out = x.coding.Append(out, l.coder(), data, l.plane.coding.overloaded(l, len(data)))
	if over {
		out = x.coding.AppendEnd(out)
	}
	if out = chunk(out); over {
		out = append(out, "0\r\n\r\n"...)
	}
	l.coded = out[:0]
	l.counted(BytesToCode, int64(len(data)))
	l.counted(BytesCoded, int64(len(out)))
	for _, c := range s.counters() {
		c.CodedIn.Add(int64(len(data)))
		c.CodedOut.Add(int64(len(out)))
	}
	return out
}

// chunk completes a chunk whose data lies behind room for the longest length; one without data is none.
func chunk(b []byte) []byte {
	const room = len("00000000\r\n")
	if len(b) == room {
		return b[:0]
	}
	var digits [16]byte
	length := strconv.AppendInt(digits[:0], int64(len(b)-room), 16)
	copy(b[8-len(length):], length)
	// Leading zeros are allowed (RFC 9112, 7.1): nothing is moved.
	return append(b, "\r\n"...)
}

// coder is the loop's own, made when it is first needed.
func (l *Loop) coder() *compress.Coder {
	if l.packer == nil {
		level := max(1, l.plane.Snapshot().Config.Global.Compression.Level)
		l.packer, _ = compress.NewCoder(level) // the configuration allows no level that there is not
	}
	return l.packer
}

// codingLimits bound what compression takes of the process.
type codingLimits struct {
	second       atomic.Int64
	bytes        atomic.Int64 // that were compressed within it
	busy         atomic.Int64 // percent of its processors that the process used in the last second
	usage        atomic.Int64 // microseconds of processor time when the second began
	lastMeasured atomic.Int64
}

// admits tells whether another body may be compressed now: maxcomprate, maxcompcpuusage.
func (c *codingLimits) admits(l *Loop) bool {
	g := &l.plane.Snapshot().Config.Global.Compression
	if most := l.plane.CodingLimit.Load() << 10; most > 0 && c.rate(l.clock) >= most {
		return false
	}
	return g.Usage == 0 || c.usedPercent(l) < int64(g.Usage)
}

// overloaded counts bytes that are to be compressed, and tells whether they are too many: then they are only framed.
func (c *codingLimits) overloaded(l *Loop, n int) bool {
	g := &l.plane.Snapshot().Config.Global.Compression
	most := l.plane.CodingLimit.Load() << 10
	if most == 0 && g.Usage == 0 {
		return false
	}
	over := c.rate(l.clock) >= most && most > 0
	c.bytes.Add(int64(n))
	return over || g.Usage > 0 && c.usedPercent(l) >= int64(g.Usage)
}

func (c *codingLimits) rate(now time.Time) int64 {
	second := now.Unix()
	if before := c.second.Load(); second != before && c.second.CompareAndSwap(before, second) {
		c.bytes.Store(0)
	}
	return c.bytes.Load()
}

// usedPercent is how much of the loops' processors the process uses, measured once a second.
func (c *codingLimits) usedPercent(l *Loop) int64 {
	now := l.clock.UnixMicro()
	before := c.lastMeasured.Load()
	if now-before < 1e6 || !c.lastMeasured.CompareAndSwap(before, now) {
		return c.busy.Load()
	}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	usage := (u.Utime.Sec+u.Stime.Sec)*1e6 + u.Utime.Usec + u.Stime.Usec
	if last := c.usage.Swap(usage); last > 0 {
		c.busy.Store(100 * (usage - last) / ((now - before) * int64(len(l.plane.loops))))
	}
	return c.busy.Load()
}
