package plane

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strconv"
	"syscall"

	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/h2"
)

// stream is a request and its answer on a HTTP/2 connection. To its session it is a connection that speaks HTTP/1.1: what comes is put into that
// form, what the session writes is taken apart.
type stream struct {
	mux  *mux
	id   uint32
	conn *conn // nil: the session has left

	in       []byte // for the session to read
	inDone   int
	chunked  bool
	tunnel   bool
	left     int64 // of the data that the message says there is; -1: it does not say
	headed   bool  // an answer's head came
	received bool  // all came
	refusal  error // what came is no message
	trailer  []byte
	accept   string // Sec-WebSocket-Accept of an answer

	outgoing      h2.Outgoing
	sent          bool // all went
	peerReset     bool
	resetCode     h2.Code
	sendWindow    int64
	receiveWindow int
	owed          int // bytes received, and not used
	returned      int // bytes used, and not given back to the peer's window

	waits bool // among those that could not send
	woken bool
}

// add makes a stream and its conn.
func (m *mux) add(id uint32, r role) *stream {
	l := m.loop
	var st *stream
	if n := len(l.freeStreams); n > 0 {
		st, l.freeStreams = l.freeStreams[n-1], l.freeStreams[:n-1]
	} else {
		st = &stream{}
	}
	st.mux, st.id, st.left, st.resetCode = m, id, -1, h2.Cancel
	st.sendWindow, st.receiveWindow = m.peer.Window, int(m.own.Window)
	c := l.newConn(-1, r)
	c.stream, c.remote, c.accepted, c.listener, c.server = st, m.conn.remote, l.now, m.conn.listener, m.server
	c.registered, c.readable = true, true
	st.conn = c
	m.streams[id] = st
	m.opened++
	return st
}

// unnumbered is where the numbers begin that streams have before their HEADERS are sent: on the wire they have to rise in that order.
const unnumbered = 1 << 31

// open makes a stream for a request to a server.
func (m *mux) open() *conn {
	st := m.add(unnumbered|uint32(m.opened), serverSide)
	st.conn.readable = false
	return st.conn
}

// begin starts a session for a client's request; it runs when all frames at hand were read.
func (st *stream) begin() {
	m := st.mux
	owner, l := m.owner, m.loop
	s := l.newSession(st.conn, owner.frontend)
	s.source, s.dest, s.vars = owner.source, owner.destination(), owner.vars
	s.preambleRead, s.authority, s.uniqueID = owner.preambleRead, owner.authority, owner.uniqueID
	s.requests, s.state = m.opened-1, awaiting
	for i, t := range owner.tracked {
		if s.tracked[i] = t; t.table != nil {
			s.tracked[i].lent = true
		}
	}
	l.timers.set(st.conn, l.within(s.headTimeout()))
	st.wake()
}

func (st *stream) wake() {
	if !st.woken {
		st.woken = true
		st.mux.woken = append(st.mux.woken, st)
	}
}

// deliver has the session run.
func (st *stream) deliver() {
	c := st.conn
	s := c.session
	switch {
	case c.role == lingering:
		st.linger()
	case s == nil || s.state == over:
	case c.role == serverSide:
		if st.refusal != nil {
			c.broken, c.eof = true, true
		}
		s.serverEvent(c)
	case st.refusal != nil && !c.broken:
		s.refuseStream(st.refusal)
	default:
		s.clientEvent()
	}
}

// lingers tells whether the client is still sending although it was answered. It is let go on for a moment: there are clients that take
// RST_STREAM, even with NO_ERROR, for a failure of what they have not read yet.
func (st *stream) lingers() bool {
	return st.sent && !st.received && !st.peerReset && !st.mux.dead && !st.tunnel && st.refusal == nil
}

// linger throws away what still comes, until it ends.
func (st *stream) linger() {
	if len(st.in) > 0 {
		st.drained()
	}
	if !st.lingers() || st.conn.broken {
		st.mux.loop.drop(st.conn)
	}
}

// refuseStream answers a request that is none, or whose body is not what it said.
func (s *session) refuseStream(err error) {
	switch s.state {
	case replying, tunnelling:
		return
	case awaiting:
		s.loop.plane.refused(err)
		if s.x == nil {
			s.x = s.loop.getExchange()
			s.x.begun = s.loop.now
		}
		s.refuse(400)
	default:
		s.badBody(err)
	}
	if s.state != over {
		s.run()
	}
}

// room is memory for what the session is to read, with what it has not read yet.
func (st *stream) room(n int) []byte {
	if st.in == nil {
		st.in = st.mux.loop.buffers.get(n)[:0]
	}
	return st.in
}

// frame takes note of how the data is framed that follows a head.
func (st *stream) frame(f h2.Framed, end bool) {
	st.chunked, st.tunnel, st.left, st.received = f.Chunked, f.Tunnel, f.Length, end
	if st.mux.owner != nil {
		st.outgoing.Answer, st.outgoing.ToHead, st.outgoing.Tunnels = true, f.ToHead, f.Tunnel
	}
	if end {
		st.end()
	}
}

