package plane

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/h1"
	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/preamble"
	"holdfast/traffic/proxy/sample"
	"holdfast/traffic/proxy/socks"
)

// way is how a server is reached: where to, where from, and what the kernel is told of the connection.
type way struct {
	to          netip.AddrPort
	path        string // of a unix socket; "": none
	from        netip.AddrPort
	lastPort    uint16 // of a range that from's begins
	foreign     bool   // from is not this machine's
	iface       string
	fastOpen    bool
	userTimeout time.Duration
}

// wayTo is the way to the server that was chosen, whose address is known already.
func (s *session) wayTo(address netip.AddrPort) way {
	t := s.target
	w := way{to: address, path: t.Path, fastOpen: t.FastOpen, userTimeout: t.UserTimeout}
	if t.Relay.IsValid() {
		w.to = t.Relay
	}
	o := s.originOf(t)
	if !o.Set() {
		return w
	}
	w.from, w.lastPort, w.iface = o.Address, o.LastPort, o.Interface
	switch o.Disguise {
	case config.DisguiseAddress:
		w.from, w.foreign = o.As, true
	case config.DisguiseClient:
		w.from, w.foreign = s.source, true
	case config.DisguiseClientIP:
		w.from, w.foreign = netip.AddrPortFrom(s.source.Addr(), 0), true
	case config.DisguiseHeader:
		if a, err := netip.ParseAddr(string(o.Header.Append(nil, s.ctx()))); err == nil {
			w.from, w.foreign = netip.AddrPortFrom(a, 0), true
		}
	}
	if w.foreign {
		w.lastPort = 0
	}
	return w
}

// originOf is what the server's line says of where connections to it come from, or else its backend's.
func (s *session) originOf(t *pool.Server) *config.Origin {
	if t.Origin.Set() {
		return &t.Origin
	}
	return &s.backend.Origin
}

// personal tells whether a connection to the server is for this client alone: the server has been told of it, or sees its address.
func (s *session) personal() bool {
	return s.target.SendProxy != 0 || s.originOf(s.target).Disguise > config.DisguiseAddress
}

// staysPersonal tells whether all that a personal connection was told of its client holds for the client's next request, too.
func (s *session) staysPersonal() bool {
	i := s.target.Introduction
	return (i == nil || !i.UniqueID) && s.originOf(s.target).Disguise != config.DisguiseHeader
}

// wornOut tells whether the server's connection has carried as many requests as it may (max-reuse).
func (s *session) wornOut() bool {
	t := s.target
	return t.MaxReuse >= 0 && s.server.stream == nil && s.server.served > t.MaxReuse
}

// plainWebSocket tells whether the request begins a WebSocket that the server is to have in HTTP/1.1 (ws h1).
func (s *session) plainWebSocket() bool {
	return s.target.WebSockets == "h1" && s.x != nil && s.x.requestHead.Upgrade
}

// sendsElsewhere answers a request that only asks with where the server's clients are to go (redir), and tells whether it did.
func (s *session) sendsElsewhere() bool {
	x := s.x
	if x == nil || s.frontend.Mode != config.HTTP {
		return false
	}
	if method := string(x.requestHead.MethodOf(x.request)); method != "GET" && method != "HEAD" {
		return false
	}
	path, query := sample.PathOf(x.requestHead.TargetOf(x.request))
	where := append([]byte("location: "+s.target.Redirect), path...)
	if query != nil {
		where = append(append(where, '?'), query...)
	}
	s.release()
	s.note('L', 'R')
	s.reply(302, "", nil, append(h1.AppendPrintable(nil, where), "\r\n"...))
	return true
}

