package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"slices"
)

// The beginnings of packets that a MySQL server sends (MySQL client/server protocol).
const (
	mysqlOK, mysqlMore, mysqlFile, mysqlSwitch, mysqlFailed = 0x00, 0x01, 0xfb, 0xfe, 0xff

	mysqlProtocol10 = 10
	mysqlEnd        = 0xfe // of columns or rows, in a packet of less than mysqlEndSize bytes
	mysqlEndSize    = 9
)

// The capabilities that a client and a server tell each other of.
const (
	mysqlLongPassword, mysqlWithDatabase, mysqlProtocol41, mysqlTLS, mysqlTransactions, mysqlSecure, mysqlPlugins = 1, 8, 0x200, 0x800, 0x2000, 0x8000, 0x80000

	mysqlLargest = 1 << 24
	mysqlUTF8    = 33
)

// mysqlTalk is a conversation with a MySQL or MariaDB server, in packets: three bytes of length, a number that both sides count on, what is said.
type mysqlTalk struct {
	conn   net.Conn
	number byte
	secret bool // what is said is encrypted
}

// askMySQL reads the server's handshake (HandshakeV10), or an error packet, with which a server that lets nobody in says why. The login has to be let in, and
// the query, if there is one, to give a row. Without a login somebody comes whom no server knows, and may be refused: a server blocks hosts from which
// connections come that end behind the handshake (max_connect_errors).
func askMySQL(ctx context.Context, c Check, conn net.Conn) error {
	t := &mysqlTalk{conn: conn, secret: c.TLS != nil}
	size, err := t.head()
	if err == nil && (size < 1 || size > maxLine) {
		return fmt.Errorf("its handshake of %d bytes is none of MySQL's", size)
	}
	var body []byte
	if err == nil {
		body, err = t.body(size)
	}
	switch {
	case err != nil:
		return fmt.Errorf("read its handshake: %w", err)
	case body[0] == mysqlFailed:
		return mysqlRefusal(body)
	case body[0] != mysqlProtocol10:
		return fmt.Errorf("its handshake begins with %d, want %d", body[0], mysqlProtocol10)
	}
	stranger := c.Login.User == ""
	if stranger {
		c.Login, c.Database, c.Send = Login{User: "holdfast_check"}, "", ""
	}
	if err := t.enter(ctx, c, body); err != nil {
		if refused := (*mysqlRefused)(nil); stranger && errors.As(err, &refused) {
			return nil
		}
		return fmt.Errorf("log in as %q: %w", c.Login.User, err)
	}
	if c.Send != "" {
		if err := t.row(c.Send); err != nil {
			return fmt.Errorf("ask the query: %w", err)
		}
	}
	const quit = 1
	t.number = 0
	_ = t.write([]byte{quit}) // without it the server notes a client that broke off
	return nil
}

func (t *mysqlTalk) head() (size int, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(t.conn, head); err != nil {
		return 0, err
	}
	t.number = head[3] + 1
	return int(head[0]) | int(head[1])<<8 | int(head[2])<<16, nil
}

// body keeps no more than the beginning of a long packet.
func (t *mysqlTalk) body(size int) ([]byte, error) {
	body := make([]byte, min(size, maxLine))
	if _, err := io.ReadFull(t.conn, body); err != nil {
		return nil, err
	}
	_, err := io.CopyN(io.Discard, t.conn, int64(size-len(body)))
	return body, err
}

// read returns a packet that says something.
func (t *mysqlTalk) read() ([]byte, error) {
	size, err := t.head()
	if err == nil && size == 0 {
		err = errors.New("it sends an empty packet")
	}
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	body, err := t.body(size)
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	return body, nil
}

func (t *mysqlTalk) write(body []byte) error {
	head := []byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), t.number}
	t.number++
	_, err := t.conn.Write(append(head, body...))
	return err
}

// mysqlRefused is what an error packet says.
type mysqlRefused struct{ text string }

func (r *mysqlRefused) Error() string { return "it answers " + r.text }

// mysqlRefusal reads it behind a number in two bytes and perhaps five digits of SQL state.
func mysqlRefusal(body []byte) error {
	text := body[min(len(body), 3):]
	if len(text) > 6 && text[0] == '#' {
		text = text[6:]
	}
	return &mysqlRefused{printable(text)}
}

// mysqlGreeting is what a handshake offers.
type mysqlGreeting struct {
	capabilities uint32
	scramble     []byte // random, 20 bytes
	plugin       string // the way by which users show who they are
}

func readMySQLGreeting(body []byte) (g mysqlGreeting, err error) {
	const scramble, low, high, length, fixed, second = 4, 13, 18, 20, 31, 12
	_, rest, ok := bytes.Cut(body[1:], []byte{0}) // behind the version
	if !ok || len(rest) < fixed+second {
		return g, errors.New("its handshake is cut short")
	}
	g.capabilities = uint32(binary.LittleEndian.Uint16(rest[low:])) | uint32(binary.LittleEndian.Uint16(rest[high:]))<<16
	g.scramble = slices.Concat(rest[scramble:scramble+8], rest[fixed:fixed+second])
	g.plugin = mysqlNative
	if name := fixed + max(second+1, int(rest[length])-8); g.capabilities&mysqlPlugins != 0 && len(rest) > name {
		g.plugin = string(bytes.TrimRight(rest[name:], "\x00"))
	}
	return g, nil
}