// end takes note that nothing more comes.
func (st *stream) end() {
	st.received = true
	if st.tunnel && st.conn != nil {
		st.conn.hungUp, st.conn.readable = true, true
	}
}

// refuse takes note of an error in a message: one that is the message's alone is its session's to answer, any other the connection's.
func (st *stream) refuse(err error) error {
	var refusal h1.Refusal
	if err == nil || !errors.As(err, &refusal) {
		return err
	}
	if st.mux.owner == nil {
		st.mux.loop.plane.refused(refusal)
	}
	st.refusal = refusal
	if st.in != nil {
		st.mux.loop.buffers.put(st.in)
		st.in, st.inDone = nil, 0
	}
	if st.conn != nil && st.conn.session == nil && st.mux.owner != nil {
		st.begin()
	}
	st.wake()
	return nil
}

// receive takes data, and the end of it.
func (st *stream) receive(body []byte, end bool) {
	if st.conn == nil || st.refusal != nil {
		return
	}
	in := st.room(max(len(body)+smallBuffer/4, smallBuffer))
	switch {
	case st.tunnel:
		in = append(in, body...)
	case st.chunked:
		if len(body) > 0 {
			in = strconv.AppendInt(in, int64(len(body)), 16)
			in = append(append(append(in, "\r\n"...), body...), "\r\n"...)
		}
		if end {
			in = append(append(append(in, "0\r\n"...), st.trailer...), "\r\n"...)
		}
	default:
		st.left -= int64(len(body))
		if st.left < 0 || end && st.left != 0 {
			_ = st.refuse(h2.ErrBodyLength)
			return
		}
		in = append(in, body...)
	}
	st.in = in
	st.conn.readable = true
	if end {
		st.end()
	}
	st.wake()
}

// read is read(2) for the session.
func (st *stream) read(p []byte) (int, syscall.Errno) {
	if st.inDone < len(st.in) {
		n := copy(p, st.in[st.inDone:])
		if st.inDone += n; st.inDone == len(st.in) {
			st.drained()
		}
		return n, 0
	}
	switch {
	case st.received && !st.peerReset:
		return 0, 0
	case st.peerReset, st.mux.dead, st.refusal != nil:
		return 0, syscall.ECONNRESET
	}
	return 0, syscall.EAGAIN
}

// drained gives back what the session has read: memory, and the peer's window.
func (st *stream) drained() {
	m := st.mux
	m.loop.buffers.put(st.in)
	st.in, st.inDone = nil, 0
	if st.owed == 0 {
		return
	}
	n := st.owed
	st.owed = 0
	m.credit(n)
	if st.received || m.dead {
		return
	}
	if st.returned += n; int64(st.returned) >= m.own.Window/2 {
		m.out = h2.AppendWindowUpdate(m.out, st.id, st.returned)
		st.receiveWindow += st.returned
		st.returned = 0
		m.touch()
	}
}

// write is write(2) for the session.
func (st *stream) write(p []byte) (int, syscall.Errno) {
	m := st.mux
	if m.dead || st.peerReset || st.refusal != nil && m.owner == nil {
		return 0, syscall.EPIPE
	}
	done := 0
	for done < len(p) && m.connected && !m.full() {
		if st.outgoing.Over() {
			done = len(p) // a server's answer to HEAD with a body, say
			break
		}
		n, err := 0, error(nil)
		if st.outgoing.Headed() {
			n, err = st.writeData(p[done:])
		} else {
			n, err = st.writeHead(p[done:])
		}
		if err != nil {
			st.resetCode = h2.InternalError
			return done, syscall.EPIPE
		}
		if n == 0 {
			break
		}
		done += n
	}
	if done > 0 {
		m.touch()
		return done, 0
	}
	if !st.waits {
		st.waits = true
		m.waiting = append(m.waiting, st)
	}
	return 0, syscall.EAGAIN
}

var errNoTunnel = errors.New("the server does not take extended CONNECT")

func (st *stream) writeHead(p []byte) (int, error) {
	m, l, o := st.mux, st.mux.loop, &st.outgoing
	if m.owner == nil && !m.settled && containsUpgrade(p) {
		return 0, nil // whether it can be asked for a tunnel is not known yet
	}
	head, n, err := o.ReadHead(p)
	if err != nil || head == nil {
		return n, err
	}
	block := l.joined[:0]
	if !m.shrunk {
		m.shrunk = true
		block = append(block, 0x20) // the table stays empty, however large it may be
	}
	if o.Answer {
		block = h2.AppendAnswer(block, &o.Head, head)
	} else {
		if o.Tunnels {
			if !m.peer.ExtendedConnect {
				return n, errNoTunnel
			}
			st.accept = acceptOf(&o.Head, head)
		}
		o.ToHead = string(o.Head.MethodOf(head)) == "HEAD"
		st.number()
		block = h2.AppendRequest(block, &o.Head, head, m.conn.tls != nil)
	}
	l.joined = block
	st.sent = o.Over()
	m.out = h2.AppendBlock(m.out, st.id, block, st.sent, m.peer.Frame)
	if !o.Headed() {
		o.Interim()
	}
	return n, nil
}

