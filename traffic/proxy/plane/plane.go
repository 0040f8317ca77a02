package plane

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/cache"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/stick"
)

// Plane is the data plane of one process.
type Plane struct {
	Sessions atomic.Int64 // clients now
	MaxSeen  atomic.Int64
	Total    atomic.Int64
	Secure   atomic.Int64 // clients now that use TLS

	SecureTotal   atomic.Int64 // of them, since the start
	SecureServers atomic.Int64 // connections with TLS to servers now
	SecureReached atomic.Int64 // of them, since the start

	ConnectionLimit atomic.Int64 // new clients within a second; 0: any number
	SessionLimit    atomic.Int64 // the same
	SecureLimit     atomic.Int64 // of them with TLS
	CodingLimit     atomic.Int64 // kilobytes to be compressed within a second; 0: any number

	snapshot    atomic.Pointer[Snapshot]
	loops       []*Loop
	limits      limits
	numbers     atomic.Uint64 // of sessions
	noSplice    bool
	began       time.Time
	stopping    atomic.Bool
	wait        sync.WaitGroup
	logger      Logger
	users       func(list string) sample.Userlist
	patterns    sync.Mutex // serializes changes of maps and lists
	refusals    sync.Map   // h1.Refusal to *atomic.Int64
	rejected    sync.Map   // rejectedKey to *Rejected
	rejections  atomic.Uint64
	frequencies [figures]pool.Counters // that, and nothing else
	coding      codingLimits
	process     *sample.Process
	keys        keylog
	Pages       Pages
	OnErrors    func(*pool.Server) // called on a loop when observe has seen too many errors
}

// Pages makes the statistics page.
type Pages interface {
	// Page answers a request for it: a GET with its query, or a POST of the administration's form.
	Page(r PageRequest) PageAnswer
	// Metrics answers a request for the numbers in Prometheus's form.
	Metrics(p *Plane, query string) PageAnswer
}

// PageRequest is a request for the statistics page of a proxy.
type PageRequest struct {
	Proxy *config.Proxy
	Path  string // behind the page's own, with the query
	Post  bool
	Form  string
	Admin bool // the client may change states
	Plane *Plane
}

// PageAnswer is the page.
type PageAnswer struct {
	Status   int
	Type     string
	Location string // where to go on; "": stay
	Body     []byte
}

// Refusals counts the requests that were not HTTP, by what was wrong.
func (p *Plane) Refusals() map[string]int64 {
	all := map[string]int64{}
	p.refusals.Range(func(key, n any) bool {
		all[string(key.(h1.Refusal))] = n.(*atomic.Int64).Load()
		return true
	})
	return all
}

