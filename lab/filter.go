package lab

import (
	"fmt"
	"math"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// rule drops packets that go from one bridge port to another; an empty port is any.
type rule struct {
	from, to string
	streams  bool    // only TCP's, over IPv4 or IPv6
	share    float64 // of the packets that match: 1 drops all
}

// rules says which packets the bridges drop, always in the same order.
func (k *keeper) rules() []rule {
	var rules []rule
	for _, pair := range k.faults.apart {
		a, b := k.hosts[pair[0]], k.hosts[pair[1]]
		for link := range k.config.Links {
			rules = append(rules,
				rule{from: a.port(link), to: b.port(link), share: 1},
				rule{from: b.port(link), to: a.port(link), share: 1})
		}
	}
	for _, pair := range k.faults.mute {
		for link := range k.config.Links {
			rules = append(rules, rule{from: k.hosts[pair[0]].port(link), to: k.hosts[pair[1]].port(link), share: 1})
		}
	}
	for _, pair := range k.faults.choked {
		a, b := k.hosts[pair[0]], k.hosts[pair[1]]
		for link := range k.config.Links {
			rules = append(rules,
				rule{from: a.port(link), to: b.port(link), streams: true, share: 1},
				rule{from: b.port(link), to: a.port(link), streams: true, share: 1})
		}
	}
	for _, h := range k.order {
		for link := range k.config.Links {
			if loss := k.faults.lossOf(h.name, link); loss > 0 {
				rules = append(rules, rule{from: h.port(link), share: loss}, rule{to: h.port(link), share: loss})
			}
		}
	}
	return rules
}

// setFaults changes the faults and puts them into force, or leaves both as they were.
func (k *keeper) setFaults(change func(*faults) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.rules()
	if err := change(&k.faults); err != nil {
		return err
	}
	rules := k.rules()
	if slices.Equal(before, rules) {
		return nil
	}
	if err := applyFilter(rules); err != nil {
		return fmt.Errorf("set the bridges' packet filter (nftables, bridge family): %w", err)
	}
	return nil
}

// applyFilter replaces the filter in one transaction.
func applyFilter(rules []rule) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyBridge, Name: "lab"})
	conn.DelTable(table)
	if len(rules) > 0 {
		table = conn.AddTable(&nftables.Table{Family: nftables.TableFamilyBridge, Name: "lab"})
		chain := conn.AddChain(&nftables.Chain{
			Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
		})
		for _, r := range rules {
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r.expressions()})
		}
	}
	return conn.Flush()
}

func (r rule) expressions() []expr.Any {
	var out []expr.Any
	match := func(key expr.MetaKey, port string) {
		name := make([]byte, unix.IFNAMSIZ)
		copy(name, port)
		out = append(out, &expr.Meta{Key: key, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name})
	}
	if r.from != "" {
		match(expr.MetaKeyIIFNAME, r.from)
	}
	if r.to != "" {
		match(expr.MetaKeyOIFNAME, r.to)
	}
	if r.streams {
		out = append(out, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}})
	}
	if r.share < 1 {
		limit := uint32(r.share * math.MaxUint32)
		out = append(out, &expr.Meta{Key: expr.MetaKeyPRANDOM, Register: 1},
			&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: []byte{byte(limit >> 24), byte(limit >> 16), byte(limit >> 8), byte(limit)}})
	}
	return append(out, &expr.Verdict{Kind: expr.VerdictDrop})
}
