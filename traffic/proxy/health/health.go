// Package health keeps the state of servers true: it asks them, as a backend's check directives say, on the check engine that all
// of Holdfast's front ends share, and publishes the verdicts into package pool's atomics.
//
// One goroutine asks one server, and one more an agent where there is one; all end with the context or when the server is removed, and Watch returns when they
// have. The first question to a server is put off by a share of its interval, so that not all are asked at once.
package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"holdfast/traffic/director/check"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// Checker asks the servers of a configuration.
type Checker struct {
	Global *config.Global
	// Tell is called after a server went up or down.
	Tell func(s *pool.Server, up bool, why string)

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

// Suspect has a server asked at once, or taken out, as its on-error says: live traffic saw too many errors.
func (c *Checker) Suspect(s *pool.Server) {
	s.Errors.Store(0)
	now := time.Now()
	switch s.OnError {
	case "mark-down", "sudden-death":
		c.publish(s, false, "HANA", "too many errors on live traffic", 0, now)
	}
	c.mu.Lock()
	wake := c.nudge[s]
	c.mu.Unlock()
	select {
	case wake <- struct{}{}:
	default:
	}
}

func (c *Checker) publish(s *pool.Server, up bool, status, why string, took time.Duration, now time.Time) {
	if s.Checked(up, status, why, took, now) && c.Tell != nil {
		c.Tell(s, up, why)
	}
	for _, f := range s.Followers() {
		c.publish(f, up, status, why, took, now)
	}
}

// watch asks one server. The verdict is the shared engine's: so many answers in a row.
func (c *Checker) watch(ctx context.Context, s *pool.Server, wake <-chan struct{}) {
	verdict := check.Verdict{Fall: max(1, s.Fall), Rise: max(1, s.Rise), In: s.Up()}
	pause := time.Duration(rand.Int64N(int64(max(time.Millisecond, min(s.Inter, 2*time.Second)/4))))
	for {
		if !sleep(ctx, pause, wake) {
			return
		}
		if s.Admin() == pool.Maintenance || s.Unresolved() || s.ChecksRest() {
			pause = s.Inter
			continue
		}
		verdict.In = s.Up()
		begun := time.Now()
		err := c.ask(ctx, s)
		if ctx.Err() != nil {
			return
		}
		took := time.Since(begun)
		now := time.Now()
		good := err == nil
		if s.Backend.Check.NoStop {
			var status *statusError
			stopping := errors.As(err, &status) && status.code == 404 && s.Up()
			s.SetStopping(stopping, now)
			good = good || stopping
		}
		changed := verdict.Answer(good)
		why := ""
		if err != nil {
			why = err.Error()
		}
		c.publish(s, verdict.In, letters(s, err), why, took, now)
		pause = c.pause(s, &verdict, good, changed) - took
	}
}

// pause is how long until the next question: inter, fastinter while the verdict is in doubt, downinter while the server is down.
func (c *Checker) pause(s *pool.Server, v *check.Verdict, good, changed bool) time.Duration {
	pause := s.Inter
	switch {
	case good != v.In && s.FastInter > 0:
		pause = s.FastInter
	case !v.In && good == v.In && s.DownInter > 0:
		pause = s.DownInter
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

// target is where a server is asked.
func target(s *pool.Server) netip.AddrPort {
	a := s.Address()
	at := s.Asking().Check
	if at.Addr().IsValid() {
		a = netip.AddrPortFrom(at.Addr(), a.Port())
	}
	if at.Port() > 0 {
		a = netip.AddrPortFrom(a.Addr(), at.Port())
	}
	return a
}

// timeout is how long an answer may take.
func timeout(s *pool.Server) time.Duration {
	t := s.Backend.Timeouts
	d := s.Inter
	if t.Check > 0 {
		d = t.Check
	} else if t.Connect > 0 {
		d = min(d, t.Connect)
	}
	if d <= 0 {
		d = 2 * time.Second
	}
	return d
}

// ask asks a server once.
func (c *Checker) ask(ctx context.Context, s *pool.Server) error {
	h := &s.Backend.Check
	one := check.Check{Target: target(s), Timeout: timeout(s)}
	if s.CheckTLS || s.TLS != nil {
		one.TLS = &check.TLS{ServerName: s.CheckSNI}
	}
	switch h.Protocol {
	case "":
		if s.Path != "" {
			return askUnix(ctx, s.Path, one.Timeout)
		}
		one.Protocol = check.Connect
	case "http", "tcp-sequence", "ssl-hello":
		return c.converse(ctx, s, h, one)
	case "external":
		if !c.Global.ExternalOK {
			return errors.New("external checks are not allowed: global has no external-check")
		}
		one.Protocol = check.External
		one.Command = []string{h.Command, "NOT_USED", "NOT_USED", one.Target.Addr().String(), fmt.Sprint(one.Target.Port())}
	case "smtp":
		one.Protocol, one.Name = check.SMTP, h.User
	case "mysql":
		one.Protocol = check.MySQL
	case "pgsql":
		one.Protocol = check.Postgres
	case "redis":
		one.Protocol = check.Redis
	case "ldap":
		one.Protocol = check.LDAP
	}
	return one.Run(ctx)
}

func askUnix(ctx context.Context, path string, limit time.Duration) error {
	conn, err := (&net.Dialer{Timeout: limit}).DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}

// letters are what HAProxy calls a check's result.
func letters(s *pool.Server, err error) string {
	layer := "L7"
	switch s.Backend.Check.Protocol {
	case "":
		layer = "L4"
	case "ssl-hello":
		layer = "L6"
	}
	var status *statusError
	var operation *net.OpError
	switch {
	case err == nil:
		return layer + "OK"
	case errors.As(err, &status):
		return "L7STS"
	case errors.Is(err, context.DeadlineExceeded):
		return layer + "TOUT"
	case errors.As(err, &operation) && operation.Op == "dial":
		return "L4CON"
	}
	return layer + "RSP"
}
