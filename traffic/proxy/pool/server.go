package pool

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/traffic/proxy/config"
)

// Admin is what an administrator wants of a server.
type Admin uint32

// The administrative states.
const (
	Ready Admin = iota
	Drain       // finish what is there, take no new clients
	Maintenance
)

// Server is a server of a backend at run time.
type Server struct {
	*config.Server
	Backend *Backend
	Index   int // of those that there ever were

	made       atomic.Pointer[string] // its dynamic cookie
	asking     atomic.Pointer[Asking]
	resting    resting
	address    atomic.Pointer[netip.AddrPort]
	up         atomic.Bool
	admin      atomic.Uint32
	agent      atomic.Uint32          // what the agent says: an Admin
	unresolved atomic.Bool            // its name has no address
	name       atomic.Pointer[string] // FQDN, where it was changed
	plain      atomic.Bool            // it is spoken to without TLS, whatever its line says
	touched    atomic.Bool            // its state has changed since the process began
	stopping   atomic.Bool            // 404 under disable-on-404: no new clients
	weight     atomic.Int32           // as configured or set at run time
	maxconn    atomic.Int64
	ordered    atomic.Bool  // it is one of those that new clients are sent to: Backend.Refresh says so
	ramp       atomic.Int64 // slowstart: when it came up, Unix milliseconds; 0: long ago

	leader    *Server                   // that this one tracks; nil: none
	followers atomic.Pointer[[]*Server] // that track this one

	Sessions atomic.Int64 // now
	Queued   atomic.Int64 // requests that wait for this server alone
	most     atomic.Int64 // of Sessions
	longest  atomic.Int64 // of Queued
	Errors   atomic.Int64 // in a row, for observe

	Counters Counters
	mu       sync.Mutex // guards change, level, check, agentSay, downs, fails and downtime
	change   time.Time
	level    int // of health: below Rise it is down, at Rise+Fall-1 it cannot be better
	check    Result
	agentSay Result
	downs    int64
	fails    int64
	downtime time.Duration
	served   int64 // requests that waited for this server alone and were given it; Backend.mu guards it

	generation atomic.Uint32 // see Generation
}

// Address is where the server is reached now.
func (s *Server) Address() netip.AddrPort { return *s.address.Load() }

// SetAddress moves the server.
func (s *Server) SetAddress(a netip.AddrPort) {
	if before := s.address.Swap(&a); before != nil && *before != a {
		s.makeCookie()
		s.renew()
	}
}

// Generation tells connections to the server apart: those of another one than now are good no more.
func (s *Server) Generation() uint32 { return s.generation.Load() }

// renew has all connections be made anew.
func (s *Server) renew() {
	s.generation.Add(1)
	if part := s.Backend.part; part != nil {
		part(s)
	}
}

// FQDN is the name whose addresses are looked up for the server.
func (s *Server) FQDN() string {
	if name := s.name.Load(); name != nil {
		return *name
	}
	return s.Host
}

// SetFQDN changes that.
func (s *Server) SetFQDN(name string) { s.name.Store(&name) }

// Security is how TLS is spoken with the server; nil: it is not.
func (s *Server) Security() *config.TLSOptions {
	if s.plain.Load() {
		return nil
	}
	return s.Server.TLS
}

// SetSecure has clients' requests go to the server in TLS as its line says, or without. Checks stay as they are.
func (s *Server) SetSecure(on bool) {
	if s.plain.Swap(!on) == on {
		s.renew()
	}
}

// Up tells whether the checks hold the server for alive.
func (s *Server) Up() bool { return s.up.Load() }

// Admin is what the administrator wants of the server, or of the one that it tracks if that is more.
func (s *Server) Admin() Admin {
	if s.leader != nil {
		return max(s.OwnAdmin(), s.leader.Admin())
	}
	return s.OwnAdmin()
}

// OwnAdmin is what the administrator wants of this server.
func (s *Server) OwnAdmin() Admin { return Admin(s.admin.Load()) }

// Leader is the server whose checks count for this one: itself, or the one that it tracks.
func (s *Server) Leader() *Server {
	if s.leader != nil {
		return s.leader.Leader()
	}
	return s
}

