package nft

import (
	"encoding/binary"
	"hash/fnv"
	"net"
	"net/netip"
	"strings"

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

func stickyName(k table.Key) string { return "clients" + strings.TrimPrefix(chainName(k), "service") }

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

// number draws the number of a slot into the first register.
func number(s table.Service, slots int) []expr.Any {
	m, is6 := methods[s.Scheduler], s.Key.Is6()
	switch m.draw {
	case turns:
		return []expr.Any{&expr.Numgen{Register: first, Modulus: uint32(slots), Type: unix.NFT_NG_INCREMENTAL}}
	case chance:
		return []expr.Any{&expr.Numgen{Register: first, Modulus: uint32(slots), Type: unix.NFT_NG_RANDOM}}
	}
	length, all := width(is6), []expr.Any{loadSource(is6)}
	if m.by == "destination" {
		all[0] = loadDestination(is6)
	} else if s.Flags&table.Port != 0 {
		all = append(all, load(expr.PayloadBaseTransportHeader, 0, 2, after(is6)))
		length += 4
	}
	return append(all, &expr.Hash{SourceRegister: first, DestRegister: first, Length: uint32(length), Modulus: uint32(slots), Seed: seed, Type: expr.HashTypeJenkins})
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

// remembered is the map of clients to the numbers of their servers.
func remembered(t *nftables.Table, s table.Service) *nftables.Set {
	return &nftables.Set{
		Table: t, Name: stickyName(s.Key), IsMap: true, Dynamic: true, HasTimeout: true, Timeout: s.Persist, Size: 1 << 20,
		KeyType: addressType(s.Key.Is6()), DataType: nftables.TypeMark,
	}
}

// serverNumber is what stands for a server in the map of clients, whatever others there are.
func serverNumber(a netip.AddrPort) []byte {
	h := fnv.New32a()
	h.Write([]byte(a.String()))
	return h.Sum(nil)
}

// constant makes a map that is part of a rule.
func constant(t *nftables.Table, key, data nftables.SetDatatype) *nftables.Set {
	return &nftables.Set{Table: t, Anonymous: true, Constant: true, IsMap: true, KeyType: key, DataType: data}
}

func serverType(is6 bool) nftables.SetDatatype {
	return concat(addressType(is6), nftables.TypeInetService)
}

// drawn is the map of numbers that are drawn to servers, or to the numbers of a persistent service's servers.
func drawn(t *nftables.Table, s table.Service, slots []int) (*nftables.Set, []nftables.SetElement) {
	data := serverType(s.Key.Is6())
	if s.Persist > 0 {
		data = nftables.TypeMark
	}
	var all []nftables.SetElement
	for n, server := range slots {
		e := nftables.SetElement{Key: binaryutil.NativeEndian.PutUint32(uint32(n)), Val: serverValue(s.Servers[server].Address)}
		if s.Persist > 0 {
			e.Val = serverNumber(s.Servers[server].Address)
		}
		all = append(all, e)
	}
	return constant(t, nftables.TypeInteger, data), all
}

// numbered is the map of the servers' own numbers to all servers, those that drain included.
func numbered(t *nftables.Table, s table.Service) (*nftables.Set, []nftables.SetElement) {
	var all []nftables.SetElement
	for _, server := range s.Servers {
		all = append(all, nftables.SetElement{Key: serverNumber(server.Address), Val: serverValue(server.Address)})
	}
	return constant(t, nftables.TypeMark, serverType(s.Key.Is6())), all
}

func lookup(set *nftables.Set) expr.Any {
	return &expr.Lookup{SourceRegister: first, DestRegister: first, IsDestRegSet: true, SetName: set.Name, SetID: set.ID}
}

// The register that holds a client while the first holds the number of its server.
const clientRegister = small + 8

// client loads the client's address, cut to its network.
func client(s table.Service) []expr.Any {
	is6 := s.Key.Is6()
	bits := net.CIDRMask(s.ClientBits(), 8*width(is6))
	where := load(expr.PayloadBaseNetworkHeader, 12, 4, clientRegister)
	if is6 {
		where = load(expr.PayloadBaseNetworkHeader, 8, 16, clientRegister)
	}
	if s.ClientBits() == 8*width(is6) {
		return []expr.Any{where}
	}
	return []expr.Any{where, &expr.Bitwise{
		SourceRegister: clientRegister, DestRegister: clientRegister, Len: uint32(width(is6)), Mask: bits, Xor: make([]byte, len(bits)),
	}}
}

// remember keeps the number of the server for the client.
func remember(s table.Service) expr.Any {
	return &expr.Dynset{SrcRegKey: clientRegister, SrcRegData: first, SetName: stickyName(s.Key), Operation: unix.NFT_DYNSET_OP_UPDATE, Timeout: s.Persist}
}

// finish translates to the server that the map has for the number in the first register.
func finish(s table.Service, servers *nftables.Set) []expr.Any {
	return []expr.Any{lookup(servers), &expr.Counter{}, translate(s, keepsPort(s))}
}

// returns is the rule for clients that come back: it does not match those whose server is gone.
func returns(s table.Service, servers *nftables.Set) []expr.Any {
	known := &expr.Lookup{SourceRegister: clientRegister, DestRegister: first, IsDestRegSet: true, SetName: stickyName(s.Key)}
	return append(append(client(s), known, remember(s)), finish(s, servers)...)
}

// begins is the rule for clients that come for the first time.
func begins(s table.Service, chosen, servers *nftables.Set, slots int) []expr.Any {
	fresh := append(append(number(s, slots), lookup(chosen)), client(s)...)
	return append(append(fresh, remember(s)), finish(s, servers)...)
}

// of names a set for an IP version.
func of(name string, is6 bool) string {
	if is6 {
		return name + "6"
	}
	return name + "4"
}

// serversName is the set of the servers' addresses.
func serversName(is6 bool) string { return of("servers", is6) }

// dispatch is where a service is found: the set, and its key there.
func dispatch(k table.Key) (set string, key []byte) {
	if k.Mark != 0 {
		return of("marks", k.Is6()), binaryutil.NativeEndian.PutUint32(k.Mark)
	}
	b := append(k.Address.Addr().AsSlice(), byte(k.Protocol), 0, 0, 0)
	if k.Address.Port() == 0 {
		return of("any", k.Is6()), b
	}
	return of("services", k.Is6()), append(binary.BigEndian.AppendUint16(b, k.Address.Port()), 0, 0)
}