// number gives the stream its number on the wire.
func (st *stream) number() {
	m := st.mux
	delete(m.streams, st.id)
	st.id = m.last | 1
	if m.last > 0 {
		st.id = m.last + 2
	}
	m.last = st.id
	m.streams[st.id] = st
}

func containsUpgrade(head []byte) bool {
	var h h1.Head
	return h.Request(head) == nil && h.Upgrade
}

// acceptOf is what a server that knows of WebSockets answers to a key (RFC 6455, 4.2.2).
func acceptOf(h *h1.Head, b []byte) string {
	i := h.Find(b, "sec-websocket-key", 0)
	if i < 0 {
		return "-"
	}
	sum := sha1.Sum(append(append([]byte(nil), h.Fields[i].ValueOf(b)...), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// writeData sends what of p is data in one frame, as far as the windows allow, and returns how much of p it used.
func (st *stream) writeData(p []byte) (int, error) {
	m, o := st.mux, &st.outgoing
	room := int(max(0, min(st.sendWindow, m.sendWindow, int64(m.peer.Frame))))
	f := h2.Frame{Type: h2.Data, Stream: st.id}
	at := len(m.out)
	m.out = f.Append(m.out)
	used := 0
	for used < len(p) && !o.Body.Over() {
		piece := p[used:]
		if o.Body.Left() == 0 {
			piece = piece[:1] // framing
		} else if piece = piece[:min(len(piece), room-f.Length)]; len(piece) == 0 {
			break
		}
		data, n, err := o.ReadData(piece)
		if err != nil {
			return used, err
		}
		m.out = append(m.out, data...)
		f.Length += len(data)
		used += n
	}
	st.sendWindow -= int64(f.Length)
	m.sendWindow -= int64(f.Length)
	st.finishData(f, at)
	return used, nil
}

// finishData completes the DATA frame that begins at an offset of the output, and ends the stream when the message is over.
func (st *stream) finishData(f h2.Frame, at int) {
	m, o := st.mux, &st.outgoing
	var trailers []byte
	if o.Body.Over() && !st.sent {
		st.sent = true
		if trailers = o.AppendTrailers(nil); len(trailers) == 0 {
			f.Flags |= h2.FlagEndStream
		}
	}
	if f.Length == 0 && !f.Has(h2.FlagEndStream) {
		m.out = m.out[:at]
	} else {
		f.Append(m.out[at:at])
	}
	if len(trailers) > 0 {
		m.out = h2.AppendBlock(m.out, st.id, trailers, true, m.peer.Frame)
	}
}

// endStream ends what the session sends on a stream: an answer that has no length ends with its connection.
func (c *conn) endStream() {
	st := c.stream
	if st == nil {
		return
	}
	m := st.mux
	if st.sent || m.dead || st.peerReset || !st.outgoing.Headed() || st.outgoing.Body.Framing != h1.UntilClose {
		return
	}
	st.sent = true
	m.out = h2.Frame{Type: h2.Data, Flags: h2.FlagEndStream, Stream: st.id}.Append(m.out)
	m.touch()
}

// broken tells the session that nothing more can be had of the peer.
func (st *stream) broken() {
	if c := st.conn; c != nil {
		c.broken, c.hungUp, c.eof, c.readable = true, true, true, true
		st.wake()
	}
}

// fail ends the stream because of what the peer did with it.
func (st *stream) fail(code h2.Code) {
	st.resetCode = code
	st.broken()
}

// lost tells the session at once that the connection is gone.
func (st *stream) lost() {
	if c := st.conn; c != nil {
		c.broken, c.hungUp, c.eof, c.readable = true, true, true, true
		st.deliver()
	}
}

// release is called when the session drops the stream's conn.
func (st *stream) release() {
	m := st.mux
	l := m.loop
	st.conn = nil
	delete(m.streams, st.id)
	if !m.dead {
		m.credit(st.owed)
		if !st.peerReset && (!st.sent || !st.received) && st.id < unnumbered {
			code := st.resetCode
			if st.sent && m.owner != nil && code == h2.Cancel {
				code = h2.NoError // answered without all of the request (RFC 9113, 8.1)
			}
			m.out = h2.AppendReset(m.out, st.id, code)
		}
		if !m.connected {
			m.leaving = parted // a request has waited for it too long
		}
		m.touch()
	}
	if st.in != nil {
		l.buffers.put(st.in)
	}
	l.goneStreams = append(l.goneStreams, st)
}

// recycle makes a stream's memory ready for another. Nobody speaks of it any more: the batch is over.
func (st *stream) recycle() {
	o := st.outgoing
	o.Reset()
	*st = stream{outgoing: o, trailer: st.trailer[:0]}
}
