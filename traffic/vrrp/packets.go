package vrrp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"holdfast/traffic/vrrp/packet"
)

// send sends an advertisement to the group or to every peer.
func (d *Daemon) send(m *member, a packet.Advertisement) error {
	sending := m.on(m.Interface)
	if m.VMAC != nil && !m.VMAC.FromBase {
		sending.name = m.VMAC.Name
	}
	s := d.sockets[sending]
	if s == nil || !m.source.IsValid() {
		return fmt.Errorf("send an advertisement: interface %s is not ready", sending.name)
	}
	to, ttl := m.Peers, cmp.Or(m.TTL, packet.TTL)
	if len(to) == 0 {
		to, ttl = []netip.Addr{m.group()}, packet.TTL
	}
	var errs []error
	for _, peer := range to {
		path := packet.Path{Source: m.source, Destination: peer}
		b, err := a.Marshal(path)
		if err == nil {
			b, err = d.seal(m, b, path)
		}
		if err == nil {
			err = s.send(d.behindHeader(m, b, path), path, ttl)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// group is where a router's advertisements go that has no peers.
func (m *member) group() netip.Addr {
	switch {
	case m.Group.IsValid():
		return m.Group
	case m.ipv4():
		return packet.GroupIPv4
	}
	return packet.GroupIPv6
}

// route is where packets for a virtual router arrive.
type route struct {
	device
	router uint8
}

// index finds members by where their packets arrive: several may share a route, each with peers of its own.
func index(members map[string]*member) map[route][]*member {
	all := map[route][]*member{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		m := members[name]
		at := route{m.on(m.Interface), m.Router.ID}
		all[at] = append(all[at], m)
	}
	return all
}

// heard is a packet that is an advertisement.
type heard struct {
	path  packet.Path
	bytes []byte // without the seal
	seal  *packet.Seal
	says  packet.Advertisement
	ttl   int
	whole []byte // the IP packet, of one with an Authentication Header
}

// isFor tells whether a packet goes the way that a router's advertisements have to come: to its group, or from one of its peers.
func (in heard) isFor(m *member) bool {
	if len(m.Peers) == 0 {
		return in.path.Destination == m.group()
	}
	if in.path.Destination.IsMulticast() || !slices.Contains(m.Peers, in.path.Source) {
		return false
	}
	hops, limited := m.Hops[in.path.Source]
	return !limited || in.ttl >= int(hops.Least) && in.ttl <= int(hops.Most)
}

// hear takes a packet to the instance that it is for.
func (d *Daemon) hear(at device, in heard) {
	path, a := in.path, in.says
	members := d.routes[route{at, a.Router}]
	if len(members) == 0 && d.config.TellUnknown {
		d.log.Info("an advertisement of a virtual router that is not configured here", "interface", at.name, "router", a.Router, "from", path.Source)
	}
	for _, m := range members {
		if !in.isFor(m) {
			continue
		}
		err := a.Check(m.Router.Version, m.Router.Password)
		if err == nil {
			err = m.trusts(in)
		}
		if err != nil {
			d.complain(m, fmt.Errorf("an advertisement from %s does not count: %w", path.Source, err))
			return
		}
		d.do(d.set.Receive(now(), m.Router.Name, path.Source, a))
		return
	}
}

// readSocket brings every good packet of a socket to Run.
func (d *Daemon) readSocket(s *socket) {
	defer d.running.Done()
	at := device{s.device, s.ipv4, s.header}
	err := s.receive(func(in arrival) {
		if in.ttl != packet.TTL && in.path.Destination.IsMulticast() {
			return // from another network
		}
		said, err := in.bytes, error(nil)
		if in.whole != nil {
			if said, err = packet.SplitHeader(in.whole); err != nil {
				d.log.Debug("a VRRP packet does not count", "interface", s.device, "from", in.path.Source, "error", err)
				return
			}
		}
		b, seal := packet.Split(said)
		a, err := packet.Unmarshal(b, in.path)
		if err != nil {
			d.log.Debug("a VRRP packet does not count", "interface", s.device, "from", in.path.Source, "error", err)
			return
		}
		got := heard{path: in.path, bytes: bytes.Clone(b), seal: seal, says: a, ttl: in.ttl, whole: bytes.Clone(in.whole)}
		d.post(func() { d.hear(at, got) })
	})
	if d.ctx.Err() == nil {
		d.post(func() { d.lost(at, s, err) })
	}
}

// lost forgets a socket that broke; the next look at the interfaces opens another.
func (d *Daemon) lost(at device, s *socket, err error) {
	if d.sockets[at] == s {
		d.log.Warn("a VRRP socket broke", "interface", at.name, "error", err)
		s.close()
		delete(d.sockets, at)
		d.examine()
	}
}