// connect begins a connection. The error is EINPROGRESS when it is on its way.
func connect(w way) (int, error) {
	var address unix.Sockaddr = &unix.SockaddrUnix{Name: w.path}
	family := unix.AF_UNIX
	if w.path == "" {
		address, family = sockaddr(w.to)
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if w.path == "" {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		err = w.leaveFrom(fd)
	}
	if err == nil {
		err = unix.Connect(fd, address)
	}
	if err != nil && err != unix.EINPROGRESS {
		closeFD(fd)
		return -1, err
	}
	return fd, nil
}

// leaveFrom binds a socket to what the way says of this end.
func (w *way) leaveFrom(fd int) error {
	if w.userTimeout > 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(w.userTimeout.Milliseconds()))
	}
	if w.fastOpen {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
	}
	if w.iface != "" {
		if err := unix.BindToDevice(fd, w.iface); err != nil {
			return err
		}
	}
	if !w.from.Addr().IsValid() || w.from.Addr().Is4() != w.to.Addr().Is4() {
		return nil
	}
	if w.foreign {
		level, option := unix.SOL_IP, unix.IP_TRANSPARENT
		if w.to.Addr().Is6() {
			level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
		}
		if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
			return err
		}
	}
	if w.from.Port() == 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	} else {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	return w.bind(fd)
}

// nextPort has those who come from a range of ports begin at another one each time.
var nextPort atomic.Uint32

// bind takes the address, and of a range of ports the next that is free.
func (w *way) bind(fd int) error {
	first, ports := w.from.Port(), 1
	if w.lastPort > first {
		ports = int(w.lastPort-first) + 1
	}
	begin := 0
	if ports > 1 {
		begin = int(nextPort.Add(1))
	}
	var err error
	for i := range ports {
		port := first + uint16((begin+i)%ports)
		from, _ := sockaddr(netip.AddrPortFrom(w.from.Addr(), port))
		if err = unix.Bind(fd, from); err != unix.EADDRINUSE {
			return err
		}
	}
	return err
}

// relay asks the server's relay for a connection, and goes on once that stands.
func (s *session) relay(address netip.AddrPort, then func() bool) bool {
	s.state = securing
	ask := func(w *wire) error { return socks.Connect(w, address) }
	ok := s.shakeHands(s.server, &secure{wire: &wire{}}, ask, s.backend.Timeouts.Connect, func(err error) {
		s.server.tls = nil
		if err == nil && then() || err != nil && s.connectFailed(false) {
			s.run()
		}
	})
	if !ok {
		return s.connectFailed(false)
	}
	return false
}

// appendProxyLine appends the PROXY header that the server wants.
func (s *session) appendProxyLine(out []byte) []byte {
	h := preamble.Header{Source: s.source, Destination: s.destination()}
	if s.target.SendProxy != 2 {
		return preamble.Append1(out, h)
	}
	return preamble.Append2(out, h, s.introduction()...)
}

// introduction is what the header says beside addresses.
func (s *session) introduction() []preamble.Attribute {
	i := s.target.Introduction
	if i == nil {
		return nil
	}
	c := s.ctx()
	var all []preamble.Attribute
	add := func(kind preamble.Kind, value []byte) {
		if len(value) > 0 {
			all = append(all, preamble.Attribute{Kind: kind, Value: value})
		}
	}
	if i.Checksum {
		all = append(all, preamble.Attribute{Kind: preamble.Checksum})
	}
	add(preamble.Protocol, i.Protocol.Append(nil, c))
	if i.Authority != nil {
		add(preamble.Authority, i.Authority.Append(nil, c))
	}
	if i.UniqueID {
		add(preamble.UniqueID, c.UniqueID)
	}
	if i.Secure && c.TLS != nil {
		t := preamble.Secure{Version: i.Version.Append(nil, c), Shown: string(i.Shown.Append(nil, c)) == "1", Verified: string(i.Verified.Append(nil, c)) == "0"}
		if i.CommonName != nil {
			t.CommonName = i.CommonName.Append(nil, c)
		}
		if i.Cipher != nil {
			t.Cipher = i.Cipher.Append(nil, c)
		}
		all = append(all, preamble.Attribute{Kind: preamble.TLS, Value: t.Append(nil)})
	}
	return all
}
