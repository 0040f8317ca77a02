package vrrp

import (
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"holdfast/traffic/vrrp/config"
)

// announcement of one address that is not sent yet.
type announcement struct {
	at      time.Duration
	router  string
	address config.Address
	again   bool         // it is repeated for as long as the router is active (garp_extra_if)
	link    netlink.Link // as found just now; nil: it is to be found
}

// pacing is an interface, or a group of them, and a family: announcements on it keep a distance.
type pacing struct {
	of   string
	ipv4 bool
}

// announce tells the network where addresses of an active router are, so many times: at once, or as far apart as configured.
func (d *Daemon) announce(m *member, addresses []config.Address, times int) {
	for _, a := range addresses {
		link, err := netlink.LinkByName((holdings{m.Belongings}).device(a))
		if err != nil {
			d.complain(m, err)
			continue
		}
		for range times {
			d.queue(announcement{at: now(), router: m.Router.Name, address: a, link: link})
		}
	}
}

// announceElsewhere begins to repeat the announcements of addresses that are not on the router's own interface.
func (d *Daemon) announceElsewhere(m *member) {
	for _, a := range m.Addresses {
		if m.Elsewhere > 0 && (holdings{m.Belongings}).device(a) != m.Interface {
			d.queue(announcement{at: now() + m.Elsewhere, router: m.Router.Name, address: a, again: true})
		}
	}
}

// queue sends an announcement that is due, or keeps it until it is.
func (d *Daemon) queue(a announcement) {
	m := d.members[a.router]
	name := (holdings{m.Belongings}).device(a.address)
	if m.VMAC != nil && name == m.VMAC.Name {
		name = m.Interface // the switch is the same
	}
	key := pacing{name, a.address.Prefix.Addr().Is4()}
	var distance time.Duration
	for i, p := range d.config.Paces {
		if len(p.Interfaces) > 0 && !slices.Contains(p.Interfaces, name) {
			continue
		}
		if distance = p.ND; key.ipv4 {
			distance = p.ARP
		}
		if len(p.Interfaces) > 0 {
			key.of = d.config.Paces[i].Interfaces[0]
		}
		break
	}
	if distance > 0 && !a.again {
		a.at = max(a.at, d.paced[key])
		d.paced[key] = a.at + distance
	}
	if a.at <= now() {
		d.sendAnnouncement(a)
		return
	}
	a.link = nil
	i, _ := slices.BinarySearchFunc(d.announcements, a.at+1, func(one announcement, at time.Duration) int { return int(one.at - at) })
	d.announcements = slices.Insert(d.announcements, i, a)
}

// announceDue sends those that are due.
func (d *Daemon) announceDue() {
	for len(d.announcements) > 0 && d.announcements[0].at <= now() {
		a := d.announcements[0]
		d.announcements = d.announcements[1:]
		d.sendAnnouncement(a)
		if a.again {
			a.at = now() + d.members[a.router].Elsewhere
			d.queue(a)
		}
	}
}

func (d *Daemon) sendAnnouncement(a announcement) {
	m := d.members[a.router]
	var err error
	if a.link == nil {
		a.link, err = netlink.LinkByName((holdings{m.Belongings}).device(a.address))
	}
	if err == nil {
		err = d.announcer.Announce(a.link, a.address.Prefix.Addr())
	}
	if err != nil {
		d.complain(m, err)
	}
}

// hush forgets what was to be announced of a router: it gives its addresses up.
func (d *Daemon) hush(name string) {
	d.announcements = slices.DeleteFunc(d.announcements, func(a announcement) bool { return a.router == name })
}
