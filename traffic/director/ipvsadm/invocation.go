package ipvsadm

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// service reads which service is meant; ok is false if none is.
func (t typed) service() (k table.Key, ok bool, err error) {
	name, err := t.oneOf(services)
	if err != nil || name == "" {
		return k, false, err
	}
	text := t.given[name]
	if name == "fwmark-service" {
		mark, err := strconv.ParseUint(text, 10, 32)
		if err != nil || mark == 0 {
			return k, false, wrong("firewall mark %q: want a number from 1 to %d", text, uint32(math.MaxUint32))
		}
		return table.Key{Mark: uint32(mark), IPv6: t.has("ipv6")}, true, nil
	}
	k.Protocol = map[string]table.Protocol{"tcp-service": table.TCP, "udp-service": table.UDP, "sctp-service": table.SCTP}[name]
	k.Address, err = address(text, k.Protocol, 0)
	return k, true, err
}

// address reads host[:port], both of which may be names; otherwise is the port if none is given.
func address(text string, p table.Protocol, otherwise uint16) (netip.AddrPort, error) {
	host, port := text, ""
	if bare, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(bare, otherwise), nil
	}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port = text[:i], text[i+1:]
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		found, err := net.DefaultResolver.LookupNetIP(background, "ip", host)
		if err != nil || len(found) == 0 || host == "" {
			return netip.AddrPort{}, wrong("%q is no address: want HOST or HOST:PORT, IPv6 addresses in brackets", text)
		}
		slices.SortStableFunc(found, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
		a = found[0].Unmap()
	}
	if port == "" {
		return netip.AddrPortFrom(a, otherwise), nil
	}
	n, err := portNumber(port, p)
	if err != nil {
		return netip.AddrPort{}, wrong("%q: port %q is neither a number up to 65535 nor the name of a service", text, port)
	}
	return netip.AddrPortFrom(a, n), nil
}

func portNumber(text string, p table.Protocol) (uint16, error) {
	if n, err := strconv.ParseUint(text, 10, 16); err == nil {
		return uint16(n), nil
	}
	network := p.String()
	if p != table.UDP {
		network = "tcp"
	}
	n, err := net.LookupPort(network, text)
	if text == "" || text[0] == '-' || text[0] >= '0' && text[0] <= '9' {
		err = fmt.Errorf("%q is no port", text)
	}
	return uint16(n), err
}

func (t typed) number(name string, otherwise, low, high int) (int, error) {
	text, ok := t.given[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, wrong("--%s %q: want a number from %d to %d", name, text, low, high)
	}
	return n, nil
}

// scheduledService reads all of a service for -A and -E.
func (t typed) scheduledService() (table.Service, error) {
	key, _, err := t.service()
	s := table.Service{Key: key, Scheduler: table.DefaultScheduler, Engine: t.given["pe"]}
	if err != nil {
		return s, err
	}
	if name, ok := t.given["scheduler"]; ok {
		s.Scheduler = name
	}
	if t.has("persistent") {
		s.Persist = table.DefaultPersist
		if t.given["persistent"] != "" {
			seconds, err := t.number("persistent", 0, 1, math.MaxInt32)
			if err != nil {
				return s, err
			}
			s.Persist = time.Duration(seconds) * time.Second
		}
	}
	if s.Netmask, err = t.netmask(key); err != nil {
		return s, err
	}
	if s.Flags, err = flags(t.given["sched-flags"], s.Scheduler); err != nil {
		return s, err
	}
	if t.has("ops") {
		s.Flags |= table.OnePacket
	}
	if err := s.Check(); err != nil && slices.Contains(table.Schedulers, s.Scheduler) {
		return s, usage{err}
	}
	return s, nil
}

// netmask reads 255.255.255.0 for IPv4, and 64 for IPv6.
func (t typed) netmask(key table.Key) (int, error) {
	text, ok := t.given["netmask"]
	if !ok {
		return 0, nil
	}
	if !t.has("persistent") {
		return 0, wrong("--netmask is for persistent services: give -p, too")
	}
	if key.Is6() {
		return t.number("netmask", 0, 1, 128)
	}
	a, err := netip.ParseAddr(text)
	if err == nil && a.Is4() {
		mask := net.IPMask(a.AsSlice())
		if bits, size := mask.Size(); size == 32 && bits > 0 {
			return bits, nil
		}
	}
	return 0, wrong("--netmask %q: want ones followed by zeros, as in 255.255.255.0", text)
}

var flagNames = []struct {
	name string
	flag table.Flags
	of   string // scheduler; "": any
}{
	{"sh-fallback", table.Fallback, "sh"}, {"sh-port", table.Port, "sh"},
	{"mh-fallback", table.Fallback, "mh"}, {"mh-port", table.Port, "mh"},
	{"flag-1", table.Schedule1, ""}, {"flag-2", table.Schedule2, ""}, {"flag-3", table.Schedule3, ""},
}

