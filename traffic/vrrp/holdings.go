package vrrp

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/netio"
	"holdfast/traffic/vrrp/config"
)

// holdings puts what belongs to an active router on this host, and takes it off; and what is always there.
type holdings struct{ config.Belongings }

// device is where an address goes.
func (h holdings) device(a config.Address) string {
	switch {
	case a.Interface != "" && a.Interface != h.Interface:
		return a.Interface
	case h.VMAC != nil:
		return h.VMAC.Name
	}
	return h.Interface
}

// add puts addresses, then routes, then rules. It goes on after an error: a router that is active serves what it can.
func (h holdings) add() error {
	var errs []error
	for _, a := range h.Addresses {
		errs = append(errs, h.addAddress(a))
	}
	for _, r := range h.Routes {
		errs = append(errs, h.addRoute(r))
	}
	for _, r := range h.Rules {
		errs = append(errs, h.rule(r, netlink.RuleAdd, "add", syscall.EEXIST))
	}
	return errors.Join(errs...)
}

// remove takes off what is there, the addresses first; what is gone already is no error.
func (h holdings) remove() error {
	var errs []error
	for _, a := range h.Addresses {
		errs = append(errs, h.removeAddress(a))
	}
	for _, r := range h.Rules {
		errs = append(errs, h.rule(r, netlink.RuleDel, "remove", syscall.ENOENT))
	}
	for _, r := range h.Routes {
		errs = append(errs, h.route(r, netlink.RouteDel, "remove"))
	}
	return errors.Join(errs...)
}

func (h holdings) addAddress(a config.Address) error {
	link, err := netlink.LinkByName(h.device(a))
	if err != nil {
		return fmt.Errorf("add %s: find interface %s: %w", a.Prefix, h.device(a), err)
	}
	if err := keepSecondaries(h.device(a)); err != nil {
		return err
	}
	addr := &netlink.Addr{IPNet: network(a.Prefix), Label: a.Label, Scope: a.Scope, Flags: a.Flags}
	if a.Peer.IsValid() {
		addr.Peer = network(a.Peer)
	}
	addr.Broadcast = net.IPv4zero // none
	if a.Broadcast.IsValid() {
		addr.Broadcast = a.Broadcast.AsSlice()
	}
	if !a.Prefix.Addr().Is4() {
		addr.Broadcast = nil
		if !a.Detect {
			addr.Flags |= unix.IFA_F_NODAD // its use is agreed already; waiting would cost a second
		}
		if a.Prefix.IsSingleIP() {
			addr.ValidLft, addr.PreferedLft = math.MaxUint32, 0 // nothing that this host begins is to have it for a source
		}
	}
	if a.Preferred != nil {
		addr.ValidLft, addr.PreferedLft = math.MaxUint32, int(*a.Preferred)
	}
	if h.VMAC != nil && h.device(a) == h.VMAC.Name {
		addr.Flags |= unix.IFA_F_NOPREFIXROUTE // what this host sends leaves by the base interface
	}
	if err := netlink.AddrAdd(link, addr); err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("add %s to %s: %w", a.Prefix, h.device(a), err)
	}
	return nil
}

func (h holdings) removeAddress(a config.Address) error {
	held, err := netio.Find(a.Prefix.Addr())
	if err != nil {
		return err
	}
	for _, one := range held {
		if one.Link == h.device(a) {
			err = errors.Join(err, one.Drop())
		}
	}
	return err
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// keepSecondaries lets the kernel keep the other addresses of a network when the first one of it is taken off.
func keepSecondaries(name string) error {
	path := filepath.Join("/proc/sys/net/ipv4/conf", name, "promote_secondaries")
	if err := os.WriteFile(path, []byte("1"), 0); err != nil {
		return fmt.Errorf("keep the other addresses on %s when one is taken off: %w", name, err)
	}
	return nil
}
