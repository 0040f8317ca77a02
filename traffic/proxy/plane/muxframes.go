package plane

import (
	"errors"

	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/h2"
)

func violation(code h2.Code, why string) error { return &h2.ConnectionError{Code: code, Why: why} }

// read takes the whole frames out of b, and returns how many bytes they are.
func (m *mux) read(b []byte) (int, error) {
	n := 0
	if !m.greeted {
		known := min(len(b), len(h2.Preface))
		if string(b[:known]) != h2.Preface[:known] {
			return 0, violation(h2.ProtocolError, "connection does not begin with its preface")
		}
		if known < len(h2.Preface) {
			return 0, nil
		}
		m.greeted, n = true, known
	}
	for len(b)-n >= h2.FrameHeaderSize {
		f := h2.ReadFrame(b[n:])
		if err := f.Check(m.own.Frame); err != nil {
			return n, err
		}
		end := n + h2.FrameHeaderSize + f.Length
		if len(b) < end {
			break
		}
		payload := b[n+h2.FrameHeaderSize : end]
		n = end
		if err := m.frame(f, payload); err != nil {
			return n, err
		}
		if m.conn.pending()+len(m.out) > muxOverflow {
			return n, violation(h2.EnhanceYourCalm, "peer asks for answers that it does not read")
		}
	}
	return n, nil
}

func (m *mux) frame(f h2.Frame, payload []byte) error {
	if m.inBlock != (f.Type == h2.Continuation) || m.inBlock && f.Stream != m.blockFrame.Stream {
		return violation(h2.ProtocolError, "header block interrupted, or continued where there is none")
	}
	if !m.settled && (f.Type != h2.SettingsFrame || f.Has(h2.FlagAck)) {
		return violation(h2.ProtocolError, "connection does not begin with SETTINGS")
	}
	switch f.Type {
	case h2.Data:
		return m.data(f, payload)
	case h2.Headers:
		return m.headers(f, payload)
	case h2.Continuation:
		m.pieces++
		return m.piece(f, payload)
	case h2.Reset:
		return m.reset(f, h2.CodeOf(payload))
	case h2.SettingsFrame:
		return m.applySettings(f, payload)
	case h2.Ping:
		if f.Has(h2.FlagAck) {
			return m.glitch("PING answers")
		}
		m.out = h2.AppendPingAck(m.out, payload)
		m.touch()
		return m.glitch("PING")
	case h2.GoAway:
		m.goneAway(h2.Word(payload))
	case h2.WindowUpdate:
		return m.widen(f, int64(h2.Word(payload)))
	case h2.Priority:
		return m.glitch("PRIORITY")
	default:
		return m.glitch("frames of unknown types")
	}
	return nil
}

// glitch counts what is of no use.
func (m *mux) glitch(what string) error {
	if m.glitches.Add(m.loop.now) {
		return violation(h2.EnhanceYourCalm, "too many "+what)
	}
	return nil
}

func (m *mux) applySettings(f h2.Frame, payload []byte) error {
	if f.Has(h2.FlagAck) {
		return nil
	}
	before := m.peer.Window
	if err := m.peer.Read(payload); err != nil {
		return err
	}
	m.settled = true
	for _, st := range m.streams {
		if st.sendWindow += m.peer.Window - before; st.sendWindow > h2.MaxWindow {
			return violation(h2.FlowControlError, "window beyond its bound")
		}
	}
	m.out = h2.AppendSettingsAck(m.out)
	m.touch() // streams that wait are resumed then
	return m.glitch("SETTINGS")
}

// widen takes WINDOW_UPDATE.
func (m *mux) widen(f h2.Frame, n int64) error {
	if f.Stream == 0 {
		if m.sendWindow += n; n == 0 || m.sendWindow > h2.MaxWindow {
			return violation(h2.FlowControlError, "WINDOW_UPDATE by nothing, or beyond the bound")
		}
		m.touch()
		return nil
	}
	st := m.streams[f.Stream]
	switch {
	case st == nil && m.idle(f.Stream):
		return violation(h2.ProtocolError, "frame on a stream that was not opened")
	case st == nil:
		return nil
	}
	if st.sendWindow += n; n == 0 || st.sendWindow > h2.MaxWindow {
		st.fail(h2.FlowControlError)
		return nil
	}
	if st.waits {
		m.touch()
	}
	return nil
}

// idle tells whether nobody has opened a stream yet.
func (m *mux) idle(id uint32) bool {
	return id > m.last || id%2 == 0
}

// goneAway takes GOAWAY: the streams after last were not looked at.
func (m *mux) goneAway(last uint32) {
	if m.owner != nil {
		m.leaving = max(m.leaving, parted) // what is there is served
		return
	}
	m.leaving = parted
	for id, st := range m.streams {
		if id > last && st.conn != nil {
			st.conn.refused = true
			st.broken()
		}
	}
}

func (m *mux) reset(f h2.Frame, code h2.Code) error {
	st := m.streams[f.Stream]
	if st == nil {
		if m.idle(f.Stream) {
			return violation(h2.ProtocolError, "RST_STREAM on a stream that was not opened")
		}
		return nil
	}
	st.peerReset = true
	if m.owner == nil {
		st.conn.refused = code == h2.RefusedStream
		if st.received {
			st.sent = true // it has answered, and wants no more
			return nil
		}
	}
	st.broken()
	if m.owner == nil {
		return nil
	}
	return m.glitch("streams that are reset")
}