// refused counts a request that is not HTTP.
func (p *Plane) refused(err error) {
	if r, ok := err.(h1.Refusal); ok {
		n, _ := p.refusals.LoadOrStore(r, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
}

// Logger takes log lines. It must not block.
type Logger interface {
	// Log sends a line to the targets that want its level.
	Log(targets []config.LogTarget, level int, tag string, line []byte)
}

// Line is what a log line says. Data is structured (RFC 5424, section 6.3), for those who have a place for it.
type Line struct{ Text, Data []byte }

// StructuredLogger is a Logger that takes structured data.
type StructuredLogger interface {
	Logger
	// LogStructured is Log with data.
	LogStructured(targets []config.LogTarget, level int, tag string, line Line)
}

// BatchLogger is a Logger that would rather have lines together.
type BatchLogger interface {
	Logger
	// Batch makes a place for one loop's lines.
	Batch() LogBatch
}

// LogBatch takes one loop's log lines, and sends them when it is told to. It must not block.
type LogBatch interface {
	Logger
	// Flush sends the lines, and tells whether some are left that nobody took yet.
	Flush() (left bool)
}

// Snapshot is a configuration as the loops use it. It is replaced as a whole.
type Snapshot struct {
	Config    *config.Config
	Frontends []*Frontend
	Backends  map[string]*pool.Backend
	Tables    map[string]*stick.Table
	Caches    map[string]*cache.Cache
	tls       secrets
	keys      *keylog
}

// Frontend is a frontend at run time.
type Frontend struct {
	*config.Proxy
	Counters pool.Counters
	Sessions atomic.Int64
	MaxSeen  atomic.Int64
	Disabled atomic.Bool
	Closed   atomic.Bool // its sockets are closed for good
	maxconn  atomic.Int64
	Default  *pool.Backend
	uses     []use
	targets  []config.LogTarget
	tag      string
	backs    map[string]*pool.Backend
	clients  map[*config.Bind]*atomic.Int64 // now, of each bind; the map is not changed
	plain    bool                           // nothing is done to requests but to pass them on
}

type use struct {
	config.UseBackend
	backend *pool.Backend
}

// New makes a plane of so many loops.
func New(loops, maxconn int, logger Logger) (*Plane, error) {
	p := &Plane{began: time.Now().Add(-time.Second), logger: logger}
	p.limits.maxconn.Store(int64(maxconn))
	p.users = p.userlist
	for f := range p.frequencies {
		p.frequencies[f] = pool.NewCounters(loops)
	}
	for i := range loops {
		l, err := newLoop(p, i)
		if err != nil {
			return nil, fmt.Errorf("make event loop %d: %w", i, err)
		}
		p.loops = append(p.loops, l)
	}
	return p, nil
}

// Loops is how many event loops there are.
func (p *Plane) Loops() int { return len(p.loops) }

// Snapshot is the configuration in force.
func (p *Plane) Snapshot() *Snapshot { return p.snapshot.Load() }

// Compile makes a snapshot of a configuration. Certificates are read here.
func (p *Plane) Compile(c *config.Config) (*Snapshot, error) {
	p.noSplice = c.Global.NoSplice
	s := &Snapshot{keys: &p.keys, Config: c, Backends: map[string]*pool.Backend{}, Tables: map[string]*stick.Table{}}
	if err := s.secureAll(); err != nil {
		return nil, err
	}
	p.process = c.Compiler.Process()
	p.ConnectionLimit.Store(int64(c.Global.ConnectRate))
	p.SessionLimit.Store(int64(c.Global.SessionRate))
	p.SecureLimit.Store(int64(c.Global.SecureRate))
	p.limits.secure = int64(c.Global.SecureMost)
	p.CodingLimit.Store(int64(c.Global.Compression.Rate))
	s.Caches = map[string]*cache.Cache{}
	for name, settings := range c.Caches {
		s.Caches[name] = cache.New(*settings)
	}
	for _, x := range c.Proxies {
		if x.Back {
			b := pool.New(x, len(p.loops), time.Now)
			b.Part(p.part)
			s.Backends[x.Name] = b
		}
	}
	for _, t := range c.Tables() {
		s.Tables[t.Name] = stick.New(t)
	}
	pool.Link(c, s.Backends)
	for _, x := range c.Proxies {
		if !x.Front {
			continue
		}
		f := &Frontend{Proxy: x, Counters: pool.NewCounters(len(p.loops)), backs: s.Backends}
		f.Default = s.Backends[x.DefaultBack]
		if f.Default == nil && x.Back {
			f.Default = s.Backends[x.Name]
		}
		for _, u := range x.UseBackends {
			f.uses = append(f.uses, use{u, s.Backends[u.Name]})
		}
		f.targets = c.LogTargets(x)
		if f.tag = x.LogTag; f.tag == "" {
			f.tag = c.Global.LogTag
		}
		f.Disabled.Store(x.Disabled)
		f.maxconn.Store(int64(x.MaxConn))
		f.plain = plainFrontend(x)
		f.clients = map[*config.Bind]*atomic.Int64{}
		for _, b := range x.Binds {
			f.clients[b] = new(atomic.Int64)
		}
		s.Frontends = append(s.Frontends, f)
	}
	return s, nil
}

// Open opens the sockets of a snapshot, or takes them over, and puts it in force. inherited are sockets of a process before this
// one; those that no bind wants are closed. Clients are served when Run is called.
func (p *Plane) Open(s *Snapshot, inherited []Socket) error {
	var opened []func()
	taken := map[string][]int{}
	for _, i := range inherited {
		taken[i.Name] = append(taken[i.Name], i.FD)
	}
	for _, f := range s.Frontends {
		if f.Proxy.Disabled {
			continue
		}
		for _, b := range f.Binds {
			fds, err := p.sockets(f, b, taken)
			if err != nil {
				return fmt.Errorf("%s %s: %w", f.Kind(), f.Name, err)
			}
			for i, fd := range fds {
				l := p.loops[i%len(p.loops)]
				opened = append(opened, func() { l.listenOn(f, b, fd) })
			}
		}
	}
	for _, fds := range taken {
		for _, fd := range fds {
			closeFD(fd)
		}
	}
	p.Install(s)
	for _, open := range opened {
		open()
	}
	return nil
}

// Install puts a snapshot in force without opening its sockets.
func (p *Plane) Install(s *Snapshot) { p.snapshot.Store(s) }

// Run starts the loops.
func (p *Plane) Run() {
	for _, l := range p.loops {
		p.wait.Go(l.run)
	}
}

// sockets opens one socket per loop for a bind, or takes those that were inherited.
func (p *Plane) sockets(f *Frontend, b *config.Bind, taken map[string][]int) ([]int, error) {
	name := socketName(b)
	if fds := taken[name]; len(fds) > 0 {
		delete(taken, name)
		for len(fds) < len(p.loops) && b.Network == "tcp" {
			fd, err := listen(b, backlogOf(f, b))
			if err != nil {
				break // those that came are enough
			}
			fds = append(fds, fd)
		}
		return fds, nil
	}
	count := len(p.loops)
	if b.Network != "tcp" {
		count = 1
	}
	var fds []int
	for range count {
		fd, err := listen(b, backlogOf(f, b))
		if err != nil {
			return nil, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func backlogOf(f *Frontend, b *config.Bind) int {
	switch {
	case b.Backlog > 0:
		return b.Backlog
	case f.Backlog > 0:
		return f.Backlog
	}
	return max(f.MaxConn, 4096)
}

func (l *Loop) listenOn(f *Frontend, b *config.Bind, fd int) {
	c := l.newConn(fd, listening)
	s := &listener{conn: c, name: f.Name, bind: b, frontend: f, clients: f.clients[b]}
	c.listener, c.readable = s, true
	l.listeners = append(l.listeners, s)
	l.register(c)
}

// Sockets lists the listening sockets, to pass them to the process that follows. They stay open here.
func (p *Plane) Sockets() []Socket {
	return gather(p, func(l *Loop) (own []Socket) {
		for _, s := range l.listeners {
			if s.conn != nil {
				own = append(own, Socket{s.conn.fd, socketName(s.bind)})
			}
		}
		return own
	})
}

// StopListening closes the listening sockets; clients that are there go on. Idle ones are closed at once, others as their request ends. When it
// returns those that came last are counted.
func (p *Plane) StopListening() {
	p.stopping.Store(true)
	p.everywhere(func(l *Loop) {
		for _, s := range l.listeners {
			if s.conn != nil {
				l.accept(s)
				l.drop(s.conn)
				s.conn = nil
			}
		}
		for s := range l.sessions {
			s.stopIdle()
		}
	})
}

// Stop ends the loops and all connections, and waits for them.
func (p *Plane) Stop() {
	for _, l := range p.loops {
		l.post(func() { l.quit = true })
	}
	p.wait.Wait()
}

// descriptorsNeeded is how many descriptors so many clients take.
func descriptorsNeeded(clients int) uint64 { return uint64(clients)*2 + 1024 }

// RaiseLimits raises the limit of open descriptors to what so many clients need, as far as it goes.
func RaiseLimits(clients int) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	want := descriptorsNeeded(clients)
	if clients == 0 {
		want = limit.Max
	}
	if limit.Cur >= want {
		return
	}
	raised := unix.Rlimit{Cur: want, Max: max(want, limit.Max)}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) != nil {
		raised = unix.Rlimit{Cur: limit.Max, Max: limit.Max}
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &raised)
	}
}

// EndSessions ends the sessions with those servers.
func (p *Plane) EndSessions(of func(*pool.Server) bool) {
	for _, l := range p.loops {
		l.post(func() {
			for s := range l.sessions {
				if s.acquired && of(s.target) {
					s.note('D', 'D')
					s.log()
					s.destroy()
				}
			}
		})
	}
}

// OpenSockets opens the sockets that a configuration wants, as many for each address as there are loops, out of those that are open
// already; what is left of these is closed. It is for a process that passes them on.
func OpenSockets(c *config.Config, taken map[string][]int) ([]Socket, error) {
	p := &Plane{loops: make([]*Loop, LoopsOf(c))}
	var all []Socket
	for _, x := range c.Proxies {
		if x.Disabled {
			continue
		}
		for _, b := range x.Binds {
			fds, err := p.sockets(&Frontend{Proxy: x}, b, taken)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", x.Kind(), x.Name, err)
			}
			for _, fd := range fds {
				all = append(all, Socket{fd, socketName(b)})
			}
		}
	}
	for _, fds := range taken {
		for _, fd := range fds {
			closeFD(fd)
		}
	}
	return all, nil
}

// LoopsOf is how many event loops a configuration wants.
func LoopsOf(c *config.Config) int {
	if c.Global.Threads > 0 {
		return c.Global.Threads
	}
	return runtime.NumCPU()
}
