package check

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
)

// The messages of PostgreSQL that are needed here ("Message Formats").
const (
	postgresAuthentication, postgresFailed, postgresReady              = 'R', 'E', 'Z'
	postgresRow, postgresDone, postgresEmpty, postgresQuery, postgresX = 'D', 'C', 'I', 'Q', 'X'
	postgresPassword                                                   = 'p'

	postgresVersion3 = 3 << 16
	postgresWantsTLS = 1234<<16 | 5679
	postgresStarting = "57P03" // SQLSTATE cannot_connect_now
)

// postgresTalk is a conversation with a PostgreSQL server, in messages: a letter, four bytes of length, what is said.
type postgresTalk struct{ conn net.Conn }

// askPostgres sends a start-up message. Without a login a request for authentication is an answer, and so is an error about the user, which is none of
// this check's; one that the server cannot take connections now is not. With a login the user has to be let in, and the query, if
// there is one, has to give a row.
func askPostgres(ctx context.Context, c Check, conn net.Conn) error {
	t := &postgresTalk{conn}
	if c.Login.User == "" {
		return t.answers()
	}
	if c.TLS == nil {
		if err := t.secure(ctx); err != nil {
			return err
		}
	}
	if err := t.enter(c); err != nil {
		return fmt.Errorf("log in as %q: %w", c.Login.User, err)
	}
	if c.Send != "" {
		if err := t.row(c.Send); err != nil {
			return fmt.Errorf("ask the query: %w", err)
		}
	}
	_ = t.write(postgresX, nil) // without it the server notes a client that broke off
	return nil
}

// begin sends a message without a letter, as the first ones are.
func (t *postgresTalk) begin(code uint32, text string) error {
	body := binary.BigEndian.AppendUint32(nil, uint32(len(text)+8))
	_, err := t.conn.Write(append(binary.BigEndian.AppendUint32(body, code), text...))
	return err
}

func (t *postgresTalk) write(kind byte, body []byte) error {
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	_, err := t.conn.Write(append(head, body...))
	return err
}

// read keeps no more than the beginning of a long message.
func (t *postgresTalk) read() (kind byte, body []byte, err error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(t.conn, head); err != nil {
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	}
	size := int64(binary.BigEndian.Uint32(head[1:])) - 4
	if size < 0 {
		return 0, nil, fmt.Errorf("its message %q has no length", head[0])
	}
	body = make([]byte, min(size, maxLine))
	if _, err = io.ReadFull(t.conn, body); err == nil {
		_, err = io.CopyN(io.Discard, t.conn, size-int64(len(body)))
	}
	if err != nil {
		return 0, nil, fmt.Errorf("read its answer: %w", err)
	}
	return head[0], body, nil
}

// answers asks as somebody whom no server knows.
func (t *postgresTalk) answers() error {
	if err := t.begin(postgresVersion3, "user\x00holdfast_check\x00\x00"); err != nil {
		return fmt.Errorf("send a start-up message: %w", err)
	}
	kind, body, err := t.read()
	switch {
	case err != nil:
		return err
	case kind == postgresFailed && slices.Contains(fieldsOf(body), "C"+postgresStarting):
		return fmt.Errorf("it takes no connections now: %s", printable(body))
	case kind != postgresFailed && kind != postgresAuthentication:
		return fmt.Errorf("it answers with message %q, want R or E", kind)
	}
	return nil
}

// fieldsOf takes an error apart: each field is a letter and a text.
func fieldsOf(body []byte) []string {
	var all []string
	for field := range bytes.SplitSeq(body, []byte{0}) {
		all = append(all, string(field))
	}
	return all
}

// postgresRefusal is what an error says.
func postgresRefusal(body []byte) error {
	message, code := "", ""
	for _, field := range fieldsOf(body) {
		switch {
		case len(field) < 2:
		case field[0] == 'M':
			message = field[1:]
		case field[0] == 'C':
			code = field[1:]
		}
	}
	return fmt.Errorf("it answers %s (%s)", printable([]byte(message)), printable([]byte(code)))
}

// secure goes over to TLS if the server has it.
func (t *postgresTalk) secure(ctx context.Context) error {
	if err := t.begin(postgresWantsTLS, ""); err != nil {
		return fmt.Errorf("ask for TLS: %w", err)
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(t.conn, answer); err != nil {
		return fmt.Errorf("ask for TLS: %w", err)
	}
	switch answer[0] {
	case 'N':
		return nil
	case 'S':
		conn, err := secured(ctx, &TLS{}, t.conn)
		if err == nil {
			t.conn = conn
		}
		return err
	}
	return fmt.Errorf("it answers %q when it is asked for TLS, want S or N", answer)
}

// enter goes on until the server is ready for a query.
func (t *postgresTalk) enter(c Check) error {
	text := "user\x00" + c.Login.User + "\x00"
	if c.Database != "" {
		text += "database\x00" + c.Database + "\x00"
	}
	if err := t.begin(postgresVersion3, text+"\x00"); err != nil {
		return fmt.Errorf("send a start-up message: %w", err)
	}
	proof := &scram{password: c.Login.Password}
	for {
		kind, body, err := t.read()
		switch {
		case err != nil:
			return err
		case kind == postgresReady:
			return nil
		case kind == postgresFailed:
			return postgresRefusal(body)
		case kind == postgresAuthentication && len(body) >= 4:
			if err := t.prove(c.Login, proof, binary.BigEndian.Uint32(body), body[4:]); err != nil {
				return err
			}
		}
	}
}

// prove answers a request for authentication.
func (t *postgresTalk) prove(l Login, proof *scram, way uint32, data []byte) error {
	const none, clear, summed, begin, goOn, last = 0, 3, 5, 10, 11, 12
	if way != none && l.Password == "" {
		return errors.New("it wants a password, and there is none")
	}
	switch way {
	case none:
		return nil
	case clear:
		return t.write(postgresPassword, append([]byte(l.Password), 0))
	case summed:
		inner := md5.Sum([]byte(l.Password + l.User))
		outer := md5.Sum(append([]byte(hex.EncodeToString(inner[:])), data...))
		return t.write(postgresPassword, append([]byte("md5"+hex.EncodeToString(outer[:])), 0))
	case begin:
		if !slices.Contains(fieldsOf(data), scramName) {
			return fmt.Errorf("it wants the user to come by %s; %s is known", printable(data), scramName)
		}
		first, err := proof.begin()
		if err != nil {
			return err
		}
		body := binary.BigEndian.AppendUint32([]byte(scramName+"\x00"), uint32(len(first)))
		return t.write(postgresPassword, append(body, first...))
	case goOn:
		answer, err := proof.answer(string(data))
		if err != nil {
			return err
		}
		return t.write(postgresPassword, []byte(answer))
	case last:
		return proof.end(string(data))
	}
	return fmt.Errorf("it wants the user to come by way %d; a password, MD5 and %s are known", way, scramName)
}

// row asks a query and waits for its first row.
func (t *postgresTalk) row(query string) error {
	if err := t.write(postgresQuery, append([]byte(query), 0)); err != nil {
		return err
	}
	for {
		kind, body, err := t.read()
		switch {
		case err != nil:
			return err
		case kind == postgresRow:
			return nil
		case kind == postgresFailed:
			return postgresRefusal(body)
		case kind == postgresDone, kind == postgresEmpty, kind == postgresReady:
			return errNoRow
		}
	}
}
