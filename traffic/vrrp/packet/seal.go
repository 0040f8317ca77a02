package packet

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
)

// ErrSeal is what a receiver says of an advertisement whose seal is wrong, or missing, or not expected.
var ErrSeal = errors.New("wrong seal of a VRRP packet")

// Seal is a proof, behind an advertisement, that its sender knows a secret. It is Holdfast's own: others take such a packet as too long.
// On the wire it is a mark with its version, a number that only grows, and the HMAC-SHA256 (RFC 2104) of the addresses that the packet travels between,
// the advertisement and the number.
type Seal struct {
	Number uint64 // greater than in every earlier packet of this sender
	proof  [sha256.Size]byte
}

var sealMark = []byte("HFV\x01")

var sealBytes = len(sealMark) + 8 + sha256.Size

func proof(advertisement []byte, path Path, number uint64, secret []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(sealMark)
	h.Write(path.Source.AsSlice())
	h.Write(path.Destination.AsSlice())
	h.Write(binary.BigEndian.AppendUint64(nil, number))
	h.Write(advertisement)
	return h.Sum(nil)
}

// Sealed is an advertisement, as Marshal returns it, with a seal behind it.
func Sealed(advertisement []byte, path Path, number uint64, secret []byte) []byte {
	b := slices.Concat(advertisement, sealMark)
	b = binary.BigEndian.AppendUint64(b, number)
	return append(b, proof(advertisement, path, number, secret)...)
}

// Split parts a packet into the advertisement and its seal; nil if it has none.
func Split(b []byte) (advertisement []byte, seal *Seal) {
	at := len(b) - sealBytes
	if at < headerBytes || string(b[at:at+len(sealMark)]) != string(sealMark) {
		return b, nil
	}
	rest := b[at+len(sealMark):]
	return b[:at:at], &Seal{Number: binary.BigEndian.Uint64(rest), proof: [sha256.Size]byte(rest[8:])}
}

// Check tells whether a seal was made with the secret, for this advertisement on this path.
func (s *Seal) Check(advertisement []byte, path Path, secret []byte) error {
	if !hmac.Equal(s.proof[:], proof(advertisement, path, s.Number, secret)) {
		return ErrSeal
	}
	return nil
}
