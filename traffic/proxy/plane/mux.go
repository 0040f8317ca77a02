package plane

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/h2"
	"holdfast/traffic/proxy/pool"
)

// mux is a connection that speaks HTTP/2, with a client or with a server. Each of its streams is a conn of its own, without a
// descriptor, that a session uses like any other. What streams send is collected while a batch of events is worked on, and
// goes out in one call when the batch is over.
//
// A client's connection keeps the session it began with, its owner, which is what counts among the frontend's sessions; the
// sessions of streams come and go beside it.
type mux struct {
	loop     *Loop
	conn     *conn
	owner    *session     // of a client's connection
	server   *pool.Server // of a server's
	private  bool         // a server's that is for one client only
	settings *config.HTTP2

	streams map[uint32]*stream
	last    uint32 // the highest stream so far
	opened  int
	woken   []*stream // that something came for
	waiting []*stream // that could not send

	decoder   *h2.Decoder
	own, peer h2.Settings
	greeted   bool // the client's preface was read
	settled   bool // the peer's SETTINGS were read
	connected bool
	shrunk    bool // the peer was told that its table stays empty

	block      []byte // of headers, while it is not whole
	blockFrame h2.Frame
	inBlock    bool
	pieces     int // CONTINUATION frames so far

	out           []byte // frames that go out when the batch is over
	dirty         bool
	sendWindow    int64
	receiveWindow int
	owed          int // bytes that were used, and not given back to the peer's window
	glitches      h2.Glitches

	leaving leaving
	waits   waits
	dead    bool
}

// leaving is how far a connection is on its way to its end.
type leaving uint8

const (
	staying leaving = iota
	parting         // the client was told, and may still have requests on their way
	parted          // no new streams
)

// waits is what a connection's deadline is for.
type waits uint8

const (
	waitsForNothing waits = iota
	waitsForRequest
	waitsForHead
	waitsForGrace
)

const (
	muxWindow   = 1 << 20   // bytes that all streams of a connection may have sent, and nobody has read
	muxBacklog  = 64 << 10  // output from which on streams wait
	muxOverflow = 256 << 10 // output that no peer lets come together but one that does not read
	mostPieces  = 32        // of a header block
	readsAtOnce = 16
)

func (l *Loop) newMux(c *conn, settings *config.HTTP2) *mux {
	m := &mux{loop: l, conn: c, settings: settings, streams: map[uint32]*stream{}, peer: h2.Defaults(), own: h2.Defaults(),
		sendWindow: 65535, receiveWindow: muxWindow, glitches: h2.Glitches{Limit: settings.Glitches}}
	m.own.HeaderTable, m.own.Window, m.own.Frame = uint32(settings.HeaderTable), int64(settings.Window), settings.Frame
	m.decoder = h2.NewDecoder(settings.HeaderTable)
	c.mux = m
	return m
}

// multiplex makes HTTP/2 of a client's connection.
func (s *session) multiplex() {
	l := s.loop
	m := l.newMux(s.client, &l.plane.Snapshot().Config.Global.Clients2)
	m.owner, m.connected = s, true
	m.own.Streams, m.own.ExtendedConnect = uint32(m.settings.Streams), true
	m.out = m.own.Append(l.buffers.get(mediumBuffer)[:0])
	m.out = h2.AppendWindowUpdate(m.out, 0, muxWindow-65535)
	m.touch()
	s.mux, s.state = m, multiplexing
	m.schedule()
	if l.plane.stopping.Load() {
		m.leave()
	}
}

// multiplexTo makes HTTP/2 of a connection to a server, which may still be on its way.
func (l *Loop) multiplexTo(c *conn, target *pool.Server, connected bool) *mux {
	m := l.newMux(c, &l.plane.Snapshot().Config.Global.Servers2)
	m.server, m.connected, m.greeted = target, connected, true
	m.own.NoPush = true
	m.out = append(l.buffers.get(mediumBuffer)[:0], h2.Preface...)
	m.out = m.own.Append(m.out)
	m.out = h2.AppendWindowUpdate(m.out, 0, muxWindow-65535)
	c.session, c.watchesWrite = nil, true
	c.writable = connected
	m.peer.Streams = 100 // until it says otherwise
	l.muxes[target] = append(l.muxes[target], m)
	m.touch()
	return m
}

