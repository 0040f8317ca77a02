package plane

import (
	"crypto/tls"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/traffic/proxy/pool"
	"holdfast/traffic/proxy/sample"
)

// states answers what expressions ask of the rest of the proxy.
type states session

func (t *states) find(backend string) *pool.Backend {
	if backend == "" {
		return t.backend
	}
	return t.frontend.backs[backend]
}

func (t *states) Servers(backend string) (usable, configured int64, known bool) {
	b := t.find(backend)
	if b == nil {
		return 0, 0, false
	}
	n, backups := b.Usable()
	if n == 0 {
		n = backups
	}
	return int64(n), int64(len(b.Servers())), true
}

func (t *states) ServerUp(backend, server string) bool {
	b := t.find(backend)
	if b == nil {
		return false
	}
	s := b.Find(server)
	return s != nil && s.Usable()
}

func (t *states) frontendOf(name string) *Frontend {
	for _, f := range t.loop.plane.Snapshot().Frontends {
		if f.Name == name {
			return f
		}
	}
	return nil
}

func (t *states) Sessions(proxy string, backend bool) int64 {
	if backend {
		if b := t.find(proxy); b != nil {
			return b.Sessions.Load()
		}
		return 0
	}
	if f := t.frontendOf(proxy); f != nil {
		return f.Sessions.Load()
	}
	return 0
}

func (t *states) Rate(proxy string, backend bool) int64 {
	if f := t.frontendOf(proxy); f != nil && !backend {
		n, _ := f.Counters.Frequency(pool.Arrival, t.loop.clock)
		return n
	}
	if b := t.find(proxy); b != nil && backend {
		n, _ := b.Counters.Frequency(pool.Arrival, t.loop.clock)
		return n
	}
	return 0
}

func (t *states) Queued(backend string) int64 {
	if b := t.find(backend); b != nil {
		return b.Queued()
	}
	return 0
}

// Server reads a figure of a server's.
func (t *states) Server(backend, server, figure string) (int64, bool) {
	b := t.find(backend)
	if b == nil {
		return 0, false
	}
	s := b.Find(server)
	if s == nil {
		return 0, false
	}
	switch figure {
	case "id":
		return int64(s.Number), true
	case "queue":
		return s.Queued.Load(), true
	case "sess_rate":
		n, _ := s.Counters.Frequency(pool.Arrival, t.loop.clock)
		return n, true
	case "conn":
		return s.Sessions.Load(), true
	case "conn_free":
		if s.MaxConn() == 0 {
			return -1, true
		}
		return max(0, s.MaxConn()-s.Sessions.Load()), true
	case "weight", "uweight":
		return int64(s.Weight()), true
	case "iweight":
		return int64(s.Server.Weight), true
	}
	return 0, false
}

// Proxy reads a figure of a frontend or backend.
func (t *states) Proxy(name string, backend bool, figure string) (int64, bool) {
	if !backend {
		f := t.frontend
		if name != "" && name != f.Name {
			f = t.frontendOf(name)
		}
		switch {
		case f == nil:
			return 0, false
		case figure == "id":
			return int64(f.ID), true
		case figure == "client":
			return f.Timeouts.Client.Milliseconds(), true
		case figure == "req_rate":
			n, _ := f.Counters.Frequency(pool.RequestArrival, t.loop.clock)
			return n, true
		}
		return 0, false
	}
	b := t.find(name)
	if b == nil {
		return 0, false
	}
	return t.backendFigure(b, figure)
}

func (t *states) backendFigure(b *pool.Backend, figure string) (int64, bool) {
	server, tunnel := (*session)(t).timeouts(b)
	switch figure {
	case "id":
		return int64(b.ID), true
	case "server":
		return b.Timeouts.Server.Milliseconds(), true
	case "tunnel":
		return b.Timeouts.Tunnel.Milliseconds(), true
	case "current_server":
		return server.Milliseconds(), true
	case "current_tunnel":
		return tunnel.Milliseconds(), true
	case "avg_queue":
		usable, backups := b.Usable()
		return (b.Queued() + int64(usable+backups) - 1) / max(1, int64(usable+backups)), true
	case "conn_free", "conn_slots":
		return freeSlots(b, figure == "conn_slots"), true
	}
	return 0, false
}

