package nft

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
)

// tablePrefix begins the names of the tables, which are in the family inet; a number follows.
const tablePrefix = "holdfast-director-"

func tableOf(number int) *nftables.Table {
	return &nftables.Table{Name: tablePrefix + strconv.Itoa(number), Family: nftables.TableFamilyINet}
}

// sets are all that services share, by name.
func sets(t *nftables.Table) map[string]*nftables.Set {
	all := map[string]*nftables.Set{}
	add := func(name string, key, data nftables.SetDatatype, concatenated bool) {
		all[name] = &nftables.Set{Table: t, Name: name, IsMap: data != nftables.TypeInvalid, KeyType: key, DataType: data, Concatenation: concatenated}
	}
	for _, is6 := range []bool{false, true} {
		address := addressType(is6)
		add(of("marks", is6), nftables.TypeMark, nftables.TypeVerdict, false)
		add(of("services", is6), concat(address, nftables.TypeInetProto, nftables.TypeInetService), nftables.TypeVerdict, true)
		add(of("any", is6), concat(address, nftables.TypeInetProto), nftables.TypeVerdict, true)
		add(serversName(is6), address, nftables.TypeInvalid, false)
	}
	return all
}

// lay makes a table, its sets and base chains.
func lay(c *nftables.Conn, number int) error {
	t := c.AddTable(tableOf(number))
	all := sets(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := c.AddSet(all[name], nil); err != nil {
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
		{&expr.Meta{Key: expr.MetaKeyMARK, Register: first}, verdict("marks")},
		{loadDestination(is6), protocol, load(expr.PayloadBaseTransportHeader, 2, 2, after(is6)+1), verdict("services")},
		{loadDestination(is6), protocol, verdict("any")},
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
		&expr.Lookup{SourceRegister: first, SetName: serversName(is6)},
		&expr.Masq{},
	}
}

// present lists which of the tables the kernel has.
func present(c *nftables.Conn) (map[int]bool, error) {
	all, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	if err != nil {
		return nil, err
	}
	numbers := map[int]bool{}
	for _, t := range all {
		text, ours := strings.CutPrefix(t.Name, tablePrefix)
		if n, err := strconv.Atoi(text); ours && err == nil {
			numbers[n] = true
		}
	}
	return numbers, nil
}
