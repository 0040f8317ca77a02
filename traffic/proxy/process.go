package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/pause"
	"holdfast/traffic/proxy/accesslog"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/health"
	"holdfast/traffic/proxy/peers"
	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/resolve"
	"holdfast/traffic/proxy/stats"
)

// Process is a running proxy.
type Process struct {
	Config *config.Config
	Plane  *plane.Plane

	log       *accesslog.Sink
	checker   *health.Checker
	admin     *stats.Server
	listeners []net.Listener
	letters   chan letter
	groups    []*peers.Group
	cancel    context.CancelFunc
	wait      sync.WaitGroup
}

// Syslog's levels (RFC 5424, section 6.2.1).
const (
	logWarning = 4
	logNotice  = 5
)

// Start opens everything that a configuration names, gives up privileges, and begins to serve. inherited are listening sockets of
// a process before this one.
func Start(c *config.Config, inherited []plane.Socket) (*Process, error) {
	g := &c.Global
	loops := plane.LoopsOf(c)
	// One more than there are loops: whoever wakes a loop finds a processor for it at once.
	runtime.GOMAXPROCS(loops + 1)
	reserve()
	plane.RaiseLimits(g.MaxConn)
	accesslog.Console["stdout"], accesslog.Console["stderr"] = os.Stdout, os.Stderr
	host := g.LogHost
	if g.SendHost && host == "" {
		host, _ = os.Hostname()
	}
	p := &Process{Config: c, log: accesslog.New(host, os.Getpid()), letters: make(chan letter, mailQueue)}
	p.log.AddRings(c.Rings)
	var err error
	if p.Plane, err = plane.New(loops, g.MaxConn, p.log); err != nil {
		return nil, err
	}
	if err := p.open(inherited); err != nil {
		p.closeListeners()
		return nil, err
	}
	p.run()
	return p, nil
}

// reserved is memory that is never touched, and so takes up none. It counts for the garbage collector, which would otherwise begin anew
// with every few megabytes of a heap that is this small: handshakes alone fill as much dozens of times a second.
var reserved []byte

const reserveSize = 48 << 20

func reserve() {
	if reserved == nil {
		reserved = make([]byte, reserveSize)
	}
}

// open does what needs privileges, or files outside of a chroot.
func (p *Process) open(inherited []plane.Socket) error {
	g := &p.Config.Global
	p.log.Open(g.Logs)
	for _, x := range p.Config.Proxies {
		p.log.Open(x.Logs)
	}
	snapshot, err := p.Plane.Compile(p.Config)
	if err != nil {
		return err
	}
	for _, err := range stats.Restore(p.Config, snapshot.Backends, os.ReadFile, time.Now()) {
		p.log.Log(g.Logs, logWarning, g.LogTag, []byte(err.Error()))
		fmt.Fprintln(os.Stderr, "warning:", err)
	}
	if err := p.Plane.Open(snapshot, inherited); err != nil {
		return err
	}
	if err := p.openPeers(snapshot); err != nil {
		return err
	}
	for i := range g.StatsSockets {
		l, err := listenStats(&g.StatsSockets[i])
		if err != nil {
			return err
		}
		p.listeners = append(p.listeners, l)
	}
	if os.Getenv(workerVariable) == "" { // a worker's master wrote its own
		if err := writePID(g.PIDFile); err != nil {
			return err
		}
	}
	return dropPrivileges(g)
}

func writePID(file string) error {
	if file == "" {
		return nil
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the process id: %w", err)
	}
	return nil
}

func (p *Process) run() {
	node := p.Config.Global.Node
	if node == "" {
		node, _ = os.Hostname()
	}
	version := "Holdfast proxy, compatible with HAProxy " + config.Version
	started := time.Now()
	p.admin = &stats.Server{Plane: p.Plane, Version: config.Version, Node: node, Started: started, Now: time.Now, Timeout: p.Config.Global.StatsTimeout,
		Peers: p.groups, Rings: p.log.Rings, Dropped: p.log.Dropped.Load, Warned: p.Config.Warnings}
	p.Plane.Pages = &stats.Pages{Node: node, Version: version, Started: started, Now: time.Now, Socket: p.admin}
	p.checker = &health.Checker{Global: &p.Config.Global, Tell: p.tell, Note: p.note, Node: node, Process: p.Config.Compiler.Process(),
		Secret: func(s *pool.Server) *tls.Config { return p.Plane.Snapshot().CheckTLS(s.Server) }}
	p.admin.Health = p.checker
	p.Plane.OnErrors = p.checker.Suspect
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.wait.Go(func() { p.checker.Watch(ctx, p.Plane.Snapshot().Backends) })
	p.wait.Go(func() { p.post(ctx) })
	keeper := &resolve.Keeper{Resolvers: p.Config.Resolvers}
	p.admin.Rename = keeper.Rename
	p.wait.Go(func() { keeper.Watch(ctx, p.Plane.Snapshot().Backends) })
	for i, l := range p.listeners {
		socket := &p.Config.Global.StatsSockets[i]
		p.wait.Go(func() { p.admin.Serve(l, stats.LevelOf(socket.Level), socket.Severity) })
	}
	for _, group := range p.groups {
		group.Start()
	}
	if l := inheritedControl(); l != nil {
		p.listeners = append(p.listeners, l)
		p.wait.Go(func() { p.admin.Serve(l, stats.Administrator, "") })
	}
	p.Plane.Run()
}

