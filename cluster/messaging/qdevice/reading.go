package qdevice

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"
)

// MaxMessage is the longest message that is read: corosync-qnetd's own limit for what a client sends.
const MaxMessage = 32768

// maxNodes is the most hosts that a list may name.
const maxNodes = 1024

// Reader takes messages off a stream of bytes.
type Reader struct {
	buffer []byte
	limit  int // bytes of a message; 0: MaxMessage
}

// Feed adds bytes that arrived.
func (r *Reader) Feed(b []byte) { r.buffer = append(r.buffer, b...) }

// Next returns the next whole message, or nil when more bytes are needed. After an error the
// stream has lost its place and must be closed.
func (r *Reader) Next() (*Message, error) {
	if len(r.buffer) < headerSize {
		return nil, nil
	}
	size := int(binary.BigEndian.Uint32(r.buffer[2:]))
	if limit := max(r.limit, MaxMessage); size > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are accepted", ErrMalformed, size, limit)
	}
	if len(r.buffer) < headerSize+size {
		return nil, nil
	}
	body := r.buffer[headerSize : headerSize+size]
	m, err := unmarshal(MessageType(binary.BigEndian.Uint16(r.buffer)), body)
	r.buffer = r.buffer[headerSize+size:]
	return m, err
}

// Rest returns the bytes that no message was made of yet. TLS begins with them.
func (r *Reader) Rest() []byte {
	b := r.buffer
	r.buffer = nil
	return b
}

// optionReader takes options off a message.
type optionReader struct {
	b   []byte
	err error
}

