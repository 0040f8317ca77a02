package vrrp

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/traffic/vrrp/config"
)

// refusal drops packets to virtual addresses on a router that is active but does not own them and is not to accept
// them (RFC 9568, 6.1, Accept_Mode). It is a chain of nftables in a table of its own, as long as the router is active.
type refusal struct{ i *config.Instance }

func (r refusal) wanted() bool { return !r.i.Accept && r.i.Router.Priority != 255 }

func (r refusal) table() *nftables.Table {
	return &nftables.Table{Name: "holdfast-vrrp", Family: nftables.TableFamilyINet}
}

func (r refusal) chain() *nftables.Chain {
	policy := nftables.ChainPolicyAccept
	return &nftables.Chain{
		Name: fmt.Sprintf("%s-%d", r.i.Interface, r.i.Router.ID), Table: r.table(), Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter, Policy: &policy,
	}
}

// add refuses packets from now on.
func (r refusal) add() error {
	if !r.wanted() {
		return nil
	}
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("refuse packets to the addresses of %s: %w", r.i.Router.Name, err)
	}
	table := c.AddTable(r.table())
	chain := c.AddChain(r.chain())
	c.FlushChain(chain)
	for _, a := range r.i.Router.Addresses {
		offset, protocol, own := uint32(16), byte(unix.NFPROTO_IPV4), a.AsSlice()
		if !a.Is4() {
			offset, protocol = 24, unix.NFPROTO_IPV6
			c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: neighbourDiscovery()})
		}
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: uint32(len(own))},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: own},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("refuse packets to the addresses of %s with nftables: %w", r.i.Router.Name, err)
	}
	return nil
}

// neighbourDiscovery accepts ICMPv6 types 135 and 136: without them nobody finds the router.
func neighbourDiscovery() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Range{Op: expr.CmpOpEq, Register: 1, FromData: []byte{135}, ToData: []byte{136}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}
}

// remove lets them in again.
func (r refusal) remove() error {
	if !r.wanted() {
		return nil
	}
	c, err := nftables.New()
	if err == nil {
		c.DelChain(r.chain())
		err = c.Flush()
	}
	if err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("accept packets to the addresses of %s again: %w", r.i.Router.Name, err)
	}
	return nil
}