// muxTo finds a connection that leads to an endpoint of a server and has room for another stream.
func (l *Loop) muxTo(target *pool.Server, where endpoint) *mux {
	for _, m := range l.muxes[target] {
		if !m.dead && !m.private && m.conn.endpoint == where && m.leaving == staying && len(m.streams) < int(min(m.peer.Streams, uint32(m.settings.Streams))) && m.last < 1<<30 && (target.MaxReuse < 0 || m.last <= uint32(2*target.MaxReuse)) {
			return m
		}
	}
	return nil
}

// touch has the output go out when the batch is over.
func (m *mux) touch() {
	if !m.dirty {
		m.dirty = true
		m.loop.dirty = append(m.loop.dirty, m)
	}
}

// flushMuxes sends what came together during a batch.
func (l *Loop) flushMuxes() {
	for i := 0; i < len(l.dirty); i++ { // there may come more meanwhile
		m := l.dirty[i]
		l.dirty[i] = nil
		m.dirty = false
		if !m.dead {
			m.flush()
		}
	}
	l.dirty = l.dirty[:0]
}

func (m *mux) flush() {
	l, c := m.loop, m.conn
	if len(m.out) > 0 {
		good := l.send(c, m.out)
		if m.out = m.out[:0]; !good {
			m.fail()
			return
		}
	}
	if c.pending() == 0 {
		if len(m.waiting) > 0 {
			l.again = append(l.again, m.resume)
		} else if len(m.streams) == 0 {
			l.buffers.put(m.out)
			m.out = nil
		}
	}
	m.settle()
}

// full tells whether streams have to wait with what they send.
func (m *mux) full() bool { return len(m.out)+m.conn.pending() >= muxBacklog }

// resume lets streams go on that had to wait.
func (m *mux) resume() {
	if m.dead || m.full() {
		return
	}
	waiting := m.waiting
	m.waiting = nil
	for _, st := range waiting {
		st.waits = false
		if st.mux == m && st.conn != nil {
			st.conn.writable = true
			st.deliver()
		}
	}
}

// run reads what there is, and has the streams' sessions work on it.
func (m *mux) run() {
	l, c := m.loop, m.conn
	if !m.connected && !m.connect() {
		return
	}
	for round := 0; !m.dead; round++ {
		if c.pending() > 0 && !l.flush(c) {
			m.fail()
			return
		}
		if c.pending() == 0 && len(m.waiting) > 0 {
			l.again = append(l.again, m.resume)
		}
		if c.pending() > muxOverflow/2 {
			break // until the peer has read what it was sent
		}
		if round == readsAtOnce {
			l.again = append(l.again, func() {
				if !m.dead {
					m.run()
				}
			})
			break
		}
		if !m.readOnce() {
			break
		}
	}
	if !m.dead {
		m.settle()
	}
}

// connect finds out whether a connection to a server stands.
func (m *mux) connect() bool {
	c := m.conn
	if !c.writable && !c.readable && !c.broken {
		return false
	}
	if socketError(c.fd) != 0 || c.broken {
		m.fail()
		return false
	}
	m.connected = true
	m.loop.again = append(m.loop.again, m.resume)
	return true
}

// readOnce reads once, and tells whether there may be more.
func (m *mux) readOnce() bool {
	l, c := m.loop, m.conn
	if !l.fill(c, l.up) {
		if c.eof || c.broken {
			m.fail()
		}
		return false
	}
	n, err := m.read(c.in)
	l.used(c, n)
	if err != nil {
		m.refuse(err)
		return false
	}
	more := n > 0 || l.more(c, l.up, max(largeBuffer, m.own.Frame+h2.FrameHeaderSize))
	l.stash(c) // sessions use the scratch buffer, too
	m.wake()
	if !more && !m.dead && (c.eof || c.broken) {
		m.fail()
	}
	return more
}

// wake has the sessions run that something came for.
func (m *mux) wake() {
	for i := 0; i < len(m.woken) && !m.dead; i++ {
		st := m.woken[i]
		st.woken = false
		if st.mux == m && st.conn != nil {
			st.deliver()
		}
	}
	m.woken = m.woken[:0]
}

