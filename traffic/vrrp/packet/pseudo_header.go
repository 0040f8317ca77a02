package packet

import "encoding/binary"

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
