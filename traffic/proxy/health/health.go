// Package health keeps the state of servers true: it asks them, as a backend's check directives say, and publishes the verdicts into package pool's
// atomics.
//
// A check is a sequence of steps (sequence.go): connect, send or request, expect. What the configuration writes out (tcp-check, http-check) and what it
// names (smtpchk, mysql-check, …) are sequences alike, which package config has made; programs alone run on the check engine that all of Holdfast's front ends share.
//
// One goroutine asks one server, and one more an agent where there is one; all end with the context or when the server is removed, and Watch returns when they
// have. The first question to a server is put off by a share of its interval, so that not all are asked at once.
package health

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"sync"
	"time"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

// Checker asks the servers of a configuration.
type Checker struct {
	Global *config.Global
	// Tell is called after a server went up or down.
	Tell func(s *pool.Server, up bool, status, why string)
	// Note is called when a check ends otherwise than the one before, of backends that log them (option log-health-checks).
	Note func(s *pool.Server, r pool.Result)
	// Secret is the TLS configuration of a server's checks, nil where they are plain.
	Secret func(s *pool.Server) *tls.Config
	// Process has the variables that all expressions share.
	Process *sample.Process
	Node    string // this host's name among those that check

	mu    sync.Mutex // guards what follows
	nudge map[*pool.Server]chan struct{}
	stops map[*pool.Server]context.CancelFunc
	begin func(*pool.Server) // begins to ask a server; nil: nobody is asked any more
}

// Watch asks all servers that are to be checked until ctx ends.
func (c *Checker) Watch(ctx context.Context, backends map[string]*pool.Backend) {
	var all sync.WaitGroup
	begin := func(s *pool.Server) {
		ctx, stop := context.WithCancel(ctx)
		wake := make(chan struct{}, 1)
		c.nudge[s], c.stops[s] = wake, stop
		if s.Server.Check {
			all.Go(func() { c.watch(ctx, s, wake) })
		}
		if s.Agent {
			all.Go(func() { c.watchAgent(ctx, s) })
		}
	}
	c.mu.Lock()
	c.nudge, c.stops = map[*pool.Server]chan struct{}{}, map[*pool.Server]context.CancelFunc{}
	for _, b := range backends {
		if b.Disabled {
			continue
		}
		for _, s := range b.Servers() {
			if s.Server.Check || s.Agent {
				begin(s)
			}
		}
	}
	c.begin = begin
	c.mu.Unlock()
	<-ctx.Done()
	c.mu.Lock()
	c.begin = nil
	c.mu.Unlock()
	all.Wait()
}

// Add begins to ask a server that came later.
func (c *Checker) Add(s *pool.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begin != nil && (s.Server.Check || s.Agent) {
		c.begin(s)
	}
}

// Remove ends asking a server.
func (c *Checker) Remove(s *pool.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stop := c.stops[s]; stop != nil {
		stop()
	}
	delete(c.stops, s)
	delete(c.nudge, s)
}

// Suspect has a server asked at once, or judged, as its on-error says: live traffic saw too many errors.
func (c *Checker) Suspect(s *pool.Server) {
	s.Errors.Store(0)
	now := time.Now()
	result := pool.Result{Status: "HANA", Code: -1, Why: "too many errors on live traffic"}
	switch s.OnError {
	case "mark-down":
		s.Doubt()
		c.publish(s, s.Up() && s.Count(false) >= s.Rise, result, now)
	case "sudden-death": // the next check that fails takes it out
		s.Doubt()
		c.publish(s, s.Up(), result, now)
	case "fail-check":
		c.publish(s, s.Up() && s.Count(false) >= s.Rise, result, now)
	}
	c.mu.Lock()
	wake := c.nudge[s]
	c.mu.Unlock()
	select {
	case wake <- struct{}{}:
	default:
	}
}

func (c *Checker) publish(s *pool.Server, up bool, r pool.Result, now time.Time) {
	before := s.Health(now).Check
	if s.Checked(up, r, now) && c.Tell != nil {
		c.Tell(s, up, r.Status, r.Why)
	} else if c.Note != nil && s.Backend.Options.LogChecks && (before.Status != r.Status || before.Passed != r.Passed) {
		c.Note(s, r)
	}
	for _, f := range s.Followers() {
		c.publish(f, up, r, now)
	}
}

// watch asks one server.
func (c *Checker) watch(ctx context.Context, s *pool.Server, wake <-chan struct{}) {
	pause := time.Duration(rand.Int64N(int64(max(time.Millisecond, min(s.Inter, 2*time.Second)/4))))
	for {
		if !sleep(ctx, pause, wake) {
			return
		}
		if s.Admin() == pool.Maintenance || s.Unresolved() || s.ChecksRest() {
			pause = s.Inter
			continue
		}
		begun := time.Now()
		result := c.ask(ctx, s)
		if ctx.Err() != nil {
			return
		}
		result.Took = time.Since(begun)
		pause = c.judge(s, result, time.Now()) - result.Took
	}
}

// judge counts a result, publishes what it makes of the server, and returns the time until the next check.
func (c *Checker) judge(s *pool.Server, r pool.Result, now time.Time) time.Duration {
	up := s.Up()
	level := s.Count(r.Passed || r.Conditional)
	switch {
	case r.Conditional: // it keeps who is bound to it, and does not come up by it
		s.SetStopping(up, now)
	case r.Passed:
		up = level >= max(1, s.Rise)
		s.SetStopping(false, now)
	case level == 0:
		up = false
	}
	c.publish(s, up, r, now)
	return c.pause(s, level)
}

// pause is how long until the next question: inter, fastinter while the verdict is in doubt, downinter while the server is down for certain.
func (c *Checker) pause(s *pool.Server, level int) time.Duration {
	pause := s.Inter
	switch {
	case level == s.Best():
	case level == 0 && s.DownInter > 0:
		pause = s.DownInter
	case level > 0 && s.FastInter > 0:
		pause = s.FastInter
	}
	if spread := c.Global.SpreadChecks; spread > 0 {
		pause += time.Duration((rand.Float64()*2 - 1) * float64(spread) / 100 * float64(pause))
	}
	return max(time.Millisecond, pause)
}

// sleep tells whether the time passed, or somebody woke it, before ctx ended.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(max(0, d))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// ask asks a server once.
func (c *Checker) ask(ctx context.Context, s *pool.Server) pool.Result {
	h := &s.Backend.Check
	if h.Protocol == "external" {
		return c.askProgram(ctx, s)
	}
	v := conversation{server: s, steps: h.Sequence, node: c.Node, limits: limitsOf(s), context: sample.Context{Process: c.Process, Log: &sample.Record{},
		Backend: s.Backend.Name, Server: s.Server.Name, Now: time.Now()}}
	if c.Secret != nil {
		v.secret = c.Secret(s)
	}
	return v.run(ctx)
}
