// Package preamble reads and writes the PROXY protocol, versions 1 and 2: the lines before a connection's first bytes that tell
// who the client was ("The PROXY protocol", 2020). It is strict, and does no I/O.
package preamble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"slices"
	"strconv"
)

// Header is what a preamble says. Source is not valid when it says that the connection is the sender's own (LOCAL, UNKNOWN).
type Header struct {
	Source, Destination netip.AddrPort
	Attributes          []Attribute // of version 2; their values are parts of what was parsed
}

// Attribute is the value of the last attribute of a kind; nil: there is none.
func (h *Header) Attribute(k Kind) []byte {
	for _, a := range slices.Backward(h.Attributes) {
		if a.Kind == k {
			return a.Value
		}
	}
	return nil
}

// ErrMalformed is what is wrong with bytes that are no preamble.
var ErrMalformed = errors.New("no PROXY protocol header, or a malformed one")

var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// longestLine is how long a version 1 header can be, with its CRLF.
const longestLine = 107

// Parse reads the header at the beginning of b. n is its length; 0 without an error: more bytes are needed.
func Parse(b []byte) (h Header, n int, err error) {
	switch {
	case len(b) == 0:
		return h, 0, nil
	case b[0] == 'P':
		return parseLine(b)
	case bytes.HasPrefix(signature, b[:min(len(b), len(signature))]):
		return parseBinary(b)
	}
	return h, 0, ErrMalformed
}

func parseLine(b []byte) (h Header, n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), longestLine)], '\n')
	if end < 0 {
		if len(b) >= longestLine || !bytes.HasPrefix([]byte("PROXY "), b[:min(6, len(b))]) {
			return h, 0, ErrMalformed
		}
		return h, 0, nil
	}
	if end < 1 || b[end-1] != '\r' {
		return h, 0, ErrMalformed
	}
	words := bytes.Split(b[:end-1], []byte(" "))
	if string(words[0]) != "PROXY" || len(words) < 2 {
		return h, 0, ErrMalformed
	}
	family := string(words[1])
	if family == "UNKNOWN" {
		return h, end + 1, nil
	}
	if family != "TCP4" && family != "TCP6" || len(words) != 6 {
		return h, 0, ErrMalformed
	}
	h.Source, err = endpoint(family, words[2], words[4])
	if err == nil {
		h.Destination, err = endpoint(family, words[3], words[5])
	}
	return h, end + 1, err
}

func endpoint(family string, address, port []byte) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(string(address))
	if err != nil || a.Is4() != (family == "TCP4") || a.Zone() != "" {
		return netip.AddrPort{}, ErrMalformed
	}
	p, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil || len(port) > 1 && port[0] == '0' {
		return netip.AddrPort{}, ErrMalformed
	}
	return netip.AddrPortFrom(a, uint16(p)), nil
}

// longestBody bounds the addresses and attributes of version 2.
const longestBody = 4096

func parseBinary(b []byte) (h Header, n int, err error) {
	if len(b) < 16 {
		return h, 0, nil
	}
	command, family, length := b[12], b[13], int(binary.BigEndian.Uint16(b[14:]))
	if command>>4 != 2 || command&15 > 1 || length > longestBody {
		return h, 0, ErrMalformed
	}
	if len(b) < 16+length {
		return h, 0, nil
	}
	body := b[16 : 16+length]
	if command&15 == 0 { // LOCAL
		return h, 16 + length, nil
	}
	attributes := length
	switch family {
	case 0x11, 0x12:
		if length < 12 {
			return h, 0, ErrMalformed
		}
		attributes = 12
		h.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[0:4])), binary.BigEndian.Uint16(body[8:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body[4:8])), binary.BigEndian.Uint16(body[10:]))
	case 0x21, 0x22:
		if length < 36 {
			return h, 0, ErrMalformed
		}
		attributes = 36
		h.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[0:16])).Unmap(), binary.BigEndian.Uint16(body[32:]))
		h.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body[16:32])).Unmap(), binary.BigEndian.Uint16(body[34:]))
	case 0x00, 0x31, 0x32:
	default:
		return h, 0, ErrMalformed
	}
	h.Attributes, err = parseAttributes(b[:16+length], 16+attributes)
	return h, 16 + length, err
}

// What an authority and an unique ID may have ("The PROXY protocol", 2.2.2 and 2.2.5), in bytes.
const (
	longestAuthority = 255
	longestUniqueID  = 128
)

// parseAttributes takes apart what stands in a header from a position on, and checks the checksum if there is one.
func parseAttributes(header []byte, at int) (all []Attribute, err error) {
	for at < len(header) {
		value := at + 3
		if value > len(header) || len(header)-value < int(binary.BigEndian.Uint16(header[at+1:])) {
			return nil, ErrMalformed
		}
		end := value + int(binary.BigEndian.Uint16(header[at+1:]))
		one := Attribute{Kind(header[at]), header[value:end]}
		if one.Kind == Checksum && !checksumHolds(header, value, end) {
			return nil, ErrMalformed
		}
		if one.Kind == Authority && len(one.Value) > longestAuthority || one.Kind == UniqueID && len(one.Value) > longestUniqueID {
			return nil, ErrMalformed
		}
		all, at = append(all, one), end
	}
	return all, nil
}

// checksumHolds tells whether the checksum that stands in a header from one position to another is that of the header with zeros in its place.
func checksumHolds(header []byte, from, to int) bool {
	if to-from != crc32.Size {
		return false
	}
	copied := bytes.Clone(header)
	clear(copied[from:to])
	return crc32.Checksum(copied, crc32.MakeTable(crc32.Castagnoli)) == binary.BigEndian.Uint32(header[from:])
}

// Append1 appends a version 1 header.
func Append1(dst []byte, h Header) []byte {
	s, d := h.Source, h.Destination
	if !s.IsValid() || !d.IsValid() {
		return append(dst, "PROXY UNKNOWN\r\n"...)
	}
	from, to := s.Addr().Unmap(), d.Addr().Unmap()
	if from.Is4() && to.Is4() {
		dst = append(dst, "PROXY TCP4 "...)
	} else {
		dst = append(dst, "PROXY TCP6 "...)
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	dst = append(from.AppendTo(dst), ' ')
	dst = append(to.AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(s.Port()), 10), ' ')
	return append(strconv.AppendUint(dst, uint64(d.Port()), 10), "\r\n"...)
}