// Stopping tells whether its last check lets nobody come who is not bound to the server.
func (s *Server) Stopping() bool { return s.stopping.Load() }

// AgentAdmin is what the server's agent says.
func (s *Server) AgentAdmin() Admin { return Admin(s.agent.Load()) }

// Usable tells whether the server takes new clients; weight counts, too.
func (s *Server) Usable() bool {
	return s.up.Load() && !s.Unresolved() && s.Admin() == Ready && Admin(s.agent.Load()) == Ready && !s.stopping.Load() && s.weight.Load() > 0
}

// Alive tells whether the server takes those who are bound to it.
func (s *Server) Alive() bool {
	return s.up.Load() && !s.Unresolved() && s.Admin() != Maintenance && Admin(s.agent.Load()) != Maintenance
}

// Weight is the weight without slowstart.
func (s *Server) Weight() int { return int(s.weight.Load()) }

// MaxConn is how many connections the server takes; 0: no limit.
func (s *Server) MaxConn() int64 { return s.maxconn.Load() }

// SetMaxConn changes that. Where there is more room now, those who wait get it.
func (s *Server) SetMaxConn(n int64) {
	s.maxconn.Store(n)
	s.Backend.wake(s)
}

// SetWeight changes the weight.
func (s *Server) SetWeight(w int) {
	if s.weight.Swap(int32(w)) != int32(w) {
		s.touched.Store(true)
	}
	s.Backend.Refresh()
}

// SetAdmin changes what the administrator wants. A server that leaves maintenance counts as up, until the first of its checks that fails, as HAProxy has
// it: the next may be long in coming.
func (s *Server) SetAdmin(a Admin, now time.Time) {
	before := Admin(s.admin.Swap(uint32(a)))
	if before == a {
		return
	}
	if before == Maintenance && s.leader == nil {
		s.presume(now)
	}
	s.changed(now)
	if a == Maintenance {
		s.renew()
	}
	for _, f := range s.Followers() {
		if f.changed(now); a == Maintenance {
			f.renew()
		}
	}
}

// presume takes a server, and those that track it, for up.
func (s *Server) presume(now time.Time) {
	up := s.up.Swap(true)
	s.mu.Lock()
	s.level = max(1, s.Rise)
	if !up {
		s.downtime += now.Sub(s.change)
	}
	s.mu.Unlock()
	if s.Errors.Store(0); s.SlowStart > 0 {
		s.ramp.Store(now.UnixMilli())
	}
	for _, f := range s.Followers() {
		f.presume(now)
	}
}

// SetAgent takes an agent's word.
func (s *Server) SetAgent(a Admin, now time.Time) {
	if Admin(s.agent.Swap(uint32(a))) != a {
		s.changed(now)
	}
}

// Unresolved tells whether the server's name has no address: it takes nobody, and is not checked.
func (s *Server) Unresolved() bool { return s.unresolved.Load() }

// SetUnresolved notes whether it has.
func (s *Server) SetUnresolved(none bool, now time.Time) {
	if s.unresolved.Swap(none) != none {
		s.changed(now)
	}
}

// SetStopping takes the server out for new clients, or back in.
func (s *Server) SetStopping(stop bool, now time.Time) {
	if s.stopping.Swap(stop) != stop {
		s.changed(now)
	}
}

// Followers are the servers that are up when this one is; the list must not be changed.
func (s *Server) Followers() []*Server {
	if all := s.followers.Load(); all != nil {
		return *all
	}
	return nil
}

// Follow makes the server follow another, before anybody else knows it.
func (s *Server) Follow(leader *Server) {
	s.leader = leader
	s.up.Store(leader.Up())
	all := append(slices.Clone(leader.Followers()), s)
	leader.followers.Store(&all)
}

// Leave has the server follow nobody's checks any more, before it goes.
func (s *Server) Leave() {
	if s.leader == nil {
		return
	}
	all := slices.DeleteFunc(slices.Clone(s.leader.Followers()), func(other *Server) bool { return other == s })
	s.leader.followers.Store(&all)
}

