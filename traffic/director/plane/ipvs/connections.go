package ipvs

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// Connections reads /proc/net/ip_vs_conn.
func (p *Plane) Connections(yield func(plane.Connection) bool) error {
	f, err := os.Open("/proc/thread-self/net/ip_vs_conn")
	if err != nil {
		return fmt.Errorf("read the kernel's connections: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for first := true; lines.Scan(); first = false {
		if first {
			continue // the heading
		}
		c, err := connection(lines.Text())
		if err != nil {
			return fmt.Errorf("read the kernel's connections: %w", err)
		}
		if !yield(c) {
			return nil
		}
	}
	return lines.Err()
}

// connection reads a line: protocol, three addresses with ports, state, seconds left, perhaps an engine and its data.
func connection(line string) (plane.Connection, error) {
	words := strings.Fields(line)
	if len(words) < 9 {
		return plane.Connection{}, fmt.Errorf("%q: want at least 9 words", line)
	}
	c := plane.Connection{State: words[7]}
	if p, err := table.ParseProtocol(words[0]); err == nil {
		c.Protocol = p
	} // else the template of a firewall mark: IP
	for i, to := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Server} {
		a, err := hexAddress(words[1+2*i])
		if err != nil {
			return c, fmt.Errorf("%q: %w", line, err)
		}
		port, err := strconv.ParseUint(words[2+2*i], 16, 16)
		if err != nil {
			return c, fmt.Errorf("%q: port: %w", line, err)
		}
		*to = netip.AddrPortFrom(a, uint16(port))
	}
	seconds, err := strconv.ParseUint(words[8], 10, 32)
	if err != nil {
		return c, fmt.Errorf("%q: seconds: %w", line, err)
	}
	c.Expires = time.Duration(seconds) * time.Second
	if len(words) > 10 {
		c.Engine, c.Data = words[9], strings.Join(words[10:], " ")
	}
	return c, nil
}

// hexAddress reads 0A000001 or an IPv6 address.
func hexAddress(text string) (netip.Addr, error) {
	if strings.Contains(text, ":") {
		return netip.ParseAddr(strings.Trim(text, "[]"))
	}
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		return netip.Addr{}, err
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), nil
}