// freeSlots is how many connections the backend's servers have room for, with room in their queues; -1: no limit.
func freeSlots(b *pool.Backend, queues bool) int64 {
	free := int64(0)
	for _, s := range b.Servers() {
		if !s.Usable() {
			continue
		}
		if s.MaxConn() == 0 || queues && s.MaxQueue == 0 {
			return -1
		}
		free += max(0, s.MaxConn()-s.Sessions.Load())
		if queues {
			free += max(0, int64(s.MaxQueue)-s.Queued.Load())
		}
	}
	return free
}

// timeouts are those in force with a server, which a rule may have set.
func (s *session) timeouts(b *pool.Backend) (server, tunnel time.Duration) {
	server, tunnel = b.Timeouts.Server, b.Timeouts.Tunnel
	if s.x != nil && s.x.serverTimeout > 0 {
		server = s.x.serverTimeout
	}
	if s.x != nil && s.x.tunnelTimeout > 0 {
		tunnel = s.x.tunnelTimeout
	}
	return server, tunnel
}

// serverTimeout is how long the server may be silent.
func (s *session) serverTimeout() time.Duration {
	if s.x != nil && s.x.serverTimeout > 0 {
		return s.x.serverTimeout
	}
	return s.backend.Timeouts.Server
}

// DefaultBackend is the frontend's.
func (t *states) DefaultBackend() string {
	if t.frontend.Default == nil {
		return ""
	}
	return t.frontend.Default.Name
}

// Listener is the socket that the client came through.
func (t *states) Listener(figure string) (name string, n int64) {
	b := t.client.listener.bind
	switch figure {
	case "conn":
		n = t.frontend.Sessions.Load()
	case "thread":
		n = int64(t.loop.id)
	case "stopping":
		if t.loop.plane.stopping.Load() {
			n = 1
		}
	default:
		n = int64(b.ID)
	}
	return b.Name, n
}

// Ends are the addresses of a connection.
func (t *states) Ends(server bool) (there, here netip.AddrPort) {
	switch {
	case !server:
		return t.client.remote, localAddress(t.client.fd)
	case t.target == nil || t.server == nil || t.server.fd < 0:
		return netip.AddrPort{}, netip.AddrPort{}
	}
	return t.target.Address(), localAddress(t.server.fd)
}

// Prefaced tells whether a PROXY header came.
func (t *states) Prefaced() bool { return t.preambleRead }

// Introduced is what the PROXY header told beside addresses.
func (t *states) Introduced() (authority, id []byte) { return t.authority, t.uniqueID }

// ServerSpeaks tells of the connection to the server.
func (t *states) ServerSpeaks() (http2 bool, secure *tls.ConnectionState) {
	if t.server == nil {
		return false, nil
	}
	if s := t.server.secured(); s != nil {
		secure = s.state()
	}
	return t.server.stream != nil, secure
}

// Handshake is what could be seen of how a connection was made secure.
func (t *states) Handshake(server bool) *sample.Handshake {
	c := t.client
	if server {
		c = t.server
	}
	if c == nil {
		return nil
	}
	if s := c.secured(); s != nil && s.shaken {
		return &s.seen
	}
	return nil
}

// Transport reads what the kernel knows of the connection to the client.
func (t *states) Transport(figure string) (int64, bool) {
	c := t.client
	if c.fd < 0 {
		return 0, false
	}
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, false
	}
	n, ok := map[string]uint32{"rtt": info.Rtt, "rttvar": info.Rttvar, "unacked": info.Unacked, "sacked": info.Sacked, "lost": info.Lost,
		"retrans": info.Retrans, "fackets": info.Fackets, "reordering": info.Reordering}[figure]
	return int64(n), ok
}
