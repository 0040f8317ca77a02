package packet

import "encoding/binary"

// checksum is the Internet checksum (RFC 1071) of b, begun with what came before it. Over a
// packet that holds its own checksum it is 0.
func checksum(b []byte, sum uint32) uint16 {
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

// pseudoHeader sums what version 3 takes from the IP header (RFC 9568, 5.2.8): both addresses, the
// length and the protocol. It fits 32 bits for every packet that IP can carry.
func pseudoHeader(path Path, length int) uint32 {
	sum := uint32(length) + Protocol
	for _, address := range [][]byte{path.Source.AsSlice(), path.Destination.AsSlice()} {
		for ; len(address) > 0; address = address[2:] {
			sum += uint32(binary.BigEndian.Uint16(address))
		}
	}
	return sum
}
