package vrrp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"

	"holdfast/traffic/vrrp/config"
)

// virtualMAC is the virtual router's own (RFC 9568, 7.3), unless another is configured.
func virtualMAC(i *config.Instance) net.HardwareAddr {
	if i.VMAC.MAC != nil {
		return i.VMAC.MAC
	}
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
