package nft

import (
	"bytes"
	"fmt"
	"maps"
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
	write, drop []func() error
}

func newTransaction(c *nftables.Conn, number int) *transaction {
	t := tableOf(number)
	return &transaction{conn: c, table: t, sets: sets(t), remove: map[string][]nftables.SetElement{}, add: map[string][]nftables.SetElement{}}
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
		if err := write(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tx.add)) {
		for some := range slices.Chunk(tx.add[name], perMessage) {
			if err := tx.conn.SetAddElements(tx.sets[name], some); err != nil {
				return err
			}
		}
	}
	for _, drop := range tx.drop {
		if err := drop(); err != nil {
			return err
		}
	}
	return tx.conn.Flush()
}

// service writes a service's chain anew, makes it, or takes it away.
func (tx *transaction) service(old table.Service, had bool, now *table.Service) error {
	if now == nil && !had {
		return nil
	}
	key := old.Key
	if now != nil {
		key = now.Key
	}
	name, at := dispatch(key)
	chain := &nftables.Chain{Name: chainName(key), Table: tx.table}
	leads := nftables.SetElement{Key: at, VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain.Name}}
	clients := remembered(tx.table, old)
	forgets := had && old.Persist > 0 && (now == nil || now.Persist != old.Persist || now.ClientBits() != old.ClientBits())
	if now == nil {
		tx.remove[name] = append(tx.remove[name], leads)
		tx.drop = append(tx.drop, func() error {
			tx.conn.FlushChain(chain)
			tx.conn.DelChain(chain)
			if forgets {
				tx.conn.DelSet(clients)
			}
			return nil
		})
		return nil
	}
	if !had {
		tx.add[name] = append(tx.add[name], leads)
	}
	remembers := had && old.Persist > 0 && !forgets
	tx.write = append(tx.write, func() error {
		tx.conn.AddChain(chain)
		if had {
			tx.conn.FlushChain(chain)
		}
		if forgets {
			tx.conn.DelSet(clients)
		}
		if now.Persist > 0 && !remembers {
			if err := tx.conn.AddSet(remembered(tx.table, *now), nil); err != nil {
				return err
			}
		}
		return tx.rules(chain, *now)
	})
	if remembers {
		return tx.forgetClients(clients, removed(old, now))
	}
	return nil
}

// rules adds a service's rules with their maps, each of which belongs to one rule.
func (tx *transaction) rules(chain *nftables.Chain, s table.Service) error {
	add := func(exprs []expr.Any) { tx.conn.AddRule(&nftables.Rule{Table: tx.table, Chain: chain, Exprs: exprs}) }
	drawnNumbers := slots(s)
	if s.Persist > 0 && len(s.Servers) > 0 {
		servers, elements := numbered(tx.table, s)
		if err := tx.conn.AddSet(servers, elements); err != nil {
			return err
		}
		add(returns(s, servers))
	}
	if len(drawnNumbers) == 0 {
		return nil
	}
	chosen, elements := drawn(tx.table, s, drawnNumbers)
	if err := tx.conn.AddSet(chosen, elements); err != nil {
		return err
	}
	if s.Persist == 0 {
		add(append(number(s, len(drawnNumbers)), finish(s, chosen)...))
		return nil
	}
	servers, elements := numbered(tx.table, s)
	if err := tx.conn.AddSet(servers, elements); err != nil {
		return err
	}
	add(begins(s, chosen, servers, len(drawnNumbers)))
	return nil
}

// forgetClients lets go of the clients of servers that are gone: rules only add to what is remembered, and never replace it.
func (tx *transaction) forgetClients(clients *nftables.Set, gone []table.Server) error {
	if len(gone) == 0 {
		return nil
	}
	c, err := nftables.New() // not in the middle of the transaction
	if err != nil {
		return err
	}
	all, err := c.GetSetElements(clients)
	if err != nil {
		return fmt.Errorf("read the clients that %s remembers: %w", clients.Name, err)
	}
	for _, e := range all {
		if slices.ContainsFunc(gone, func(s table.Server) bool { return bytes.Equal(e.Val, serverNumber(s.Address)) }) {
			tx.sets[clients.Name] = clients
			tx.remove[clients.Name] = append(tx.remove[clients.Name], nftables.SetElement{Key: e.Key, Val: e.Val})
		}
	}
	return nil
}
