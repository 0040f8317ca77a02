package transport

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"holdfast/cluster/messaging/core"
)

// Links are the UDP sockets of a host, one for each link.
type Links struct {
	sealer  *Sealer
	sockets []*net.UDPConn
	peers   map[core.HostID][]netip.AddrPort
	readers sync.WaitGroup
}

// Packets is what Links hands on.
type Packets struct {
	// Heard takes a heartbeat; it may block.
	Heard func(link int, hb core.Heartbeat)
	// Refused takes what could not be opened: a wrong key, a foreign program. It is
	// called at most once a minute for each address.
	Refused func(link int, from netip.AddrPort, err error)
}

// Addresses say where hosts are, one address for each link.
type Addresses struct {
	Self  []netip.AddrPort
	Peers map[core.HostID][]netip.AddrPort
}

// ListenLinks opens the sockets and starts to read them.
func ListenLinks(authkey []byte, sealer *Sealer, at Addresses, to Packets) (*Links, error) {
	l := &Links{sealer: sealer, peers: maps.Clone(at.Peers)}
	for link, addr := range at.Self {
		s, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for heartbeats on link %d: %w", link, err), l.Close())
		}
		l.sockets = append(l.sockets, s)
		l.readers.Go(func() { read(s, link, NewOpener(authkey, link), to) })
	}
	return l, nil
}

// complaintEvery limits reports of packets that cannot be opened, for each address.
const complaintEvery = time.Minute

// read takes packets until the socket is closed.
func read(s *net.UDPConn, link int, opener *Opener, to Packets) {
	buffer := make([]byte, MaxPacket)
	complained := map[netip.Addr]time.Time{}
	for {
		n, from, err := s.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier packet: the peer is not there yet
		}
		hb, err := openHeartbeat(opener, buffer[:n])
		if err == nil {
			to.Heard(link, hb)
			continue
		}
		if errors.Is(err, ErrReplay) {
			continue
		}
		if len(complained) > 1024 {
			clear(complained)
		}
		if last, ok := complained[from.Addr()]; !ok || time.Since(last) > complaintEvery {
			complained[from.Addr()] = time.Now()
			to.Refused(link, from, err)
		}
	}
}

// openHeartbeat reads a packet that claims to be a heartbeat.
func openHeartbeat(opener *Opener, packet []byte) (core.Heartbeat, error) {
	plain, from, boot, err := opener.Open(packet)
	if err != nil {
		return core.Heartbeat{}, err
	}
	hb, err := core.UnmarshalHeartbeat(plain)
	if err != nil {
		return core.Heartbeat{}, err
	}
	if hb.From != from || hb.Boot != boot {
		return core.Heartbeat{}, fmt.Errorf("a heartbeat of host %d in a packet of host %d", hb.From, from)
	}
	return hb, nil
}

// Add makes a further peer known. It must not be called at the same time as Send.
func (l *Links) Add(host core.HostID, addrs []netip.AddrPort) { l.peers[host] = addrs }

// Send seals and sends. What cannot be sent is lost, as on the wire: silence will tell.
func (l *Links) Send(packets []core.Packet) {
	var plain []byte
	var of uint64
	for _, p := range packets {
		addrs := l.peers[p.To]
		if p.Link >= len(l.sockets) || p.Link >= len(addrs) {
			continue
		}
		if plain == nil || of != p.Heartbeat.Seq {
			plain, of = p.Heartbeat.Marshal(), p.Heartbeat.Seq
		}
		_, _ = l.sockets[p.Link].WriteToUDPAddrPort(l.sealer.Seal(p.Link, plain), addrs[p.Link])
	}
}

// Close closes the sockets and waits for the readers.
func (l *Links) Close() error {
	var errs []error
	for _, s := range l.sockets {
		errs = append(errs, s.Close())
	}
	l.readers.Wait()
	return errors.Join(errs...)
}