func (m *mux) headers(f h2.Frame, payload []byte) error {
	if f.Stream%2 == 0 {
		return violation(h2.ProtocolError, "HEADERS on a stream of the other side's")
	}
	body, err := f.Body(payload)
	if err != nil {
		return err
	}
	m.block, m.blockFrame, m.pieces = m.block[:0], f, 0
	return m.piece(f, body)
}

// piece takes a part of a header block, and reads the block when it is whole.
func (m *mux) piece(f h2.Frame, body []byte) error {
	m.block = append(m.block, body...)
	if len(m.block) > m.headLimit()+smallBuffer || m.pieces > mostPieces {
		return violation(h2.EnhanceYourCalm, "header block too large, or in too many pieces")
	}
	if m.inBlock = !f.Has(h2.FlagEndHeaders); m.inBlock {
		return nil
	}
	err := m.message(m.blockFrame.Stream, m.blockFrame.Has(h2.FlagEndStream))
	if cap(m.block) > mediumBuffer || len(m.streams) == 0 {
		m.block = nil
	}
	return err
}

func (m *mux) headLimit() int {
	g := &m.loop.plane.Snapshot().Config.Global
	return g.BufferSize - g.MaxRewrite
}

// message takes a whole header block: a request, an answer, or a trailer.
func (m *mux) message(id uint32, end bool) error {
	st := m.streams[id]
	switch {
	case st != nil && m.owner == nil && !st.headed:
		return m.answered(st, end)
	case st != nil:
		return m.trailer(st, end)
	case m.owner == nil || id <= m.last:
		return m.ignore()
	}
	m.last = id
	switch {
	case m.leaving == parted:
		return m.ignore()
	case len(m.streams) >= m.settings.Streams:
		m.out = h2.AppendReset(m.out, id, h2.RefusedStream)
		m.touch()
		if err := m.glitch("streams at once"); err != nil {
			return err
		}
		return m.ignore()
	}
	st = m.add(id, clientSide)
	expect := h2.Expect{Limit: m.headLimit(), End: end, Key: websocketKey}
	in, framed, err := m.decoder.Request(st.room(smallBuffer), m.block, expect)
	st.in = in
	st.frame(framed, end)
	if err := st.refuse(err); err != nil {
		return err
	}
	st.begin()
	if m.settings.Total > 0 && m.opened >= m.settings.Total {
		m.leave()
	}
	return nil
}

// ignore reads a header block that nobody wants, for the sake of those that follow.
func (m *mux) ignore() error {
	var refusal h1.Refusal
	_, _, err := m.decoder.Request(nil, m.block, h2.Expect{})
	if errors.As(err, &refusal) {
		return nil
	}
	return err
}

// answered takes the head of a server's answer.
func (m *mux) answered(st *stream, end bool) error {
	expect := h2.Expect{Limit: m.headLimit(), End: end, ToHead: st.outgoing.ToHead, Accept: st.accept}
	in, framed, err := m.decoder.Answer(st.room(smallBuffer), m.block, expect)
	st.in = in
	if st.headed = framed.Status >= 200; st.headed {
		st.frame(framed, end)
	} else if end && err == nil {
		err = h2.ErrPseudo // an interim answer is not the last
	}
	if err := st.refuse(err); err != nil {
		return err
	}
	st.conn.readable = true
	st.wake()
	return nil
}

// trailer takes the fields behind a message's data.
func (m *mux) trailer(st *stream, end bool) error {
	if st.received {
		return violation(h2.StreamClosed, "HEADERS on a stream that the sender has ended")
	}
	st.trailer = st.trailer[:0]
	trailer, err := m.decoder.Trailers(st.trailer, m.block, m.headLimit()/2)
	if st.trailer = trailer; err == nil && (!end || st.tunnel) {
		err = h2.ErrPseudo
	}
	if err := st.refuse(err); err != nil || st.refusal != nil {
		return err
	}
	st.receive(nil, true)
	return nil
}

func (m *mux) data(f h2.Frame, payload []byte) error {
	if m.receiveWindow -= f.Length; m.receiveWindow < 0 {
		return violation(h2.FlowControlError, "more data than the connection's window allows")
	}
	body, err := f.Body(payload)
	if err != nil {
		return err
	}
	st := m.streams[f.Stream]
	switch {
	case st == nil && m.idle(f.Stream):
		return violation(h2.ProtocolError, "DATA on a stream that was not opened")
	case st == nil: // it was ended while this was on its way
		m.credit(f.Length)
		return nil
	case st.received, m.owner == nil && !st.headed:
		m.credit(f.Length)
		st.fail(h2.StreamClosed)
		return nil
	}
	if st.receiveWindow -= f.Length; st.receiveWindow < 0 {
		m.credit(f.Length)
		st.fail(h2.FlowControlError)
		return nil
	}
	st.owed += f.Length
	end := f.Has(h2.FlagEndStream)
	st.receive(body, end)
	if len(body) == 0 && !end {
		return m.glitch("empty DATA frames")
	}
	return nil
}

// credit gives bytes that were used back to the connection's window.
func (m *mux) credit(n int) {
	if m.owed += n; m.owed >= muxWindow/2 && !m.dead {
		m.out = h2.AppendWindowUpdate(m.out, 0, m.owed)
		m.receiveWindow += m.owed
		m.owed = 0
		m.touch()
	}
}