// enter answers a handshake (HandshakeResponse41), over TLS if the server offers it.
func (t *mysqlTalk) enter(ctx context.Context, c Check, handshake []byte) error {
	g, err := readMySQLGreeting(handshake)
	if err != nil {
		return err
	}
	capabilities := uint32(mysqlLongPassword|mysqlProtocol41|mysqlTransactions|mysqlSecure) | g.capabilities&mysqlPlugins
	if c.Database != "" {
		capabilities |= mysqlWithDatabase
	}
	secure := !t.secret && g.capabilities&mysqlTLS != 0
	if secure {
		capabilities |= mysqlTLS
	}
	body := binary.LittleEndian.AppendUint32(nil, capabilities)
	body = binary.LittleEndian.AppendUint32(body, mysqlLargest)
	body = append(append(body, mysqlUTF8), make([]byte, 23)...)
	if secure {
		if err := t.write(body); err != nil {
			return fmt.Errorf("ask for TLS: %w", err)
		}
		if t.conn, err = secured(ctx, &TLS{}, t.conn); err != nil {
			return err
		}
		t.secret = true
	}
	proof, err := t.prove(g.plugin, c.Login.Password, g.scramble)
	if err != nil { // the server then names the way that it wants of this user
		g.plugin, proof = mysqlNative, nil
	}
	body = append(append(body, c.Login.User...), 0)
	body = append(append(body, byte(len(proof))), proof...)
	if c.Database != "" {
		body = append(append(body, c.Database...), 0)
	}
	if capabilities&mysqlPlugins != 0 {
		body = append(append(body, g.plugin...), 0)
	}
	if err := t.write(body); err != nil {
		return fmt.Errorf("answer its handshake: %w", err)
	}
	return t.entered(c.Login.Password, g.scramble)
}

// entered goes on until the server lets the user in, or not.
func (t *mysqlTalk) entered(password string, scramble []byte) error {
	for {
		body, err := t.read()
		if err != nil {
			return err
		}
		switch body[0] {
		case mysqlOK:
			return nil
		case mysqlFailed:
			return mysqlRefusal(body)
		case mysqlSwitch:
			name, data, _ := bytes.Cut(body[1:], []byte{0})
			scramble = bytes.TrimSuffix(data, []byte{0})
			var proof []byte
			if proof, err = t.prove(string(name), password, scramble); err == nil {
				err = t.write(proof)
			}
		case mysqlMore:
			err = t.proveAll(body[1:], password, scramble)
		default:
			return fmt.Errorf("it answers with a packet that begins with %d", body[0])
		}
		if err != nil {
			return err
		}
	}
}

// The ways by which a user shows that it knows a password.
const (
	mysqlNative = "mysql_native_password"
	mysqlSHA2   = "caching_sha2_password"
	mysqlClear  = "mysql_clear_password"
)

// prove makes what shows a server that the password is known.
func (t *mysqlTalk) prove(plugin, password string, scramble []byte) ([]byte, error) {
	var sum func() hash.Hash
	switch plugin {
	case mysqlNative:
		sum = sha1.New
	case mysqlSHA2:
		sum = sha256.New
	case mysqlClear:
		if !t.secret {
			return nil, errors.New("it wants the password in the clear, and has no TLS")
		}
		return append([]byte(password), 0), nil
	default:
		return nil, fmt.Errorf("it wants the user to come by %q; known are %s, %s and, with TLS, %s", printable([]byte(plugin)), mysqlNative, mysqlSHA2, mysqlClear)
	}
	if password == "" {
		return nil, nil
	}
	of := func(parts ...[]byte) []byte {
		h := sum()
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	once := of([]byte(password))
	twice := of(once)
	mask := of(scramble, twice)
	if plugin == mysqlSHA2 {
		mask = of(twice, scramble)
	}
	subtle.XORBytes(once, once, mask)
	return once, nil
}

// proveAll goes on with caching_sha2_password: a server that has not seen the user since it started wants the password itself, over TLS or under its own key.
func (t *mysqlTalk) proveAll(said []byte, password string, scramble []byte) error {
	const known, wanted, askKey = 3, 4, 2
	switch {
	case len(said) == 1 && said[0] == known:
		return nil
	case len(said) != 1 || said[0] != wanted:
		return fmt.Errorf("it goes on with %d bytes that are not understood", len(said))
	case t.secret:
		return t.write(append([]byte(password), 0))
	}
	if err := t.write([]byte{askKey}); err != nil {
		return err
	}
	body, err := t.read()
	if err != nil {
		return err
	}
	block, _ := pem.Decode(body[1:])
	if body[0] != mysqlMore || block == nil {
		return errors.New("it wants the password itself, and has neither TLS nor a key of its own")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || len(scramble) == 0 {
		return errors.New("its key is none of RSA")
	}
	plain := append([]byte(password), 0)
	for i := range plain {
		plain[i] ^= scramble[i%len(scramble)]
	}
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key, plain, nil)
	if err != nil {
		return fmt.Errorf("encrypt the password: %w", err)
	}
	return t.write(sealed)
}

// row asks a query and waits for its first row.
func (t *mysqlTalk) row(query string) error {
	const ask = 3
	t.number = 0
	if err := t.write(append([]byte{ask}, query...)); err != nil {
		return err
	}
	first := true
	for columns := true; ; first = false {
		body, err := t.read()
		if err != nil {
			return err
		}
		switch end := body[0] == mysqlEnd && len(body) < mysqlEndSize; {
		case body[0] == mysqlFailed:
			return mysqlRefusal(body)
		case first && body[0] == mysqlOK, end && !columns:
			return errNoRow
		case first && body[0] == mysqlFile:
			return errors.New("it answers that it wants a file")
		case end:
			columns = false
		case !columns:
			return nil
		}
	}
}

// errNoRow is what a query of a database ends with that finds nothing.
var errNoRow = errors.New("it gives no row")
