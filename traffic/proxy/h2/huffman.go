package h2

// codeLengths are the lengths in bits of the Huffman codes of the 256 bytes and of the end mark (RFC 7541, appendix B). The code is
// canonical: codes of a length are consecutive, in the order of their symbols, so that lengths are all there is to know.
var codeLengths = [257]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30,
}

const (
	shortCode = 8 // bits that a look-up decides at once
	longCode  = 30
	endMark   = 256
)

// huffman is what decoding looks up.
type huffman struct {
	short   [1 << shortCode]struct{ symbol, bits uint8 } // by the next 8 bits; bits 0: the code is longer
	first   [longCode + 2]uint32                         // the first code of a length, to the left of 32 bits; shorter ones are below it
	start   [longCode + 2]uint16                         // where the symbols of a length begin
	symbols [257]uint16                                  // by length, then in order
}

var codes = makeHuffman()

func makeHuffman() *huffman {
	h := &huffman{}
	var code uint32
	at := uint16(0)
	for bits := uint8(1); bits <= longCode; bits++ {
		h.first[bits], h.start[bits] = code<<(32-bits), at
		for symbol, n := range codeLengths {
			if n != bits {
				continue
			}
			h.symbols[at] = uint16(symbol)
			at++
			if bits <= shortCode {
				from := code << (shortCode - bits)
				for i := range uint32(1) << (shortCode - bits) {
					h.short[from+i] = struct{ symbol, bits uint8 }{uint8(symbol), bits}
				}
			}
			code++
		}
		code <<= 1
	}
	return h
}

// appendDecoded appends what Huffman-coded bytes mean. false: they are no such code.
func (h *huffman) appendDecoded(dst, b []byte) ([]byte, bool) {
	var bits uint64 // the next ones are the highest of the lower `have`
	have := uint(0)
	for {
		for have <= 32 && len(b) > 0 {
			bits, have, b = bits<<8|uint64(b[0]), have+8, b[1:]
		}
		if have == 0 {
			return dst, true
		}
		// 32 bits to the left; behind the end come ones, as padding does.
		var window uint32
		if have >= 32 {
			window = uint32(bits >> (have - 32))
		} else {
			window = uint32(bits<<(32-have)) | (1<<(32-have) - 1)
		}
		if s := h.short[window>>(32-shortCode)]; s.bits > 0 {
			if uint(s.bits) > have {
				return dst, paddingOnly(bits, have)
			}
			dst, have = append(dst, s.symbol), have-uint(s.bits)
			continue
		}
		n := uint(shortCode + 1)
		for n < longCode && window >= h.first[n+1] {
			n++
		}
		if n > have {
			return dst, paddingOnly(bits, have)
		}
		symbol := h.symbols[uint32(h.start[n])+(window-h.first[n])>>(32-n)]
		if symbol == endMark {
			return dst, false
		}
		dst, have = append(dst, byte(symbol)), have-n
	}
}

// paddingOnly tells whether the last bits are what a string is filled up with: fewer than 8 ones (RFC 7541, 5.2).
func paddingOnly(bits uint64, have uint) bool {
	return have < 8 && bits&(1<<have-1) == 1<<have-1
}
