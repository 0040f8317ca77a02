package agents

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// address is a floating IPv4 address. Its parameters are those that most configurations of
// ocf:heartbeat:IPaddr2 use, under the same names; it asks the kernel itself, where that one
// starts programs, and so takes milliseconds.
var address = agent{
	metadata: addressMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startAddress, "stop": stopAddress, "monitor": monitorAddress, "status": monitorAddress,
		"validate-all": validateAddress, "announce": announceAgain,
	},
}

const addressMetadata = `<?xml version="1.0"?>
<resource-agent name="address" version="1.0">
<version>1.1</version>
<longdesc lang="en">A floating IPv4 address. Neighbours are told of its new place by ARP announcements.</longdesc>
<shortdesc lang="en">Floating IPv4 address</shortdesc>
<parameters>
<parameter name="ip" required="1" unique="1" unique-group="address">
<longdesc lang="en">The address, in dotted quad notation.</longdesc>
<shortdesc lang="en">IPv4 address</shortdesc>
<content type="string"/>
</parameter>
<parameter name="cidr_netmask">
<longdesc lang="en">Length of the network's prefix. Default: that of the network the address is in.</longdesc>
<shortdesc lang="en">Prefix length</shortdesc>
<content type="integer"/>
</parameter>
<parameter name="nic">
<longdesc lang="en">Network interface. Default: the one that is on the network the address is in.</longdesc>
<shortdesc lang="en">Interface</shortdesc>
<content type="string"/>
</parameter>
</parameters>
<actions>
<action name="start" timeout="20s"/>
<action name="stop" timeout="20s"/>
<action name="monitor" timeout="20s" interval="10s" depth="0"/>
<action name="validate-all" timeout="20s"/>
<action name="meta-data" timeout="5s"/>
</actions>
</resource-agent>
`

// floatingAddress is what the parameters ask for.
type floatingAddress struct {
	ip   netip.Addr
	bits int    // -1: as the network's
	nic  string // "": whichever is on the network
}

func (c Call) floatingAddress() (floatingAddress, error) {
	a := floatingAddress{bits: -1, nic: c.parameter("nic", "")}
	text := c.parameter("ip", "")
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return a, fmt.Errorf("parameter ip of %s is %q: want an IPv4 address", c.instance(), text)
	}
	a.ip = ip
	if text := c.parameter("cidr_netmask", ""); text != "" {
		bits, err := strconv.Atoi(text)
		if err != nil || bits < 1 || bits > 32 {
			return a, fmt.Errorf("parameter cidr_netmask of %s is %q: want 1 to 32", c.instance(), text)
		}
		a.bits = bits
	}
	return a, nil
}

func validateAddress(c Call) (int, error) {
	if _, err := c.floatingAddress(); err != nil {
		return badConfigured, err
	}
	return success, nil
}

// find returns the interface that has the address now; nil: none has.
func (a floatingAddress) find() (netlink.Link, *netlink.Addr, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	for i := range all {
		if !all[i].IP.Equal(a.ip.AsSlice()) {
			continue
		}
		link, err := netlink.LinkByIndex(all[i].LinkIndex)
		if err != nil {
			return nil, nil, fmt.Errorf("find the interface of %s: %w", a.ip, err)
		}
		return link, &all[i], nil
	}
	return nil, nil, nil
}

// place says where the address belongs: on the interface that has another of its network.
func (a floatingAddress) place() (netlink.Link, int, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, 0, fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, other := range all {
		if !other.Contains(a.ip.AsSlice()) {
			continue
		}
		link, err := netlink.LinkByIndex(other.LinkIndex)
		if err != nil || a.nic != "" && link.Attrs().Name != a.nic {
			continue
		}
		bits, _ := other.Mask.Size()
		return link, bits, nil
	}
	if a.nic == "" {
		return nil, 0, fmt.Errorf("no interface of this host is on the network of %s; give the parameter nic", a.ip)
	}
	link, err := netlink.LinkByName(a.nic)
	if err != nil {
		return nil, 0, fmt.Errorf("find interface %s for %s: %w", a.nic, a.ip, err)
	}
	return link, 32, nil
}

func startAddress(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	link, bits, err := a.place()
	if err != nil {
		return genericError, err
	}
	if a.bits > 0 {
		bits = a.bits
	}
	added := &netlink.Addr{IPNet: &net.IPNet{IP: a.ip.AsSlice(), Mask: net.CIDRMask(bits, 32)}}
	if err := netlink.AddrAdd(link, added); err != nil && !errors.Is(err, syscall.EEXIST) {
		return genericError, fmt.Errorf("add %s to %s: %w", a.ip, link.Attrs().Name, err)
	}
	if link.Attrs().Flags&net.FlagUp == 0 {
		if err := netlink.LinkSetUp(link); err != nil {
			return genericError, fmt.Errorf("set up %s: %w", link.Attrs().Name, err)
		}
	}
	if len(link.Attrs().HardwareAddr) != 6 {
		return success, nil // lo, tunnels: there are no neighbours to tell
	}
	if err := announce(link, a.ip); err != nil {
		return genericError, err
	}
	return success, c.keepAnnouncing()
}

// keepAnnouncing lets a process of its own repeat the announcement, in case one was lost.
func (c Call) keepAnnouncing() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{c.Path, "announce"}, &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{null, null, null}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("repeat the announcement: %w", err)
	}
	return process.Release()
}

const (
	announceEvery = 200 * time.Millisecond
	announcements = 4 // after the first
)

// announceAgain repeats the announcement for as long as the address is here.
func announceAgain(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	for range announcements {
		time.Sleep(announceEvery)
		link, _, err := a.find()
		if err != nil || link == nil {
			return success, err
		}
		if err := announce(link, a.ip); err != nil {
			return genericError, err
		}
	}
	return success, nil
}

func stopAddress(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	link, found, err := a.find()
	if err != nil {
		return genericError, err
	}
	if found == nil {
		return success, nil
	}
	if err := netlink.AddrDel(link, found); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return genericError, fmt.Errorf("take %s from %s: %w", a.ip, link.Attrs().Name, err)
	}
	return success, nil
}

func monitorAddress(c Call) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	link, found, err := a.find()
	if err != nil {
		return genericError, err
	}
	if found == nil {
		return notRunning, nil
	}
	if link.Attrs().Flags&net.FlagUp == 0 {
		return genericError, fmt.Errorf("interface %s, which has %s, is down", link.Attrs().Name, a.ip)
	}
	return success, nil
}

// announce broadcasts an ARP announcement (RFC 5227, section 3) as request and as reply, because
// some neighbours heed only one of them.
func announce(link netlink.Link, ip netip.Addr) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a packet socket to announce %s: %w", ip, err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Protocol: 0x0608, Ifindex: link.Attrs().Index, Halen: 6}
	for _, operation := range []byte{1, 2} {
		if err := unix.Sendto(fd, arpAnnouncement(link.Attrs().HardwareAddr, ip, operation), 0, to); err != nil && !errors.Is(err, syscall.ENETDOWN) {
			return fmt.Errorf("announce %s on %s: %w", ip, link.Attrs().Name, err)
		}
	}
	return nil
}

// arpAnnouncement is an Ethernet frame: RFC 826.
func arpAnnouncement(mac net.HardwareAddr, ip netip.Addr, operation byte) []byte {
	broadcast := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	quad := ip.As4()
	frame := append([]byte{}, broadcast...)
	frame = append(frame, mac...)
	frame = append(frame, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation)
	frame = append(append(frame, mac...), quad[:]...)
	return append(append(frame, broadcast...), quad[:]...)
}
