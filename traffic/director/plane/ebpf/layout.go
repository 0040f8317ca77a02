package ebpf

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"holdfast/traffic/director/table"
)

// layout is the version of the structures that bpf/model.h and this file describe, and of where things are in them. A plane that finds another one in force puts its own
// programs in the place of those; services are to be made again, as a director does when it begins.
const layout = 5

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
	Base      uint32
	Turn      uint32
	Next      uint32
	Place     uint32
	Retired   counters
	_         [3]uint64
}

// The flags of servers.
const (
	serverUsed = 1 << iota
	serverGone
)

// server is struct server: what the Go side writes, and what the programs do.
type server struct {
	setup
	load
	more
}

type setup struct {
	IPv4       [4]byte
	Port       port
	Forward    uint8
	Flags      uint8
	Service    uint32
	Generation uint32
	Weight     uint32
	Upper      uint32
	Lower      uint32
	Place      uint32
}

// load is what a server has to do, and has had.
type load struct {
	Active, Inactive, Pending int32
	Shut                      uint32
	Connections               uint64
	Way, Told                 uint32
}

type more struct {
	Address   address
	Order     uint32
	WrapPort  port
	Wrap      uint8
	WrapFlags uint8
	Gone      uint64
	_         [4]uint64
}

// noPlace is the place of a server whose load is not ranked.
const noPlace = 1<<32 - 1

// counters are what the kernel has counted of a service or server.
type counters struct{ Connections, InPackets, OutPackets, InBytes, OutBytes uint64 }

// work is struct work.
type work struct{ InPackets, OutPackets, InBytes, OutBytes uint64 }

// flow is struct flow.
type flow struct {
	Tag, Displaced                    uint32
	Client, Virtual, Server4          [4]byte
	ClientPort, VirtualPort, RealPort port
	Protocol, State                   uint8
	Seen, Server, Checked             uint32
	Generation                        uint16
	Flags, Away                       uint8
	Way, Told, Back, BackTold         uint16
	InPackets, OutPackets             uint16
	InBytes, OutBytes                 uint32
}

// The tags of slots without a flow, and the flags of flows.
const (
	slotTaken   = 1
	flowPending = 8
	flowIPv6    = 16
	flowForward = 32
	flowLearned = 128
)

// whole is struct whole.
type whole struct {
	Client, Virtual, Server address
	_                       [2]uint64
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
	servicesOfServer                 = 14
	flagAnyPort, flagMark, flagRules = 1, 2, 4
	flagExchanged, flagMasked        = 8, 16
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
	Seed       uint64
	Timeout    [8]uint32
	Tick       uint64
	Express    uint32
	_          uint32
}

// occupancy is struct occupancy.
type occupancy struct {
	Beginnings int32
	News       uint32
}

// news is struct news.
type news struct{ Slot, Number uint32 }

// lesson is struct lesson.
type lesson struct {
	Client, Virtual          address
	ClientPort, VirtualPort  port
	Server, Generation, Seen uint32
	Protocol, State, IPv6    uint8
	_                        uint8
}

// source is struct source.
type source struct {
	IPv4, IPv6 address
	Link       [6]byte
	Express    uint8
	_          uint8
}

// listing is struct listing.
type listing struct{ Number, Hash uint32 }

// mark is struct mark.
type mark struct{ Mark, IPv6 uint32 }

// row is struct row.
type row [64]byte

// view sees memory as values of a type.
func view[T any](b []byte) []T {
	var one T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(one)))
}
