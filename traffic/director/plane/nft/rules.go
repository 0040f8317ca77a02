package nft

import (
	"encoding/binary"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/table"
)

// Registers: the first holds 16 bytes; those of 4 bytes begin at small, four of which lie over the first.
const (
	first = 1
	small = 8
)

// after is the register behind an address in the first one.
func after(is6 bool) uint32 { return uint32(small + width(is6)/4) }

func width(is6 bool) int {
	if is6 {
		return 16
	}
	return 4
}

// seed makes hashes the same on every director.
const seed = 0x686f6c64

// chainName is the chain of a service.
func chainName(k table.Key) string {
	return "service-" + strings.NewReplacer(" ", "-", ":", "_", "[", "", "]", "").Replace(k.String())
}

func concat(types ...nftables.SetDatatype) nftables.SetDatatype {
	t, err := nftables.ConcatSetType(types...)
	if err != nil {
		panic(err) // the types are constants of this package
	}
	return t
}

func addressType(is6 bool) nftables.SetDatatype {
	if is6 {
		return nftables.TypeIP6Addr
	}
	return nftables.TypeIPAddr
}

// keepsPort tells whether servers are reached on the port that the client asked for.
func keepsPort(s table.Service) bool {
	for _, server := range s.Servers {
		if server.Address.Port() != 0 {
			return false
		}
	}
	return true
}

// reached is where a server is: one that has the loopback address, where packets from elsewhere may not go, has the virtual address itself.
func reached(k table.Key, server netip.AddrPort) netip.AddrPort {
	if server.Addr().IsLoopback() && k.Mark == 0 {
		return netip.AddrPortFrom(k.Address.Addr(), server.Port())
	}
	return server
}

// serverValue is a server as a map's data: the address, with the port behind it, which may be 0.
func serverValue(a netip.AddrPort) []byte {
	return append(binary.BigEndian.AppendUint16(a.Addr().AsSlice(), a.Port()), 0, 0)
}

func load(base expr.PayloadBase, offset, length int, register uint32) expr.Any {
	return &expr.Payload{OperationType: expr.PayloadLoad, Base: base, Offset: uint32(offset), Len: uint32(length), DestRegister: register}
}

func loadSource(is6 bool) expr.Any {
	if is6 {
		return load(expr.PayloadBaseNetworkHeader, 8, 16, first)
	}
	return load(expr.PayloadBaseNetworkHeader, 12, 4, first)
}

func loadDestination(is6 bool) expr.Any {
	if is6 {
		return load(expr.PayloadBaseNetworkHeader, 24, 16, first)
	}
	return load(expr.PayloadBaseNetworkHeader, 16, 4, first)
}

// isFamily lets only packets of an IP version go on.
func isFamily(is6 bool) []expr.Any {
	family := byte(unix.NFPROTO_IPV4)
	if is6 {
		family = unix.NFPROTO_IPV6
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: first},
		&expr.Cmp{Op: expr.CmpOpEq, Register: first, Data: []byte{family}},
	}
}

// draw draws a number below slots into the second small register.
func draw(s table.Service, slots int) []expr.Any {
	m, is6 := methods[s.Scheduler], s.Key.Is6()
	const drawn = small + 1
	switch m.draw {
	case turns:
		return []expr.Any{&expr.Numgen{Register: drawn, Modulus: uint32(slots), Type: unix.NFT_NG_INCREMENTAL}}
	case chance:
		return []expr.Any{&expr.Numgen{Register: drawn, Modulus: uint32(slots), Type: unix.NFT_NG_RANDOM}}
	}
	length, all := width(is6), []expr.Any{loadSource(is6)}
	if m.by == "destination" {
		all[0] = loadDestination(is6)
	} else if s.Flags&table.Port != 0 {
		all = append(all, load(expr.PayloadBaseTransportHeader, 0, 2, after(is6)))
		length += 4
	}
	return append(all, &expr.Hash{SourceRegister: first, DestRegister: drawn, Length: uint32(length), Modulus: uint32(slots), Seed: seed, Type: expr.HashTypeJenkins})
}

// translate changes the destination to what the first register holds.
func translate(s table.Service, keepsPort bool) expr.Any {
	n := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: first}
	if s.Key.Is6() {
		n.Family = unix.NFPROTO_IPV6
	}
	if !keepsPort {
		n.RegProtoMin, n.Specified = after(s.Key.Is6()), true
	}
	return n
}

// serverNumber is what stands for a server of a service, whatever others there are.
func serverNumber(a netip.AddrPort) uint32 {
	h := fnv.New32a()
	h.Write(a.Addr().AsSlice())
	h.Write(binary.BigEndian.AppendUint16(nil, a.Port()))
	return h.Sum32()
}

// pair is a key of two numbers.
func pair(a, b uint32) []byte {
	return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(make([]byte, 0, 8), a), b)
}

