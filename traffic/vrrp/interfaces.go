package vrrp

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/vrrp/router"
)

// port is an interface as it is now.
type port struct {
	index     int
	up        bool // administratively, and with carrier
	addresses []netip.Addr
}

// ports looks at all interfaces of this host.
func ports() (map[string]*port, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	all, byIndex := map[string]*port{}, map[int]*port{}
	for _, link := range links {
		a := link.Attrs()
		p := &port{index: a.Index, up: a.Flags&net.FlagUp != 0 && (a.OperState == netlink.OperUp || a.OperState == netlink.OperUnknown)}
		all[a.Name], byIndex[a.Index] = p, p
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		ip, ok := netip.AddrFromSlice(a.IP)
		const unusable = unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED // nothing can be sent from it, yet or ever
		if p := byIndex[a.LinkIndex]; ok && p != nil && a.Flags&unusable == 0 {
			p.addresses = append(p.addresses, ip.Unmap())
		}
	}
	return all, nil
}

// sourceOn is the address that a router sends from: as configured, or the interface's first that no router floats;
// IPv6 advertisements come from link-local addresses (RFC 9568, 5.1.2.1).
func (m *member) sourceOn(p *port, floating map[netip.Addr]bool) netip.Addr {
	if s := m.Router.Source; s.IsValid() {
		return s
	}
	for _, a := range p.addresses {
		if a.Is4() == m.ipv4() && (a.Is4() || a.IsLinkLocalUnicast()) && !floating[a] {
			return a
		}
	}
	return netip.Addr{}
}

// floating are the addresses that are virtual here, and not owned by this host.
func (d *Daemon) floating() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for _, m := range d.members {
		for _, a := range m.Addresses {
			if m.Router.Priority != router.Owner {
				all[a.Prefix.Addr()] = true
			}
		}
	}
	return all
}

// examine looks at the interfaces: sockets are opened and closed, sources found, faults told.
func (d *Daemon) examine() {
	all, err := ports()
	if err != nil {
		d.log.Error("look at this host's interfaces", "error", err)
		return
	}
	for name, p := range all {
		p.up = d.settled(name, p.up)
		d.verdict.interfaces[name] = p.up
	}
	for name := range d.verdict.interfaces {
		if all[name] == nil {
			d.verdict.interfaces[name] = false
		}
	}
	floating := d.floating()
	for _, m := range d.members {
		for _, t := range m.Track.Interfaces {
			d.verdict.interfaces[t.Name] = all[t.Name] != nil && all[t.Name].up
		}
		d.attach(m, all)
		if p := all[m.Interface]; p != nil {
			m.source = m.sourceOn(p, floating)
			d.set.SetSource(m.Router.Name, m.source)
		}
		m.examinePort(all[m.Interface])
		if source := m.Router.Source; m.NeedsSource && source.IsValid() && !have(all, source) {
			m.portFaults = append(m.portFaults, "no interface has "+source.String()+", which it sends from")
		}
	}
	d.judge()
}

func have(all map[string]*port, address netip.Addr) bool {
	for _, p := range all {
		if slices.Contains(p.addresses, address) {
			return true
		}
	}
	return false
}

// linkAge is what counts of an interface whose changes count later.
type linkAge struct {
	up      bool
	changed time.Duration // since when it is otherwise; 0: it is not
}

// settled is whether an interface counts as up: changes count when they have lasted (interface_up_down_delays).
func (d *Daemon) settled(name string, up bool) bool {
	delays, ok := d.config.Delays[name]
	age, known := d.linkAges[name]
	delay := delays.Down
	if up {
		delay = delays.Up
	}
	switch {
	case !ok || !known || age.up == up || delay == 0:
		age = linkAge{up: up}
	case age.changed == 0:
		age.changed = now()
		time.AfterFunc(delay, func() { d.post(d.examine) })
	case now()-age.changed >= delay:
		age = linkAge{up: up}
	}
	d.linkAges[name] = age
	return age.up
}

// attach opens the sockets that an instance needs and has not, and closes those of interfaces that were made anew.
func (d *Daemon) attach(m *member, all map[string]*port) {
	names := []string{m.Interface}
	if m.VMAC != nil {
		names = append(names, m.VMAC.Name)
	}
	for _, name := range names {
		at, p := m.on(name), all[name]
		s := d.sockets[at]
		if s != nil && (p == nil || s.index != p.index) {
			s.close()
			delete(d.sockets, at)
			s = nil
		}
		if s == nil && p != nil && p.up {
			opened, err := openSocket(at, p.index)
			if err != nil {
				d.complain(m, err)
				continue
			}
			s = opened
			d.sockets[at] = s
			d.running.Add(1)
			go d.readSocket(s)
		}
		if s != nil && len(m.Peers) == 0 {
			d.complain(m, s.join(m.group()))
		}
	}
}

// judge tells the set what tracking makes of every router.
func (d *Daemon) judge() {
	for name, m := range d.members {
		s := d.verdict.judge(m.Track)
		for _, g := range m.groups {
			of := d.verdict.judge(g.Track)
			s.change += of.change
			s.faults = append(s.faults, of.faults...)
		}
		s.faults = append(s.faults, m.portFaults...)
		slices.Sort(s.faults)
		s.faults = slices.Compact(s.faults)
		before := d.set.Priority(name)
		d.set.SetPriority(name, int(m.Router.Priority)+s.change)
		if d.set.Priority(name) != before {
			d.notifyPriority(m)
		}
		d.tellFaults(m, s.faults)
	}
}

// examinePort finds what is wrong with a router's own interface, unless that is not to count.
func (m *member) examinePort(p *port) {
	fault := ""
	switch {
	case m.Unwatched:
	case p == nil:
		fault = "does not exist"
	case !p.up:
		fault = "is down"
	case !m.source.IsValid():
		fault = "has no address to send from"
	}
	m.portFaults = nil
	if fault != "" {
		m.portFaults = []string{"its interface " + m.Interface + " " + fault}
	}
}

func (d *Daemon) tellFaults(m *member, faults []string) {
	before := m.faults
	m.faults = faults
	for _, f := range faults {
		if !slices.Contains(before, f) {
			d.do(d.set.SetFault(now(), m.Router.Name, f, true))
		}
	}
	for _, f := range before {
		if !slices.Contains(faults, f) {
			d.do(d.set.SetFault(now(), m.Router.Name, f, false))
		}
	}
}
