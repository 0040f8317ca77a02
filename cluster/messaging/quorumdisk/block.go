package quorumdisk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/sectors"
)

const (
	headerMagic = "HOLDFASTQUORUM"
	blockMagic  = "HFQBLOCK"
	version     = 1
)

// MaxHost is the highest node id that has a block.
const MaxHost = 128

// Sectors is how many of them a quorum disk takes, with its header.
const Sectors = MaxHost + 1

// Header is sector 0.
type Header struct {
	ID   [16]byte // made with the disk: another one is another disk
	Size int      // of a sector, bytes
}

// Ballot orders those who want the lease. The zero Ballot is none.
type Ballot struct {
	Number uint64
	Host   uint32
}

// Less orders ballots.
func (b Ballot) Less(o Ballot) bool {
	return b.Number < o.Number || b.Number == o.Number && b.Host < o.Host
}

// Block is a host's.
type Block struct {
	Host       uint32
	Daemon     uint64 // drawn when the daemon started; another one is another writer
	Counter    uint64
	Intent     Ballot
	Claim      Ballot
	Ring       uint64 // the partition that the host is in
	Heuristics qdevice.Heuristics
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Marshal writes sector 0.
func (h Header) Marshal() []byte {
	b := append(make([]byte, 0, sectors.Min), headerMagic...)
	b = append(b, 0, version)
	b = append(b, h.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Size))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

const headerLength = 16 + 16 + 4

// ErrForeign is what ParseHeader wraps for a disk that is no quorum disk.
var ErrForeign = errors.New("it is no quorum disk; 'holdfast quorum-disk create' makes it one, and overwrites what is on it")

// ParseHeader reads sector 0.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerLength+4 || string(b[:len(headerMagic)]) != headerMagic {
		return Header{}, ErrForeign
	}
	if b[15] != version {
		return Header{}, fmt.Errorf("it has version %d of the format, this build knows %d", b[15], version)
	}
	if crc32.Checksum(b[:headerLength], castagnoli) != binary.BigEndian.Uint32(b[headerLength:]) {
		return Header{}, errors.New("its header is damaged; create it anew")
	}
	return Header{ID: [16]byte(b[16:32]), Size: int(binary.BigEndian.Uint32(b[32:]))}, nil
}

const blockLength = 8 + 2 + 4 + 8 + 8 + 12 + 12 + 8 + 1

// Marshal writes a host's sector.
func (k *Block) Marshal() []byte {
	b := append(make([]byte, 0, sectors.Min), blockMagic...)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, k.Host)
	b = binary.BigEndian.AppendUint64(b, k.Daemon)
	b = binary.BigEndian.AppendUint64(b, k.Counter)
	for _, ballot := range []Ballot{k.Intent, k.Claim} {
		b = binary.BigEndian.AppendUint64(b, ballot.Number)
		b = binary.BigEndian.AppendUint32(b, ballot.Host)
	}
	b = binary.BigEndian.AppendUint64(b, k.Ring)
	b = append(b, byte(k.Heuristics))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// ParseBlock reads a host's sector; ok is false for one that was never written, or is damaged.
func ParseBlock(b []byte) (k Block, ok bool) {
	if len(b) < blockLength+4 || string(b[:8]) != blockMagic || binary.BigEndian.Uint16(b[8:]) != version ||
		crc32.Checksum(b[:blockLength], castagnoli) != binary.BigEndian.Uint32(b[blockLength:]) {
		return Block{}, false
	}
	ballot := func(at int) Ballot {
		return Ballot{Number: binary.BigEndian.Uint64(b[at:]), Host: binary.BigEndian.Uint32(b[at+8:])}
	}
	return Block{Host: binary.BigEndian.Uint32(b[10:]), Daemon: binary.BigEndian.Uint64(b[14:]), Counter: binary.BigEndian.Uint64(b[22:]),
		Intent: ballot(30), Claim: ballot(42), Ring: binary.BigEndian.Uint64(b[54:]), Heuristics: qdevice.Heuristics(b[62])}, true
}
