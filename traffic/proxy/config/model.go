package config

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/proxy/cache"
	"holdfast/traffic/proxy/certificate"
	"holdfast/traffic/proxy/sample"
)

// Config is a configuration that was read whole. It is not changed any more once it was returned.
type Config struct {
	Global    Global
	Proxies   []*Proxy
	Userlists map[string]*Userlist
	Resolvers map[string]*Resolvers
	Mailers   map[string]*Mailers
	Peers     map[string]*Peers
	Rings     map[string]*Ring
	Programs  []*Program
	Caches    map[string]*cache.Settings
	Compiler  *sample.Compiler // holds the maps and lists, which can be changed at run time
	Warnings  []string
	Notices   []string // what .notice says
}

// LogTargets are where a proxy logs to.
func (c *Config) LogTargets(p *Proxy) []LogTarget {
	if !p.LogGlobal {
		return p.Logs
	}
	return slices.Concat(p.Logs, c.Global.Logs)
}

// Proxy finds a proxy that has the asked side.
func (c *Config) Proxy(name string, back bool) *Proxy {
	for _, p := range c.Proxies {
		if p.Name == name && (back && p.Back || !back && p.Front) {
			return p
		}
	}
	return nil
}

// Global is the global section: the process.
type Global struct {
	MaxConn       int // 0: none
	Threads       int // 0: one per processor
	User, Group   string
	Chroot        string
	PIDFile       string
	Daemon        bool
	MasterWorker  bool
	Quiet         bool
	Node          string
	LocalPeer     string // name of this process among its peers
	Description   string
	Logs          []LogTarget
	LogTag        string
	SendHost      bool // log-send-hostname
	LogHost       string
	StateBase     string // directory of the files with servers' states
	StateFile     string
	States        string // the process's own file of servers' states, of the command line
	StatsSockets  []StatsSocket
	StatsTimeout  time.Duration
	HardStop      time.Duration
	CertBase      string
	CABase        string
	BindOptions   TLSOptions
	ServerOptions TLSOptions
	Clients2      HTTP2 // tune.h2, for clients and for servers
	Servers2      HTTP2
	BufferSize    int
	MaxRewrite    int
	NoSplice      bool
	ExternalOK    bool // external-check
	SpreadChecks  int  // percent
	DHParam       int
	Compression   CompressionLimits
	UnixBind      Bind   // Mode, User and Group of unix sockets that say nothing else
	UnixPrefix    string // before the paths of unix sockets
	SessionRate   int    // maxsessrate: new clients a second; 0: no limit
	ConnectRate   int    // maxconnrate: the same, as each connection is a session
	SecureRate    int    // maxsslrate: TLS handshakes a second
	SecureMost    int    // maxsslconn: clients with TLS at a time
	ZeroWarning   bool   // warnings are mistakes
	ForgedMost    int    // tune.ssl.ssl-ctx-cache-size: certificates made by generate-certificates that are remembered
	Loading       certificate.Loading
	CaptureHello  int  // tune.ssl.capture-buffer-size; 0: what clients offer is not kept
	KeyLog        bool // secrets of handshakes are kept for expressions
}

// LogTarget is where log lines go.
type LogTarget struct {
	Network  string // udp, unixgram, stdout, stderr, ring
	Address  string
	Format   string // rfc3164, rfc5424, raw, short, …
	Facility int
	Level    int // lines above it are dropped
	Minimum  int // lines below it are raised to it
	Length   int
	Sample   *Sample // nil: every line
}

// StatsSocket is a run-time socket.
type StatsSocket struct {
	Network, Address string
	Mode             uint32 // 0: as the umask says
	User, Group      string
	Level            string // user, operator, admin
	PassListeners    bool   // expose-fd listeners
	Severity         string // of answers: number or string; "" or none: it is not told
}

// Mode is what a proxy passes on.
type Mode uint8

// The modes.
const (
	TCP Mode = iota
	HTTP
)

