package config

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/traffic/director/table"
)

// Names finds what names in a configuration stand for.
type Names interface {
	Host(name string, is6 bool) (netip.Addr, error)
	Port(name string, p table.Protocol) (uint16, error)
}

// System asks the machine's own resolver and its list of services.
type System struct{ Context context.Context }

// Host finds an address of the IP version.
func (s System) Host(name string, is6 bool) (netip.Addr, error) {
	network := "ip4"
	if is6 {
		network = "ip6"
	}
	found, err := net.DefaultResolver.LookupNetIP(s.Context, network, name)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, fmt.Errorf("find the address of %q: %w", name, err)
	}
	return found[0].Unmap(), nil
}

// Port finds a service's port.
func (s System) Port(name string, p table.Protocol) (uint16, error) {
	network := "tcp"
	if p == table.UDP {
		network = "udp"
	}
	n, err := net.DefaultResolver.LookupPort(s.Context, network, name)
	return uint16(n), err
}

// Literal knows no names: for tests, and for reading files that must not depend on the machine.
type Literal struct{}

// Host knows none.
func (Literal) Host(name string, _ bool) (netip.Addr, error) {
	return netip.Addr{}, fmt.Errorf("the address of %q is not known", name)
}

// Port knows the ones that everybody writes.
func (Literal) Port(name string, _ table.Protocol) (uint16, error) {
	if n, ok := map[string]uint16{"http": 80, "https": 443, "smtp": 25, "domain": 53}[name]; ok {
		return n, nil
	}
	return 0, fmt.Errorf("the port of %q is not known", name)
}

// HostPort reads host[:port]; IPv6 addresses stand in brackets, or alone. port is 0 if there is none.
func HostPort(n Names, text string, p table.Protocol, is6 bool) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(unbracketed(text)); err == nil {
		return netip.AddrPortFrom(a, 0), nil
	}
	host, port, has := text, "", false
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port, has = text[:i], text[i+1:], true
	}
	a, err := netip.ParseAddr(unbracketed(host))
	if err != nil {
		if host == "" || strings.ContainsAny(host, " \t[]:") {
			return netip.AddrPort{}, fmt.Errorf("%q: want an address or name, and perhaps a colon and a port", text)
		}
		if a, err = n.Host(host, is6); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	number := uint16(0)
	if has {
		if number, err = PortNumber(n, port, p); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	return netip.AddrPortFrom(a, number), nil
}

// unbracketed takes both brackets off.
func unbracketed(text string) string {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok {
			return inner
		}
	}
	return text
}

// PortNumber reads a port's number or name.
func PortNumber(n Names, text string, p table.Protocol) (uint16, error) {
	if number, err := strconv.Atoi(text); err == nil {
		if number < 0 || number > 65535 {
			return 0, fmt.Errorf("port %q: want 0 to 65535", text)
		}
		return uint16(number), nil
	}
	number, err := n.Port(text, p)
	if err != nil {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535 or a service's name: %w", text, err)
	}
	return number, nil
}
