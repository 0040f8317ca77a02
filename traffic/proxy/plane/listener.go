package plane

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/pool"
)

// listener is one loop's socket on an address.
type listener struct {
	conn     *conn
	name     string // of the frontend
	bind     *config.Bind
	frontend *Frontend
	clients  *atomic.Int64 // now, of all loops' sockets on this address
	paused   bool
}

// Socket is a listening socket, to be kept or passed on.
type Socket struct {
	FD   int
	Name string // network and address
}

// socketName identifies a bind's sockets between processes.
func socketName(b *config.Bind) string {
	name := b.Network + ":" + b.String()
	if b.Interface != "" {
		name += "%" + b.Interface
	}
	return name
}

// listen opens a socket on an address.
func listen(b *config.Bind, backlog int) (int, error) {
	switch b.Network {
	case "fd":
		_ = unix.SetNonblock(b.FD, true)
		return b.FD, nil
	case "unix":
		return listenUnix(b, backlog)
	}
	address, family := sockaddr(b.Address)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a socket for %s: %w", b, err)
	}
	if err := listenOptions(fd, family, b); err == nil {
		if err = unix.Bind(fd, address); err == nil {
			err = unix.Listen(fd, backlog)
		}
		if err == nil {
			return fd, nil
		}
		closeFD(fd)
		return -1, fmt.Errorf("listen on %s: %w", b, err)
	} else {
		closeFD(fd)
		return -1, fmt.Errorf("listen on %s: %w", b, err)
	}
}

// Listen opens a socket on an address for connections that no event loop serves.
func Listen(b *config.Bind) (net.Listener, error) {
	fd, err := listen(b, unix.SOMAXCONN)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), b.String())
	defer func() { _ = f.Close() }() // the listener has its own copy
	return net.FileListener(f)
}

func listenOptions(fd, family int, b *config.Bind) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	// Accepted connections inherit it, which spares a call for each.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if family == unix.AF_INET6 {
		only := 1
		if b.V4V6 || b.Address.Addr().IsUnspecified() && !b.V6Only {
			only = 0
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only)
	}
	if b.DeferAccept {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1)
	}
	if b.UserTimeout > 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(b.UserTimeout.Milliseconds()))
	}
	if b.FastOpen {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 256)
	}
	if b.MSS > 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, b.MSS)
	}
	if b.Interface != "" {
		if err := unix.BindToDevice(fd, b.Interface); err != nil {
			return fmt.Errorf("bind to interface %s: %w", b.Interface, err)
		}
	}
	if b.Transparent {
		return unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
	}
	return nil
}

func listenUnix(b *config.Bind, backlog int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a socket for %s: %w", b, err)
	}
	if b.Path[0] == '@' {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: b.Path})
	} else {
		temporary := b.Path + ".new"
		_ = os.Remove(temporary)
		if err = unix.Bind(fd, &unix.SockaddrUnix{Name: temporary}); err == nil {
			err = Place(temporary, b.Path, Access{User: b.User, Group: b.Group, Mode: os.FileMode(b.Mode)})
		}
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		closeFD(fd)
		return -1, fmt.Errorf("listen on %s: %w", b, err)
	}
	return fd, nil
}

// acceptsAtOnce bounds how many clients are accepted before others get their turn.
const acceptsAtOnce = 64

// accept takes new clients.
func (l *Loop) accept(s *listener) {
	if s.conn == nil || s.paused {
		return
	}
	for range acceptsAtOnce {
		if !l.admits(s) {
			return
		}
		fd, remote, e := accept(s.conn.fd)
		switch e {
		case 0:
			l.begin(s, fd, remote)
		case syscall.EAGAIN:
			s.conn.readable = false
			return
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
			l.timers.set(s.conn, l.within(100e6))
			return
		case syscall.EINTR, syscall.ECONNABORTED:
		default:
			return
		}
	}
	l.again = append(l.again, func() { l.accept(s) }) // there may be more
}

// admits tells whether the limits leave room for another client; if not, the listener waits until one leaves.
func (l *Loop) admits(s *listener) bool {
	f := s.frontend
	most, all := f.maxconn.Load(), l.plane.limits.maxconn.Load()
	full := most > 0 && f.Sessions.Load() >= most || all > 0 && l.plane.Sessions.Load() >= all || s.full(l.plane)
	if full {
		l.paused = append(l.paused, s)
		s.paused = true
		l.timers.set(s.conn, l.within(100e6)) // room may come from another loop
		return false
	}
	if s.bind.TLS != nil && l.plane.over(SecureClients, l.clock, l.plane.SecureLimit.Load()) {
		l.timers.set(s.conn, l.within(20e6))
		return false
	}
	if f.RateLimit > 0 && f.Counters.Over(pool.Arrival, l.clock, int64(f.RateLimit)) || l.plane.over(Clients, l.clock, l.plane.ConnectionLimit.Load()) || l.plane.over(Clients, l.clock, l.plane.SessionLimit.Load()) {
		l.timers.set(s.conn, l.within(20e6))
		return false
	}
	return true
}

// full tells whether the bind's own limit, or that of clients with TLS, is reached.
func (s *listener) full(p *Plane) bool {
	own, secure := int64(s.bind.MaxConn), p.limits.secure
	return own > 0 && s.clients.Load() >= own || secure > 0 && s.bind.TLS != nil && p.Secure.Load() >= secure
}

// came and left count a client.
func (s *listener) came(p *Plane) {
	s.clients.Add(1)
	if s.bind.TLS != nil {
		p.Secure.Add(1)
	}
}

func (s *listener) left(p *Plane) {
	s.clients.Add(-1)
	if s.bind.TLS != nil {
		p.Secure.Add(-1)
	}
}

// resume lets listeners go on that found no room, now that a client has left.
func (l *Loop) resume() {
	paused := l.paused
	l.paused = nil
	for _, s := range paused {
		if s.paused = false; s.conn != nil {
			l.again = append(l.again, func() { l.accept(s) })
		}
	}
}

// begin starts a session with a new client.
func (l *Loop) begin(s *listener, fd int, remote netip.AddrPort) {
	c := l.newConn(fd, clientSide)
	c.remote, c.accepted = remote, l.now
	c.readable = true // its first bytes are often there already
	c.listener = s
	f := s.frontend
	if f.Options.ClientKeepAlive {
		keepAlive(fd, &f.ClientAlive)
	}
	n := f.Sessions.Add(1)
	if n > f.MaxSeen.Load() {
		f.MaxSeen.Store(n)
	}
	l.plane.Sessions.Add(1)
	s.came(l.plane)
	l.plane.Total.Add(1)
	l.counted(Clients, 1)
	f.Counters.Happened(pool.Arrival, l.id, l.clock)
	if s.bind.TLS != nil {
		l.counted(SecureClients, 1)
		l.plane.SecureTotal.Add(1)
	}
	counters := f.Counters.Set(l.id)
	counters.Connections.Add(1)
	ss := l.newSession(c, f)
	ss.start()
}
