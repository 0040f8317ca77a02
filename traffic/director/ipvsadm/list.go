package ipvsadm

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// A form is one of the listings.
type form struct {
	head   string // without the line of the program
	server func(s plane.Server, width string) string
	counts bool // services have counters instead of their settings
}

var forms = map[string]form{
	"": {"Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn", func(s plane.Server, name string) string {
		return fmt.Sprintf("%-33s %-7s %-6d %-10d %-10d", name, forwardWord(s.Forward), s.Weight, s.Active, s.Inactive)
	}, false},
	"thresholds": {"Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port", func(s plane.Server, name string) string {
		return fmt.Sprintf("%-33s %-10d %-10d %-10d %-10d", name, s.Upper, s.Lower, s.Active, s.Inactive)
	}, false},
	"persistent-conn": {"Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port", func(s plane.Server, name string) string {
		return fmt.Sprintf("%-33s %-9d %-11d %-10d %-10d", name, s.Weight, s.Persistent, s.Active, s.Inactive)
	}, false},
	"tun-info": {"Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn", func(s plane.Server, name string) string {
		return fmt.Sprintf("%-33s %-7s %-13s %-6d %-10d %-10d", name, forwardWord(s.Forward), tunnelWord(s.Server), s.Weight, s.Active, s.Inactive)
	}, false},
	"stats": {"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port", nil, true},
	"rate":  {"Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  -> RemoteAddress:Port", nil, true},
}

func forwardWord(f table.Forward) string {
	return [...]string{table.NAT: "Masq", table.Direct: "Route", table.Tunnel: "Tunnel", table.Local: "Local"}[f]
}

func tunnelWord(s table.Server) string {
	if s.Forward != table.Tunnel {
		return "n/a"
	}
	sum := "-c"
	switch {
	case s.Wrap.Remote:
		sum = "r+c"
	case s.Wrap.Checksum:
		sum = "+c"
	}
	switch s.Wrap.Kind {
	case table.GUE:
		return fmt.Sprintf("gue:%d:%s", s.Wrap.Port, sum)
	case table.GRE:
		return "gre:" + sum
	}
	return "ipip"
}

// sized is a plane that says how large its table of connections is.
type sized interface{ Size() (int, error) }

// defaultSize is what planes without a fixed size are listed with, as ip_vs without options.
const defaultSize = 4096

// list prints what -L asks for.
func (t typed) list(p plane.Plane, w io.Writer) error {
	switch {
	case t.has("connection"):
		return t.connections(p, w)
	case t.has("timeout"):
		return timeouts(p, w)
	case t.has("daemon"):
		return syncs(p, w)
	}
	key, chosen, err := t.service()
	if err != nil {
		return err
	}
	var keys []table.Key
	if chosen {
		keys = append(keys, key)
	}
	all, err := p.Status(keys...)
	if err != nil {
		return err
	}
	if chosen && len(all) == 0 {
		return fmt.Errorf("service %s: %w", key, table.ErrNotFound)
	}
	if !chosen {
		size := defaultSize
		if s, ok := p.(sized); ok {
			if size, err = s.Size(); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "IP Virtual Server version 1.2.1 (size=%d)\n", size)
	}
	name := ""
	for _, one := range []string{"stats", "rate", "thresholds", "persistent-conn", "tun-info"} {
		if t.has(one) {
			name = one
			break
		}
	}
	t.table(w, name, all)
	return nil
}

// table prints services in one of the forms.
func (t typed) table(w io.Writer, name string, all []plane.Service) {
	f, names, rates := forms[name], names{numeric: t.has("numeric")}, name == "rate"
	fmt.Fprintln(w, f.head)
	for _, s := range all {
		title := protocolWord(s.Key) + " " + names.service(s.Key)
		if f.counts {
			fmt.Fprintf(w, "%-33s%s\n", title, t.counts(s.Counters, s.Rates, rates))
		} else {
			fmt.Fprintln(w, title+" "+settings(s.Service))
		}
		servers := s.Servers
		if !t.has("nosort") {
			servers = slices.SortedFunc(slices.Values(servers), func(a, b plane.Server) int {
				return cmp.Or(a.Address.Addr().BitLen()-b.Address.Addr().BitLen(), a.Address.Compare(b.Address))
			})
		}
		for _, server := range servers {
			title := "  -> " + names.address(server.Address, s.Key.Protocol)
			if f.counts {
				fmt.Fprintf(w, "%-33s%s\n", title, t.counts(server.Counters, server.Rates, rates))
			} else {
				fmt.Fprintln(w, f.server(server, title))
			}
		}
	}
}

