package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"holdfast/pause"
	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/stick"
)

// Group is a peers section at run time.
type Group struct {
	Config *config.Peers
	Tables []*stick.Table
	// Secure are the TLS configurations of the bind and, by name, of peers; nil where none is asked for.
	Secure Security
	Tell   func(text string) // logs what operators should know; nil: nobody wants to

	listener net.Listener
	dirty    chan struct{}
	cancel   context.CancelFunc
	wait     sync.WaitGroup
	greeting chan struct{} // bounds those who have not said who they are

	mu       sync.Mutex // guards what follows
	links    map[string]*link
	complete bool // what others know was learnt, or there was nobody to ask
	teacher  string
	began    time.Time
}

// Security is how connections are secured.
type Security struct {
	Server    *tls.Config
	Certified bool // Server demands certificates that are verified
	Clients   map[string]*tls.Config
}

// link is what is known of a peer, with the connection to it.
type link struct {
	peer     *config.Peer
	progress []*progress

	cancel context.CancelFunc // of the connection; nil: there is none
	done   chan struct{}      // closed when that has ended
	dirty  chan struct{}
	Status string
	Since  time.Time
	Opened int
	Errors int
}

// Times of connections.
const (
	reconnectAfter  = 5 * time.Second
	greetingLimit   = 5 * time.Second
	resyncLimit     = 5 * time.Second // for the first to teach
	collectChanges  = 5 * time.Millisecond
	mostGreeting    = 64
	longestGreeting = 512 // bytes of a line
)

// Listen opens the local peer's socket. Another process may have it open, too: the one before this, on a reload.
func (g *Group) Listen(listen func(*config.Bind) (net.Listener, error)) error {
	l, err := listen(g.Config.Listen)
	if err != nil {
		return fmt.Errorf("peers %s: %w", g.Config.Name, err)
	}
	if g.Secure.Server != nil {
		l = tls.NewListener(l, g.Secure.Server)
	}
	g.listener = l
	return nil
}

// Start begins to exchange.
func (g *Group) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.dirty, g.links, g.began = cancel, make(chan struct{}, 1), map[string]*link{}, time.Now()
	g.greeting = make(chan struct{}, mostGreeting)
	for _, p := range g.Config.Peers {
		k := &link{peer: p, dirty: make(chan struct{}, 1), Status: "never connected"}
		for range g.Tables {
			k.progress = append(k.progress, &progress{})
		}
		g.links[p.Name] = k
	}
	for _, t := range g.Tables {
		t.OnChange(func() { ring(g.dirty) })
	}
	g.wait.Go(func() { g.spread(ctx) })
	g.wait.Go(func() { g.accept(ctx) })
	for _, p := range g.Config.Peers {
		if p != g.Config.Local {
			g.wait.Go(func() { g.keep(ctx, g.links[p.Name]) })
		}
	}
}

// ring lets who waits on a channel know, once.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// spread tells all connections of changes, a few milliseconds' worth at a time.
func (g *Group) spread(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.dirty:
		}
		if !pause.For(ctx, collectChanges) {
			return
		}
		g.mu.Lock()
		for _, k := range g.links {
			ring(k.dirty)
		}
		g.mu.Unlock()
	}
}

// Close ends all connections, and waits.
func (g *Group) Close() {
	g.cancel()
	_ = g.listener.Close()
	g.wait.Wait()
	for _, t := range g.Tables {
		t.OnChange(nil)
	}
}

// keep has a connection to a peer whenever there is none.
func (g *Group) keep(ctx context.Context, k *link) {
	for ctx.Err() == nil {
		if busy := g.busy(k); busy != nil {
			select {
			case <-busy:
			case <-ctx.Done():
				return
			}
			// Both may have opened one at the same time, and given up the other's: not to do so again they wait differently long.
			if !pause.For(ctx, 50*time.Millisecond+rand.N(2*time.Second)) {
				return
			}
			continue
		}
		c, err := g.dial(ctx, k.peer)
		if err != nil {
			g.note(k, err)
			if !pause.For(ctx, reconnectAfter) {
				return
			}
			continue
		}
		g.serve(ctx, k, c, nil)
		// A peer that ends what it has just accepted is not to be asked all the time.
		if !pause.For(ctx, 50*time.Millisecond+rand.N(time.Second)) {
			return
		}
	}
}

func (g *Group) busy(k *link) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if k.cancel == nil {
		return nil
	}
	return k.done
}

func (g *Group) note(k *link, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if text := err.Error(); k.Status != text && g.Tell != nil {
		g.Tell(fmt.Sprintf("peers %s: peer %s: %s", g.Config.Name, k.peer.Name, text))
	}
	k.Status, k.Since = err.Error(), time.Now()
	k.Errors++
}

// dial opens a connection to a peer and greets.
func (g *Group) dial(ctx context.Context, p *config.Peer) (net.Conn, error) {
	d := net.Dialer{Timeout: greetingLimit}
	switch own := g.Config.Local.Address.Addr(); {
	case p.Server.Origin.Address.IsValid():
		d.LocalAddr = net.TCPAddrFromAddrPort(p.Server.Origin.Address)
	case !own.IsUnspecified(): // whoever checks where this comes from expects that
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(own, 0))
	}
	c, err := d.DialContext(ctx, "tcp", p.Address.String())
	if err != nil {
		return nil, err
	}
	if secure := g.Secure.Clients[p.Name]; secure != nil {
		c = tls.Client(c, secure)
	}
	if err := greet(c, p.Name, g.Config.Local.Name); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// accept takes connections of peers.
func (g *Group) accept(ctx context.Context) {
	for {
		c, err := g.listener.Accept()
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			if !pause.For(ctx, 100*time.Millisecond) {
				return
			}
			continue
		}
		select {
		case g.greeting <- struct{}{}:
			g.wait.Go(func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				k, err := g.welcome(c)
				stop()
				<-g.greeting
				if err != nil {
					_ = c.Close()
					return
				}
				g.serve(ctx, k, c, k.peer)
			})
		default:
			_ = c.Close() // too many at once that do not say who they are
		}
	}
}

// welcome finds out which peer a connection is of.
func (g *Group) welcome(c net.Conn) (*link, error) {
	remote, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	var found *link
	status, err := answerGreeting(c, g.Config.Local.Name, func(name string) bool {
		k := g.links[name]
		if k == nil || !g.trusts(k.peer, remote.Addr().Unmap()) {
			if g.Tell != nil {
				g.Tell(fmt.Sprintf("peers %s: %s says it is %.64q, which is not expected from there", g.Config.Name, remote, name))
			}
			return false
		}
		found = k
		return true
	})
	if err == nil && status != statusAccepted {
		err = fmt.Errorf("refused with status %d", status)
	}
	return found, err
}

// trusts tells whether a peer may come from an address. The local one is the process before this one, or after it.
func (g *Group) trusts(p *config.Peer, from netip.Addr) bool {
	if g.Secure.Certified {
		return true
	}
	expected := p.Address.Addr().Unmap()
	return from == expected || from.IsLoopback() && expected.IsLoopback() || p == g.Config.Local && expected.IsUnspecified() && isOwn(from)
}

func isOwn(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	for _, one := range all {
		if p, problem := netip.ParsePrefix(one.String()); err == nil && problem == nil && p.Addr() == a {
			return true
		}
	}
	return false
}
