package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Classes of messages.
const (
	classControl = 0
	classError   = 1
	classTable   = 10
)

// Control messages, and those of class error.
const (
	resyncRequest   = 0
	resyncFinished  = 1
	resyncPartial   = 2
	resyncConfirmed = 3
	heartbeat       = 4

	protocolError = 0
	sizeError     = 1
)

// Messages about tables. Those from hasBody on carry their length and a body.
const (
	hasBody           = 128
	entryUpdate       = 128
	nextUpdate        = 129 // the number is the one after the last
	tableDefinition   = 130
	tableSwitch       = 131
	acknowledgement   = 132
	entryUpdateTimed  = 133 // with the rest of the entry's time
	nextUpdateTimed   = 134
	mostBody          = 1 << 16 // bytes of a message
	longestTableName  = 256
	cachedServerNames = 128 // names that each side keeps by number
)

// message is one of the peers protocol.
type message struct {
	class, kind byte
	body        []byte
}

var (
	errMalformed   = errors.New("the message is malformed")
	errUnknownData = errors.New("it cannot be exchanged")
)

// appendNumber appends an integer of variable length: below 240 it is one byte; beyond, the first byte has its lower four bits, and the others seven bits each.
func appendNumber(b []byte, n uint64) []byte {
	if n < 240 {
		return append(b, byte(n))
	}
	b = append(b, byte(n)|240)
	for n = (n - 240) >> 4; n >= 128; n = (n - 128) >> 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

// reader takes values from a message's body. After the first that is not there, all are zero.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.b) {
		r.failed = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) number() uint64 {
	n, size := decodeNumber(r.b)
	if size <= 0 {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) fixed() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// text takes a length and as many bytes.
func (r *reader) text(most int) string {
	n := r.number()
	if n > uint64(most) {
		r.failed = true
		return ""
	}
	return string(r.take(int(n)))
}

// decodeNumber reads an integer of variable length. size is 0 when more bytes are needed, and negative when it is longer than 64 bits.
func decodeNumber(b []byte) (n uint64, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	if n = uint64(b[0]); n < 240 {
		return n, 1
	}
	for i, shift := 1, 4; ; i, shift = i+1, shift+7 {
		switch {
		case shift > 63:
			return 0, -1
		case i == len(b):
			return 0, 0
		}
		n += uint64(b[i]) << shift
		if b[i] < 128 {
			return n, i + 1
		}
	}
}

// parse takes the first message off a stream; size 0: it is not whole yet.
func parse(b []byte) (m message, size int, err error) {
	if len(b) < 2 {
		return m, 0, nil
	}
	m.class, m.kind = b[0], b[1]
	if m.kind < hasBody {
		return m, 2, nil
	}
	length, n := decodeNumber(b[2:])
	switch {
	case n < 0 || n > 0 && length > mostBody:
		return m, 0, fmt.Errorf("%w: a body of %d bytes, more than %d", errMalformed, length, mostBody)
	case n == 0 || uint64(len(b)-2-n) < length:
		return m, 0, nil
	}
	size = 2 + n + int(length)
	m.body = b[2+n : size]
	return m, size, nil
}

// appendMessage appends a message with a body.
func appendMessage(b []byte, kind byte, body []byte) []byte {
	b = append(b, classTable, kind)
	b = appendNumber(b, uint64(len(body)))
	return append(b, body...)
}
