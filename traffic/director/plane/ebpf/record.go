package ebpf

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// record makes what the kernel has of a service; its table, counters and turn are not the caller's to set.
func record(s table.Service) service {
	r := service{
		Scheduler: uint8(slices.Index(schedulers, s.Scheduler) + 1), Mark: s.Key.Mark, Flags: serviceUsed,
		Persist: uint32(s.Persist / time.Second), Prefix: uint32(s.ClientBits()),
	}
	if s.Key.Is6() {
		r.Flags |= serviceIPv6
	} else {
		r.Prefix += 96
	}
	if s.Key.Mark == 0 {
		r.Address, r.Port, r.Protocol = addressOf(s.Key.Address.Addr()), portOf(s.Key.Address.Port()), uint8(s.Key.Protocol)
	}
	for _, f := range []struct {
		set bool
		bit uint32
	}{
		{s.Flags&table.OnePacket != 0, serviceOnePacket}, {s.Flags&table.Fallback != 0, serviceFallback},
		{s.Flags&table.Port != 0, servicePort}, {s.Key.Mark != 0 || s.Key.Address.Port() == 0, serviceAnyPort},
	} {
		if f.set {
			r.Flags |= f.bit
		}
	}
	return r
}

func (r service) key() table.Key {
	if r.Mark != 0 {
		return table.Key{Mark: r.Mark, IPv6: r.Flags&serviceIPv6 != 0}
	}
	return table.Key{Protocol: table.Protocol(r.Protocol), Address: netip.AddrPortFrom(r.Address.addr(), r.Port.number())}
}

// service is what a record stands for, without servers.
func (r service) service() table.Service {
	s := table.Service{Key: r.key(), Scheduler: schedulers[r.Scheduler-1], Persist: time.Duration(r.Persist) * time.Second}
	bits := int(r.Prefix)
	if !s.Key.Is6() {
		bits -= 96
	}
	s.Netmask = bits
	if bits == s.ClientBits() && (bits == 32 || bits == 128) {
		s.Netmask = 0
	}
	for _, f := range []struct {
		bit  uint32
		flag table.Flags
	}{{serviceOnePacket, table.OnePacket}, {serviceFallback, table.Fallback}, {servicePort, table.Port}} {
		if r.Flags&f.bit != 0 {
			s.Flags |= f.flag
		}
	}
	return s
}

func recordServer(s table.Server) (setup, more) {
	r := setup{Port: portOf(s.Address.Port()), Forward: uint8(s.Forward), Flags: serverUsed, Weight: uint32(s.Weight), Upper: s.Upper, Lower: s.Lower}
	if a := s.Address.Addr(); a.Is4() {
		r.IPv4 = a.As4()
	}
	return r, more{Address: addressOf(s.Address.Addr()), Wrap: uint8(s.Wrap.Kind), WrapPort: portOf(s.Wrap.Port)}
}

func (r server) server() table.Server {
	return table.Server{
		Address: netip.AddrPortFrom(r.Address.addr(), r.Port.number()), Weight: int(r.Weight), Forward: table.Forward(r.Forward),
		Wrap: table.Wrapping{Kind: table.TunnelKind(r.Wrap), Port: r.WrapPort.number()}, Upper: r.Upper, Lower: r.Lower,
	}
}

func (c counters) plus(o counters) counters {
	return counters{c.Connections + o.Connections, c.InPackets + o.InPackets, c.OutPackets + o.OutPackets, c.InBytes + o.InBytes, c.OutBytes + o.OutBytes}
}

func (c counters) plane() plane.Counters { return plane.Counters(c) }
