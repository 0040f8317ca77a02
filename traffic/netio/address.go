package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Held is an address that this host has or had.
type Held struct {
	IP   netip.Addr
	Link string // the interface's name
	addr netlink.Addr
}

// Find returns those of the addresses that this host has now, in the kernel's order.
func Find(wanted ...netip.Addr) ([]Held, error) {
	all, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	var held []Held
	for _, a := range all {
		ip, ok := netip.AddrFromSlice(a.IP)
		if ip = ip.Unmap(); !ok || !slices.Contains(wanted, ip) {
			continue
		}
		link, err := netlink.LinkByIndex(a.LinkIndex)
		if err != nil {
			return held, fmt.Errorf("find the interface of %s: %w", ip, err)
		}
		held = append(held, Held{IP: ip, Link: link.Attrs().Name, addr: a})
	}
	return held, nil
}

// Drop takes the address from its interface. One that is gone already is no error.
func (h Held) Drop() error {
	link, err := netlink.LinkByIndex(h.addr.LinkIndex)
	if err == nil {
		err = netlink.AddrDel(link, &h.addr)
	}
	if err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return fmt.Errorf("take %s from %s: %w", h.IP, h.Link, err)
	}
	return nil
}

// Restore puts a dropped address back and announces it. One that is there already is
// only announced.
func (h Held) Restore() error {
	link, err := netlink.LinkByIndex(h.addr.LinkIndex)
	if err != nil {
		return fmt.Errorf("put %s back on %s: %w", h.IP, h.Link, err)
	}
	addr := h.addr
	addr.Flags = 0 // the kernel's: tentative, permanent
	if err := netlink.AddrAdd(link, &addr); err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("put %s back on %s: %w", h.IP, h.Link, err)
	}
	return Announce(link, h.IP)
}

// Announce tells the neighbours that the address is here.
func (h Held) Announce() error {
	link, err := netlink.LinkByIndex(h.addr.LinkIndex)
	if err != nil {
		return fmt.Errorf("announce %s on %s: %w", h.IP, h.Link, err)
	}
	return Announce(link, h.IP)
}

// Up tells whether the address's interface is up.
func (h Held) Up() (bool, error) {
	link, err := netlink.LinkByIndex(h.addr.LinkIndex)
	if err != nil {
		return false, fmt.Errorf("find interface %s: %w", h.Link, err)
	}
	return link.Attrs().Flags&net.FlagUp != 0, nil
}