// Timeouts bound how long a side may be silent; 0: for ever.
type Timeouts struct {
	Client, Server, Connect, Queue, Request, KeepAlive, Tunnel, ClientFin, ServerFin, Check, Tarpit time.Duration
}

// Options are a proxy's switches.
type Options struct {
	HTTPLog, TCPLog, NullLog, DontLogNormal, LogSeparateErrors bool
	ServerClose, ForceClose                                    bool // http-server-close, httpclose
	Redispatch, AbortOnClose, SplicingOff, AllBackups          bool
	ClientKeepAlive, ServerKeepAlive                           bool // SO_KEEPALIVE
	PreferLastServer, IgnoreProbes                             bool
	NoHTTP2Upgrade                                             bool // disable-h2-upgrade
	StatsEnabled                                               bool
	CLFLog                                                     bool
	Persist, LogChecks, NoLinger                               bool
	BufferRequest                                              bool // http-buffer-request
	HTTPSLog                                                   bool
}

// Forwarding is `option forwardfor` or `option originalto`.
type Forwarding struct {
	On     bool
	Header string
	Except netip.Prefix
	IfNone bool
}

// Balance is how a server is chosen.
type Balance struct {
	Algorithm  string
	Parameter  string
	InBody     bool // url_param check_post: in the body of a POST where the URL has none
	Expr       *sample.Expr
	Consistent bool   // hash-type consistent
	Function   string // of hash-type
	Avalanche  bool
	Factor     int // hash-balance-factor, percent
	Depth      int // of a URI, in directories; Length: in characters
	Length     int
	Whole      bool // with the query
	DomainOnly bool // hdr
	Draws      int  // random
}

// Reuse is when a connection to a server may carry another client's requests.
type Reuse uint8

// The ways of http-reuse.
const (
	ReuseSafe Reuse = iota
	ReuseNever
	ReuseAggressive
	ReuseAlways
)

// Stats is a proxy's statistics page.
type Stats struct {
	On          bool
	URI         string
	Realm       string
	Users       [][2]string
	HideVersion bool
	ShowNode    bool
	Node        string
	ShowLegends bool
	Description string
	Refresh     time.Duration
	Scopes      []string
	Admin       []*sample.Condition
	Rules       []*Rule // stats http-request
}

// Stick is a `stick` line.
type Stick struct {
	Match, Store bool
	StoreAnswer  bool // when the server has answered
	Expr         *sample.Expr
	Table        string
	If           *sample.Condition
}

// Page is an answer that the proxy gives itself.
type Page struct {
	Status int
	Raw    []byte // a whole answer as it goes out; nil: built from the rest
	Fields []Assigned
	Type   string
	Body   []byte
	Format *sample.Format // of the body
	Shared bool           // none of its own: the proxy's page for that status
}

// Assigned is a header field to add.
type Assigned struct {
	Name   string
	Format *sample.Format
}

// Capture is a header whose value is logged.
type Capture struct {
	Header string
	Length int
}

// UseBackend is a `use_backend` line.
type UseBackend struct {
	Name   string
	Format *sample.Format // when the name is computed
	If     *sample.Condition
}

// UseServer is a `use-server` line.
type UseServer struct {
	Name string
	If   *sample.Condition
}

