package preamble

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Kind is what an attribute of version 2 tells of ("The PROXY protocol", 2.2).
type Kind byte

// The kinds.
const (
	Protocol  Kind = 0x01 // of the application, as ALPN names it
	Authority Kind = 0x02 // the name that the client asked for
	Checksum  Kind = 0x03 // CRC-32C of the header; its Value is not given
	UniqueID  Kind = 0x05
	TLS       Kind = 0x20 // as Secure writes it
)

// Attribute is a type, a length and a value behind the addresses.
type Attribute struct {
	Kind  Kind
	Value []byte
}

// Secure is what is told of the client's TLS.
type Secure struct {
	Version    []byte // as TLSv1.3
	CommonName []byte
	Cipher     []byte
	Shown      bool // the client has shown a certificate in this session
	Verified   bool // and nothing is wrong with it
}

// Append appends it as the value of an attribute.
func (s *Secure) Append(dst []byte) []byte {
	const secure, shownNow, shown = 1, 2, 4
	flags, verdict := byte(secure), uint32(0)
	if s.Shown {
		flags |= shownNow | shown
	}
	if !s.Verified {
		verdict = 1
	}
	dst = binary.BigEndian.AppendUint32(append(dst, flags), verdict)
	for _, part := range []Attribute{{0x21, s.Version}, {0x22, s.CommonName}, {0x23, s.Cipher}} {
		if len(part.Value) > 0 {
			dst = part.append(dst)
		}
	}
	return dst
}

func (a Attribute) append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint16(append(dst, byte(a.Kind)), uint16(len(a.Value))), a.Value...)
}

// Append2 appends a version 2 header, with attributes.
func Append2(dst []byte, h Header, attributes ...Attribute) []byte {
	begin := len(dst)
	dst = append(dst, signature...)
	s, d := h.Source, h.Destination
	from, to := s.Addr().Unmap(), d.Addr().Unmap()
	switch {
	case !s.IsValid() || !d.IsValid():
		dst = append(dst, 0x20, 0x00, 0, 0)
	case from.Is4() && to.Is4():
		dst = append(dst, 0x21, 0x11, 0, 0)
		dst = append(append(dst, from.AsSlice()...), to.AsSlice()...)
	default:
		a, b := netip.Addr.As16(from), netip.Addr.As16(to)
		dst = append(dst, 0x21, 0x21, 0, 0)
		dst = append(append(dst, a[:]...), b[:]...)
	}
	const head = 16
	if len(dst) > begin+head {
		dst = binary.BigEndian.AppendUint16(dst, s.Port())
		dst = binary.BigEndian.AppendUint16(dst, d.Port())
	}
	checksum := 0
	for _, a := range attributes {
		if a.Kind == Checksum {
			a.Value = make([]byte, crc32.Size)
			checksum = len(dst) + 3
		}
		dst = a.append(dst)
	}
	binary.BigEndian.PutUint16(dst[begin+head-2:], uint16(len(dst)-begin-head))
	if checksum > 0 { // of the header with zeros in its place
		binary.BigEndian.PutUint32(dst[checksum:], crc32.Checksum(dst[begin:], crc32.MakeTable(crc32.Castagnoli)))
	}
	return dst
}
