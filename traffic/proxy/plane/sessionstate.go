package plane

import (
	"net/netip"
	"time"

	"holdfast/traffic/proxy/config"
)

// SessionState is a client's session, to be shown.
type SessionState struct {
	ID             uint64
	Loop           int
	State          string
	Began          time.Time // when the client's connection was accepted, or its stream begun
	Age            time.Duration
	Requests       int
	Frontend       *config.Proxy
	Bind           *config.Bind
	Backend        *config.Proxy // nil: none was chosen yet
	ServerName     string
	ServerID       int
	Source         netip.AddrPort // not valid: of a unix socket
	Client, Server ConnectionState
	Stage          Stage
	Tunnel         bool // bytes pass as they are
	Request        *RequestState
}

// Stage is how far a session is on its way to a server.
type Stage uint8

// The stages.
const (
	Unserved   Stage = iota // no server was looked for yet
	InQueue                 // no server has room
	Connecting              // to a server
	Connected
	Parted // the server's connection was given back, or there was none
)

// ConnectionState is one side of a session.
type ConnectionState struct {
	FD          int // -1: there is no connection
	Local, Peer netip.AddrPort
	TLS, HTTP2  bool
	Left        time.Duration // until its timeout; 0: none is running
	Unused      int           // bytes that came and were not used yet
	Waiting     int           // bytes that wait until the peer takes them
	Readable    bool
	Writable    bool
}

// RequestState is the request at hand.
type RequestState struct {
	Method              string
	Status              int // of the answer; 0: there is none yet
	Retries             int
	Over, AnswerOver    bool // their last bytes have been read
	Answered            bool // the answer's head has been read
	Received, Sent      int64
	Multiplexed, Cached bool
}

var stateNames = [...]string{preparing: "preparing", awaiting: "awaiting", queued: "queued", connecting: "connecting", exchanging: "exchanging",
	tunnelling: "tunnelling", replying: "replying", held: "held", collecting: "collecting", securing: "securing", multiplexing: "multiplexing", gathering: "gathering", gatheringAnswer: "gathering", over: "over"}

// SessionStates lists the sessions that have a request at hand, or bytes to pass on. Connections that wait for a request are none: HAProxy has
// no stream for them.
func (p *Plane) SessionStates() []SessionState {
	return gather(p, func(l *Loop) (own []SessionState) {
		for s := range l.sessions {
			if s.state != multiplexing && s.state != preparing && (s.state != awaiting || s.x != nil) {
				own = append(own, s.shown())
			}
		}
		return own
	})
}

func (s *session) shown() SessionState {
	l := s.loop
	v := SessionState{ID: s.number, Loop: l.id, State: stateNames[s.state], Requests: s.requests, Frontend: s.frontend.Proxy, Bind: s.client.listener.bind,
		Source: s.source, Age: time.Duration(l.now-s.client.accepted) * time.Millisecond, Client: s.client.seen(l), Server: ConnectionState{FD: -1},
		Tunnel: s.state == tunnelling}
	v.Began = l.plane.began.Add(time.Duration(s.client.accepted) * time.Millisecond)
	if v.Client.Local = s.dest; !s.dest.IsValid() && s.client.fd >= 0 {
		v.Client.Local = localAddress(s.client.fd)
	}
	if s.backend != nil {
		v.Backend = s.backend.Proxy
	}
	if s.target != nil {
		v.ServerName, v.ServerID = s.target.Server.Name, s.target.Number
	}
	if s.server != nil {
		v.Server = s.server.seen(l)
		v.Server.Peer = s.target.Address()
		if v.Server.FD >= 0 {
			v.Server.Local = localAddress(v.Server.FD)
		}
	}
	switch {
	case s.state == queued:
		v.Stage = InQueue
	case s.state == connecting || s.state == securing && s.server != nil:
		v.Stage = Connecting
	case s.server != nil:
		v.Stage = Connected
	case s.state == exchanging || s.state == replying || s.state == tunnelling || s.state == gatheringAnswer:
		v.Stage = Parted
	}
	if x := s.x; x != nil {
		v.Request = &RequestState{Status: x.record.Status, Retries: x.retries, Over: x.upOver, AnswerOver: x.answered && x.downBody.Over(), Answered: x.answered,
			Received: x.receivedBytes, Sent: x.sentBytes, Multiplexed: s.client.stream != nil, Cached: x.caching.hit}
		if s.frontend.Mode == config.HTTP && x.requestHead.Size > 0 {
			v.Request.Method = string(x.requestHead.MethodOf(x.request))
		}
	}
	return v
}

// seen is what there is to tell of a connection; of a stream, that of the connection which carries it.
func (c *conn) seen(l *Loop) ConnectionState {
	v := ConnectionState{FD: c.fd, Peer: c.remote, TLS: c.tls != nil, HTTP2: c.mux != nil, Unused: len(c.in), Waiting: c.pending(), Readable: c.readable, Writable: c.writable}
	if c.deadline > 0 {
		v.Left = time.Duration(max(1, c.deadline-l.now)) * time.Millisecond
	}
	if c.stream != nil {
		carrier := c.stream.mux.conn
		v.FD, v.TLS, v.HTTP2 = carrier.fd, carrier.tls != nil, true
	}
	return v
}
