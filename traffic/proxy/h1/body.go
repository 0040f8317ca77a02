package h1

import "math"

// Framing is how a body's end is found.
type Framing uint8

// The framings.
const (
	None       Framing = iota // there is no body
	Sized                     // content-length
	Chunked                   // transfer-encoding: chunked
	UntilClose                // the connection's end
)

// maxTrailer bounds the trailer of a chunked body, in bytes.
const maxTrailer = 8192

// Body follows a body over the wire. Its zero value is one that is over.
type Body struct {
	Framing Framing
	left    int64 // Sized: of the body; Chunked: of the chunk's data
	state   chunkState
	digits  int8
	trailer uint16
	over    bool
	named   uint8                    // bytes of the name of a trailer's field, as far as there is room
	name    [longestFraming + 1]byte // in small letters

	// Bare tells that the receiver does not know chunks (RFC 9112, 6.1): it is sent the data alone, up to the connection's end.
	Bare bool
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerName
	trailerValue
	trailerLF
	finalLF
)

// RequestBody is the body that follows a request's head.
func (h *Head) RequestBody() Body {
	switch {
	case h.Chunked:
		return Body{Framing: Chunked}
	case h.Length > 0:
		return Body{Framing: Sized, left: h.Length}
	}
	return Body{over: true}
}

// ResponseBody is the body that follows an answer's head. toHead tells that the request was HEAD; toConnect CONNECT.
func (h *Head) ResponseBody(toHead, toConnect bool) Body {
	switch {
	case toHead || h.Status < 200 || h.Status == 204 || h.Status == 304:
		return Body{over: true}
	case toConnect && h.Status < 300:
		return Body{Framing: UntilClose}
	case h.Chunked:
		return Body{Framing: Chunked}
	case h.Length >= 0:
		return Body{Framing: Sized, left: h.Length, over: h.Length == 0}
	}
	return Body{Framing: UntilClose}
}

// Tunnel is the body of a connection that speaks something else from now on.
func Tunnel() Body { return Body{Framing: UntilClose} }

// Over tells whether all of the body was seen.
func (b *Body) Over() bool { return b.over || b.Framing == None }

// Left is how many bytes of the body follow for certain: they can be moved without being looked at.
func (b *Body) Left() int64 {
	switch {
	case b.over:
		return 0
	case b.Framing == UntilClose:
		return math.MaxInt64
	case b.Framing == Sized, b.state == chunkData:
		return b.left
	}
	return 0
}

// Skip takes note of n bytes that were moved without being looked at; n is at most Left.
func (b *Body) Skip(n int64) {
	if b.Framing == UntilClose {
		return
	}
	b.left -= n
	if b.left == 0 {
		if b.Framing == Sized {
			b.over = true
		} else {
			b.state = chunkDataCR
		}
	}
}

// End takes note of the connection's end, and tells whether the body is whole.
func (b *Body) End() bool {
	if b.Framing == UntilClose {
		b.over = true
	}
	return b.Over()
}

// Advance takes the next bytes of the connection and returns how many of them belong to the body.
func (b *Body) Advance(p []byte) (int, error) {
	switch {
	case b.Over():
		return 0, nil
	case b.Framing == UntilClose:
		return len(p), nil
	case b.Framing == Sized:
		n := min(int64(len(p)), b.left)
		b.Skip(n)
		return int(n), nil
	}
	for i := 0; i < len(p); {
		if b.state == chunkData {
			n := min(int64(len(p)-i), b.left)
			b.Skip(n)
			i += int(n)
			continue
		}
		if err := b.step(p[i]); err != nil {
			return i, err
		}
		i++
		if b.over {
			return i, nil
		}
	}
	return len(p), nil
}