// The registers of a client: the number of the service, the address behind it; and of what is remembered of it: the number of the service, that of
// the server.
const (
	clientRegister = small + 8
	memoryRegister = small + 13
)

// client loads the key of a client: the service, and the address cut to its network.
func client(s table.Service, at place) []expr.Any {
	is6 := s.Key.Is6()
	bits := net.CIDRMask(s.ClientBits(), 8*width(is6))
	const address = clientRegister + 1
	all := []expr.Any{put(at.Number, clientRegister), load(expr.PayloadBaseNetworkHeader, 12, 4, address)}
	if is6 {
		all[1] = load(expr.PayloadBaseNetworkHeader, 8, 16, address)
	}
	if s.ClientBits() < 8*width(is6) {
		all = append(all, &expr.Bitwise{SourceRegister: address, DestRegister: address, Len: uint32(width(is6)), Mask: bits, Xor: make([]byte, len(bits))})
	}
	return all
}

// put puts a number into a register.
func put(n uint32, register uint32) expr.Any {
	return &expr.Immediate{Register: register, Data: binaryutil.NativeEndian.PutUint32(n)}
}

func lookup(name string, from, to uint32) expr.Any {
	return &expr.Lookup{SourceRegister: from, DestRegister: to, IsDestRegSet: true, SetName: name}
}

// remember keeps the number of the server for the client.
func remember(s table.Service, at place, operation uint32) expr.Any {
	return &expr.Dynset{
		SrcRegKey: clientRegister, SrcRegData: memoryRegister + 1, SetName: at.in(clientsMap, s.Key.Is6()), Operation: operation, Timeout: s.Persist,
	}
}

// finish translates to the server whose address and port the first register holds.
func finish(s table.Service) []expr.Any {
	return []expr.Any{&expr.Counter{}, translate(s, keepsPort(s))}
}

// fresh is the rule for a connection of a service that is not persistent.
func fresh(s table.Service, at place, slots int) []expr.Any {
	is6 := s.Key.Is6()
	return slices.Concat(draw(s, slots),
		[]expr.Any{put(at.Number, small), lookup(at.in(drawsMap, is6), small, first)}, finish(s))
}

// returns is the rule for clients that come back. It does not match those whose server is gone, and what is remembered of them gets no older.
func returns(s table.Service, at place) []expr.Any {
	is6 := s.Key.Is6()
	return slices.Concat(client(s, at), []expr.Any{
		lookup(at.in(clientsMap, is6), clientRegister, memoryRegister+1), put(at.Number, memoryRegister),
		lookup(at.in(membersMap, is6), memoryRegister, first), remember(s, at, unix.NFT_DYNSET_OP_UPDATE),
	}, finish(s))
}

// begins is the rule for clients that come for the first time.
func begins(s table.Service, at place, slots int) []expr.Any {
	is6 := s.Key.Is6()
	return slices.Concat(draw(s, slots),
		[]expr.Any{put(at.Number, small), lookup(at.in(choicesMap, is6), small, memoryRegister+1), put(at.Number, memoryRegister)},
		client(s, at),
		[]expr.Any{remember(s, at, unix.NFT_DYNSET_OP_ADD), lookup(at.in(membersMap, is6), memoryRegister, first)}, finish(s))
}

// rules are those of a service's chain.
func rules(s table.Service, at place, slots int) [][]expr.Any {
	switch {
	case s.Persist == 0 && slots == 0:
		return nil
	case s.Persist == 0:
		return [][]expr.Any{fresh(s, at, slots)}
	case slots == 0:
		return [][]expr.Any{returns(s, at)}
	}
	return [][]expr.Any{returns(s, at), begins(s, at, slots)}
}

// shape is all that the rules of a service are made of.
type shape struct {
	place
	scheduler   string
	flags       table.Flags
	persist     time.Duration
	bits, slots int
	keepsPort   bool
}

func shapeOf(s table.Service, at place, slots int) shape {
	return shape{at, s.Scheduler, s.Flags, s.Persist, s.ClientBits(), slots, keepsPort(s)}
}

// of names a set for an IP version.
func of(name string, is6 bool) string {
	if is6 {
		return name + "6"
	}
	return name + "4"
}

// dispatch is where a service is found: the set, and its key there.
func dispatch(k table.Key) (set string, key []byte) {
	if k.Mark != 0 {
		return of(marksMap, k.Is6()), binaryutil.NativeEndian.PutUint32(k.Mark)
	}
	b := append(k.Address.Addr().AsSlice(), byte(k.Protocol), 0, 0, 0)
	if k.Address.Port() == 0 {
		return of(anyMap, k.Is6()), b
	}
	return of(servicesMap, k.Is6()), append(binary.BigEndian.AppendUint16(b, k.Address.Port()), 0, 0)
}