// Checked notes a check's result, and tells whether the server went up or down by it.
func (s *Server) Checked(up bool, r Result, now time.Time) bool {
	s.mu.Lock()
	s.check = r
	s.mu.Unlock()
	if s.up.Swap(up) == up {
		return false
	}
	s.mu.Lock()
	if up {
		s.downtime += now.Sub(s.change)
	} else {
		s.downs++
	}
	s.mu.Unlock()
	if s.Errors.Store(0); up && s.SlowStart > 0 {
		s.ramp.Store(now.UnixMilli())
	}
	s.changed(now)
	return true
}

func (s *Server) changed(now time.Time) {
	s.mu.Lock()
	s.change = now
	s.mu.Unlock()
	s.touched.Store(true)
	s.Backend.Refresh()
	if !s.Usable() {
		s.Backend.disperse(s)
	}
}

// MostQueued is the most requests that waited for this server alone.
func (s *Server) MostQueued() int64 { return s.longest.Load() }

// MostSessions is the most connections at once.
func (s *Server) MostSessions() int64 { return s.most.Load() }

// took notes how many connections there are now.
func (s *Server) took(n int64) {
	if n > s.most.Load() {
		s.most.Store(n)
	}
}

func (s *Server) forgetMost(all bool) {
	s.most.Store(s.Sessions.Load())
	s.longest.Store(s.Queued.Load())
	s.Counters.ForgetMost(s.Backend.now())
	s.Counters.ForgetSlowest()
	if !all {
		return
	}
	s.Counters.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.downs, s.fails, s.downtime = 0, 0, 0
}

// slowWeight is the weight in 256ths, with slowstart's ramp at a moment.
func (s *Server) slowWeight(now time.Time) (weight int, ramping bool) {
	weight = int(s.weight.Load()) * 256
	begun := s.ramp.Load()
	if begun == 0 {
		return weight, false
	}
	passed := now.UnixMilli() - begun
	if passed >= s.SlowStart.Milliseconds() {
		s.ramp.Store(0)
		return weight, false
	}
	// In twentieths, so that the order is not made anew all the time.
	step := 1 + passed*20/s.SlowStart.Milliseconds()
	return max(1, weight*int(step)/20), true
}

// Throttle is the share of the weight that slowstart leaves the server at a moment, in percent.
func (s *Server) Throttle(now time.Time) int {
	full := int(s.weight.Load()) * 256
	weight, ramping := s.slowWeight(now)
	if !ramping || full == 0 {
		return 100
	}
	return weight * 100 / full
}

// HasRoom tells whether one more connection fits.
func (s *Server) HasRoom() bool {
	limit := s.limit()
	return limit == 0 || s.Sessions.Load() < limit
}

// limit is maxconn, or with minconn and fullconn what the backend's load makes of it; slowstart leaves a share of it.
func (s *Server) limit() int64 {
	most := s.maxconn.Load()
	if most == 0 {
		return 0
	}
	if s.MinConn > 0 && s.Backend.FullConn > 0 {
		share := most * s.Backend.Sessions.Load() / int64(s.Backend.FullConn)
		most = min(most, max(int64(s.MinConn), share))
	}
	if begun := s.ramp.Load(); begun != 0 {
		passed := s.Backend.now().UnixMilli() - begun
		most = max(1, most*min(passed, s.SlowStart.Milliseconds())/s.SlowStart.Milliseconds())
	}
	return most
}

// TryAcquire takes a place on the server, if there is one.
func (s *Server) TryAcquire() bool {
	limit := s.limit()
	if limit == 0 {
		s.took(s.Sessions.Add(1))
		return true
	}
	for {
		n := s.Sessions.Load()
		if n >= limit {
			return false
		}
		if s.Sessions.CompareAndSwap(n, n+1) {
			s.took(n + 1)
			return true
		}
	}
}

// Release gives a place back, and wakes who waits for it.
func (s *Server) Release() {
	s.Sessions.Add(-1)
	if s.Backend.waiting.Load() > 0 {
		s.Backend.wake(s)
	}
}

// Fail notes an error seen on live traffic, and tells whether it was the one too many (observe, error-limit).
func (s *Server) Fail() bool {
	if s.Observe == "" || !s.Check {
		return false
	}
	return s.Errors.Add(1) == int64(s.ErrorLimit)
}
