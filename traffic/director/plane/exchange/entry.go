package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"holdfast/traffic/director/table"
)

// State is what a connection is at.
type State uint8

// The states that are told. Beginnings are not: a handshake whose director dies is begun again by its client.
const (
	Established State = iota + 1
	Ending            // one side has sent a FIN
	Ended             // both have, or it was reset
	Datagrams
	Returning // no connection: where a persistent client is to come back to
	lastState = Returning
)

// Entry is one connection, or one persistent client.
type Entry struct {
	Service  table.Key
	Protocol table.Protocol
	State    State
	Left     time.Duration // until it is forgotten, if nothing comes
	Client   netip.AddrPort
	Virtual  netip.AddrPort // what the client asked for: of a service of any port, or of a mark, it is not the service's
	Server   netip.AddrPort // as the service has it
}

// Source is a plane whose connections can be told.
type Source interface {
	// News gives what began or ended here since it was last called, and a part of all else, as much as is due.
	News(due time.Duration, yield func(Entry)) error
	// Learn adds what another director carries. What fits no service or server here is left out.
	Learn([]Entry) error
}

// What an entry's first byte says.
const (
	entryIPv6 = 1 << iota
	entryMark
	entryService6 // the family of a mark's service, as no address says it
	entryFlags    = entryIPv6 | entryMark | entryService6
)

// Append puts an entry behind b: flags, protocol, state, milliseconds, the mark or the port of the service, client, virtual address and server, each with its port. All
// numbers are in the wire's order.
func (e Entry) Append(b []byte) []byte {
	flags := byte(0)
	if e.Client.Addr().Is6() {
		flags |= entryIPv6
	}
	id := uint32(e.Service.Address.Port())
	if e.Service.Mark != 0 {
		flags |= entryMark
		id = e.Service.Mark
		if e.Service.IPv6 {
			flags |= entryService6
		}
	}
	b = append(b, flags, byte(e.Protocol), byte(e.State))
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(0, e.Left.Milliseconds()), 1<<32-1)))
	b = binary.BigEndian.AppendUint32(b, id)
	for _, a := range []netip.AddrPort{e.Client, e.Virtual} {
		b = append(b, a.Addr().AsSlice()...)
		b = binary.BigEndian.AppendUint16(b, a.Port())
	}
	server := e.Server.Addr().As16() // a tunnel may lead into the other family
	return binary.BigEndian.AppendUint16(append(b, server[:]...), e.Server.Port())
}

// longestEntry is as long as one may be.
const longestEntry = 3 + 4 + 4 + 3*(16+2)

var errEntry = errors.New("a connection of a packet is cut short or makes no sense")

// parseEntry reads one, and gives what is behind it.
func parseEntry(b []byte) (e Entry, rest []byte, err error) {
	if len(b) < 11 {
		return e, nil, errEntry
	}
	flags, wide := b[0], 4
	if flags&entryIPv6 != 0 {
		wide = 16
	}
	if len(b) < 11+2*(wide+2)+18 || flags&^byte(entryFlags) != 0 {
		return e, nil, errEntry
	}
	e.Protocol, e.State = table.Protocol(b[1]), State(b[2])
	e.Left = time.Duration(binary.BigEndian.Uint32(b[3:])) * time.Millisecond
	id := binary.BigEndian.Uint32(b[7:])
	if e.State == 0 || e.State > lastState || flags&entryMark == 0 && (id > 1<<16-1 || flags&entryService6 != 0) || flags&entryMark != 0 && id == 0 {
		return e, nil, errEntry
	}
	b = b[11:]
	for _, a := range []*netip.AddrPort{&e.Client, &e.Virtual} {
		ip, _ := netip.AddrFromSlice(b[:wide])
		if wide == 16 && ip.Is4In6() {
			return e, nil, errEntry
		}
		*a = netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[wide:]))
		b = b[wide+2:]
	}
	e.Server = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[16:]))
	if flags&entryMark != 0 {
		e.Service = table.Key{Mark: id, IPv6: flags&entryService6 != 0}
	} else {
		e.Service = table.Key{Protocol: e.Protocol, Address: netip.AddrPortFrom(e.Virtual.Addr(), uint16(id))}
	}
	return e, b[18:], nil
}

// message is what a packet says, once it is open: who sends it, for which id, and entries.
type message struct {
	id      uint8
	sender  string
	entries []Entry
}

func (m message) head() []byte { return append([]byte{m.id, byte(len(m.sender))}, m.sender...) }

func parseMessage(b []byte) (m message, err error) {
	if len(b) < 2 || len(b) < 2+int(b[1]) || b[1] == 0 {
		return m, fmt.Errorf("a packet has %d bytes, not even its sender's name", len(b))
	}
	m.id, m.sender = b[0], string(b[2:2+int(b[1])])
	for b = b[2+int(b[1]):]; len(b) > 0; {
		var e Entry
		if e, b, err = parseEntry(b); err != nil {
			return m, err
		}
		m.entries = append(m.entries, e)
	}
	return m, nil
}
