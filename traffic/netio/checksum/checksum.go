// Package checksum is the Internet checksum (RFC 1071), which ICMP, neighbour discovery and VRRP share.
package checksum

import "encoding/binary"

// Internet returns the checksum of b, begun with the sum of what came before it (a pseudo header; 0 for none). Over
// data that holds its own checksum it is 0.
func Internet(b []byte, sum uint32) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
