package pool

import (
	"net/netip"
	"slices"
	"sync/atomic"

	"holdfast/traffic/proxy/config"
)

// Servers are the backend's servers in their order; the list must not be changed.
func (b *Backend) Servers() []*Server { return *b.members.Load() }

// newServer makes a server of its configuration. One that is checked begins as up, as HAProxy has it.
func (b *Backend) newServer(c *config.Server) *Server {
	b.made++
	s := &Server{Server: c, Backend: b, Index: b.made - 1, Counters: NewCounters(len(b.Counters.sets)), change: b.now()}
	s.SetAddress(c.Address)
	s.up.Store(true)
	s.level = max(1, c.Rise)
	s.unresolved.Store(c.Unresolved)
	s.weight.Store(int32(c.Weight))
	s.maxconn.Store(int64(c.MaxConn))
	s.asking.Store(&Asking{Check: netip.AddrPortFrom(c.CheckAddress, uint16(c.CheckPort)),
		Agent: netip.AddrPortFrom(c.AgentAddress, uint16(c.AgentPort)), AgentSend: c.AgentSend})
	if c.Disabled {
		s.admin.Store(uint32(Maintenance))
	}
	return s
}

// Add makes a server and takes it into the backend; leader is the one that it tracks, or nil. Its checks rest until they are enabled.
func (b *Backend) Add(c *config.Server, leader *Server) *Server {
	b.mu.Lock()
	s := b.newServer(c)
	s.Rest(false, c.Check)
	s.Rest(true, c.Agent)
	if leader != nil {
		s.Follow(leader)
	}
	taken := map[int]bool{}
	for _, other := range b.Servers() {
		taken[other.Number] = true
	}
	for c.Number = max(c.ID, 1); taken[c.Number]; c.Number++ {
	}
	s.makeCookie()
	all := append(slices.Clone(b.Servers()), s)
	b.members.Store(&all)
	b.mu.Unlock()
	b.Refresh()
	return s
}

// Remove takes a server out. Its connections are the caller's affair.
func (b *Backend) Remove(s *Server) {
	b.mu.Lock()
	all := slices.DeleteFunc(slices.Clone(b.Servers()), func(other *Server) bool { return other == s })
	b.members.Store(&all)
	b.mu.Unlock()
	b.Refresh()
}

// Asking is where a server's checks and its agent are reached. What is not valid, or 0, is as the server's own.
type Asking struct {
	Check, Agent netip.AddrPort
	AgentSend    string
}

// Asking is where checks are sent now.
func (s *Server) Asking() Asking { return *s.asking.Load() }

// SetAsking changes that.
func (s *Server) SetAsking(a Asking) { s.asking.Store(&a) }

// resting are checks that an administrator has rest.
type resting struct{ checks, agent atomic.Bool }

// Rest has the server's checks, or those of its agent, rest or go on.
func (s *Server) Rest(agent, rest bool) {
	if agent {
		s.resting.agent.Store(rest)
	} else {
		s.resting.checks.Store(rest)
	}
}

// ChecksRest tells whether an administrator has the checks rest.
func (s *Server) ChecksRest() bool { return s.resting.checks.Load() }

// AgentRests tells whether an administrator has the agent's checks rest.
func (s *Server) AgentRests() bool { return s.resting.agent.Load() }