func (r *optionReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

// option takes the next option off; ok is false at the end.
func (r *optionReader) option() (kind uint16, value []byte, ok bool) {
	if len(r.b) == 0 || r.err != nil {
		return 0, nil, false
	}
	if len(r.b) < 4 {
		r.fail("option cut off")
		return 0, nil, false
	}
	kind = binary.BigEndian.Uint16(r.b)
	size := int(binary.BigEndian.Uint16(r.b[2:]))
	if len(r.b) < 4+size {
		r.fail("option %d says %d bytes, %d are left", kind, size, len(r.b)-4)
		return 0, nil, false
	}
	value = r.b[4 : 4+size]
	r.b = r.b[4+size:]
	return kind, value, true
}

// sized checks an option's length.
func (r *optionReader) sized(kind uint16, value []byte, size int) bool {
	if len(value) != size {
		r.fail("option %d has %d bytes, not %d", kind, len(value), size)
		return false
	}
	return true
}

func (r *optionReader) uint8(kind uint16, value []byte) uint8 {
	if !r.sized(kind, value, 1) {
		return 0
	}
	return value[0]
}

func (r *optionReader) uint16(kind uint16, value []byte) uint16 {
	if !r.sized(kind, value, 2) {
		return 0
	}
	return binary.BigEndian.Uint16(value)
}

func (r *optionReader) uint32(kind uint16, value []byte) uint32 {
	if !r.sized(kind, value, 4) {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

func (r *optionReader) bool(kind uint16, value []byte) bool {
	v := r.uint8(kind, value)
	if v > 1 {
		r.fail("option %d is %d, neither 0 nor 1", kind, v)
	}
	return v == 1
}

func (r *optionReader) list(kind uint16, value []byte) []uint16 {
	if len(value)%2 != 0 {
		r.fail("option %d is a list of %d bytes", kind, len(value))
		return nil
	}
	var list []uint16
	for ; len(value) > 0; value = value[2:] {
		list = append(list, binary.BigEndian.Uint16(value))
	}
	return list
}

// within checks that a value is one of those up to a highest.
func (r *optionReader) within(kind uint16, value, highest uint8) uint8 {
	if value > highest {
		r.fail("option %d is %d, at most %d is known", kind, value, highest)
	}
	return value
}

// unmarshal reads one message.
func unmarshal(kind MessageType, body []byte) (*Message, error) {
	m := &Message{Type: kind}
	r := &optionReader{b: body}
	for {
		option, value, ok := r.option()
		if !ok {
			break
		}
		if option < optionCount && option != OptionNodeInfo {
			m.Has.set(option)
		}
		if option <= OptionHeartbeat {
			m.readHead(r, option, value)
		} else {
			m.readBody(r, option, value)
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("read %s: %w", kind, r.err)
	}
	return m, nil
}

// readHead reads an option that connections begin with.
func (m *Message) readHead(r *optionReader, option uint16, value []byte) {
	switch option {
	case OptionSeq:
		m.Seq = r.uint32(option, value)
	case OptionCluster:
		if m.Cluster = string(value); !utf8.Valid(value) || len(value) == 0 {
			r.fail("the cluster's name is empty or no text")
		}
	case OptionTLS:
		m.TLS = r.within(option, r.uint8(option, value), 2)
	case OptionWantsCert:
		m.WantsCert = r.bool(option, value)
	case OptionMessages:
		for _, t := range r.list(option, value) {
			m.Messages = append(m.Messages, MessageType(t))
		}
	case OptionOptions:
		m.Options = r.list(option, value)
	case OptionError:
		m.Error = ErrorCode(r.uint16(option, value))
	case OptionMaxRequest:
		m.MaxRequest = r.uint32(option, value)
	case OptionMaxReply:
		m.MaxReply = r.uint32(option, value)
	case OptionNode:
		m.Node = r.uint32(option, value)
	case OptionAlgorithms:
		for _, a := range r.list(option, value) {
			m.Algorithms = append(m.Algorithms, Algorithm(a))
		}
	case OptionAlgorithm:
		m.Algorithm = Algorithm(r.uint16(option, value))
	case OptionHeartbeat:
		m.Heartbeat = time.Duration(r.uint32(option, value)) * time.Millisecond
	}
}

// readBody reads an option of reports and votes.
func (m *Message) readBody(r *optionReader, option uint16, value []byte) {
	switch option {
	case OptionRing:
		if r.sized(option, value, 12) {
			m.Ring = Ring{binary.BigEndian.Uint32(value), binary.BigEndian.Uint64(value[4:])}
		}
	case OptionVersion:
		if r.sized(option, value, 8) {
			m.Version = binary.BigEndian.Uint64(value)
		}
	case OptionNodeInfo:
		m.Nodes = append(m.Nodes, r.node(value))
		if len(m.Nodes) > maxNodes {
			r.fail("more than %d nodes", maxNodes)
		}
	case OptionList:
		m.List = ListType(r.within(option, r.uint8(option, value), uint8(QuorumList)))
	case OptionVote:
		m.Vote = Vote(r.within(option, r.uint8(option, value), uint8(NoChange)))
	case OptionQuorate:
		m.Quorate = r.bool(option, value)
	case OptionTie:
		if r.sized(option, value, 5) {
			m.Tie = TieBreaker{TieMode(r.within(option, value[0], uint8(TieNode))), binary.BigEndian.Uint32(value[1:])}
		}
	case OptionHeuristics:
		m.Heuristics = Heuristics(r.within(option, r.uint8(option, value), uint8(HeuristicsFail)))
	case OptionKeepActive:
		m.KeepActive = r.bool(option, value)
	}
}

// node reads an entry of a list, options within an option.
func (r *optionReader) node(value []byte) Node {
	var n Node
	inner := &optionReader{b: value}
	for {
		option, value, ok := inner.option()
		if !ok {
			break
		}
		switch option {
		case OptionNode:
			n.ID = inner.uint32(option, value)
		case OptionDataCenter:
			n.DataCenter = inner.uint32(option, value)
		case OptionState:
			n.State = NodeState(inner.within(option, inner.uint8(option, value), uint8(StateLeaving)))
		}
	}
	if inner.err == nil && n.ID == 0 {
		inner.fail("a node without an id")
	}
	if r.err == nil {
		r.err = inner.err
	}
	return n
}