// Settings are what a `defaults` section gives to the proxies behind it.
type Settings struct {
	Mode           Mode
	Timeouts       Timeouts
	Options        Options
	ForwardFor     Forwarding
	OriginalTo     Forwarding
	Balance        Balance
	Retries        int
	RetryOn        map[string]bool
	RedispatchAt   int
	MaxConn        int
	FullConn       int
	Backlog        int
	RateLimit      int // sessions a second
	Reuse          Reuse
	Logs           []LogTarget
	LogGlobal      bool
	LogFormat      *sample.Format
	LogData        *sample.Format // log-format-sd: of rfc5424
	ErrorFormat    *sample.Format
	LogTag         string
	UniqueFormat   *sample.Format
	UniqueHeader   string
	Errors         map[int]Page
	Cookie         *Cookie
	CookieKey      string // dynamic-cookie-key
	RDPCookie      string // persist rdp-cookie: the cookie's name; "": none
	Check          HealthCheck
	Stats          Stats
	Server         Server // default-server
	DefaultBack    string
	Captures       []Capture
	AnswerCaptures []Capture
	Description    string
	Disabled       bool
	MonitorURI     string
	Email          EmailAlert
	ClientAlive    KeepAlive
	ServerAlive    KeepAlive
	RestrictNames  string // of request headers that are not letters, digits and hyphens: "", delete, reject
	NameHeader     string // http-send-name-header
	CookieCapture  *Capture
	Compression    *Compression // nil: none; never changed once it is set
	LoadState      string       // where servers have their states from: "", none, global, local
	StateFile      string       // of this backend
	MonitorFail    []*sample.Condition
	Origin         Origin

	// Rules run in the order of their lines.
	TCPConnection, TCPSession, TCPRequest, TCPResponse []*Rule
	HTTPRequest, HTTPResponse, HTTPAfter               []*Rule
	InspectDelay                                       time.Duration
}

// Proxy is a frontend, a backend, or both (listen).
type Proxy struct {
	Settings
	Name        string
	Front, Back bool
	ID          int
	File        string
	Line        int

	Binds       []*Bind
	Servers     []*Server
	UseBackends []UseBackend
	UseServers  []UseServer
	Persistence []Persistence
	Sticks      []Stick
	Table       *Table
	Bandwidths  []*Bandwidth
	defaults    bool
	twin        int // line of another defaults section of this name
	from        string
}

// Kind is the section's word.
func (p *Proxy) Kind() string {
	switch {
	case p.defaults:
		return "defaults"
	case p.Front && p.Back:
		return "listen"
	case p.Front:
		return "frontend"
	}
	return "backend"
}

// inherit copies settings so that changing the copy leaves the original.
func (s Settings) inherit() Settings {
	s.Logs = slices.Clone(s.Logs)
	s.Captures = slices.Clone(s.Captures)
	s.AnswerCaptures = slices.Clone(s.AnswerCaptures)
	s.Check.Request.Fields = slices.Clone(s.Check.Request.Fields)
	s.Check.HTTPSteps = slices.Clone(s.Check.HTTPSteps)
	s.Check.TCPSteps = slices.Clone(s.Check.TCPSteps)
	s.Stats.Users = slices.Clone(s.Stats.Users)
	s.Stats.Scopes = slices.Clone(s.Stats.Scopes)
	s.Stats.Admin = slices.Clone(s.Stats.Admin)
	s.Stats.Rules = slices.Clone(s.Stats.Rules)
	s.MonitorFail = slices.Clone(s.MonitorFail)
	for _, rules := range []*[]*Rule{&s.TCPConnection, &s.TCPSession, &s.TCPRequest, &s.TCPResponse, &s.HTTPRequest, &s.HTTPResponse, &s.HTTPAfter} {
		*rules = slices.Clone(*rules)
	}
	errors := map[int]Page{}
	for status, page := range s.Errors {
		errors[status] = page
	}
	s.Errors = errors
	return s
}

// Bind is where a proxy listens.
type Bind struct {
	Network      string // tcp, unix, fd
	Address      netip.AddrPort
	Path         string // unix
	FD           int    // fd
	Name         string
	ID           int
	Line         int
	AcceptProxy  bool
	V6Only, V4V6 bool
	Transparent  bool
	DeferAccept  bool
	Backlog      int
	MaxConn      int
	UserTimeout  time.Duration // TCP_USER_TIMEOUT
	FastOpen     bool
	Interface    string
	MSS          int
	Mode         uint32
	User, Group  string
	HTTP2        bool // proto h2: nothing else is spoken
	Spoken       bool // there is a proto
	TLS          *TLSOptions
}

// String is the address as it is shown.
func (b *Bind) String() string {
	switch b.Network {
	case "unix":
		return b.Path
	case "fd":
		return "fd@" + itoa(b.FD)
	}
	return b.Address.String()
}

