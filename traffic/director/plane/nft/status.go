package nft

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// count is what is counted of a server.
type count struct{ plane.Server }

// Status counts from connection tracking: connections that are open, and what passed on them if the kernel counts that
// (net.netfilter.nf_conntrack_acct).
func (p *Plane) Status(keys ...table.Key) ([]plane.Service, error) {
	t, err := p.Table()
	if err != nil {
		return nil, err
	}
	type pair struct {
		service table.Key
		server  netip.AddrPort
	}
	counts := map[pair]*count{}
	err = p.flows(t, func(k table.Key, c plane.Connection, f *netlink.ConntrackFlow) bool {
		at := pair{k, c.Server}
		if counts[at] == nil {
			counts[at] = &count{}
		}
		counts[at].add(c, f)
		return true
	})
	if err != nil {
		return nil, err
	}
	var all []plane.Service
	for _, s := range t.Sorted() {
		if len(keys) > 0 && !slices.Contains(keys, s.Key) {
			continue
		}
		status := plane.Service{Service: s}
		status.Service.Servers = nil
		for _, server := range s.Servers {
			one := plane.Server{}
			if c := counts[pair{s.Key, reached(s.Key, server.Address)}]; c != nil {
				one = c.Server
			}
			one.Server = server
			status.Counters = status.Counters.Plus(one.Counters)
			status.Servers = append(status.Servers, one)
		}
		all = append(all, status)
	}
	return all, nil
}

// Connections reads the kernel's connection tracking.
func (p *Plane) Connections(yield func(plane.Connection) bool) error {
	t, err := p.Table()
	if err != nil {
		return err
	}
	return p.flows(t, func(_ table.Key, c plane.Connection, _ *netlink.ConntrackFlow) bool { return yield(c) })
}

// flows tells of each tracked connection to a service's server.
func (p *Plane) flows(t table.Table, yield func(table.Key, plane.Connection, *netlink.ConntrackFlow) bool) error {
	marks := marked(t)
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		all, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		if err != nil {
			return fmt.Errorf("read the kernel's connections: %w", err)
		}
		for _, f := range all {
			c := connection(f)
			k, ok := serviceOf(t, marks, c)
			if ok && !yield(k, c, f) {
				return nil
			}
		}
	}
	return nil
}

func endpoint(ip []byte, port uint16) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port)
}

// tcpStates are the words of the kernel's numbers (enum tcp_conntrack).
var tcpStates = []string{"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "LISTEN"}

func connection(f *netlink.ConntrackFlow) plane.Connection {
	c := plane.Connection{
		Protocol: table.Protocol(f.Forward.Protocol),
		Client:   endpoint(f.Forward.SrcIP, f.Forward.SrcPort), Virtual: endpoint(f.Forward.DstIP, f.Forward.DstPort),
		Server: endpoint(f.Reverse.SrcIP, f.Reverse.SrcPort), Expires: time.Duration(f.TimeOut) * time.Second, State: "NONE",
	}
	switch info := f.ProtoInfo.(type) {
	case *netlink.ProtoInfoTCP:
		if int(info.State) < len(tcpStates) {
			c.State = tcpStates[info.State]
		}
	default:
		if c.Protocol == table.UDP {
			c.State = "UDP"
		}
	}
	return c
}

// add counts a connection for its server.
func (s *count) add(c plane.Connection, f *netlink.ConntrackFlow) {
	if c.State == "ESTABLISHED" || c.State == "UDP" {
		s.Active++
	} else {
		s.Inactive++
	}
	s.Counters = s.Counters.Plus(plane.Counters{
		Connections: 1, InPackets: f.Forward.Packets, OutPackets: f.Reverse.Packets, InBytes: f.Forward.Bytes, OutBytes: f.Reverse.Bytes,
	})
}

// marked lists servers of firewall marks, which a connection is found by.
func marked(t table.Table) map[netip.Addr]table.Key {
	all := map[netip.Addr]table.Key{}
	for k, s := range t {
		for _, server := range s.Servers {
			if k.Mark != 0 {
				all[server.Address.Addr()] = k
			}
		}
	}
	return all
}

// serviceOf finds the service of a connection.
func serviceOf(t table.Table, marks map[netip.Addr]table.Key, c plane.Connection) (table.Key, bool) {
	k := table.Key{Protocol: c.Protocol, Address: c.Virtual}
	if _, ok := t[k]; ok {
		return k, true
	}
	k.Address = netip.AddrPortFrom(c.Virtual.Addr(), 0)
	if _, ok := t[k]; ok {
		return k, true
	}
	if c.Server == c.Virtual {
		return k, false
	}
	k, ok := marks[c.Server.Addr()]
	return k, ok
}

// forgetDatagrams ends the tracking of UDP to servers that are gone: it would lead there for as long as packets come.
func forgetDatagrams(k table.Key, gone []table.Server) error {
	if len(gone) == 0 || k.Protocol == table.TCP || k.Protocol == table.SCTP {
		return nil
	}
	family := netlink.InetFamily(nl.FAMILY_V4)
	if k.Is6() {
		family = nl.FAMILY_V6
	}
	_, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, datagramsTo(gone))
	return err
}

// datagramsTo matches UDP to any of some servers.
type datagramsTo []table.Server

// MatchConntrackFlow tells whether a flow is one.
func (d datagramsTo) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	to := endpoint(f.Reverse.SrcIP, f.Reverse.SrcPort)
	return f.Forward.Protocol == unix.IPPROTO_UDP && slices.ContainsFunc(d, func(s table.Server) bool {
		return s.Address.Addr() == to.Addr() && (s.Address.Port() == 0 || s.Address.Port() == to.Port())
	})
}

// Zero has nothing to set back: what is counted are connections that are open.
func (p *Plane) Zero(key *table.Key) error {
	if key == nil {
		return nil
	}
	t, err := p.Table()
	if err != nil {
		return err
	}
	if _, ok := t[*key]; !ok {
		return fmt.Errorf("zero the counters of %s: %w", *key, table.ErrNotFound)
	}
	return nil
}
