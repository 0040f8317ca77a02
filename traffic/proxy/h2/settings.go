package h2

import "encoding/binary"

// Settings are what one side of a connection wants of the other (RFC 9113, 6.5.2).
type Settings struct {
	HeaderTable     uint32 // bytes of the dynamic table that decodes what this side is sent
	Streams         uint32 // at once
	Window          int64  // of a new stream, in bytes
	Frame           int    // largest payload
	HeaderList      uint32 // largest list of fields, as the RFC counts it; 0: not said
	ExtendedConnect bool   // RFC 8441
	NoPush          bool   // to be sent by clients only
}

// Defaults are the settings before any are known.
func Defaults() Settings {
	return Settings{HeaderTable: 4096, Streams: 1<<32 - 1, Window: 65535, Frame: 16384}
}

const (
	headerTableSize      = 1
	enablePush           = 2
	maxConcurrentStreams = 3
	initialWindowSize    = 4
	maxFrameSize         = 5
	maxHeaderListSize    = 6
	enableConnect        = 8
)

// Append appends a SETTINGS frame.
func (s *Settings) Append(dst []byte) []byte {
	at := len(dst)
	f := Frame{Type: SettingsFrame}
	dst = f.Append(dst)
	add := func(id uint16, value uint32) {
		dst = binary.BigEndian.AppendUint16(dst, id)
		dst = binary.BigEndian.AppendUint32(dst, value)
	}
	if s.HeaderTable != 4096 {
		add(headerTableSize, s.HeaderTable)
	}
	if s.NoPush {
		add(enablePush, 0)
	}
	if s.Streams != 1<<32-1 {
		add(maxConcurrentStreams, s.Streams)
	}
	if s.Window != 65535 {
		add(initialWindowSize, uint32(s.Window))
	}
	if s.Frame != 16384 {
		add(maxFrameSize, uint32(s.Frame))
	}
	if s.HeaderList != 0 {
		add(maxHeaderListSize, s.HeaderList)
	}
	if s.ExtendedConnect {
		add(enableConnect, 1)
	}
	f.Length = len(dst) - at - FrameHeaderSize
	f.patch(dst[at:])
	return dst
}

// Read takes a SETTINGS frame's payload over the settings known so far.
func (s *Settings) Read(payload []byte) error {
	for ; len(payload) >= 6; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case headerTableSize:
			s.HeaderTable = value
		case enablePush:
			if value > 1 {
				return &ConnectionError{ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1"}
			}
		case maxConcurrentStreams:
			s.Streams = value
		case initialWindowSize:
			if value > MaxWindow {
				return &ConnectionError{FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE beyond its bound"}
			}
			s.Window = int64(value)
		case maxFrameSize:
			if value < 16384 || value > 1<<24-1 {
				return &ConnectionError{ProtocolError, "SETTINGS_MAX_FRAME_SIZE out of its bounds"}
			}
			s.Frame = int(value)
		case maxHeaderListSize:
			s.HeaderList = value
		case enableConnect:
			if value > 1 {
				return &ConnectionError{ProtocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL is neither 0 nor 1"}
			}
			s.ExtendedConnect = value == 1
		}
	}
	return nil
}
