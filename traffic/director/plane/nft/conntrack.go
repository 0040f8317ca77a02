package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/traffic/director/table"
)

// What the kernel's connection tracking is asked for and says of a connection (linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h).
const (
	trackNew    = unix.NFNL_SUBSYS_CTNETLINK << 8
	trackGet    = trackNew | 1
	trackDelete = trackNew | 2

	attrOriginal, attrReply, attrStatus, attrProtocol, attrTimeout, attrTranslated = 1, 2, 3, 4, 7, 13

	seenReply = 1 << 1 // an answer has passed here
	assured   = 1 << 2
	confirmed = 1 << 3

	tcpEstablished, tcpFinWait, tcpTimeWait = 3, 4, 7
	anyWindow                               = 8 // of TCP's sequence numbers, as we have not seen those before

	groups = 3 // of events: a connection is new, changes, ends
)

// tracked is a connection as the kernel tracks it.
type tracked struct {
	protocol                        table.Protocol
	client, virtual, server, answer netip.AddrPort // answer: where the server's packets go to, the client unless that is masked
	status                          uint32
	left                            time.Duration
	tcp                             uint8 // its state; 0: not told
	ended                           bool
}

// tracker speaks with the connection tracking of a network namespace.
type tracker struct{ asks, hears *netlink.Conn }

// openTracker also begins to hear of what becomes of connections.
func openTracker() (*tracker, error) {
	var t tracker
	var err error
	if t.asks, err = netlink.Dial(unix.NETLINK_NETFILTER, nil); err == nil {
		t.hears, err = netlink.Dial(unix.NETLINK_NETFILTER, nil)
	}
	if err == nil {
		err = t.hears.SetReadBuffer(buffer)
	}
	for group := uint32(1); err == nil && group <= groups; group++ {
		err = t.hears.JoinGroup(group)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen to connection tracking: %w", err), t.close())
	}
	return &t, nil
}

func (t *tracker) close() error {
	var errs []error
	for _, c := range []*netlink.Conn{t.asks, t.hears} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// heard gives what has become of connections since the last call. Lost says that there was more than is kept.
func (t *tracker) heard() (all []tracked, lost bool, err error) {
	if err := t.hears.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return nil, false, err
	}
	for {
		messages, err := t.hears.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			lost = true
			continue
		case err != nil && errors.Is(err, unix.EAGAIN) || isTimeout(err):
			return all, lost, nil
		case err != nil:
			return all, lost, fmt.Errorf("listen to connection tracking: %w", err)
		}
		for _, m := range messages {
			if one, ok := parseTracked(m.Data); ok {
				one.ended = m.Header.Type == trackDelete
				all = append(all, one)
			}
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// message is one about connections of a family: nfgenmsg and attributes.
func message(kind netlink.HeaderType, flags netlink.HeaderFlags, family byte, attributes []byte) netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: append([]byte{family, 0, 0, 0}, attributes...)}
}

func family(is6 bool) byte {
	if is6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// all lists what is tracked.
func (t *tracker) all(is6 bool) ([]tracked, error) {
	messages, err := t.asks.Execute(message(trackGet, netlink.Dump, family(is6), nil))
	if err != nil {
		return nil, fmt.Errorf("read the kernel's connections: %w", err)
	}
	var all []tracked
	for _, m := range messages {
		if one, ok := parseTracked(m.Data); ok {
			all = append(all, one)
		}
	}
	return all, nil
}

// parseTracked reads a message's connection; false if it has no ports.
func parseTracked(b []byte) (c tracked, ok bool) {
	if len(b) < 4 {
		return c, false
	}
	d, err := netlink.NewAttributeDecoder(b[4:])
	if err != nil {
		return c, false
	}
	d.ByteOrder = binary.BigEndian
	for d.Next() {
		switch d.Type() {
		case attrOriginal:
			d.Nested(c.tuple(&c.client, &c.virtual))
		case attrReply:
			d.Nested(c.tuple(&c.server, &c.answer))
		case attrStatus:
			c.status = d.Uint32()
		case attrTimeout:
			c.left = time.Duration(d.Uint32()) * time.Second
		case attrProtocol:
			d.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					if d.Type() == 1 { // of TCP
						d.Nested(c.tcpState)
					}
				}
				return d.Err()
			})
		}
	}
	return c, d.Err() == nil && c.client.IsValid() && c.server.IsValid()
}

func (c *tracked) tcpState(d *netlink.AttributeDecoder) error {
	for d.Next() {
		if d.Type() == 1 {
			c.tcp = d.Uint8()
		}
	}
	return d.Err()
}

