package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
)

// What the kernel's own exchange uses when nothing is said.
var usualGroup = netip.MustParseAddr("224.0.0.81")

const (
	usualPort    = 8848
	usualLongest = 1400    // bytes of a packet, with its seal
	room         = 8 << 20 // of what has come and is not yet read
)

// link is a socket on one interface.
type link struct {
	net.PacketConn
	to net.Addr
}

// openLink opens the socket that a role sends from, or receives at.
func openLink(ctx context.Context, s plane.Sync) (link, error) {
	on, err := net.InterfaceByName(s.Interface)
	if err != nil || on.Flags&net.FlagUp == 0 {
		return link{}, fmt.Errorf("there is no interface %q that is up", s.Interface)
	}
	group, port := s.Group, cmp.Or(s.Port, usualPort)
	if !group.IsValid() {
		group = usualGroup
	}
	l := link{to: &net.UDPAddr{IP: group.AsSlice(), Port: int(port)}}
	network, at := "udp4", fmt.Sprintf("0.0.0.0:%d", port)
	if group.Is6() {
		network, at = "udp6", fmt.Sprintf("[::]:%d", port)
		l.to = &net.UDPAddr{IP: group.AsSlice(), Port: int(port), Zone: s.Interface}
	}
	if s.Role == plane.Master {
		at = map[string]string{"udp4": "0.0.0.0:0", "udp6": "[::]:0"}[network]
	}
	var set error
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return errors.Join(c.Control(func(fd uintptr) { set = prepare(int(fd), s, group, on.Index) }), set)
	}}
	l.PacketConn, err = listen.ListenPacket(ctx, network, at)
	if err != nil {
		return link{}, fmt.Errorf("open the exchange on %s: %w", s.Interface, err)
	}
	return l, nil
}

// prepare keeps a socket to its interface and group.
func prepare(fd int, s plane.Sync, group netip.Addr, ifindex int) error {
	var errs []error
	set := func(level, option, value int) { errs = append(errs, unix.SetsockoptInt(fd, level, option, value)) }
	errs = append(errs, unix.BindToDevice(fd, s.Interface))
	hops, receives := int(max(s.TTL, 1)), s.Role == plane.Backup
	if receives && unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		set(unix.SOL_SOCKET, unix.SO_RCVBUF, room) // as much as this user may
	}
	switch {
	case !group.IsMulticast():
	case group.Is4() && receives:
		errs = append(errs, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(ifindex)}))
	case group.Is4():
		set(unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, hops)
		set(unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0)
		errs = append(errs, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(ifindex)}))
	case receives:
		errs = append(errs, unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(ifindex)}))
	default:
		set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hops)
		set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0)
		set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, ifindex)
	}
	return errors.Join(errs...)
}
