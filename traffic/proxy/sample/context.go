package sample

import (
	"crypto/tls"
	"net/netip"
	"time"

	"holdfast/traffic/proxy/h1"
)

// Message is the head of a request or of an answer. Its bytes are those the head was parsed from; Head.Size 0: there is none.
type Message struct {
	Head  *h1.Head
	Bytes []byte
}

// Present tells whether there is a message.
func (m *Message) Present() bool { return m.Head != nil && m.Head.Size > 0 }

// State is what expressions ask of the rest of the proxy.
type State interface {
	// Servers counts a backend's servers that can be used; "": of the current one.
	Servers(backend string) (usable, configured int64, known bool)
	// ServerUp tells whether a server can be used.
	ServerUp(backend, server string) bool
	// Sessions counts the current connections of a frontend or backend.
	Sessions(proxy string, backend bool) int64
	// Rate counts the new connections of a frontend or backend within the last second.
	Rate(proxy string, backend bool) int64
	// Queued counts the requests that wait for a backend's servers.
	Queued(backend string) int64
	// Server reads a figure of a server's: queue, conn, conn_free, sess_rate, weight, iweight, uweight, id.
	Server(backend, server, figure string) (int64, bool)
	// Proxy reads a figure of a frontend or backend: id, req_rate, conn_free, conn_slots, avg_queue, timeouts in milliseconds (client, server, tunnel); "":
	// of the current one.
	Proxy(name string, backend bool, figure string) (int64, bool)
	// DefaultBackend is the current frontend's.
	DefaultBackend() string
	// Listener is the name of the socket that the client came through, and a figure of it: id, conn, thread, stopping.
	Listener(figure string) (name string, n int64)
	// Ends are the addresses of the connection to the client itself, whatever a PROXY header said, or of the connection to the server: that end's, and
	// this one's.
	Ends(server bool) (there, here netip.AddrPort)
	// Prefaced tells whether a PROXY header came.
	Prefaced() bool
	// Introduced is what a PROXY header told beside addresses: the name that the client asked for, and the connection's unique id.
	Introduced() (authority, id []byte)
	// ServerSpeaks tells of the connection to the server: HTTP/2, and TLS; nil: there is none.
	ServerSpeaks() (http2 bool, secure *tls.ConnectionState)
	// Handshake is what could be seen of how the connection to the client, or to the server, was made secure; nil: it was not.
	Handshake(server bool) *Handshake
	// Transport reads what the kernel knows of the connection to the client (TCP_INFO): rtt and rttvar in microseconds, unacked, sacked, lost, retrans,
	// fackets, reordering.
	Transport(figure string) (int64, bool)
	// Table answers what is asked of a stick-table; false: there is no such entry, or the table does not keep what is asked for.
	Table(q TableQuestion) (int64, bool)
}

// Context is what is known of one connection and the exchange on it.
type Context struct {
	Source, Destination netip.AddrPort
	Request, Answer     Message
	HTTP2               bool   // the client speaks HTTP/2
	CacheName           string // of the cache that the answer goes into or comes from
	CacheHit            bool
	Coding              string // how the answer's body is compressed; "": it is not
	First               bool   // the connection's first request
	Body                []byte

	Frontend, Backend, Server string
	TLS                       *tls.ConnectionState
	PriorityClass             int64
	PriorityOffset            int64
	LastRule                  string // FILE:LINE of the rule that ended an evaluation
	AnswerBody                []byte
	Preread                   []byte // what came before a tcp connection was passed on
	Partial                   bool   // more of that may come, and is worth waiting for
	Now                       time.Time
	UniqueID                  []byte
	Captured                  [][]byte // request captures, then answer captures, as declared
	AnswerCaptures            int      // index of the first answer capture
	Variables                 map[string]Value
	Process                   *Process
	State                     State
	Users                     func(list string) Userlist
	Log                       *Record

	undecided bool // what was asked for may look different when more has come

	iterates bool  // a condition asks for each value of a field in turn
	tested   Value // what a condition looks at: room that is not made anew for each
}

// Userlist checks passwords.
type Userlist interface {
	// Allows tells whether the password is the user's.
	Allows(user, password string) bool
	// InGroup tells whether the user is in one of the groups.
	InGroup(user string, groups []string) bool
	// GroupsOf lists a user's groups.
	GroupsOf(user string) []string
}

// Record is what a log line says of an exchange. Durations that were not reached are negative.
type Record struct {
	Accepted                                                   time.Time     // when the connection was accepted
	Begun                                                      time.Time     // when the request's first byte came
	Request                                                    time.Duration // until the request's head was whole
	Queue                                                      time.Duration // waiting for a server
	Connect                                                    time.Duration
	Response                                                   time.Duration // until the answer's head was whole
	Total                                                      time.Duration
	Idle                                                       time.Duration // before the request's first byte
	Handshake                                                  time.Duration
	Status                                                     int
	Sent                                                       int64   // bytes to the client
	Received                                                   int64   // bytes from the client
	Termination                                                [4]byte // HAProxy's two or four letters
	Retries                                                    int
	RequestNumber, LineNumber                                  int64 // of this process so far
	Redispatch                                                 bool
	ServerQueue, BackendQueue                                  int64
	Process, FrontendSessions, BackendSessions, ServerSessions int64
	ServerAddress, ServerSource                                netip.AddrPort
	RequestCookie, AnswerCookie                                []byte
}