// TLSOptions are a bind's or a server's.
type TLSOptions struct {
	on           bool
	Certificates []string // files or directories
	List         string   // crt-list
	CAFile       string
	Verify       string // none, optional, required
	ALPN         []string
	Minimum      uint16
	Maximum      uint16
	Suites       []uint16 // of TLS up to 1.2; nil: the library's own
	restricts13  bool     // some of TLS 1.3 were left out, to no effect
	StrictSNI    bool
	NoTickets    bool
	Curves       []tls.CurveID
	SNI          *sample.Expr // to a server
	VerifyHost   string
	NoReuse      bool   // to a server: no session is resumed
	CRLFile      string // what authorities have revoked
	CAVerifyFile string // authorities that are not named to clients
	NoCANames    bool   // clients are not told of authorities
	CAIgnore     []string
	CRTIgnore    []string // errors that let a client's certificate pass: OpenSSL's numbers, or all
	TicketKeys   string   // file of keys for sessions' tickets
	Forge        bool     // certificates are made for names that have none
	SignFile     string   // the authority that signs them
	SignPassword string   // of its key
}

// Server is a `server` line.
type Server struct {
	Name     string
	ID       int // as configured; 0: none
	Number   int // within its backend: the ID, or the first that is free
	Line     int
	File     string
	Host     string // as it was written, without the port
	HTTP2    bool   // proto h2
	Spoken   bool   // there is a proto
	Address  netip.AddrPort
	Path     string // unix
	PortOff  int    // of the client's port, when Relative
	Relative bool

	// A name's address may be looked up while the proxy runs.
	Resolvers    string
	Service      bool     // Host is a service, found by its SRV records
	Unresolved   bool     // it begins without an address
	Prefer       string   // ipv4 or ipv6
	InitAddr     []string // ways to the first address
	ShareAddress bool     // others of the same name may have the same address
	OwnWeight    bool     // the weights of SRV records do not count

	Weight           int
	Backup, Disabled bool
	MaxConn, MinConn int
	MaxQueue         int
	SlowStart        time.Duration
	Cookie           string
	SendProxy        int // 0, 1 or 2
	CheckSendProxy   bool
	TLS              *TLSOptions
	Check            bool
	CheckTLS         bool
	CheckPlain       bool        // no-check-ssl: checks are without TLS though the server speaks it
	CheckSecurity    *TLSOptions // of checks; nil: plain
	said             *TLSOptions // of TLS, whether the server speaks it or not
	CheckSNI         string
	CheckALPN        []string
	CheckSpeaks      string         // check-proto: h1, h2, or "" as to clients' requests
	CheckRelayed     bool           // check-via-socks4
	Relay            netip.AddrPort // socks4
	CheckAddress     netip.Addr
	CheckPort        int
	Inter            time.Duration
	FastInter        time.Duration
	DownInter        time.Duration
	Rise, Fall       int
	Agent            bool
	AgentAddress     netip.Addr
	AgentPort        int
	AgentInter       time.Duration
	AgentSend        string
	Observe          string // "", layer4, layer7
	ErrorLimit       int
	OnError          string
	ShutdownOnDown   bool   // on-marked-down shutdown-sessions
	ShutdownBackups  bool   // on-marked-up shutdown-backup-sessions
	Track            string // BACKEND/SERVER, or a server of the same backend: this one is up when that one is
	PoolMax          int    // connections kept idle; -1: no limit
	PoolPurge        time.Duration
	NonStick         bool
	Origin           Origin
	Introduction     *Introduction  // send-proxy-v2: what is told beside; nil: addresses
	Redirect         string         // redir: where requests that only ask are sent to
	MaxReuse         int            // requests over one connection after its first; -1: no limit
	FastOpen         bool           // tfo
	UserTimeout      time.Duration  // TCP_USER_TIMEOUT; 0: the kernel's
	WebSockets       string         // auto, h1, h2: what they are spoken in
	Networks         []netip.Prefix // resolve-net
}
