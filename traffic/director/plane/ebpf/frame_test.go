package ebpf

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"holdfast/traffic/netio/checksum"
)

// The protocols of frames, besides TCP and UDP.
const (
	icmp4, icmp6     = 1, 58
	inIPv4, inIPv6   = 4, 41
	protoTCP         = 6
	protoUDP         = 17
	protoGRE         = 47
	headerFragment   = 44
	linkHeader       = 14
	fin, syn, rst    = 1, 2, 4
	ack              = 16
	dontFragment     = 0x4000
	moreFragments    = 0x2000
	fragmentIdentity = 77
)

// frame is a packet in words.
type frame struct {
	from, to netip.AddrPort
	protocol uint8
	flags    byte   // of TCP
	fragment uint16 // flags and offset, as IPv4 has them
	ttl      uint8  // 0: 64
	payload  []byte // behind the transport's header; of other protocols than TCP and UDP, behind the network's
}

func tcp(from, to string, flags byte) frame {
	return frame{from: netip.MustParseAddrPort(from), to: netip.MustParseAddrPort(to), protocol: protoTCP, flags: flags, fragment: dontFragment, payload: []byte("payload")}
}

func udp(from, to, payload string) frame {
	return frame{from: netip.MustParseAddrPort(from), to: netip.MustParseAddrPort(to), protocol: protoUDP, payload: []byte(payload)}
}

func (f frame) pseudo(length int) uint32 {
	var all []byte
	all = append(all, f.from.Addr().AsSlice()...)
	all = append(all, f.to.Addr().AsSlice()...)
	all = append(all, 0, f.protocol, byte(length>>8), byte(length))
	return uint32(^checksum.Internet(all, 0))
}

func (f frame) transport() []byte {
	var head []byte
	ports := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, f.from.Port()), f.to.Port())
	at := 0
	switch f.protocol {
	case protoTCP:
		head = append(ports, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, f.flags, 1, 0, 0, 0, 0, 0)
		at = 16
	case protoUDP:
		head = append(ports, 0, byte(8+len(f.payload)), 0, 0)
		at = 6
	default:
		return f.payload
	}
	all := append(head, f.payload...)
	binary.BigEndian.PutUint16(all[at:], checksum.Internet(all, f.pseudo(len(all))))
	return all
}

// network is the packet from its network header on.
func (f frame) network() []byte {
	inner := f.transport()
	if f.fragment&0x1fff != 0 {
		inner = f.payload
	}
	if f.ttl == 0 {
		f.ttl = 64
	}
	if f.to.Addr().Is6() {
		next := f.protocol
		if where := f.fragment &^ dontFragment; where != 0 {
			at := where<<3 | where>>13
			inner = append([]byte{next, 0, byte(at >> 8), byte(at), 0, 0, 0, fragmentIdentity}, inner...)
			next = headerFragment
		}
		head := []byte{0x60, 0, 0, 0, byte(len(inner) >> 8), byte(len(inner)), next, f.ttl}
		head = append(append(head, f.from.Addr().AsSlice()...), f.to.Addr().AsSlice()...)
		return append(head, inner...)
	}
	head := []byte{0x45, 0, byte((20 + len(inner)) >> 8), byte(20 + len(inner)), 0, fragmentIdentity, byte(f.fragment >> 8), byte(f.fragment), f.ttl, f.protocol, 0, 0}
	head = append(append(head, f.from.Addr().AsSlice()...), f.to.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(head[10:], checksum.Internet(head, 0))
	return append(head, inner...)
}

func (f frame) bytes() []byte {
	link := make([]byte, linkHeader)
	binary.BigEndian.PutUint16(link[12:], 0x0800)
	if f.to.Addr().Is6() {
		binary.BigEndian.PutUint16(link[12:], 0x86dd)
	}
	return append(link, f.network()...)
}

// error is one of ICMP about a packet that was sent: from whom, to the packet's sender, which quotes it.
func (f frame) error(from string, kind, code byte) frame {
	e := frame{from: netip.AddrPortFrom(netip.MustParseAddr(from), 0), to: netip.AddrPortFrom(f.from.Addr(), 0), protocol: icmp4}
	quoted := f.network()
	e.payload = append([]byte{kind, code, 0, 0, 0, 0, 5, 0}, quoted[:len(quoted)-len(f.payload)]...)
	var sum uint32
	if f.to.Addr().Is6() {
		e.protocol = icmp6
		sum = e.pseudo(len(e.payload))
	}
	binary.BigEndian.PutUint16(e.payload[2:], checksum.Internet(e.payload, sum))
	return e
}

// read puts a packet, from its network header on, into words, and checks its checksums; those of what an error quotes are not all there.
func read(t *testing.T, b []byte, quoted bool) frame {
	t.Helper()
	var f frame
	var from, to netip.Addr
	var inner []byte
	if b[0]>>4 == 6 {
		from, to = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
		f.protocol, f.ttl, inner = b[6], b[7], b[40:]
		if !quoted {
			inner = inner[:binary.BigEndian.Uint16(b[4:])]
		}
		if f.protocol == headerFragment {
			at := binary.BigEndian.Uint16(inner[2:])
			f.protocol, f.fragment, inner = inner[0], at>>3|at<<13, inner[8:]
		}
	} else {
		if sum := checksum.Internet(b[:20], 0); sum != 0 {
			t.Errorf("the checksum of an IPv4 header is wrong by %#x: % x", sum, b[:20])
		}
		from, to = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
		f.protocol, f.ttl, f.fragment, inner = b[9], b[8], binary.BigEndian.Uint16(b[6:]), b[20:]
		if !quoted {
			inner = inner[:binary.BigEndian.Uint16(b[2:])-20]
		}
	}
	f.from, f.to, f.payload = netip.AddrPortFrom(from, 0), netip.AddrPortFrom(to, 0), inner
	f.readTransport(t, inner, quoted)
	return f
}

func (f *frame) readTransport(t *testing.T, inner []byte, quoted bool) {
	t.Helper()
	sum := f.pseudo(len(inner))
	header := map[uint8]int{protoTCP: 20, protoUDP: 8}[f.protocol]
	switch {
	case f.fragment&0x1fff != 0:
		return
	case f.protocol == icmp4:
		sum = 0
	case f.protocol != icmp6 && header == 0:
		return
	}
	if got := checksum.Internet(inner, sum); got != 0 && !quoted && f.fragment&moreFragments == 0 {
		t.Errorf("the checksum of protocol %d is wrong by %#x: % x", f.protocol, got, inner)
	}
	if header == 0 {
		return
	}
	f.from = netip.AddrPortFrom(f.from.Addr(), binary.BigEndian.Uint16(inner))
	f.to = netip.AddrPortFrom(f.to.Addr(), binary.BigEndian.Uint16(inner[2:]))
	if f.protocol == protoTCP && len(inner) > 13 {
		f.flags = inner[13]
	}
	f.payload = inner[min(header, len(inner)):]
}