// tuple reads the addresses of one direction.
func (c *tracked) tuple(from, to *netip.AddrPort) func(*netlink.AttributeDecoder) error {
	return func(d *netlink.AttributeDecoder) error {
		var addresses [2]netip.Addr
		var ports [2]uint16
		for d.Next() {
			is := d.Type()
			d.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					switch {
					case is == 1 && d.Type() >= 1 && d.Type() <= 4: // source and destination of IPv4, of IPv6
						addresses[(d.Type()-1)%2], _ = netip.AddrFromSlice(d.Bytes())
					case is == 2 && d.Type() == 1:
						c.protocol = table.Protocol(d.Uint8())
					case is == 2 && (d.Type() == 2 || d.Type() == 3):
						ports[d.Type()-2] = d.Uint16()
					}
				}
				return d.Err()
			})
		}
		if addresses[0].IsValid() && addresses[1].IsValid() && ports[0] != 0 {
			*from, *to = netip.AddrPortFrom(addresses[0], ports[0]), netip.AddrPortFrom(addresses[1], ports[1])
		}
		return d.Err()
	}
}

// appendTuple writes the addresses of one direction.
func (c tracked) appendTuple(e *netlink.AttributeEncoder, kind uint16, from, to netip.AddrPort) {
	first := uint16(1)
	if from.Addr().Is6() {
		first = 3
	}
	e.Nested(kind, func(e *netlink.AttributeEncoder) error {
		e.Nested(1, func(e *netlink.AttributeEncoder) error {
			e.Bytes(first, from.Addr().AsSlice())
			e.Bytes(first+1, to.Addr().AsSlice())
			return nil
		})
		e.Nested(2, func(e *netlink.AttributeEncoder) error {
			e.ByteOrder = binary.BigEndian
			e.Uint8(1, uint8(c.protocol))
			e.Uint16(2, from.Port())
			e.Uint16(3, to.Port())
			return nil
		})
		return nil
	})
}

// find asks for a connection by its client's side; nil if there is none.
func (t *tracker) find(c tracked) (*tracked, error) {
	e := netlink.NewAttributeEncoder()
	c.appendTuple(e, attrOriginal, c.client, c.virtual)
	b, err := e.Encode()
	if err != nil {
		return nil, err
	}
	// The kernel marks the one answer as a part of several, and does not say that it was the last: the acknowledgement does.
	messages, err := t.asks.Execute(message(trackGet, netlink.Acknowledge, family(c.client.Addr().Is6()), b))
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil || len(messages) == 0 {
		return nil, fmt.Errorf("ask for the connection of %s: %w", c.client, err)
	}
	found, _ := parseTracked(messages[0].Data)
	return &found, nil
}

// forget ends the tracking of a connection.
func (t *tracker) forget(c tracked) error {
	e := netlink.NewAttributeEncoder()
	c.appendTuple(e, attrOriginal, c.client, c.virtual)
	b, err := e.Encode()
	if err == nil {
		_, err = t.asks.Execute(message(trackDelete, netlink.Acknowledge, family(c.client.Addr().Is6()), b))
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// put tracks a connection that has not been seen here, or holds one that is tracked for longer. The kernel learns the way to the server as from a rule that translates.
func (t *tracker) put(c tracked, known bool) error {
	e := netlink.NewAttributeEncoder()
	e.ByteOrder = binary.BigEndian
	c.appendTuple(e, attrOriginal, c.client, c.virtual)
	flags := netlink.Acknowledge
	if !known {
		flags |= netlink.Create | netlink.Excl
		c.appendTuple(e, attrReply, c.virtual, c.client)
		e.Uint32(attrStatus, assured|confirmed)
		e.Nested(attrTranslated, c.appendServer)
	}
	e.Uint32(attrTimeout, uint32(max(1, c.left/time.Second)))
	if c.protocol == table.TCP {
		e.Nested(attrProtocol, func(e *netlink.AttributeEncoder) error {
			e.Nested(1, func(e *netlink.AttributeEncoder) error {
				e.Uint8(1, c.tcp)
				e.Bytes(4, []byte{anyWindow, anyWindow})
				e.Bytes(5, []byte{anyWindow, anyWindow})
				return nil
			})
			return nil
		})
	}
	b, err := e.Encode()
	if err == nil {
		_, err = t.asks.Execute(message(trackNew, flags, family(c.client.Addr().Is6()), b))
	}
	if err != nil {
		return fmt.Errorf("track the connection of %s to %s: %w", c.client, c.server, err)
	}
	return nil
}

// appendServer says what the destination is translated to.
func (c tracked) appendServer(e *netlink.AttributeEncoder) error {
	from, to := uint16(1), uint16(2)
	if c.server.Addr().Is6() {
		from, to = 4, 5
	}
	e.Bytes(from, c.server.Addr().AsSlice())
	e.Bytes(to, c.server.Addr().AsSlice())
	e.Nested(3, func(e *netlink.AttributeEncoder) error {
		e.ByteOrder = binary.BigEndian
		e.Uint16(1, c.server.Port())
		e.Uint16(2, c.server.Port())
		return nil
	})
	return nil
}
