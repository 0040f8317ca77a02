package lab

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink"
)

func bridgeName(link int) string { return fmt.Sprintf("link%d", link) }

// makeBridges makes one bridge per link in the keeper's network namespace.
func makeBridges(c Config) error {
	for i := range c.Links {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = bridgeName(i)
		snooping := false
		bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
		if err := netlink.LinkAdd(bridge); err != nil {
			return fmt.Errorf("make the bridge of link %d: %w", i, err)
		}
		if err := netlink.LinkSetUp(bridge); err != nil {
			return fmt.Errorf("set up the bridge of link %d: %w", i, err)
		}
	}
	return nil
}

// port is the name of a host's end of a link on the bridge.
func (h *keptHost) port(link int) string { return fmt.Sprintf("p%d.%d", h.index+1, link) }

// plug makes the host's veths, with the far ends as eth0, eth1, … in its network namespace.
func (h *keptHost) plug(pid int) error {
	for i := range h.keeper.config.Links {
		bridge, err := netlink.LinkByName(bridgeName(i))
		if err != nil {
			return fmt.Errorf("find the bridge of link %d: %w", i, err)
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MasterIndex = h.port(i), bridge.Attrs().Index
		veth := &netlink.Veth{
			LinkAttrs: attrs, PeerName: fmt.Sprintf("eth%d", i),
			PeerHardwareAddr: h.keeper.config.mac(h.index, i), PeerNamespace: netlink.NsPid(pid),
		}
		if err := netlink.LinkAdd(veth); err != nil {
			return fmt.Errorf("plug host %s into link %d: %w", h.name, i, err)
		}
		if h.isCut(i) {
			continue
		}
		if err := netlink.LinkSetUp(veth); err != nil {
			return fmt.Errorf("set up link %d of host %s: %w", i, h.name, err)
		}
	}
	return nil
}

// lower takes the carrier from every link of the host, so that nothing more gets out.
func (h *keptHost) lower() error {
	var err error
	for i := range h.keeper.config.Links {
		err = errors.Join(err, setPort(h.port(i), false))
	}
	return err
}

// unplug removes the veths. The kernel would do so too, some seconds after the host's
// network namespace is gone; until then the names could not be used again.
func (h *keptHost) unplug() error {
	var err error
	for i := range h.keeper.config.Links {
		link, findErr := netlink.LinkByName(h.port(i))
		if findErr != nil {
			continue
		}
		if delErr := netlink.LinkDel(link); delErr != nil && !errors.As(delErr, new(netlink.LinkNotFoundError)) && !errors.Is(delErr, syscall.ENODEV) {
			err = errors.Join(err, fmt.Errorf("unplug host %s from link %d: %w", h.name, i, delErr))
		}
	}
	return err
}

// setPort raises or lowers a bridge port. One that does not exist is as low as can be.
func setPort(port string, up bool) error {
	link, err := netlink.LinkByName(port)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err == nil && up {
		err = netlink.LinkSetUp(link)
	} else if err == nil {
		err = netlink.LinkSetDown(link)
	}
	if err != nil {
		return fmt.Errorf("set bridge port %s: %w", port, err)
	}
	return nil
}
