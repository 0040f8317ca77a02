package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// place is an address as directives write it.
type place struct {
	network    string // tcp, unix, fd, stdout, stderr
	host       string // as it was written
	addr       netip.Addr
	first      int // port; 0: none
	last       int
	relative   bool // +10 or -10
	path       string
	fd         int
	anyAddress bool
}

// place reads ADDRESS, ADDRESS:PORT, ADDRESS:FIRST-LAST, :PORT, *:PORT, /path, unix@path, abns@name, fd@N, ipv4@…, ipv6@….
func (p *parser) place(text string) (place, error) { return p.placeOf(text, p.source.Resolve) }

// placeOf is place with a way of its own to the address of a name.
func (p *parser) placeOf(text string, resolve func(host string) (netip.Addr, error)) (place, error) {
	a := place{network: "tcp", addr: netip.IPv4Unspecified()}
	family, rest, prefixed := strings.Cut(text, "@")
	if !prefixed {
		family, rest = "", text
	}
	switch family {
	case "", "ipv4", "ipv6", "tcp4", "tcp6", "tcp", "stream":
	case "unix", "uxst":
		rest = "/" + strings.TrimPrefix(rest, "/")
	case "abns":
		return place{network: "unix", path: "@" + rest}, nil
	case "fd":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return a, fmt.Errorf("%q is not the number of a descriptor", rest)
		}
		return place{network: "fd", fd: n}, nil
	case "udp", "udp4", "udp6", "quic4", "quic6", "sockpair", "rhttp":
		return a, fmt.Errorf("address %q: %s is not offered", text, family)
	default:
		return a, fmt.Errorf("address %q: the family %q is not known", text, family)
	}
	if strings.HasPrefix(rest, "/") {
		return place{network: "unix", path: rest}, nil
	}
	host := rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && !(strings.Count(rest, ":") > 1 && strings.HasSuffix(rest, "]")) {
		host = rest[:i]
		if err := a.ports(rest[i+1:]); err != nil {
			return a, fmt.Errorf("address %q: %w", text, err)
		}
	}
	return placeHost(a, family, host, resolve)
}

func (a *place) ports(text string) error {
	if text == "" {
		return nil
	}
	if text[0] == '+' || text[0] == '-' {
		a.relative = true
	}
	low, high, isRange := strings.Cut(strings.TrimPrefix(text, "+"), "-")
	if a.relative {
		low, isRange = strings.TrimPrefix(text, "+"), false
	}
	first, err := strconv.Atoi(low)
	last := first
	if err == nil && isRange {
		last, err = strconv.Atoi(high)
	}
	if err != nil || !a.relative && (first < 0 || last < first || last > 65535) {
		return fmt.Errorf("port %q is not a number, nor a range, up to 65535", text)
	}
	a.first, a.last = first, last
	return nil
}

func placeHost(a place, family, host string, resolve func(host string) (netip.Addr, error)) (place, error) {
	a.host = host
	bare := strings.Trim(host, "[]")
	six := strings.HasSuffix(family, "6")
	switch {
	case bare == "" || bare == "*":
		a.anyAddress = true
		if six {
			a.addr = netip.IPv6Unspecified()
		}
		return a, nil
	case bare == "::":
		a.anyAddress = true
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		a.addr = addr
		return a, a.isOf(family)
	}
	addr, err := resolve(bare)
	if err != nil {
		return a, fmt.Errorf("find the address of %q: %w", bare, err)
	}
	a.addr = addr.Unmap()
	return a, a.isOf(family)
}

// isOf makes sure that an address is of the family that stands before it.
func (a *place) isOf(family string) error {
	if strings.HasSuffix(family, "4") && !a.addr.Is4() || strings.HasSuffix(family, "6") && a.addr.Is4() {
		return fmt.Errorf("%s is not an address of %s@", a.addr, family)
	}
	return nil
}

// source reads ADDRESS[:PORT] of a `source` directive.
func (p *parser) sourceAddress(text string) (netip.AddrPort, error) {
	a, err := p.place(text)
	if err == nil && (a.network != "tcp" || a.first != a.last) {
		err = fmt.Errorf("%q is not an address with at most one port", text)
	}
	return netip.AddrPortFrom(a.addr, uint16(a.first)), err
}
