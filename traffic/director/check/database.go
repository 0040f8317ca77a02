package check

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// askMySQL reads the server's handshake (MySQL client/server protocol, HandshakeV10): protocol 10, or an error packet, with
// which a server that lets nobody in says why.
func askMySQL(_ context.Context, _ Check, conn net.Conn) error {
	const header, protocol10, failed = 4, 10, 0xff
	head := make([]byte, header)
	if _, err := io.ReadFull(conn, head); err != nil {
		return fmt.Errorf("read its handshake: %w", err)
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size < 1 || size > maxLine {
		return fmt.Errorf("its handshake of %d bytes is none of MySQL's", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(conn, body); err != nil {
		return fmt.Errorf("read its handshake: %w", err)
	}
	switch {
	case body[0] == protocol10:
		return nil
	case body[0] == failed && size > 3:
		return fmt.Errorf("it refuses: %s", printable(body[3:]))
	}
	return fmt.Errorf("its handshake begins with %d, want %d", body[0], protocol10)
}

// askPostgres sends a start-up message (PostgreSQL, "Message Formats"): a request for authentication is an answer, and so
// is an error about the user, which is none of this check's; one that the server cannot take connections now is not.
func askPostgres(_ context.Context, _ Check, conn net.Conn) error {
	const version3, starting = 3 << 16, "57P03"
	body := binary.BigEndian.AppendUint32(nil, version3)
	body = append(body, "user\x00holdfast_check\x00\x00"...)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)); err != nil {
		return fmt.Errorf("send a start-up message: %w", err)
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(conn, head); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	switch head[0] {
	case 'R':
		return nil
	case 'E':
		text, err := io.ReadAll(io.LimitReader(conn, min(int64(binary.BigEndian.Uint32(head[1:])), maxLine)))
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("read its answer: %w", err)
		}
		if strings.Contains(string(text), "C"+starting) {
			return fmt.Errorf("it takes no connections now: %s", printable(text))
		}
		return nil
	}
	return fmt.Errorf("it answers with message %q, want R or E", head[0])
}

// bindRequest is an anonymous LDAP bind, version 3 (RFC 4511, 4.2), as message 1; bindResponse begins the answer's operation.
var bindRequest = []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x60, 0x07, 0x02, 0x01, 0x03, 0x04, 0x00, 0x80, 0x00}

func askLDAP(_ context.Context, _ Check, conn net.Conn) error {
	const sequence, bindResponse = 0x30, 0x61
	if _, err := conn.Write(bindRequest); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	answer := make([]byte, 7)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return fmt.Errorf("read its answer: %w", err)
	}
	// 30 LENGTH 02 01 01 61 …; a long form of the length moves the rest.
	rest := answer[2:]
	if answer[1] > 0x80 {
		more := make([]byte, int(answer[1]&0x7f)%8)
		if _, err := io.ReadFull(conn, more); err != nil {
			return fmt.Errorf("read its answer: %w", err)
		}
		rest = append(rest, more...)[len(more):]
	}
	if answer[0] != sequence || len(rest) < 4 || rest[3] != bindResponse {
		return fmt.Errorf("it answers % x, which is no answer to a bind", answer)
	}
	return nil
}

// printable makes what a server says fit to be logged.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return ' '
		}
		return r
	}, string(b))
}
