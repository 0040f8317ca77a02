package netio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/netio/checksum"
)

const (
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// Announcer tells the neighbours on links of addresses that this host has. When it is closed the kernel waits until no packet is on its way
// to it, ten milliseconds and more: who announces often keeps one.
type Announcer struct{ fd int }

// NewAnnouncer opens one.
func NewAnnouncer() (*Announcer, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket to announce addresses: %w", err)
	}
	return &Announcer{fd}, nil
}

// Close closes its socket.
func (a *Announcer) Close() error { return unix.Close(a.fd) }

// Announce tells the neighbours on a link that this host has the address now. On a link without
// Ethernet addresses (lo, tunnels) there is nobody to tell.
func (a *Announcer) Announce(link netlink.Link, ip netip.Addr) error {
	mac := link.Attrs().HardwareAddr
	if len(mac) != 6 {
		return nil
	}
	frames, protocol := announcement(mac, ip)
	// The kernel wants the protocol in network order.
	to := &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: link.Attrs().Index, Halen: 6}
	for _, frame := range frames {
		if err := unix.Sendto(a.fd, frame, 0, to); err != nil && !errors.Is(err, syscall.ENETDOWN) {
			return fmt.Errorf("announce %s on %s: %w", ip, link.Attrs().Name, err)
		}
	}
	return nil
}

// Announce tells the neighbours on a link once that this host has the address now.
func Announce(link netlink.Link, ip netip.Addr) error {
	a, err := NewAnnouncer()
	if err != nil {
		return err
	}
	return errors.Join(a.Announce(link, ip), a.Close())
}

// announcement is what tells neighbours of an address, and its Ethernet protocol.
func announcement(mac net.HardwareAddr, ip netip.Addr) (frames [][]byte, protocol uint16) {
	if ip.Is6() {
		return [][]byte{neighbourAdvertisement(mac, ip)}, etherIPv6
	}
	// Some neighbours heed only ARP requests, some only replies.
	return [][]byte{arpAnnouncement(mac, ip, 1), arpAnnouncement(mac, ip, 2)}, etherARP
}

// arpAnnouncement is an Ethernet frame: RFC 826, and RFC 5227, section 3.
func arpAnnouncement(mac net.HardwareAddr, ip netip.Addr, operation byte) []byte {
	broadcast := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	quad := ip.As4()
	frame := append([]byte{}, broadcast...)
	frame = append(frame, mac...)
	frame = append(frame, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation)
	frame = append(append(frame, mac...), quad[:]...)
	return append(append(frame, broadcast...), quad[:]...)
}

// neighbourAdvertisement is an Ethernet frame to all nodes on the link: RFC 4861, sections
// 4.4 and 7.2.6, with the override flag.
func neighbourAdvertisement(mac net.HardwareAddr, ip netip.Addr) []byte {
	const icmpv6, advertisement, override, targetLinkLayer = 58, 136, 0x20, 2
	source, all := ip.As16(), netip.MustParseAddr("ff02::1").As16()
	icmp := []byte{advertisement, 0, 0, 0, override, 0, 0, 0}
	icmp = append(icmp, source[:]...)
	icmp = append(append(icmp, targetLinkLayer, 1), mac...)

	frame := append([]byte{0x33, 0x33, 0, 0, 0, 1}, mac...)
	frame = binary.BigEndian.AppendUint16(frame, etherIPv6)
	frame = append(frame, 0x60, 0, 0, 0, 0, byte(len(icmp)), icmpv6, 255) // a hop limit of 255 proves that the sender is on the link
	addresses := append(append([]byte{}, source[:]...), all[:]...)
	frame = append(frame, addresses...)

	pseudo := append(addresses, 0, 0, 0, byte(len(icmp)), 0, 0, 0, icmpv6)
	binary.BigEndian.PutUint16(icmp[2:], checksum.Internet(append(pseudo, icmp...), 0))
	return append(frame, icmp...)
}