// Data takes the next bytes of the connection up to the end of the first run of the body's own among them, and returns that run, without framing, and
// how many bytes it took. It stops where a trailer begins, and then at each of the trailer's bytes; nothing is left when it took none.
func (b *Body) Data(p []byte) (data []byte, used int, err error) {
	if b.Framing != Chunked {
		n, err := b.Advance(p)
		return p[:n], n, err
	}
	for used < len(p) && !b.over {
		if b.state == chunkData {
			n := int(min(int64(len(p)-used), b.left))
			b.Skip(int64(n))
			return p[used : used+n], used + n, nil
		}
		if err := b.step(p[used]); err != nil {
			return nil, used, err
		}
		if used++; b.Trailing() {
			break
		}
	}
	return nil, used, nil
}

// Pass takes the next bytes of the connection, and returns what of them goes to the receiver and how many they are. Where framing is left out, p is
// written over.
func (b *Body) Pass(p []byte) (out []byte, used int, err error) {
	if !b.Bare || b.Framing != Chunked {
		n, err := b.Advance(p)
		return p[:n], n, err
	}
	kept := 0
	for used < len(p) {
		data, n, err := b.Data(p[used:])
		if kept += copy(p[kept:], data); err != nil || n == 0 {
			return p[:kept], used, err
		}
		used += n
	}
	return p[:kept], used, nil
}

// Trailing tells whether what comes next is a chunked body's trailer.
func (b *Body) Trailing() bool { return b.Framing == Chunked && b.state >= trailerStart && !b.over }

// step takes one byte of the framing between the chunks' data.
func (b *Body) step(c byte) error {
	switch b.state {
	case chunkSize:
		return b.sizeByte(c)
	case chunkSizeLF:
		if c != '\n' {
			return ErrChunk
		}
		b.digits = 0
		if b.state = chunkData; b.left == 0 {
			b.state = trailerStart
		}
		return nil
	case chunkDataCR:
		if c != '\r' {
			return ErrChunk
		}
		b.state = chunkDataLF
		return nil
	case chunkDataLF:
		if c != '\n' {
			return ErrChunk
		}
		b.state = chunkSize
		return nil
	}
	return b.trailerByte(c)
}

func (b *Body) sizeByte(c byte) error {
	var v int64
	switch {
	case c >= '0' && c <= '9':
		v = int64(c - '0')
	case c >= 'a' && c <= 'f':
		v = int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		v = int64(c-'A') + 10
	case c == '\r' && b.digits > 0:
		b.state = chunkSizeLF
		return nil
	default:
		return ErrChunk
	}
	if b.digits == 15 {
		return ErrChunk
	}
	b.digits++
	b.left = b.left<<4 | v
	return nil
}

func (b *Body) trailerByte(c byte) error {
	if b.trailer++; b.trailer > maxTrailer {
		return ErrTrailer
	}
	switch b.state {
	case trailerStart:
		switch {
		case c == '\r':
			b.state = finalLF
		case tokens[c]:
			b.state, b.named = trailerName, 0
			b.nameByte(c)
		default:
			return ErrTrailer
		}
	case trailerName:
		switch {
		case c == ':' && framing(b.name[:b.named]):
			return ErrTrailer
		case c == ':':
			b.state = trailerValue
		case !tokens[c]:
			return ErrTrailer
		default:
			b.nameByte(c)
		}
	case trailerValue:
		if c == '\r' {
			b.state = trailerLF
		} else if !values[c] {
			return ErrTrailer
		}
	case trailerLF:
		if c != '\n' {
			return ErrTrailer
		}
		b.state = trailerStart
	case finalLF:
		if c != '\n' {
			return ErrTrailer
		}
		b.over = true
	}
	return nil
}

// longestFraming is the length of the longest name that framing tells.
const longestFraming = len("transfer-encoding")

// framing tells whether a field says where a message goes or ends. It comes too late in a trailer, and a receiver that adds trailers to heads would believe it (RFC 9110, 6.5.1).
func framing(name []byte) bool {
	switch string(name) {
	case "content-length", "transfer-encoding", "host":
		return true
	}
	return false
}

func (b *Body) nameByte(c byte) {
	if int(b.named) < len(b.name) {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		b.name[b.named] = c
		b.named++
	}
}
