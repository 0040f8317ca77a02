package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"holdfast/traffic/proxy/config"
)

// serve exchanges on a connection until that ends. One that the peer opened takes the place of what there was, since the peer has given that up;
// one that was opened here gives way to it.
func (g *Group) serve(ctx context.Context, k *link, c net.Conn, from *config.Peer) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	for {
		g.mu.Lock()
		if k.cancel == nil {
			k.cancel, k.done = cancel, done
			k.Opened++
			k.Status, k.Since = "connected", time.Now()
			g.mu.Unlock()
			break
		}
		if from == nil {
			g.mu.Unlock()
			return
		}
		k.cancel()
		before := k.done
		g.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return
		}
	}
	s := newSession(g.Tables, k.progress, time.Now())
	g.prepare(k, s)
	err := g.exchange(ctx, s, c, k.dirty, func() bool { return false })
	g.ended(k, s, err)
	g.mu.Lock()
	k.cancel = nil
	g.mu.Unlock()
	close(done)
}

// prepare has the session ask for what others know, where nobody was asked yet.
func (g *Group) prepare(k *link, s *session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	local := k.peer == g.Config.Local
	if time.Since(g.began) > resyncLimit && g.teacher == "" {
		g.complete = true // nobody was there to ask, so nobody knows more
	}
	// The process before this one knows best, also when another was asked already.
	if local || !g.complete && g.teacher == "" {
		g.teacher = k.peer.Name
		s.ask()
	}
	s.complete = g.complete
	s.learnt = func(whole bool) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.teacher = ""
		if whole {
			g.complete, s.complete = true, true
		}
	}
}

// ended notes how a connection ended.
func (g *Group) ended(k *link, s *session, err error) {
	g.mu.Lock()
	if g.teacher == k.peer.Name && s.asked {
		g.teacher = ""
	}
	g.mu.Unlock()
	if err != nil && !errors.Is(err, context.Canceled) {
		g.note(k, err)
	}
}

// exchange runs a session on a connection until the connection or the context ends, or enough says so.
func (g *Group) exchange(ctx context.Context, s *session, c net.Conn, dirty <-chan struct{}, enough func() bool) error {
	messages := make(chan message, 64)
	ctx, cancel := context.WithCancel(ctx)
	var problem error
	read := make(chan struct{})
	g.wait.Go(func() {
		defer close(read)
		problem = receive(ctx, c, messages)
		close(messages)
	})
	defer func() {
		cancel()
		_ = c.Close()
		<-read
	}()
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		now := time.Now()
		more := s.fill(now)
		if len(s.out) > 0 {
			_ = c.SetWriteDeadline(now.Add(silenceLimit))
			if _, err := c.Write(s.out); err != nil {
				return err
			}
			s.out = s.out[:0]
		}
		if enough() {
			return nil
		}
		var again <-chan time.Time
		if more { // what came meanwhile goes first
			again = closedClock
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m, ok := <-messages:
			if !ok {
				return fmt.Errorf("the connection ended: %w", problem)
			}
			if err := s.receive(&m, time.Now()); err != nil {
				_, _ = c.Write([]byte{classError, protocolError})
				return err
			}
		case <-dirty:
		case <-again:
		case <-ticks.C:
			if s.dead(time.Now()) {
				return errors.New("it has been silent for too long")
			}
		}
	}
}

// closedClock is always ready.
var closedClock = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// receive reads messages until the connection ends.
func receive(ctx context.Context, c io.Reader, to chan<- message) error {
	var pending []byte
	room := make([]byte, 16<<10)
	for {
		n, err := c.Read(room)
		pending = append(pending, room[:n]...)
		for {
			m, size, problem := parse(pending)
			if problem != nil {
				return problem
			}
			if size == 0 {
				break
			}
			m.body = append([]byte(nil), m.body...)
			pending = pending[size:]
			select {
			case to <- m:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
}

// HandOver teaches the process that follows this one, which listens at the local peer's address by now. Nobody else is spoken to any more.
func (g *Group) HandOver(ctx context.Context) error {
	g.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*resyncLimit)
	defer cancel()
	c, err := g.dial(ctx, g.Config.Local)
	if err != nil {
		return fmt.Errorf("peers %s: hand the tables over: %w", g.Config.Name, err)
	}
	_ = c.SetDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	s := newSession(g.Tables, g.links[g.Config.Local.Name].progress, time.Now())
	s.complete = true
	if err := g.exchange(ctx, s, c, nil, func() bool { return s.confirmed }); err != nil {
		return fmt.Errorf("peers %s: hand the tables over: %w", g.Config.Name, err)
	}
	g.wait.Wait()
	return nil
}

// Standing is how the group stands with a peer.
type Standing struct {
	Name, Address, Status string
	Local                 bool
	Connected             bool
	Since                 time.Time
	Opened, Errors        int
}

// Standings lists the peers in the order of the configuration.
func (g *Group) Standings() []Standing {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Standing
	for _, p := range g.Config.Peers {
		k := g.links[p.Name]
		all = append(all, Standing{Name: p.Name, Address: p.Address.String(), Status: k.Status, Local: p == g.Config.Local,
			Connected: k.cancel != nil, Since: k.Since, Opened: k.Opened, Errors: k.Errors})
	}
	return all
}
