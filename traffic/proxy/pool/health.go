package pool

import "time"

// Result is what a check, or an agent, came to.
type Result struct {
	Passed      bool
	Conditional bool   // who is bound to the server may stay, and nobody else comes
	Status      string // in HAProxy's letters: L4OK, L7STS, …; "": there was none yet
	Code        int    // of the protocol, as 503 or 221; -1: none
	Why         string
	Took        time.Duration
}

// Health is what is known from checks.
type Health struct {
	Change   time.Time // of the state
	Check    Result    // the last
	Agent    Result
	Level    int // below the server's Rise it is down; Rise+Fall-1 is the best
	Downs    int64
	Fails    int64 // checks that failed while it was up
	Downtime time.Duration
}

// Health returns what is known from checks.
func (s *Server) Health(now time.Time) Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Health{Change: s.change, Check: s.check, Agent: s.agentSay, Level: s.level, Downs: s.downs, Fails: s.fails, Downtime: s.downtime}
	if !s.up.Load() {
		h.Downtime += now.Sub(s.change)
	}
	return h
}

// AgentSaid notes what an agent said.
func (s *Server) AgentSaid(r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agentSay = r
}

// Count counts a check that passed or did not, and returns how healthy the server is now: Rise that pass in a row bring it up, and Fall that do not
// down. At first one that does not is enough, as nothing spoke for the server.
func (s *Server) Count(passed bool) (level int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rise, fall := max(1, s.Rise), max(1, s.Fall)
	if !passed && s.level >= rise {
		s.fails++
	}
	switch {
	case passed && s.level+1 >= rise:
		s.level = rise + fall - 1
	case passed:
		s.level++
	case s.level > rise:
		s.level--
	default:
		s.level = 0
	}
	return s.level
}

// Verdict is what checks that another process made, or one before this, have found.
type Verdict struct {
	Up     bool
	Level  int // as Health's
	Result Result
	Since  time.Time
}

// Restore gives the server a verdict to begin with.
func (s *Server) Restore(v Verdict) {
	s.up.Store(v.Up)
	s.mu.Lock()
	s.level, s.check, s.change = min(max(0, v.Level), s.Best()), v.Result, v.Since
	s.mu.Unlock()
	s.touched.Store(true)
	s.Backend.Refresh()
}

// Touched tells whether the server's state, its weight among it, has ever changed since the process began.
func (s *Server) Touched() bool { return s.touched.Load() }

// Best is the level of health of which there is none better.
func (s *Server) Best() int { return max(1, s.Rise) + max(1, s.Fall) - 1 }

// Overrule gives the server a state that its checks have not found, and tells whether it changed by it.
// What the last check came to stays known, and those that track the server follow it.
func (s *Server) Overrule(up bool, now time.Time) bool {
	s.setLevel(up)
	for _, f := range s.Followers() {
		f.Overrule(up, now)
	}
	return s.Checked(up, s.Health(now).Check, now)
}

func (s *Server) setLevel(up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.level = 0; up {
		s.level = s.Best()
	}
}

// Doubt has the next checks that fail count for more: all but one of those that bring the server down have failed already.
func (s *Server) Doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.level = min(s.level, max(1, s.Rise))
}
