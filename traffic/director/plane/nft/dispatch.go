package nft

import (
	"slices"
	"strconv"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
)

// tableName is in the family inet.
const tableName = "holdfast-director"

func ownTable() *nftables.Table {
	return &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
}

// The names of sets and maps that services share; 4 or 6 is added for the version of IP. A service and each of its servers have a number
// there. Those of the second group exist once for each part of the services: the kernel looks at every element of a map
// when a rule begins to use it.
const (
	marksMap    = "marks"    // a firewall mark leads to a service's chain
	servicesMap = "services" // so do address, protocol and port
	anyMap      = "any"      // or address and protocol
	serversSet  = "servers"  // addresses of all servers

	drawsMap   = "draws"   // service and what was drawn: address and port of a server
	choicesMap = "choices" // the same of persistent services: the number of a server
	membersMap = "members" // persistent service and number of a server: its address and port
	clientsMap = "clients" // persistent service and client: the number of the server where it persists
)

// number is the type of a number in the byte order of the host.
var number = nftables.TypeMark

// place is where a service is in the maps.
type place struct {
	Number uint32 `json:"number"`
	Part   int    `json:"part"`
}

// in names a map of the place's part.
func (p place) in(name string, is6 bool) string { return of(name, is6) + "-" + strconv.Itoa(p.Part) }

// made makes a set of the own table; a map if there is data.
func made(name string, data nftables.SetDatatype, key ...nftables.SetDatatype) *nftables.Set {
	is := &nftables.Set{Table: ownTable(), Name: name, IsMap: data != nftables.TypeInvalid, KeyType: key[0], DataType: data, Concatenation: len(key) > 1}
	if is.Concatenation {
		is.KeyType = concat(key...)
	}
	return is
}

// sharedSets are those of all services.
func sharedSets() (all []*nftables.Set) {
	for _, is6 := range []bool{false, true} {
		address := addressType(is6)
		all = append(all,
			made(of(marksMap, is6), nftables.TypeVerdict, number),
			made(of(servicesMap, is6), nftables.TypeVerdict, address, nftables.TypeInetProto, nftables.TypeInetService),
			made(of(anyMap, is6), nftables.TypeVerdict, address, nftables.TypeInetProto),
			made(of(serversSet, is6), nftables.TypeInvalid, address))
	}
	return all
}

// sets are those of the place's part.
func (p place) sets() (all []*nftables.Set) {
	for _, is6 := range []bool{false, true} {
		address := addressType(is6)
		clients := made(p.in(clientsMap, is6), number, number, address)
		clients.Dynamic, clients.HasTimeout, clients.Size = true, true, 1<<20
		all = append(all, clients,
			made(p.in(drawsMap, is6), concat(address, nftables.TypeInetService), number, number),
			made(p.in(choicesMap, is6), number, number, number),
			made(p.in(membersMap, is6), concat(address, nftables.TypeInetService), number, number))
	}
	return all
}

// lay makes the table, its sets and base chains.
func lay(c *nftables.Conn) error {
	t := c.AddTable(ownTable())
	for _, set := range sharedSets() {
		if err := c.AddSet(set, nil); err != nil {
			return err
		}
	}
	families := []bool{false, true}
	for _, hook := range []struct {
		name string
		at   *nftables.ChainHook
	}{{"prerouting", nftables.ChainHookPrerouting}, {"output", nftables.ChainHookOutput}} {
		chain := c.AddChain(&nftables.Chain{Name: hook.name, Table: t, Type: nftables.ChainTypeNAT, Hooknum: hook.at, Priority: nftables.ChainPriorityNATDest})
		c.FlushChain(chain)
		for _, is6 := range families {
			for _, exprs := range lead(is6) {
				c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: append(isFamily(is6), exprs...)})
			}
		}
	}
	chain := c.AddChain(&nftables.Chain{
		Name: "postrouting", Table: t, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	c.FlushChain(chain)
	for _, is6 := range families {
		c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: append(isFamily(is6), comeBack(is6)...)})
	}
	return nil
}

// lead leads to a service's chain: by mark, by address and port, by address alone.
func lead(is6 bool) [][]expr.Any {
	verdict := func(name string) expr.Any {
		return &expr.Lookup{SourceRegister: first, DestRegister: 0, IsDestRegSet: true, SetName: of(name, is6)}
	}
	protocol := &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: after(is6)}
	return [][]expr.Any{
		{&expr.Meta{Key: expr.MetaKeyMARK, Register: first}, verdict(marksMap)},
		{loadDestination(is6), protocol, load(expr.PayloadBaseTransportHeader, 2, 2, after(is6)+1), verdict(servicesMap)},
		{loadDestination(is6), protocol, verdict(anyMap)},
	}
}

// comeBack gives what a real server sends to a virtual address the director's own source, so that the answer passes here.
func comeBack(is6 bool) []expr.Any {
	const translated = 1 << 5 // IPS_DST_NAT
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATUS, Register: first},
		&expr.Bitwise{SourceRegister: first, DestRegister: first, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(translated), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: first, Data: make([]byte, 4)},
		loadSource(is6),
		&expr.Lookup{SourceRegister: first, SetName: of(serversSet, is6)},
		&expr.Masq{},
	}
}

// present tells whether the kernel has the table.
func present(c *nftables.Conn) (bool, error) {
	all, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	return slices.ContainsFunc(all, func(t *nftables.Table) bool { return t.Name == tableName }), err
}
