package ipvs

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// The commands and attributes of linux/ip_vs.h.
const (
	newService = iota + 1
	setService
	deleteService
	getService
	newServer
	setServer
	deleteServer
	getServer
	newDaemon
	deleteDaemon
	getDaemon
	setConfig
	getConfig
	_
	getInfo
	zero
)

const (
	attrService = iota + 1
	attrServer
	attrDaemon
	attrTimeoutTCP
	attrTimeoutFinish
	attrTimeoutUDP
)

const (
	serviceFamily = iota + 1
	serviceProtocol
	serviceAddress
	servicePort
	serviceMark
	serviceScheduler
	serviceFlags
	serviceTimeout
	serviceNetmask
	_
	serviceEngine
	serviceStats
)

const (
	serverAddress = iota + 1
	serverPort
	serverForward
	serverWeight
	serverUpper
	serverLower
	serverActive
	serverInactive
	serverPersistent
	_
	serverFamily
	serverStats
	serverTunnel
	serverTunnelPort
	serverTunnelFlags
)

// Bits of a service's flags and of a tunnel's, and the numbers of the ways of forwarding.
const (
	persistent  = 1
	onePacket   = 4
	schedule1   = 8
	forwardMask = 7

	tunnelChecksum = 1
	tunnelRemote   = 2
)

var forwards = map[table.Forward]uint32{table.NAT: 0, table.Local: 1, table.Tunnel: 2, table.Direct: 3}

var native = nl.NativeEndian()

func big16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// address16 is an address as the kernel's union has it: IPv4 in the first bytes.
func address16(a netip.Addr) []byte {
	b := make([]byte, 16)
	copy(b, a.AsSlice())
	return b
}

func family(is6 bool) uint16 {
	if is6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// keyAttributes names a service.
func keyAttributes(k table.Key) *nl.RtAttr {
	a := nl.NewRtAttr(attrService|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(serviceFamily, nl.Uint16Attr(family(k.Is6())))
	if k.Mark != 0 {
		a.AddRtAttr(serviceMark, nl.Uint32Attr(k.Mark))
		return a
	}
	a.AddRtAttr(serviceProtocol, nl.Uint16Attr(uint16(k.Protocol)))
	a.AddRtAttr(serviceAddress, address16(k.Address.Addr()))
	a.AddRtAttr(servicePort, big16(k.Address.Port()))
	return a
}

// serviceAttributes is all of a service.
func serviceAttributes(s table.Service) *nl.RtAttr {
	a := keyAttributes(s.Key)
	a.AddRtAttr(serviceScheduler, nl.ZeroTerminated(s.Scheduler))
	if s.Engine != "" {
		a.AddRtAttr(serviceEngine, nl.ZeroTerminated(s.Engine))
	}
	var flags uint32
	if s.Persist > 0 {
		flags |= persistent
	}
	if s.Flags&table.OnePacket != 0 {
		flags |= onePacket
	}
	flags |= uint32(s.Flags>>1) * schedule1
	both := make([]byte, 8)
	native.PutUint32(both, flags)
	native.PutUint32(both[4:], ^uint32(0))
	a.AddRtAttr(serviceFlags, both)
	a.AddRtAttr(serviceTimeout, nl.Uint32Attr(uint32(s.Persist/time.Second)))
	a.AddRtAttr(serviceNetmask, netmask(s))
	return a
}

// netmask is written out for IPv4, and is the prefix's length for IPv6.
func netmask(s table.Service) []byte {
	if s.Key.Is6() {
		return nl.Uint32Attr(uint32(s.ClientBits()))
	}
	return binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-s.ClientBits()))
}