// tell logs that a server went up or down, and ends sessions where the configuration says so.
func (p *Process) tell(s *pool.Server, up bool, status, why string) {
	state, level := "UP", 5
	if !up {
		state, level = "DOWN", 1
	}
	usable, backups := s.Backend.Usable()
	text := fmt.Sprintf("Server %s/%s is %s. %d active and %d backup servers left.", s.Backend.Name, s.Server.Name, state, usable, backups)
	if status != "" {
		text += " Reason: " + strings.TrimSpace(status+" "+why)
	}
	p.mail(s.Backend.Proxy, level, text)
	p.log.Log(p.Config.LogTargets(s.Backend.Proxy), level, p.Config.Global.LogTag, []byte(text))
	switch {
	case !up && s.ShutdownOnDown:
		p.Plane.EndSessions(func(other *pool.Server) bool { return other == s })
	case up && s.ShutdownBackups:
		p.Plane.EndSessions(func(other *pool.Server) bool { return other.Backup && other.Backend == s.Backend })
	}
}

// note logs a check that ended otherwise than the one before (option log-health-checks).
func (p *Process) note(s *pool.Server, r pool.Result) {
	word := "failed"
	if r.Passed || r.Conditional {
		word = "passed"
	}
	text := fmt.Sprintf("Health check of server %s/%s %s: %s.", s.Backend.Name, s.Server.Name, word, strings.TrimSpace(r.Status+" "+r.Why))
	p.log.Log(p.Config.LogTargets(s.Backend.Proxy), logNotice, p.Config.Global.LogTag, []byte(text))
}

// Finish stops to take clients, and returns when those that are there have gone or the context ends.
func (p *Process) Finish(ctx context.Context) {
	p.closeListeners()
	p.Plane.StopListening()
	handed := p.handOver(ctx)
	defer func() { <-handed }()
	for p.Plane.Sessions.Load() > 0 && pause.For(ctx, 100*time.Millisecond) {
	}
}

// Stop ends the proxy and all its connections.
func (p *Process) Stop() {
	p.closeListeners()
	for _, group := range p.groups {
		group.Close()
	}
	p.cancel()
	p.Plane.Stop()
	p.wait.Wait()
	p.log.Close()
}

func (p *Process) closeListeners() {
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.listeners = nil
}

// listenStats opens a run-time socket. One on a path takes the place of the one before it at once.
func listenStats(s *config.StatsSocket) (net.Listener, error) {
	if s.Network == "tcp" {
		l, err := net.Listen("tcp", s.Address)
		if err != nil {
			return nil, fmt.Errorf("stats socket: %w", err)
		}
		return l, nil
	}
	temporary := s.Address
	if s.Address[0] != '@' {
		temporary += ".new"
		_ = os.Remove(temporary)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("stats socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if s.Address[0] == '@' {
		return l, nil
	}
	mode := os.FileMode(0o600)
	if s.Mode != 0 {
		mode = os.FileMode(s.Mode)
	}
	if err := plane.Place(temporary, s.Address, plane.Access{User: s.User, Group: s.Group, Mode: mode}); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("stats socket %s: %w", s.Address, err)
	}
	return l, nil
}

// dropPrivileges confines the process to chroot, and to the user and the group of the configuration.
func dropPrivileges(g *config.Global) error {
	uid, gid, err := plane.Owner(g.User, g.Group)
	if err != nil {
		return err
	}
	if g.Chroot != "" {
		if err := syscall.Chroot(g.Chroot); err != nil {
			return fmt.Errorf("chroot to %s: %w", g.Chroot, err)
		}
		if err := os.Chdir("/"); err != nil {
			return fmt.Errorf("chroot to %s: %w", g.Chroot, err)
		}
	}
	if gid > 0 {
		if err := syscall.Setgroups([]int{gid}); err != nil && os.Getuid() == 0 {
			return fmt.Errorf("drop groups: %w", err)
		}
		if err := syscall.Setgid(gid); err != nil {
			return fmt.Errorf("become group %d: %w", gid, err)
		}
	}
	if uid > 0 {
		if err := syscall.Setuid(uid); err != nil {
			return fmt.Errorf("become user %d: %w", uid, err)
		}
	}
	return nil
}
