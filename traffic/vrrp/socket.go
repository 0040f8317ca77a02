package vrrp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/traffic/vrrp/packet"
)

// arrival is a packet as it came in, with what only the IP header says.
type arrival struct {
	device string
	path   packet.Path
	ttl    int
	bytes  []byte
	whole  []byte // the IP packet, of one with an Authentication Header
}

// socket sends and receives VRRP of one family on one interface.
type socket struct {
	device string
	index  int
	ipv4   bool
	header bool                // of packets with an Authentication Header, whose IP header this process makes
	groups map[netip.Addr]bool // that it has joined
	file   *os.File            // non-blocking, so that Close ends a read
}

// openSocket opens a raw socket bound to a device.
func openSocket(at device, index int) (*socket, error) {
	family, protocol := unix.AF_INET6, packet.Protocol
	if at.ipv4 {
		family = unix.AF_INET
	}
	if at.header {
		protocol = packet.HeaderProtocol
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, fmt.Errorf("open a VRRP socket on %s: %w (it needs CAP_NET_RAW)", at.name, err)
	}
	s := &socket{device: at.name, index: index, ipv4: at.ipv4, header: at.header, groups: map[netip.Addr]bool{}}
	if err := s.prepare(fd); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("prepare the VRRP socket on %s: %w", at.name, err)
	}
	s.file = os.NewFile(uintptr(fd), "vrrp "+at.name)
	return s, nil
}

func (s *socket) prepare(fd int) error {
	var errs []error
	set := func(level, option, value int) { errs = append(errs, unix.SetsockoptInt(fd, level, option, value)) }
	errs = append(errs, unix.BindToDevice(fd, s.device))
	if s.header {
		set(unix.IPPROTO_IP, unix.IP_HDRINCL, 1)
	}
	if s.ipv4 {
		set(unix.IPPROTO_IP, unix.IP_TTL, packet.TTL)
		set(unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, packet.TTL)
		set(unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0)
		set(unix.IPPROTO_IP, unix.IP_TOS, 0xc0) // internetwork control, as routers do
		errs = append(errs, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(s.index)}))
		return errors.Join(errs...)
	}
	set(unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, packet.TTL)
	set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, packet.TTL)
	set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0)
	set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, s.index)
	set(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xc0)
	set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	set(unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1)
	return errors.Join(errs...)
}

// join has packets to a group come in.
func (s *socket) join(group netip.Addr) error {
	if s.groups[group] {
		return nil
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if s.ipv4 {
			failed = unix.SetsockoptIPMreqn(int(fd), unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(s.index)})
			return
		}
		failed = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(s.index)})
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("join %s on %s: %w", group, s.device, err)
	}
	s.groups[group] = true
	return nil
}

func (s *socket) close() { _ = s.file.Close() }

// send sends a packet along a path, to live for so many hops.
func (s *socket) send(b []byte, path packet.Path, ttl uint8) error {
	var to unix.Sockaddr
	var control []byte
	if s.ipv4 {
		to = &unix.SockaddrInet4{Addr: path.Destination.As4()}
		control = unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(s.index), Spec_dst: path.Source.As4()})
	} else {
		to = &unix.SockaddrInet6{Addr: path.Destination.As16(), ZoneId: uint32(s.index)}
		control = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: path.Source.As16(), Ifindex: uint32(s.index)})
	}
	if ttl != packet.TTL && !s.header {
		control = append(control, hopLimit(s.ipv4, ttl)...)
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.Sendmsg(int(fd), b, control, to, unix.MSG_DONTWAIT) }); err != nil {
		return err
	}
	if sent != nil {
		return fmt.Errorf("send an advertisement from %s to %s on %s: %w", path.Source, path.Destination, s.device, sent)
	}
	return nil
}

// hopLimit is a control message for one packet (ip(7), ipv6(7)).
func hopLimit(ipv4 bool, ttl uint8) []byte {
	b := make([]byte, unix.CmsgSpace(4))
	header := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	header.Level, header.Type = unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT
	if ipv4 {
		header.Level, header.Type = unix.IPPROTO_IP, unix.IP_TTL
	}
	header.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(b[unix.CmsgLen(0):], uint32(ttl))
	return b
}

// receive waits for packets and hands each in; the bytes are only good until take returns. It ends when the socket
// is closed or broken, with the reason.
func (s *socket) receive(take func(arrival)) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	b, control := make([]byte, 4096), make([]byte, 256)
	for {
		var n, controls int
		var from unix.Sockaddr
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, controls, _, from, failed = unix.Recvmsg(int(fd), b, control, 0)
			return failed != unix.EAGAIN
		})
		switch {
		case err != nil:
			return err
		case failed == unix.EINTR || failed == unix.ENETDOWN:
		case failed != nil:
			return fmt.Errorf("receive VRRP on %s: %w", s.device, failed)
		default:
			if a, ok := s.arrival(b[:n], control[:controls], from); ok {
				take(a)
			}
		}
	}
}

// arrival takes a received message apart. IPv4's raw sockets deliver the IP header, IPv6's tell it aside.
func (s *socket) arrival(b, control []byte, from unix.Sockaddr) (arrival, bool) {
	if s.ipv4 {
		a, ok := arrivalIPv4(s.device, b)
		if s.header {
			a.whole = b
		}
		return a, ok
	}
	a := arrival{device: s.device, bytes: b}
	if from, ok := from.(*unix.SockaddrInet6); ok {
		a.path.Source = netip.AddrFrom16(from.Addr)
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return a, false
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.IPPROTO_IPV6:
		case m.Header.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4:
			a.ttl = int(binary.NativeEndian.Uint32(m.Data))
		case m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16:
			a.path.Destination = netip.AddrFrom16([16]byte(m.Data[:16]))
		}
	}
	return a, a.path.Source.IsValid() && a.path.Destination.IsValid()
}

// arrivalIPv4 reads an IPv4 header (RFC 791).
func arrivalIPv4(device string, b []byte) (arrival, bool) {
	const least = 20
	if len(b) < least || b[0]>>4 != 4 {
		return arrival{}, false
	}
	header := int(b[0]&0xf) * 4
	if header < least || header > len(b) {
		return arrival{}, false
	}
	return arrival{
		device: device, ttl: int(b[8]), bytes: b[header:],
		path: packet.Path{Source: netip.AddrFrom4([4]byte(b[12:16])), Destination: netip.AddrFrom4([4]byte(b[16:20]))},
	}, true
}