func serverAttributes(s table.Server) *nl.RtAttr {
	a := nl.NewRtAttr(attrServer|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(serverFamily, nl.Uint16Attr(family(s.Address.Addr().Is6())))
	a.AddRtAttr(serverAddress, address16(s.Address.Addr()))
	a.AddRtAttr(serverPort, big16(s.Address.Port()))
	a.AddRtAttr(serverForward, nl.Uint32Attr(forwards[s.Forward]))
	a.AddRtAttr(serverWeight, nl.Uint32Attr(uint32(s.Weight)))
	a.AddRtAttr(serverUpper, nl.Uint32Attr(s.Upper))
	a.AddRtAttr(serverLower, nl.Uint32Attr(s.Lower))
	if s.Forward == table.Tunnel {
		var flags uint16
		if s.Wrap.Checksum {
			flags |= tunnelChecksum
		}
		if s.Wrap.Remote {
			flags |= tunnelRemote
		}
		a.AddRtAttr(serverTunnel, nl.Uint8Attr(uint8(s.Wrap.Kind)))
		a.AddRtAttr(serverTunnelPort, big16(s.Wrap.Port))
		a.AddRtAttr(serverTunnelFlags, nl.Uint16Attr(flags))
	}
	return a
}

// attributes are values by their numbers.
type attributes map[uint16][]byte

// parse reads attributes; what is cut short ends them.
func parse(b []byte) attributes {
	all := attributes{}
	for len(b) >= 4 {
		size := int(native.Uint16(b))
		if size < 4 || size > len(b) {
			break
		}
		all[native.Uint16(b[2:])&^uint16(unix.NLA_F_NESTED)] = b[4:size]
		b = b[min(len(b), (size+3)&^3):]
	}
	return all
}

func (a attributes) number(n uint16) uint64 {
	switch v := a[n]; len(v) {
	case 8:
		return native.Uint64(v)
	case 4:
		return uint64(native.Uint32(v))
	case 2:
		return uint64(native.Uint16(v))
	case 1:
		return uint64(v[0])
	}
	return 0
}

// port is in network order.
func (a attributes) port(n uint16) uint16 {
	if v := a[n]; len(v) == 2 {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (a attributes) address(n uint16, family uint64) netip.Addr {
	v := a[n]
	if family == unix.AF_INET && len(v) >= 4 {
		return netip.AddrFrom4([4]byte(v[:4]))
	}
	if len(v) == 16 {
		return netip.AddrFrom16([16]byte(v))
	}
	return netip.Addr{}
}

func (a attributes) text(n uint16) string { return unix.ByteSliceToString(a[n]) }

func (a attributes) service() plane.Service {
	var s plane.Service
	af := a.number(serviceFamily)
	s.Key = table.Key{Mark: uint32(a.number(serviceMark))}
	if s.Key.Mark != 0 {
		s.Key.IPv6 = af == unix.AF_INET6
	} else {
		s.Key.Protocol = table.Protocol(a.number(serviceProtocol))
		s.Key.Address = netip.AddrPortFrom(a.address(serviceAddress, af), a.port(servicePort))
	}
	s.Scheduler, s.Engine = a.text(serviceScheduler), a.text(serviceEngine)
	if v := a[serviceFlags]; len(v) >= 4 {
		flags := native.Uint32(v)
		if flags&persistent != 0 {
			s.Persist = time.Duration(a.number(serviceTimeout)) * time.Second
		}
		if flags&onePacket != 0 {
			s.Flags |= table.OnePacket
		}
		s.Flags |= table.Flags(flags/schedule1&7) << 1
	}
	if v := a[serviceNetmask]; len(v) == 4 {
		if s.Key.Is6() {
			s.Netmask = int(native.Uint32(v))
		} else {
			for mask := binary.BigEndian.Uint32(v); mask != 0; mask <<= 1 {
				s.Netmask++
			}
		}
		if s.Netmask == (table.Service{Key: s.Key}).ClientBits() {
			s.Netmask = 0
		}
	}
	s.Counters, s.Rates = parse(a[serviceStats]).counters()
	return s
}

func (a attributes) server(of table.Key) plane.Server {
	var s plane.Server
	af := a.number(serverFamily)
	if af == 0 { // kernels before 3.18
		af = uint64(family(of.Is6()))
	}
	s.Address = netip.AddrPortFrom(a.address(serverAddress, af), a.port(serverPort))
	s.Weight = int(int32(a.number(serverWeight)))
	for forward, n := range forwards {
		if uint32(a.number(serverForward))&forwardMask == n {
			s.Forward = forward
		}
	}
	s.Upper, s.Lower = uint32(a.number(serverUpper)), uint32(a.number(serverLower))
	s.Active, s.Inactive = uint32(a.number(serverActive)), uint32(a.number(serverInactive))
	s.Persistent = uint32(a.number(serverPersistent))
	if s.Forward == table.Tunnel {
		flags := a.number(serverTunnelFlags)
		s.Wrap = table.Wrapping{
			Kind: table.TunnelKind(a.number(serverTunnel)), Port: a.port(serverTunnelPort),
			Checksum: flags&tunnelChecksum != 0, Remote: flags&tunnelRemote != 0,
		}
	}
	s.Counters, s.Rates = parse(a[serverStats]).counters()
	return s
}

// counters reads totals and rates.
func (a attributes) counters() (totals, rates plane.Counters) {
	of := func(first uint16) plane.Counters {
		return plane.Counters{
			Connections: a.number(first), InPackets: a.number(first + 1), OutPackets: a.number(first + 2),
			InBytes: a.number(first + 3), OutBytes: a.number(first + 4),
		}
	}
	return of(1), of(6)
}
