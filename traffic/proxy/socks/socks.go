// Package socks speaks the client's side of SOCKS 4: it asks a relay to connect to a server. It does no I/O but Connect's.
package socks

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
)

// AnswerSize is how long a relay's answer is.
const AnswerSize = 8

const (
	version   = 4
	toConnect = 1
	granted   = 90
)

// AppendRequest appends what asks a relay for a connection to a server (SOCKS 4, CONNECT). The server's address has to be IPv4: the protocol has no other.
func AppendRequest(dst []byte, server netip.AddrPort) ([]byte, error) {
	a := server.Addr().Unmap()
	if !a.Is4() {
		return dst, fmt.Errorf("socks: %s is not an IPv4 address, which is all that version 4 can ask for", server)
	}
	dst = binary.BigEndian.AppendUint16(append(dst, version, toConnect), server.Port())
	return append(append(dst, a.AsSlice()...), "holdfast\x00"...), nil
}

// Granted tells whether a relay's answer, of AnswerSize bytes, says that the connection stands.
func Granted(answer []byte) error {
	if answer[0] != 0 || answer[1] != granted {
		return fmt.Errorf("socks: the relay refuses with % x", answer[:2])
	}
	return nil
}

// Connect asks a relay over a connection to it, which is one to the server afterwards.
func Connect(relay io.ReadWriter, server netip.AddrPort) error {
	request, err := AppendRequest(nil, server)
	if err != nil {
		return err
	}
	if _, err := relay.Write(request); err != nil {
		return fmt.Errorf("socks: ask the relay: %w", err)
	}
	answer := make([]byte, AnswerSize)
	if _, err := io.ReadFull(relay, answer); err != nil {
		return fmt.Errorf("socks: read the relay's answer: %w", err)
	}
	return Granted(answer)
}