func flags(text, scheduler string) (table.Flags, error) {
	var all table.Flags
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' }) {
		known := false
		var names []string
		for _, f := range flagNames {
			if f.of == "" || f.of == scheduler {
				names = append(names, f.name)
				if f.name == word {
					all, known = all|f.flag, true
				}
			}
		}
		if !known {
			return 0, wrong("scheduler %s has no flag %q: want one of %s", scheduler, word, strings.Join(names, ", "))
		}
	}
	return all, nil
}

// server reads a real server for -a, -e and -d.
func (t typed) server(key table.Key) (s table.Server, err error) {
	protocol := key.Protocol
	if s.Address, err = address(t.given["real-server"], protocol, key.Address.Port()); err != nil {
		return s, err
	}
	way, err := t.oneOf(forwarding)
	if err != nil {
		return s, err
	}
	s.Forward = map[string]table.Forward{"": table.Direct, "gatewaying": table.Direct, "ipip": table.Tunnel, "masquerading": table.NAT}[way]
	if s.Forward != table.NAT && key.Mark == 0 && t.command != "delete-server" {
		s.Address = netip.AddrPortFrom(s.Address.Addr(), key.Address.Port())
	}
	if s.Weight, err = t.number("weight", 1, 0, math.MaxInt32); err != nil {
		return s, err
	}
	upper, err := t.number("u-threshold", 0, 0, 65535)
	if err != nil {
		return s, err
	}
	lower, err := t.number("l-threshold", 0, 0, 65535)
	if err != nil {
		return s, err
	}
	s.Upper, s.Lower = uint32(upper), uint32(lower)
	if s.Lower > s.Upper {
		return s, wrong("--l-threshold %d is above --u-threshold %d", lower, upper)
	}
	s.Wrap, err = t.wrapping(s.Forward)
	return s, err
}

var tunnelNames = []string{"ipip", "gue", "gre"}

func (t typed) wrapping(f table.Forward) (w table.Wrapping, err error) {
	for _, name := range tunnels {
		if t.has(name) && f != table.Tunnel {
			return w, wrong("--%s is for tunnels: give -i, too", name)
		}
	}
	if text, ok := t.given["tun-type"]; ok {
		i := slices.Index(tunnelNames, text)
		if i < 0 {
			return w, wrong("--tun-type %q: want one of %s", text, strings.Join(tunnelNames, ", "))
		}
		w.Kind = table.TunnelKind(i)
	}
	port, err := t.number("tun-port", 0, 1, 65535)
	if err != nil {
		return w, err
	}
	w.Port, w.Checksum, w.Remote = uint16(port), t.has("tun-csum"), t.has("tun-remcsum")
	switch {
	case w.Kind == table.GUE && port == 0:
		return w, wrong("--tun-type gue needs --tun-port")
	case w.Kind != table.GUE && (port != 0 || w.Remote):
		return w, wrong("--tun-port and --tun-remcsum are for --tun-type gue")
	case w.Kind == table.IPIP && w.Checksum:
		return w, wrong("--tun-csum is for --tun-type gue and gre")
	}
	return w, nil
}

// changeKinds are the commands that change one thing.
var changeKinds = map[string]table.Kind{
	"add-service": table.AddService, "edit-service": table.EditService, "delete-service": table.DeleteService,
	"add-server": table.AddServer, "edit-server": table.EditServer, "delete-server": table.DeleteServer,
}

// change is the change that a command line asks for.
func (t typed) change() (table.Change, error) {
	c := table.Change{Do: changeKinds[t.command]}
	var err error
	if c.Do == table.AddService || c.Do == table.EditService {
		c.Service, err = t.scheduledService()
		return c, err
	}
	if c.Service.Key, _, err = t.service(); err == nil && c.Do != table.DeleteService {
		c.Server, err = t.server(c.Service.Key)
	}
	return c, err
}

// sync reads the options of --start-daemon.
func (t typed) sync() (s plane.Sync, err error) {
	if s.Role, err = role(t.given["start-daemon"]); err != nil {
		return s, err
	}
	if s.Interface = t.given["mcast-interface"]; s.Interface == "" {
		return s, wrong("--start-daemon needs --mcast-interface INTERFACE")
	}
	if group, ok := t.given["mcast-group"]; ok {
		if s.Group, err = netip.ParseAddr(group); err != nil || !s.Group.IsMulticast() {
			return s, wrong("--mcast-group %q: want a multicast address", group)
		}
	}
	id, err1 := t.number("syncid", 0, 0, 255)
	longest, err2 := t.number("sync-maxlen", 0, 1, 65507)
	port, err3 := t.number("mcast-port", 0, 1, 65535)
	ttl, err4 := t.number("mcast-ttl", 0, 1, 255)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return s, err
		}
	}
	s.ID, s.Longest, s.Port, s.TTL = uint8(id), longest, uint16(port), uint8(ttl)
	return s, nil
}

func role(text string) (plane.Role, error) {
	for _, r := range []plane.Role{plane.Master, plane.Backup} {
		if r.String() == text {
			return r, nil
		}
	}
	return 0, wrong("%q: want master or backup", text)
}
