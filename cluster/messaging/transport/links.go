package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/cluster/messaging/core"
)

// Links are the UDP sockets of a host, one for each link. One goroutine uses them.
type Links struct {
	sealer  *Sealer
	sockets []*link
	peers   map[core.HostID][][]byte // socket addresses, one for each link
	to      Packets
	buffer  []byte
}

// link is one of a host's sockets.
type link struct {
	*socket
	opener     *Opener
	complained map[netip.Addr]time.Time
}

// Packets is what Links hands on.
type Packets struct {
	// Heard takes a heartbeat.
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

// ListenLinks opens the sockets. Packets end the waiter's sleep and stay in the sockets
// until Receive.
func ListenLinks(authkey []byte, sealer *Sealer, at Addresses, waiter *Waiter, to Packets) (*Links, error) {
	l := &Links{sealer: sealer, peers: map[core.HostID][][]byte{}, to: to, buffer: make([]byte, MaxPacket)}
	for host, addrs := range at.Peers {
		if err := l.Add(host, addrs); err != nil {
			return nil, err
		}
	}
	for i, addr := range at.Self {
		s, err := listenSocket(addr)
		if err == nil {
			l.sockets = append(l.sockets, &link{socket: s, opener: NewOpener(authkey, i), complained: map[netip.Addr]time.Time{}})
			err = waiter.add(s.fd, unix.EPOLLIN)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen for heartbeats on link %d: %w", i, err), l.Close())
		}
	}
	return l, nil
}

const (
	complaintEvery = time.Minute // limits reports of packets that cannot be opened, for each address
	receivedAtOnce = 256         // packets of a link, before the caller looks at its other work
)

// Receive hands on the packets that are there.
func (l *Links) Receive() {
	for i, s := range l.sockets {
		for range receivedAtOnce {
			n, err := s.receive(l.buffer)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				continue // an ICMP error of an earlier packet: the peer is not there yet
			}
			hb, err := openHeartbeat(s.opener, l.buffer[:n])
			if err == nil {
				l.to.Heard(i, hb)
			} else if !errors.Is(err, ErrReplay) {
				l.complain(i, err)
			}
		}
	}
}

// complain reports the last packet of a link.
func (l *Links) complain(i int, cause error) {
	s := l.sockets[i]
	from := s.sender()
	if len(s.complained) > 1024 {
		clear(s.complained)
	}
	if last, ok := s.complained[from.Addr()]; !ok || time.Since(last) > complaintEvery {
		s.complained[from.Addr()] = time.Now()
		l.to.Refused(i, from, cause)
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

// Add makes a further peer known.
func (l *Links) Add(host core.HostID, addrs []netip.AddrPort) error {
	var list [][]byte
	for _, addr := range addrs {
		address, err := socketAddress(addr)
		if err != nil {
			return fmt.Errorf("send heartbeats to host %d: %w", host, err)
		}
		list = append(list, address)
	}
	l.peers[host] = list
	return nil
}

// Remove forgets a peer.
func (l *Links) Remove(host core.HostID) { delete(l.peers, host) }

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
		l.sockets[p.Link].send(l.sealer.Seal(p.Link, plain), addrs[p.Link])
	}
}

// Close closes the sockets.
func (l *Links) Close() error {
	var errs []error
	for _, s := range l.sockets {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}
