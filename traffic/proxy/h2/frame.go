package h2

import "encoding/binary"

// Preface is what a client's connection begins with (RFC 9113, 3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// FrameHeaderSize is how many bytes stand before a frame's payload.
const FrameHeaderSize = 9

// Type is what a frame is.
type Type uint8

// The types of frames (RFC 9113, 6).
const (
	Data Type = iota
	Headers
	Priority
	Reset
	SettingsFrame
	PushPromise
	Ping
	GoAway
	WindowUpdate
	Continuation
)

// Flags of frames.
const (
	FlagEndStream  = 0x1 // Data, Headers
	FlagAck        = 0x1 // SettingsFrame, Ping
	FlagEndHeaders = 0x4 // Headers, Continuation
	FlagPadded     = 0x8
	FlagPriority   = 0x20
)

// Code is why a stream or a connection ends (RFC 9113, 7).
type Code uint32

// The codes.
const (
	NoError Code = iota
	ProtocolError
	InternalError
	FlowControlError
	SettingsTimeout
	StreamClosed
	FrameSizeError
	RefusedStream
	Cancel
	CompressionError
	ConnectError
	EnhanceYourCalm
	InadequateSecurity
	HTTP11Required
)

// ConnectionError ends a connection with its code.
type ConnectionError struct {
	Code Code
	Why  string
}

// Error says what the peer did.
func (e *ConnectionError) Error() string { return "HTTP/2: " + e.Why }

// StreamID is a stream's number; bit 31 is no part of it.
const streamMask = 1<<31 - 1

// MaxWindow is how far a flow-control window may be open (RFC 9113, 6.9.1).
const MaxWindow = 1<<31 - 1

// Frame is a frame's header.
type Frame struct {
	Length int
	Type   Type
	Flags  uint8
	Stream uint32
}

// ReadFrame reads a frame's header out of at least FrameHeaderSize bytes.
func ReadFrame(b []byte) Frame {
	return Frame{
		Length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]), Type: Type(b[3]), Flags: b[4],
		Stream: binary.BigEndian.Uint32(b[5:]) & streamMask,
	}
}

// Has tells whether a flag is set.
func (f Frame) Has(flag uint8) bool { return f.Flags&flag != 0 }

// Append appends the frame's header.
func (f Frame) Append(dst []byte) []byte {
	dst = append(dst, byte(f.Length>>16), byte(f.Length>>8), byte(f.Length), byte(f.Type), f.Flags)
	return binary.BigEndian.AppendUint32(dst, f.Stream)
}

// patch sets the length and the flags of a header that is at the beginning of b.
func (f Frame) patch(b []byte) { f.Append(b[:0]) }

// Body cuts padding and priority off a frame's payload.
func (f Frame) Body(payload []byte) ([]byte, error) {
	padding := 0
	if f.Has(FlagPadded) && (f.Type == Data || f.Type == Headers) {
		if len(payload) == 0 {
			return nil, &ConnectionError{FrameSizeError, "padded frame without a length of its padding"}
		}
		padding, payload = int(payload[0]), payload[1:]
	}
	if f.Type == Headers && f.Has(FlagPriority) {
		if len(payload) < 5 {
			return nil, &ConnectionError{FrameSizeError, "HEADERS too short for its priority"}
		}
		if binary.BigEndian.Uint32(payload)&streamMask == f.Stream {
			return nil, &ConnectionError{ProtocolError, "stream that depends on itself"}
		}
		payload = payload[5:]
	}
	if padding > len(payload) {
		return nil, &ConnectionError{ProtocolError, "more padding than frame"}
	}
	return payload[:len(payload)-padding], nil
}

// Check holds a frame to the size and the place that its type prescribes. limit is the largest frame that was agreed on.
func (f Frame) Check(limit int) error {
	if f.Length > limit {
		return &ConnectionError{FrameSizeError, "frame larger than agreed on"}
	}
	size, onStream, onConnection := -1, true, false
	switch f.Type {
	case Data, Headers, Continuation:
	case Priority:
		size = 5
	case Reset:
		size = 4
	case SettingsFrame:
		onStream, onConnection = false, true
		if f.Length%6 != 0 || f.Has(FlagAck) && f.Length != 0 {
			return &ConnectionError{FrameSizeError, "SETTINGS of a wrong size"}
		}
	case PushPromise:
		return &ConnectionError{ProtocolError, "PUSH_PROMISE, which was not allowed"}
	case Ping:
		size, onStream, onConnection = 8, false, true
	case GoAway:
		onStream, onConnection = false, true
		if f.Length < 8 {
			return &ConnectionError{FrameSizeError, "GOAWAY of a wrong size"}
		}
	case WindowUpdate:
		size, onConnection = 4, true
	default:
		return nil
	}
	switch {
	case size >= 0 && f.Length != size:
		return &ConnectionError{FrameSizeError, "frame of a wrong size"}
	case f.Stream == 0 && !onConnection, f.Stream != 0 && !onStream:
		return &ConnectionError{ProtocolError, "frame on a stream where it does not belong"}
	}
	return nil
}

// AppendReset appends RST_STREAM.
func AppendReset(dst []byte, stream uint32, code Code) []byte {
	dst = Frame{Length: 4, Type: Reset, Stream: stream}.Append(dst)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// AppendGoAway appends GOAWAY: streams after last are not looked at.
func AppendGoAway(dst []byte, last uint32, code Code) []byte {
	dst = Frame{Length: 8, Type: GoAway}.Append(dst)
	dst = binary.BigEndian.AppendUint32(dst, last)
	return binary.BigEndian.AppendUint32(dst, uint32(code))
}

// AppendWindowUpdate appends WINDOW_UPDATE for a stream, or for the connection where stream is 0.
func AppendWindowUpdate(dst []byte, stream uint32, n int) []byte {
	dst = Frame{Length: 4, Type: WindowUpdate, Stream: stream}.Append(dst)
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// AppendPingAck appends the answer to a PING.
func AppendPingAck(dst, payload []byte) []byte {
	return append(Frame{Length: 8, Type: Ping, Flags: FlagAck}.Append(dst), payload...)
}

// AppendSettingsAck appends the acknowledgement of SETTINGS.
func AppendSettingsAck(dst []byte) []byte {
	return Frame{Type: SettingsFrame, Flags: FlagAck}.Append(dst)
}

// AppendBlock appends a header block as HEADERS, and CONTINUATION where it is larger than a frame may be.
func AppendBlock(dst []byte, stream uint32, block []byte, end bool, limit int) []byte {
	f := Frame{Type: Headers, Stream: stream}
	if end {
		f.Flags = FlagEndStream
	}
	for {
		f.Length = min(len(block), limit)
		if f.Length == len(block) {
			f.Flags |= FlagEndHeaders
		}
		dst = append(f.Append(dst), block[:f.Length]...)
		if block = block[f.Length:]; len(block) == 0 {
			return dst
		}
		f.Type, f.Flags = Continuation, 0
	}
}

// Word reads a 31-bit number: a window's increment, GOAWAY's last stream.
func Word(b []byte) uint32 { return binary.BigEndian.Uint32(b) & streamMask }

// CodeOf reads the code of RST_STREAM.
func CodeOf(b []byte) Code { return Code(binary.BigEndian.Uint32(b)) }