// refuse ends the connection because of what the peer sent.
func (m *mux) refuse(err error) {
	var violation *h2.ConnectionError
	if !errors.As(err, &violation) {
		violation = &h2.ConnectionError{Code: h2.InternalError}
	}
	m.loop.plane.refused(h1.Refusal(violation.Error()))
	if m.owner != nil {
		m.owner.frontend.Counters.Set(m.loop.id).BadRequests.Add(1)
	}
	m.end(violation.Code)
}

// end says farewell, and ends the connection and all its streams.
func (m *mux) end(code h2.Code) {
	if m.dead {
		return
	}
	l := m.loop
	last := m.last
	if m.owner == nil {
		last = 0 // of streams that a server opened
	}
	m.out = h2.AppendGoAway(m.out, last, code)
	_ = l.send(m.conn, m.out)
	m.out = m.out[:0]
	if owner := m.owner; owner != nil {
		m.abandon()
		if owner.mux == m {
			owner.finish()
		}
		return
	}
	m.fail()
}

// fail ends the connection and its streams at once.
func (m *mux) fail() {
	if m.dead {
		return
	}
	m.abandon()
	if m.owner != nil {
		if m.owner.mux == m {
			m.owner.destroy()
		}
		return
	}
	m.loop.drop(m.conn)
}

// abandon ends the streams of a connection that is over.
func (m *mux) abandon() {
	l := m.loop
	m.dead = true
	if m.server != nil {
		all := l.muxes[m.server]
		if i := slices.Index(all, m); i >= 0 {
			l.muxes[m.server] = slices.Delete(all, i, i+1)
		}
	}
	ids := make([]uint32, 0, len(m.streams))
	for id := range m.streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if st := m.streams[id]; st != nil {
			st.lost()
		}
	}
	if m.out != nil {
		l.buffers.put(m.out)
		m.out = nil
	}
}

// leave tells a client that the connection ends, and gives what is on its way the time to arrive.
func (m *mux) leave() {
	if m.leaving != staying || m.dead {
		return
	}
	m.leaving = parting
	m.out = h2.AppendGoAway(m.out, 1<<31-1, h2.NoError)
	m.touch()
	m.schedule()
}

// part takes no more streams.
func (m *mux) part() {
	if m.leaving == parted {
		return
	}
	m.leaving = parted
	if m.owner != nil {
		m.out = h2.AppendGoAway(m.out, m.last, h2.NoError)
		m.touch()
	}
}

// settle ends a connection that has nothing more to do, and gives the others their deadline.
func (m *mux) settle() {
	if len(m.streams) > 0 || m.leaving != parted && !m.private {
		m.schedule()
		return
	}
	if m.private && m.opened == 0 || len(m.out) > 0 || m.conn.pending() > 0 {
		return
	}
	m.abandon()
	if m.owner != nil {
		m.owner.finish()
		return
	}
	m.loop.drop(m.conn)
}

// schedule gives the connection the deadline of what it waits for. What a client sends meanwhile does not put it off.
func (m *mux) schedule() {
	l, now := m.loop, waitsForNothing
	switch {
	case m.leaving == parting:
		now = waitsForGrace
	case m.inBlock:
		now = waitsForHead
	case len(m.streams) == 0 && m.connected:
		now = waitsForRequest
	}
	if now == m.waits {
		return
	}
	m.waits = now
	var deadline int64
	switch {
	case now == waitsForGrace:
		deadline = l.within(stopGrace)
	case now == waitsForNothing:
	case m.owner == nil:
		deadline = l.within(m.server.PoolPurge)
	case now == waitsForRequest && m.opened > 0 && m.owner.frontend.Timeouts.KeepAlive > 0:
		deadline = l.within(m.owner.frontend.Timeouts.KeepAlive)
	default:
		deadline = l.within(m.owner.headTimeout())
	}
	l.timers.set(m.conn, deadline)
}

// expired is called when what the connection waited for did not come.
func (m *mux) expired() {
	was := m.waits
	m.waits = waitsForNothing
	switch was {
	case waitsForGrace:
		m.part()
		m.settle()
	case waitsForHead:
		m.end(h2.EnhanceYourCalm)
	default:
		m.end(h2.NoError)
	}
}

// websocketKey is a new Sec-WebSocket-Key.
func websocketKey() string {
	var key [16]byte
	_, _ = rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}
