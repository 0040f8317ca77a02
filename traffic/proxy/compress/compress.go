// Package compress codes the bodies of answers on their way to clients, as `compression` in haproxy.cfg says.
//
// A Stream keeps nothing of what went through it but a checksum and a length: each piece of a body becomes DEFLATE blocks (RFC 1951) that refer to
// nothing before it and end at a byte, so that a slow client holds no window and no tables. The tables are a Coder's, which its owner, an event
// loop, uses for all streams in turn. Texts come in pieces of many kilobytes, so that little is lost by it.
//
// What may be compressed, and how, is decided from heads alone (Choose, and the functions of eligible.go), without state.
package compress

import (
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Algorithm is a way to code a body.
type Algorithm uint8

// The algorithms, in the words of haproxy.cfg.
const (
	None Algorithm = iota // nothing is done
	Identity
	Gzip       // RFC 1952
	Deflate    // RFC 1950, which HTTP calls deflate
	RawDeflate // RFC 1951 bare, for clients that take deflate to be that
)

// Names are the algorithms as haproxy.cfg has them.
var Names = map[string]Algorithm{"identity": Identity, "gzip": Gzip, "deflate": Deflate, "raw-deflate": RawDeflate}

var codings = [...]string{"", "identity", "gzip", "deflate", "deflate"}

// Coding is the algorithm's name in HTTP (RFC 9110, 8.4.1).
func (a Algorithm) Coding() string { return codings[a] }

// Coder has the memory that compressing takes. It belongs to one goroutine.
type Coder struct {
	packing, storing *flate.Writer
	out              sink
}

// NewCoder makes a coder of a level from 1, the fastest, to 9.
func NewCoder(level int) (*Coder, error) {
	k := &Coder{}
	var err error
	if k.packing, err = flate.NewWriter(&k.out, level); err != nil {
		return nil, fmt.Errorf("make a coder of level %d: %w", level, err)
	}
	k.storing, err = flate.NewWriter(&k.out, flate.NoCompression)
	return k, err
}

// sink appends what is written to it.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// Stream is one body. Its zero value, with an Algorithm, is one that has not begun.
type Stream struct {
	Algorithm Algorithm
	begun     bool
	sum       uint32 // CRC-32 or Adler-32 of what came
	size      uint32 // modulo 2^32
}

// Append appends the coded form of a piece of the body; with store it is framed but not made smaller, which costs next to nothing.
func (s *Stream) Append(dst []byte, k *Coder, piece []byte, store bool) []byte {
	if len(piece) == 0 {
		return dst
	}
	if s.Algorithm <= Identity {
		return append(dst, piece...)
	}
	dst = s.begin(dst)
	switch s.Algorithm {
	case Gzip:
		s.sum = crc32.Update(s.sum, crc32.IEEETable, piece)
	case Deflate:
		s.sum = adler(s.sum, piece)
	}
	s.size += uint32(len(piece))
	w := k.packing
	if store {
		w = k.storing
	}
	k.out.b = dst
	w.Reset(&k.out)
	_, _ = w.Write(piece) // a sink takes everything
	_ = w.Flush()
	dst, k.out.b = k.out.b, nil
	return dst
}

func (s *Stream) begin(dst []byte) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	switch s.Algorithm {
	case Gzip:
		return append(dst, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3) // no name, no date, made for speed, on Unix
	case Deflate:
		s.sum = 1
		return append(dst, 0x78, 0x01)
	}
	return dst
}

// AppendEnd appends what ends the body.
func (s *Stream) AppendEnd(dst []byte) []byte {
	if s.Algorithm <= Identity {
		return dst
	}
	dst = append(s.begin(dst), 0x03, 0x00) // a last block, with nothing in it
	switch s.Algorithm {
	case Gzip:
		dst = binary.LittleEndian.AppendUint32(dst, s.sum)
		return binary.LittleEndian.AppendUint32(dst, s.size)
	case Deflate:
		return binary.BigEndian.AppendUint32(dst, s.sum)
	}
	return dst
}

// adler goes on with an Adler-32 checksum (RFC 1950, 8).
func adler(sum uint32, p []byte) uint32 {
	const modulus, atOnce = 65521, 5552
	a, b := sum&0xffff, sum>>16
	for len(p) > 0 {
		piece := p[:min(len(p), atOnce)]
		for _, c := range piece {
			a += uint32(c)
			b += a
		}
		a, b, p = a%modulus, b%modulus, p[len(piece):]
	}
	return b<<16 | a
}
