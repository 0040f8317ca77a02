package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"holdfast/traffic/director/table"
)

// transaction gathers what services need; elements of the sets that they share go into few messages. The order within is: elements
// go, chains are made, rules are written, elements come, chains go.
type transaction struct {
	conn        *nftables.Conn
	table       *nftables.Table
	sets        map[string]*nftables.Set
	remove, add map[string][]nftables.SetElement // by set
	write, drop []func()
}

func newTransaction(c *nftables.Conn) *transaction {
	tx := &transaction{
		conn: c, table: ownTable(), sets: map[string]*nftables.Set{}, remove: map[string][]nftables.SetElement{}, add: map[string][]nftables.SetElement{},
	}
	for _, set := range sharedSets() {
		tx.sets[set.Name] = set
	}
	return tx
}

// perMessage is how many elements of a set fit in a message, whose parts have at most 64 KiB.
const perMessage = 400

func (tx *transaction) commit() error {
	for _, name := range slices.Sorted(maps.Keys(tx.remove)) {
		for some := range slices.Chunk(tx.remove[name], perMessage) {
			if err := tx.conn.SetDeleteElements(tx.sets[name], some); err != nil {
				return err
			}
		}
	}
	for _, write := range tx.write {
		write()
	}
	for _, name := range slices.Sorted(maps.Keys(tx.add)) {
		for some := range slices.Chunk(tx.add[name], perMessage) {
			if err := tx.conn.SetAddElements(tx.sets[name], some); err != nil {
				return err
			}
		}
	}
	for _, drop := range tx.drop {
		drop()
	}
	return tx.conn.Flush()
}

// makePart makes the maps of a place's part; those that exist stay.
func (tx *transaction) makePart(at place) error {
	for _, set := range at.sets() {
		if err := tx.conn.AddSet(set, nil); err != nil {
			return err
		}
	}
	return nil
}

// makeService makes a service that is not there.
func (tx *transaction) makeService(s table.Service, at place) {
	chain, drawn := tx.chain(s.Key), slots(s)
	tx.change(at, elements{}, elementsOf(s, at, drawn))
	tx.write = append(tx.write, func() {
		tx.conn.AddChain(chain)
		tx.rules(chain, rules(s, at, len(drawn)))
	})
	set, key := dispatch(s.Key)
	tx.add[set] = append(tx.add[set], nftables.SetElement{Key: key, VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain.Name}})
}

// dropService takes a service away.
func (tx *transaction) dropService(s table.Service, at place) {
	chain := tx.chain(s.Key)
	set, key := dispatch(s.Key)
	tx.remove[set] = append(tx.remove[set], nftables.SetElement{Key: key, VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain.Name}})
	tx.change(at, elementsOf(s, at, slots(s)), elements{})
	tx.drop = append(tx.drop, func() {
		tx.conn.FlushChain(chain)
		tx.conn.DelChain(chain)
	})
}

// changeService leads from one state of a service to another: only what differs is touched, and the rules stay unless they say something else.
func (tx *transaction) changeService(old, now table.Service, was, is place) error {
	before, after := slots(old), slots(now)
	tx.change(is, elementsOf(old, was, before), elementsOf(now, is, after))
	if shapeOf(old, was, len(before)) != shapeOf(now, is, len(after)) {
		chain := tx.chain(now.Key)
		tx.write = append(tx.write, func() {
			tx.conn.FlushChain(chain)
			tx.rules(chain, rules(now, is, len(after)))
		})
	}
	if now.Persist > 0 && was == is {
		return tx.forgetClients(is, now.Key.Is6(), removed(old, &now))
	}
	return nil
}

func (tx *transaction) chain(k table.Key) *nftables.Chain {
	return &nftables.Chain{Name: chainName(k), Table: tx.table}
}

func (tx *transaction) rules(chain *nftables.Chain, all [][]expr.Any) {
	for _, exprs := range all {
		tx.conn.AddRule(&nftables.Rule{Table: tx.table, Chain: chain, Exprs: exprs})
	}
}

// elements are what a service has in the maps of its part, in order.
type elements map[string][]nftables.SetElement

func elementsOf(s table.Service, at place, drawn []int) elements {
	is6 := s.Key.Is6()
	draws, choices, members := at.in(drawsMap, is6), at.in(choicesMap, is6), at.in(membersMap, is6)
	e := elements{draws: nil, choices: nil, members: nil}
	for n, server := range drawn {
		key, address := pair(at.Number, uint32(n)), s.Servers[server].Address
		if s.Persist == 0 {
			e[draws] = append(e[draws], nftables.SetElement{Key: key, Val: serverValue(reached(s.Key, address))})
		} else {
			e[choices] = append(e[choices], nftables.SetElement{Key: key, Val: binary.NativeEndian.AppendUint32(nil, serverNumber(address))})
		}
	}
	if s.Persist == 0 {
		return e
	}
	for _, server := range s.Servers {
		e[members] = append(e[members], nftables.SetElement{
			Key: pair(at.Number, serverNumber(server.Address)), Val: serverValue(reached(s.Key, server.Address)),
		})
	}
	return e
}

// know makes the sets of a place's part known to the transaction.
func (tx *transaction) know(at place) {
	if tx.sets[at.in(drawsMap, false)] != nil {
		return
	}
	for _, set := range at.sets() {
		tx.sets[set.Name] = set
	}
}

// change brings the maps of a part from one state of a service to another.
func (tx *transaction) change(at place, before, after elements) {
	tx.know(at)
	for name := range before {
		tx.remove[name] = append(tx.remove[name], missing(before[name], after[name])...)
	}
	for name := range after {
		tx.add[name] = append(tx.add[name], missing(after[name], before[name])...)
	}
}

// missing lists what of some elements others do not have.
func missing(some, others []nftables.SetElement) []nftables.SetElement {
	if len(others) == 0 {
		return some
	}
	has := make(map[string][]byte, len(others))
	for _, e := range others {
		has[string(e.Key)] = e.Val
	}
	var all []nftables.SetElement
	for _, e := range some {
		if !bytes.Equal(has[string(e.Key)], e.Val) {
			all = append(all, e)
		}
	}
	return all
}

// uses notes which addresses servers have now, and have no longer.
func (tx *transaction) uses(fresh, gone map[netip.Addr]bool) {
	add := func(to map[string][]nftables.SetElement, addresses map[netip.Addr]bool) {
		for a := range addresses {
			name := of(serversSet, a.Is6())
			to[name] = append(to[name], nftables.SetElement{Key: a.AsSlice()})
		}
	}
	add(tx.remove, gone)
	add(tx.add, fresh)
}

// forgetClients lets go of the clients of a service's servers that are gone: what is remembered of them would keep them from being remembered elsewhere.
func (tx *transaction) forgetClients(at place, is6 bool, gone []table.Server) error {
	if len(gone) == 0 {
		return nil
	}
	c, err := nftables.New() // not in the middle of the transaction
	if err != nil {
		return err
	}
	name := at.in(clientsMap, is6)
	tx.know(at)
	all, err := c.GetSetElements(tx.sets[name])
	if err != nil {
		return fmt.Errorf("read the clients that %s remembers: %w", name, err)
	}
	for _, e := range all {
		there := func(s table.Server) bool { return binary.NativeEndian.Uint32(e.Val) == serverNumber(s.Address) }
		if binary.NativeEndian.Uint32(e.Key) == at.Number && slices.ContainsFunc(gone, there) {
			tx.remove[name] = append(tx.remove[name], nftables.SetElement{Key: e.Key, Val: e.Val})
		}
	}
	return nil
}