func protocolWord(k table.Key) string {
	if k.Mark != 0 {
		return "FWM "
	}
	return fmt.Sprintf("%-4s", strings.ToUpper(k.Protocol.String()))
}

// settings is a service's scheduler and flags.
func settings(s table.Service) string {
	text := s.Scheduler
	if f := scheduleFlags(s); f != "" {
		text += " (" + f + ")"
	}
	if s.Persist > 0 {
		text += fmt.Sprintf(" persistent %d", s.Persist/time.Second)
		if s.Netmask != 0 && s.ClientBits() != (table.Service{Key: s.Key}).ClientBits() {
			text += " mask " + maskText(s)
		}
	}
	if s.Engine != "" {
		text += " pe " + s.Engine
	}
	if s.Flags&table.OnePacket != 0 {
		text += " ops"
	}
	return text
}

func maskText(s table.Service) string {
	if s.Key.Is6() {
		return fmt.Sprint(s.Netmask)
	}
	ones := ^uint32(0) << (32 - s.Netmask)
	return netip.AddrFrom4([4]byte{byte(ones >> 24), byte(ones >> 16), byte(ones >> 8), byte(ones)}).String()
}

func scheduleFlags(s table.Service) string {
	var all []string
	left := s.Flags &^ table.OnePacket
	for _, f := range flagNames {
		if left&f.flag != 0 && (f.of == s.Scheduler || f.of == "") {
			all = append(all, f.name)
			left &^= f.flag
		}
	}
	return strings.Join(all, ",")
}

func (t typed) counts(totals, rates plane.Counters, rate bool) string {
	if rate {
		totals = rates
	}
	text := ""
	for _, n := range []uint64{totals.Connections, totals.InPackets, totals.OutPackets, totals.InBytes, totals.OutBytes} {
		text += " " + t.count(n)
	}
	return text
}

// count writes a number in 8 columns; unless it is to be exact, in thousands, millions and so on when it needs more.
func (t typed) count(n uint64) string {
	const large = 100_000_000
	unit := ""
	if !t.has("exact") {
		for _, next := range []string{"K", "M", "G", "T"} {
			if n < large {
				break
			}
			n, unit = n/1000, next
		}
	}
	return fmt.Sprintf("%8s", fmt.Sprint(n)+unit)
}

func timeouts(p plane.Plane, w io.Writer) error {
	timed, ok := p.(plane.Timed)
	if !ok {
		return &plane.Unsupported{Plane: p.Name(), Feature: "timeouts of connections"}
	}
	t, err := timed.Timeouts()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Timeout (tcp tcpfin udp): %d %d %d\n", t.TCP/time.Second, t.TCPFinish/time.Second, t.UDP/time.Second)
	return nil
}

func syncs(p plane.Plane, w io.Writer) error {
	synchronized, ok := p.(plane.Synchronized)
	if !ok {
		return nil // none runs
	}
	all, err := synchronized.Syncs()
	for _, s := range all {
		group, port, ttl := s.Group, cmp.Or(s.Port, 8848), cmp.Or(s.TTL, 1)
		if !group.IsValid() {
			group = netip.AddrFrom4([4]byte{224, 0, 0, 81})
		}
		fmt.Fprintf(w, "%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)\n", s.Role, s.Interface, s.ID, s.Longest, group, port, ttl)
	}
	return err
}

// connections lists the plane's connections.
func (t typed) connections(p plane.Plane, w io.Writer) error {
	names := names{numeric: t.has("numeric")}
	fmt.Fprintln(w, "IPVS connection entries")
	head := "pro expire state       source             virtual            destination"
	engines := t.has("persistent-conn")
	if engines {
		head += "        pe name          pe_data"
	}
	fmt.Fprintln(w, head)
	return p.Connections(func(c plane.Connection) bool {
		protocol := "IP"
		if c.Protocol != 0 {
			protocol = strings.ToUpper(c.Protocol.String())
		}
		at := func(a netip.AddrPort) string { return names.address(a, c.Protocol) }
		line := fmt.Sprintf("%-3s %02d:%02d  %-11s %-18s %-18s %s", protocol, c.Expires/time.Minute, c.Expires%time.Minute/time.Second,
			c.State, at(c.Client), at(c.Virtual), at(c.Server))
		if engines && c.Engine != "" {
			line += " " + c.Engine + " " + c.Data
		}
		_, err := fmt.Fprintln(w, line)
		return err == nil
	})
}
