package packet

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"fmt"
)

// HeaderProtocol is the IP protocol number of an Authentication Header (RFC 2402), which keepalived puts before advertisements of version 2 with auth_type AH.
const HeaderProtocol = 51

const (
	ipBytes     = 20
	icvBytes    = 12            // HMAC-MD5-96 (RFC 2403)
	ahBytes     = 12 + icvBytes // next header, length, index, sequence, check value
	ahLength    = ahBytes/4 - 2 // as the header says it (RFC 2402, 2.2)
	ipService   = 0xc0          // type of service: internetwork control
	ipTTL       = 8             // where the header has it
	ipChecksum  = 10            // and its checksum
	ipFragments = 6             // and flags and offset of fragments
)

// WithHeader makes the whole IP packet: the advertisement behind an Authentication Header, which proves who knows the key. As in keepalived the
// security parameters index is the sender's address. The kernel fills in the checksum of the IP header.
func WithHeader(advertisement []byte, path Path, sequence uint32, key []byte) []byte {
	b := make([]byte, ipBytes+ahBytes, ipBytes+ahBytes+len(advertisement))
	source, destination := path.Source.As4(), path.Destination.As4()
	b[0], b[1] = 0x45, ipService
	binary.BigEndian.PutUint16(b[2:], uint16(cap(b)))
	binary.BigEndian.PutUint16(b[4:], uint16(sequence%0xffff)+1) // the kernel would fill in an identification of 0, after the check value is made
	b[ipTTL], b[9] = TTL, HeaderProtocol
	copy(b[12:], source[:])
	copy(b[16:], destination[:])
	ah := b[ipBytes:]
	ah[0], ah[1] = Protocol, ahLength
	copy(ah[4:], source[:])
	binary.BigEndian.PutUint32(ah[8:], sequence)
	b = append(b, advertisement...)
	copy(b[ipBytes+12:], checkValue(b, ipBytes, key))
	return b
}

// SplitHeader takes an IP packet with an Authentication Header apart. Whether the sender knew the key is CheckHeader's to find.
func SplitHeader(b []byte) (advertisement []byte, err error) {
	ip, err := ipHeader(b)
	if err != nil {
		return nil, err
	}
	ah := b[ip:]
	if len(ah) < ahBytes || ah[0] != Protocol || ah[1] != ahLength {
		return nil, fmt.Errorf("%w: no Authentication Header with a check value of %d bytes before VRRP", ErrMalformed, icvBytes)
	}
	return ah[ahBytes:], nil
}

// CheckHeader tells whether the sender of a packet that SplitHeader took apart knew the key.
func CheckHeader(b, key []byte) error {
	ip, err := ipHeader(b)
	if err != nil {
		return err
	}
	if !hmac.Equal(b[ip+12:ip+ahBytes], checkValue(b, ip, key)) {
		return fmt.Errorf("%w: the check value of its Authentication Header is another", ErrPassword)
	}
	return nil
}

func ipHeader(b []byte) (length int, err error) {
	if len(b) < ipBytes || b[0]>>4 != 4 {
		return 0, fmt.Errorf("%w: no IPv4 header", ErrMalformed)
	}
	if length = int(b[0]&0xf) * 4; length < ipBytes || len(b) < length+ahBytes {
		return 0, fmt.Errorf("%w: %d bytes, too short for an Authentication Header", ErrMalformed, len(b))
	}
	return length, nil
}

// checkValue covers the packet without what routers change, and without itself. The time to live is covered: advertisements pass no router.
func checkValue(b []byte, ip int, key []byte) []byte {
	covered := append([]byte{}, b...)
	covered[1] = 0
	clear(covered[ipFragments : ipFragments+2])
	clear(covered[ipChecksum : ipChecksum+2])
	clear(covered[ip+12 : ip+ahBytes])
	h := hmac.New(md5.New, key)
	h.Write(covered)
	return h.Sum(nil)[:icvBytes]
}
