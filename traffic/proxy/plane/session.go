package plane

import (
	"net/netip"
	"time"

	"holdfast/traffic/proxy/compress"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

type state uint8

const (
	preparing       state = iota // PROXY protocol, TLS, inspection
	awaiting                     // a request's head is read, or waited for
	queued                       // no server has room
	connecting                   // to a server
	exchanging                   // request and answer are on their way
	tunnelling                   // bytes go both ways until both end
	replying                     // an answer of the proxy's own is on its way
	held                         // tarpit
	collecting                   // the form of the statistics page
	securing                     // a handshake with a server goes on
	multiplexing                 // HTTP/2: requests are sessions of their own
	gathering                    // the request's body is waited for
	gatheringAnswer              // the answer's body is waited for
	over
)

// session is one client's connection.
type session struct {
	loop                    *Loop
	client                  *conn
	server                  *conn
	frontend                *Frontend
	from                    *listener // where it is counted; nil: it is a stream of another
	backend                 *pool.Backend
	target                  *pool.Server
	x                       *exchange
	state                   state
	acquired                bool // a place on target is taken
	counted                 bool // in the backend's sessions
	waiter                  *pool.Waiter
	source                  netip.AddrPort // of the client, as PROXY protocol may have it
	dest                    netip.AddrPort
	requests                int
	keep                    bool // another request may follow
	last                    *pool.Server
	upPipe                  *pipe
	downPipe                *pipe
	queuedAt                int64
	number                  uint64 // by which an administrator names it
	uses                    uint32 // how often the memory was used: tells late mail apart
	tracked                 [3]tracking
	vars                    map[string]sample.Value // sess. variables outlive a request
	expectProxy             bool                    // a PROXY header comes first
	preambleRead, inspected bool
	authority, uniqueID     []byte // of the PROXY header
	mux                     *mux   // of a client that speaks HTTP/2
	alarm                   *conn  // has no descriptor, only a deadline: the session is to run again then
}

// exchange is a request and its answer.
type exchange struct {
	requestHead, answerHead h1.Head
	request, answer         []byte // their bytes; answer only where it had to be copied
	body                    []byte // the beginning of the request's body, to send it again
	context                 sample.Context
	record                  sample.Record
	upBody, downBody        h1.Body

	upShut, downShut bool // tunnel: the end was passed on
	sent             bool // the request's head
	answered         bool // the answer's head is on its way to the client
	upOver           bool // the request went out whole
	replayable       bool // it can be sent again
	movedOn          bool // more of its body went out than is kept
	toHead           bool
	keepServer       bool
	reused           bool // the server's connection had carried a request before
	retries          int
	begun            int64 // milliseconds of the loop: first byte of the request
	whole            int64 // its head was read
	chosen           int64 // a server was found
	connected        int64
	answeredAt       int64
	sentBytes        int64
	receivedBytes    int64
	logLevel         int
	noLog            bool
	noReplay         bool
	edits            edits
	reply            []byte
	setCookie        []byte
	redispatched     bool
	spelt            bool // a rule spells the answer out: whether it may be cached is the rule's affair
	termination      [4]byte
	logged           bool
	statsProxy       *config.Proxy
	statsPath        string
	served           string // what stands for a server where the proxy itself answers
	dates            cookieDates
	cookieSent       bool // the client has the backend's cookie
	cookieDone       byte // the letter of what became of the answer's cookie; 0: there is none
	cookieKnown      bool // the cookie named a server that is alive
	cookieDown       bool // the cookie named a server that is not, or that could not be reached
	coding           compress.Stream
	codes            bool // the answer's body is coded
	caching          caching
	waiting          waiting
	lookups          map[*config.Rule]bool // of a tcp connection's rules: those whose names were asked for
	throttles        []throttle
	keyed            bool          // the body was waited for, to balance by it
	hints            []byte        // of a 103 that is on its way
	answerSeen       bool          // tcp-response rules ran
	serverTimeout    time.Duration // of `http-request set-timeout`; 0: the backend's
	tunnelTimeout    time.Duration
	tarpit           *config.Page // that the client gets after its wait
	rest             []byte       // of an answer of the proxy's own: what is sent behind reply
}

func (x *exchange) reset() {
	request, answer, body, reply := x.request[:0], x.answer[:0], x.body[:0], x.reply[:0]
	requestFields, answerFields := x.requestHead.Fields[:0], x.answerHead.Fields[:0]
	captured := x.context.Captured[:0]
	const keepAtMost = 8 << 10
	if cap(request)+cap(answer)+cap(body)+cap(reply) > keepAtMost {
		request, answer, body, reply = nil, nil, nil, nil
	}
	*x = exchange{request: request, answer: answer, body: body, reply: reply}
	x.context.Captured = captured
	x.requestHead.Fields, x.answerHead.Fields = requestFields, answerFields
}

func (l *Loop) newSession(c *conn, f *Frontend) *session {
	var s *session
	if n := len(l.freeSessions); n > 0 {
		s, l.freeSessions = l.freeSessions[n-1], l.freeSessions[:n-1]
	} else {
		s = &session{}
	}
	s.loop, s.client, s.frontend = l, c, f
	s.source, s.state = c.remote, preparing
	s.keep = true
	if c.stream == nil {
		s.from = c.listener
	}
	s.number = l.plane.numbers.Add(1)
	c.session = s
	l.sessions[s] = struct{}{}
	return s
}

// start runs a session for the first time.
func (s *session) start() {
	if s.frontend.needsContext() && !s.admit() {
		return
	}
	b := s.client.listener.bind
	if !b.AcceptProxy && b.TLS == nil && !s.expectProxy {
		if s.begin(); s.state == over {
			return
		}
	}
	s.run()
}

// begin is where what precedes the first request is done.
func (s *session) begin() {
	if s.frontend.Mode == config.HTTP {
		if s.speaksHTTP2() {
			s.multiplex()
			return
		}
		s.state = awaiting
		s.loop.timers.set(s.client, s.loop.within(s.headTimeout()))
		return
	}
	s.beginTCP()
}

func (s *session) headTimeout() time.Duration {
	t := &s.frontend.Timeouts
	if t.Request > 0 {
		return t.Request
	}
	return t.Client
}

func (s *session) clientEvent() {
	if s.client.broken && s.state != awaiting && s.state != preparing {
		s.abort('C')
		return
	}
	s.run()
}

func (s *session) serverEvent(c *conn) {
	switch {
	case c != s.server:
	case s.keepsServer(): // a server that has something to say now means to end
		s.dropServer()
	default:
		s.run()
	}
}

// keepsServer tells whether the server's connection is of the client's request before, and waits for the next (http-reuse never, send-proxy).
func (s *session) keepsServer() bool {
	switch s.state {
	case awaiting, queued, held, collecting, gathering:
		return s.server != nil
	}
	return false
}

// run does all that can be done now.
func (s *session) run() {
	for s.step() {
	}
	if s.state == over {
		return
	}
	if !s.client.registered && !s.waitsForServerOnly() && !s.loop.register(s.client) {
		s.destroy()
		return
	}
	s.loop.stash(s.client)
	s.loop.stash(s.server)
}

// step does one thing, and tells whether there may be more to do.
func (s *session) step() bool {
	switch s.state {
	case preparing:
		return s.prepare()
	case awaiting:
		return s.awaitRequest()
	case connecting:
		return s.finishConnecting()
	case exchanging:
		return s.exchange()
	case tunnelling:
		return s.tunnel()
	case replying:
		return s.finishReply()
	case held:
		if s.frontend.Mode == config.TCP {
			return s.inspectAgain()
		}
		return s.watchClient()
	case collecting:
		return s.collect()
	case multiplexing:
		s.mux.run()
	case queued:
		return s.watchClient()
	case gathering:
		return s.gather(false)
	case gatheringAnswer:
		return s.gatherAnswer(false)
	}
	return false
}

// watchClient notices that a client has gone while its request waits.
func (s *session) watchClient() bool {
	if s.client.broken || s.client.hungUp && s.backendOption(func(o *config.Options) bool { return o.AbortOnClose }) {
		s.abort('C')
	}
	return false
}

func (s *session) backendOption(of func(*config.Options) bool) bool {
	return of(&s.frontend.Options) || s.backend != nil && of(&s.backend.Options)
}

// release gives back what the request holds of a server.
func (s *session) release() {
	if s.waiter != nil {
		s.backend.Leave(s.waiter)
		s.leftQueue()
	}
	if s.acquired {
		s.acquired = false
		s.target.Release()
	}
}

// leaveBackend ends the request's stay in its backend.
func (s *session) leaveBackend() {
	s.release()
	if s.counted {
		s.counted = false
		s.backend.Sessions.Add(-1)
	}
}

// destroy ends the session and its connections at once.
func (s *session) destroy() {
	if s.state == over {
		return
	}
	l, client := s.loop, s.client
	s.detach()
	l.drop(client)
}

// finish ends the session; what was sent to the client arrives.
func (s *session) finish() {
	if s.state == over {
		return
	}
	l, client := s.loop, s.client
	saidAll := s.clientSaidAll()
	if s.detach(); saidAll {
		l.drop(client)
		return
	}
	l.closeGently(client)
}

// clientSaidAll tells whether the client has announced that its request was the last, and all of it was read: then nothing of its can
// be lost, or make the kernel throw the answer away, when its connection is closed at once.
func (s *session) clientSaidAll() bool {
	x, c := s.x, s.client
	return x != nil && x.requestHead.Size > 0 && !x.requestHead.KeepsAlive() && x.upOver && len(c.in) == 0 && !c.readable && c.tls == nil && c.stream == nil
}

// waitsForServerOnly tells whether the client has nothing to do but to wait: it is not asked for events then, which saves a call for each
// connection that carries one request.
func (s *session) waitsForServerOnly() bool {
	return s.state == exchanging && !s.keep && s.clientSaidAll() && s.client.pending() == 0 && s.downPipe.held() == 0 &&
		!s.frontend.Options.AbortOnClose && !s.backend.Options.AbortOnClose
}

// detach ends the session, but for the client's connection.
func (s *session) detach() {
	l := s.loop
	if m := s.mux; m != nil {
		s.mux = nil
		m.fail()
	}
	s.leaveBackend()
	s.untrack()
	if s.server != nil {
		l.drop(s.server)
	}
	l.drop(s.alarm)
	s.upPipe.release(l)
	s.downPipe.release(l)
	if s.x != nil {
		l.putExchange(s.x)
	}
	if s.from != nil {
		s.frontend.Sessions.Add(-1)
		l.plane.Sessions.Add(-1)
		s.from.left(l.plane)
	}
	delete(l.sessions, s)
	if s.client.tls != nil {
		s.client.tls.closing(l, s.client)
	}
	s.client.session = nil
	uses := s.uses + 1
	*s = session{state: over, uses: uses}
	l.freeSessions = append(l.freeSessions, s)
	if len(l.paused) > 0 {
		l.resume()
	}
}

// stopGrace is how long an idle client keeps its connection when the proxy is to stop. One that asks within it is answered, and told that
// the connection ends: closing at once would cross with requests that are on their way.
const stopGrace = 2 * time.Second

// stopIdle has the session end soon when it waits for a request, as the proxy is to stop.
func (s *session) stopIdle() {
	if s.mux != nil {
		s.mux.leave()
		return
	}
	if s.state == awaiting && s.requests > 0 && len(s.client.in) == 0 && s.x == nil {
		l := s.loop
		if soon := l.within(stopGrace); s.client.deadline == 0 || soon < s.client.deadline {
			l.timers.set(s.client, soon)
		}
	}
}

// expired is called when a deadline of one of the sides has passed.
func (s *session) expired(c *conn) {
	if c == s.server && s.keepsServer() {
		s.dropServer()
		return
	}
	switch s.state {
	case preparing, collecting:
		s.destroy()
	case awaiting:
		s.headTimedOut()
	case held:
		if s.frontend.Mode == config.TCP {
			s.inspected = true
			s.inspectAgain()
			return
		}
		s.tarpitOver()
	case queued:
		s.queueTimedOut()
	case gathering:
		if s.gather(true); s.state != over {
			s.run()
		}
	case gatheringAnswer:
		if s.gatherAnswer(true); s.state != over {
			s.run()
		}
	case connecting:
		if c == s.client { // it is the server's turn
			return
		}
		if s.settled() || s.connectFailed(true) {
			s.run()
		}
	case exchanging:
		s.exchangeTimedOut(c)
	case replying, tunnelling:
		if c == s.client {
			s.note('c', 'D')
		} else {
			s.note('s', 'D')
		}
		s.log()
		s.destroy()
	}
}
