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

	"holdfast/traffic/netio"
)

// address is a floating address. Its parameters are those that most configurations of
// ocf:heartbeat:IPaddr2 use, under the same names; it asks the kernel itself, where that one
// starts programs, and so takes milliseconds.
var address = agent{
	metadata: addressMetadata,
	actions: map[string]func(Call) (int, error){
		"start": startAddress, "stop": stopAddress, "monitor": monitorAddress, "status": monitorAddress,
		"validate-all": validateAddress, "announce": announceAgain,
	},
}

// addressParameters are those of every agent of floating addresses.
var addressParameters = []parameter{
	{name: "ip", short: "IPv4 or IPv6 address", long: "The address.", required: true, unique: true},
	{name: "cidr_netmask", short: "Prefix length", long: "Length of the network's prefix. Default: that of the network the address is in.", kind: "integer"},
	{name: "nic", short: "Interface", long: "Network interface. Default: the one that is on the network the address is in."},
}

var addressMetadata = metadata{
	name: "address", short: "Floating address", timeout: "20s",
	long:       "A floating IPv4 or IPv6 address. Neighbours are told of its new place.",
	parameters: addressParameters,
}

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
	if err != nil || ip.Zone() != "" {
		return a, fmt.Errorf("parameter ip of %s is %q: want an IPv4 or IPv6 address", c.instance(), text)
	}
	a.ip = ip
	if text := c.parameter("cidr_netmask", ""); text != "" {
		bits, err := strconv.Atoi(text)
		if err != nil || bits < 1 || bits > ip.BitLen() {
			return a, fmt.Errorf("parameter cidr_netmask of %s is %q: want 1 to %d", c.instance(), text, ip.BitLen())
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

// place says where the address belongs: on the interface that has another of its network.
func (a floatingAddress) place() (netlink.Link, int, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
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
	return link, a.ip.BitLen(), nil
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
	added := &netlink.Addr{IPNet: &net.IPNet{IP: a.ip.AsSlice(), Mask: net.CIDRMask(bits, a.ip.BitLen())}}
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
	if err := netio.Announce(link, a.ip); err != nil {
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
		held, err := netio.Find(a.ip)
		if err != nil || len(held) == 0 {
			return success, err
		}
		if err := held[0].Announce(); err != nil {
			return genericError, err
		}
	}
	return success, nil
}

// onHeld calls then for each interface that has the address, and says none when no interface has.
func onHeld(c Call, none int, then func(netio.Held) (int, error)) (int, error) {
	a, err := c.floatingAddress()
	if err != nil {
		return badConfigured, err
	}
	held, err := netio.Find(a.ip)
	if err != nil {
		return genericError, err
	}
	code := none
	for _, h := range held {
		if code, err = then(h); err != nil {
			return code, err
		}
	}
	return code, nil
}

func stopAddress(c Call) (int, error) {
	return onHeld(c, success, func(h netio.Held) (int, error) {
		if err := h.Drop(); err != nil {
			return genericError, err
		}
		return success, nil
	})
}

func monitorAddress(c Call) (int, error) {
	return onHeld(c, notRunning, func(h netio.Held) (int, error) {
		up, err := h.Up()
		if err != nil {
			return genericError, err
		}
		if !up {
			return genericError, fmt.Errorf("interface %s, which has %s, is down", h.Link, h.IP)
		}
		return success, nil
	})
}
