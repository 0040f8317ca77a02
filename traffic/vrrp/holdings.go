package vrrp

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/netio"
	"holdfast/traffic/vrrp/config"
)

// holdings puts what belongs to an active router on this host, and takes it off.
type holdings struct{ i *config.Instance }

// device is where an address goes.
func (h holdings) device(a config.Address) string {
	switch {
	case a.Interface != "" && a.Interface != h.i.Interface:
		return a.Interface
	case h.i.VMAC != nil:
		return h.i.VMAC.Name
	}
	return h.i.Interface
}

// add puts addresses, then routes, then rules. It goes on after an error: a router that is active serves what it can.
func (h holdings) add() error {
	var errs []error
	for _, a := range h.i.Addresses {
		errs = append(errs, h.addAddress(a))
	}
	for _, r := range h.i.Routes {
		errs = append(errs, h.route(r, netlink.RouteReplace, "add"))
	}
	for _, r := range h.i.Rules {
		errs = append(errs, h.rule(r, netlink.RuleAdd, "add", syscall.EEXIST))
	}
	return errors.Join(errs...)
}

// remove takes off what is there, the addresses first; what is gone already is no error.
func (h holdings) remove() error {
	var errs []error
	for _, a := range h.i.Addresses {
		errs = append(errs, h.removeAddress(a))
	}
	for _, r := range h.i.Rules {
		errs = append(errs, h.rule(r, netlink.RuleDel, "remove", syscall.ENOENT))
	}
	for _, r := range h.i.Routes {
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
	addr := &netlink.Addr{IPNet: network(a.Prefix), Label: a.Label, Scope: a.Scope}
	addr.Broadcast = net.IPv4zero // none
	if a.Broadcast.IsValid() {
		addr.Broadcast = a.Broadcast.AsSlice()
	}
	if !a.Prefix.Addr().Is4() {
		addr.Broadcast = nil
		addr.Flags |= syscall.IFA_F_NODAD // its use is agreed already; waiting would cost a second
		if a.Prefix.IsSingleIP() {
			addr.ValidLft, addr.PreferedLft = math.MaxUint32, 0 // nothing that this host begins is to have it for a source
		}
	}
	if h.i.VMAC != nil && h.device(a) == h.i.VMAC.Name {
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

// announce tells the network where the addresses are, so many times.
func (h holdings) announce(by *netio.Announcer, times int) error {
	var errs []error
	for _, a := range h.i.Addresses {
		link, err := netlink.LinkByName(h.device(a))
		for n := 0; n < times && err == nil; n++ {
			err = by.Announce(link, a.Prefix.Addr())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (h holdings) route(r config.Route, do func(*netlink.Route) error, verb string) error {
	route := &netlink.Route{
		Dst: network(r.To), Gw: r.Via.AsSlice(), Src: r.Source.AsSlice(),
		Table: r.Table, Priority: r.Metric, Scope: netlink.Scope(r.Scope), Protocol: unix.RTPROT_KEEPALIVED,
		Type: r.Type,
	}
	if r.OnLink {
		route.Flags |= int(netlink.FLAG_ONLINK)
	}
	if name := r.Interface; r.Type == 0 {
		if !r.Via.IsValid() || name != "" {
			if name == "" {
				name = h.i.Interface
			}
			link, err := netlink.LinkByName(name)
			if err != nil {
				return fmt.Errorf("%s route to %s: find interface %s: %w", verb, r.To, name, err)
			}
			route.LinkIndex = link.Attrs().Index
		}
	}
	if err := do(route); err != nil && !(verb == "remove" && errors.Is(err, syscall.ESRCH)) {
		return fmt.Errorf("%s route to %s: %w", verb, r.To, err)
	}
	return nil
}

func (h holdings) rule(r config.Rule, do func(*netlink.Rule) error, verb string, fine error) error {
	rule := netlink.NewRule()
	rule.Table, rule.Protocol, rule.IifName, rule.OifName, rule.Mark, rule.Invert = r.Table, unix.RTPROT_KEEPALIVED, r.Inside, r.Outside, r.Mark, r.Not
	if r.Mask != 0 {
		rule.Mask = &r.Mask
	}
	if r.Priority > 0 {
		rule.Priority = r.Priority
	}
	for _, p := range []netip.Prefix{r.From, r.To} {
		if p.IsValid() && !p.Addr().Is4() {
			rule.Family = netlink.FAMILY_V6
		}
	}
	if r.From.IsValid() {
		rule.Src = network(r.From)
	}
	if r.To.IsValid() {
		rule.Dst = network(r.To)
	}
	if err := do(rule); err != nil && !errors.Is(err, fine) {
		return fmt.Errorf("%s rule for table %d: %w", verb, r.Table, err)
	}
	return nil
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

// virtualMAC is the virtual router's own (RFC 9568, 7.3).
func virtualMAC(i *config.Instance) net.HardwareAddr {
	family := byte(1)
	if !i.Addresses[0].Prefix.Addr().Is4() {
		family = 2
	}
	return net.HardwareAddr{0, 0, 0x5e, 0, family, i.Router.ID}
}

// makeVMAC makes the interface with the virtual MAC, or finds it as an earlier run left it.
func makeVMAC(i *config.Instance) error {
	base, err := netlink.LinkByName(i.Interface)
	if err != nil {
		return fmt.Errorf("make %s: find interface %s: %w", i.VMAC.Name, i.Interface, err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.ParentIndex, attributes.HardwareAddr = i.VMAC.Name, base.Attrs().Index, virtualMAC(i)
	link := &netlink.Macvlan{LinkAttrs: attributes, Mode: netlink.MACVLAN_MODE_PRIVATE}
	if err := netlink.LinkAdd(link); err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("make %s on %s: %w", i.VMAC.Name, i.Interface, err)
	}
	made, err := netlink.LinkByName(i.VMAC.Name)
	if err != nil {
		return fmt.Errorf("find %s again: %w", i.VMAC.Name, err)
	}
	if made.Type() != "macvlan" || made.Attrs().ParentIndex != base.Attrs().Index || !slices.Equal(made.Attrs().HardwareAddr, virtualMAC(i)) {
		return fmt.Errorf("make %s on %s: another interface has this name; give use_vmac one of its own", i.VMAC.Name, i.Interface)
	}
	return errors.Join(settleARP(i), netlink.LinkSetUp(made))
}

// settleARP lets only the interface that has an address answer for it, and ask in its name; and accepts what comes by
// another way: base and virtual interface share a network.
func settleARP(i *config.Instance) error {
	var errs []error
	// Hosts with the same virtual MAC would make the same link-local address of it. It is there only where the kernel has IPv6.
	none := filepath.Join("/proc/sys/net/ipv6/conf", i.VMAC.Name, "addr_gen_mode")
	if err := os.WriteFile(none, []byte("1"), 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, fmt.Errorf("keep %s without an address of its own: %w", i.VMAC.Name, err))
	}
	for path, value := range map[string]string{
		filepath.Join(i.VMAC.Name, "arp_ignore"): "1", filepath.Join(i.VMAC.Name, "rp_filter"): "0", filepath.Join(i.VMAC.Name, "accept_local"): "1",
		filepath.Join(i.Interface, "arp_ignore"): "1", filepath.Join(i.Interface, "arp_announce"): "2",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys/net/ipv4/conf", path), []byte(value), 0); err != nil {
			errs = append(errs, fmt.Errorf("set %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

func removeVMAC(i *config.Instance) error {
	link, err := netlink.LinkByName(i.VMAC.Name)
	if err != nil {
		return nil // gone already
	}
	if err := netlink.LinkDel(link); err != nil {
		return fmt.Errorf("remove %s: %w", i.VMAC.Name, err)
	}
	return nil
}
