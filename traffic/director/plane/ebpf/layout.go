package ebpf

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"holdfast/traffic/director/table"
)

// layout is the version of the structures that bpf/model.h and this file describe. A plane that finds another one in force loads its own
// programs, and takes over services and servers, not connections.
const layout = 1

// address is as packets have it; IPv4 is ::ffff:a.b.c.d.
type address [16]byte

func addressOf(a netip.Addr) address { return a.As16() }

func (a address) addr() netip.Addr { return netip.AddrFrom16(a).Unmap() }

// port is in the wire's order.
type port [2]byte

func portOf(n uint16) (p port) {
	binary.BigEndian.PutUint16(p[:], n)
	return p
}

func (p port) number() uint16 { return binary.BigEndian.Uint16(p[:]) }

// endpoint is struct endpoint.
type endpoint struct {
	Address  address
	Port     port
	Protocol uint8
	_        uint8
}

func (e endpoint) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(e.Address.addr(), e.Port.number())
}

func endpointOf(a netip.AddrPort, p table.Protocol) endpoint {
	return endpoint{Address: addressOf(a.Addr()), Port: portOf(a.Port()), Protocol: uint8(p)}
}

// The flags of services.
const (
	serviceUsed = 1 << iota
	serviceIPv6
	serviceOnePacket
	serviceFallback
	servicePort
	serviceAnyPort
)

// schedulers are numbered from 1 by their places here.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}

// service is struct service.
type service struct {
	Address   address
	Port      port
	Protocol  uint8
	Scheduler uint8
	Mark      uint32
	Flags     uint32
	Persist   uint32
	Prefix    uint32
	Order     uint32
	Table     uint64
	Turn      uint32
	_         uint32
	Retired   counters
	_         [4]uint64
}

// The flags of servers.
const (
	serverUsed = 1 << iota
	serverGone
)

// server is struct server.
type server struct {
	Address    address
	Port       port
	Forward    uint8
	Flags      uint8
	Service    uint32
	Generation uint32
	Weight     uint32
	Upper      uint32
	Lower      uint32
	Order      uint32
	WrapPort   port
	Wrap       uint8
	WrapFlags  uint8
	Gone       uint64
	_          uint64
}

// load is struct load.
type load struct {
	Active, Inactive, Pending int32
	Shut                      uint32
}

// counters is struct counters.
type counters struct{ Connections, InPackets, OutPackets, InBytes, OutBytes uint64 }

// key is struct key.
type key struct {
	Client      address
	Service     uint32
	ClientPort  port
	VirtualPort port
	Protocol    uint8
	_           [3]uint8
}

// connection is struct connection.
type connection struct {
	Seen       uint64
	Server     uint32
	Generation uint32
	State      uint8
	Flags      uint8
	LocalPort  port
	_          uint32
	Virtual    address
	Local      address
}

// states are the words for enum NONE….
var states = []string{"NONE", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "TIME_WAIT", "CLOSE", "UDP"}

// template is struct template, returning its key.
type template struct {
	Seen       uint64
	Server     uint32
	Generation uint32
}

type returning struct {
	Client  address
	Service uint32
}

const (
	shards                           = 64
	servicesOfServer                 = 14
	rowSlots                         = 16
	flagAnyPort, flagMark, flagRules = 1, 2, 4
)

// real is struct real.
type real struct {
	Count   uint32
	Service [servicesOfServer]uint32
}

// settings is struct settings.
type settings struct {
	Layout     uint32
	Flags      uint32
	Generation uint64
	Timeout    [8]uint64
}

// source is struct source.
type source struct{ IPv4, IPv6 address }

// mark is struct mark.
type mark struct{ Mark, IPv6 uint32 }

// row is struct slots.
type row [rowSlots]uint32

// view sees memory as values of a type.
func view[T any](b []byte) []T {
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(one)))
}
