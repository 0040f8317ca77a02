package h2

import (
	"strconv"
	"unsafe"

	"holdfast/traffic/proxy/h1"
)

// What is refused in a message beyond what h1 refuses.
const (
	ErrPseudo      h1.Refusal = "HTTP/2 pseudo-header is unknown, double, missing or behind other fields"
	ErrConnection  h1.Refusal = "HTTP/2 message has a field that belongs to an HTTP/1.1 connection"
	ErrName        h1.Refusal = "HTTP/2 field name is malformed or has capital letters"
	ErrValue       h1.Refusal = "HTTP/2 field value has control characters or blanks around it"
	ErrTooLarge    h1.Refusal = "HTTP/2 header list is too large"
	ErrBodyLength  h1.Refusal = "HTTP/2 content-length is not the length of the data"
	ErrTooManyHere h1.Refusal = "HTTP/2 message has too many fields"
)

// Expect says what a header block is read for.
type Expect struct {
	Limit  int  // bytes that the head may come to
	End    bool // no data follows
	ToHead bool // an answer: the request was HEAD
	// Key makes the Sec-WebSocket-Key that a request for a WebSocket gets, as HTTP/2 has none (RFC 8441, 5.1); nil: such requests are refused.
	Key func() string
	// Accept is the Sec-WebSocket-Accept that the answer to one gets.
	Accept string
}

// Framed is a message as it was translated.
type Framed struct {
	Length  int64 // of the data, as the message says; -1: it does not
	Chunked bool  // the data is to be handed on in chunks
	Tunnel  bool  // the data is another protocol's
	Status  int   // of an answer
	ToHead  bool  // the request is HEAD
}

// translation is a message on its way to HTTP/1.1.
type translation struct {
	expect                           Expect
	out                              []byte
	answer                           bool
	begun                            bool // the start line stands
	fields                           int
	method, scheme, path, host, sort []byte // sort: of protocol
	seen                             uint8  // pseudo-headers so far
	hostField                        []byte
	cookies                          []byte
	framed                           Framed
	refusal                          error
}

const (
	sawMethod = 1 << iota
	sawScheme
	sawPath
	sawAuthority
	sawProtocol
	sawStatus
)

// Request translates a header block into the head of an HTTP/1.1 request, which it appends to dst. An error that is a h1.Refusal is the
// request's alone; any other is the connection's.
func (d *Decoder) Request(dst, block []byte, expect Expect) ([]byte, Framed, error) {
	return d.translate(dst, block, expect, false)
}

// Answer translates as Request does, into the head of an answer.
func (d *Decoder) Answer(dst, block []byte, expect Expect) ([]byte, Framed, error) {
	return d.translate(dst, block, expect, true)
}

func (d *Decoder) translate(dst, block []byte, expect Expect, answer bool) ([]byte, Framed, error) {
	t := &d.message
	*t = translation{
		expect: expect, answer: answer, out: dst, framed: Framed{Length: -1},
		method: t.method[:0], scheme: t.scheme[:0], path: t.path[:0], host: t.host[:0], sort: t.sort[:0],
		hostField: t.hostField[:0], cookies: t.cookies[:0],
	}
	defer func() { t.out = nil }()
	from := len(dst)
	block, err := d.begin(block)
	for err == nil && len(block) > 0 {
		var f Field
		// All of the block is read, even when the message is refused: those that follow build upon it.
		if f, block, err = d.next(block); err == nil && t.refusal == nil {
			if t.refusal = t.field(f); t.refusal == nil && len(t.out)-from+len(t.cookies) > expect.Limit {
				t.refusal = ErrTooLarge
			}
		}
	}
	if err != nil {
		return dst, Framed{}, err
	}
	if t.refusal == nil {
		t.refusal = t.finish()
	}
	return t.out, t.framed, t.refusal
}

// Trailers translates a header block that ends a message into a chunked body's trailer, without its last empty line.
func (d *Decoder) Trailers(dst, block []byte, limit int) ([]byte, error) {
	from := len(dst)
	block, err := d.begin(block)
	var refusal error
	for err == nil && len(block) > 0 {
		var f Field
		if f, block, err = d.next(block); err != nil || refusal != nil {
			continue
		}
		name, value := bytesOf(f.Name), bytesOf(f.Value)
		switch {
		case len(name) > 0 && name[0] == ':':
			refusal = ErrPseudo
		case !isName(name):
			refusal = ErrName
		case !isPlainValue(value):
			refusal = ErrValue
		case onlyHTTP1(name, false) || h1.EqualFold(name, "content-length"):
			refusal = ErrConnection
		default:
			if dst = appendLine(dst, name, value); len(dst)-from > limit {
				refusal = ErrTooLarge
			}
		}
	}
	if err == nil {
		err = refusal
	}
	return dst, err
}

func (t *translation) field(f Field) error {
	name, value := bytesOf(f.Name), bytesOf(f.Value)
	if len(name) > 0 && name[0] == ':' {
		return t.pseudo(f.Name, value)
	}
	if !isName(name) {
		return ErrName
	}
	if !isPlainValue(value) {
		return ErrValue
	}
	if t.fields++; t.fields > h1.MaxFields-4 { // what is added has to find room
		return ErrTooManyHere
	}
	if !t.begun {
		if err := t.begin(); err != nil {
			return err
		}
	}
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return ErrConnection
	case "te":
		if f.Value != "trailers" {
			return ErrConnection
		}
	case "host":
		if t.answer {
			return ErrConnection
		}
		return t.hostIs(value)
	case "cookie":
		if !t.answer { // in pieces, for the sake of compression (RFC 9113, 8.2.3)
			if len(t.cookies) > 0 {
				t.cookies = append(t.cookies, "; "...)
			}
			t.cookies = append(t.cookies, value...)
			return nil
		}
	case "content-length":
		return t.contentLength(value)
	case "sec-websocket-key", "sec-websocket-accept":
		if t.framed.Tunnel {
			return nil // they belong to HTTP/1.1's way of asking
		}
	}
	t.out = appendLine(t.out, name, value)
	return nil
}

func (t *translation) contentLength(value []byte) error {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || value[0] < '0' || len(value) > 18 || t.framed.Length >= 0 {
		return h1.ErrLength
	}
	t.framed.Length = n
	return nil
}

// hostIs takes a Host field: it is what :authority says, or takes its place.
func (t *translation) hostIs(value []byte) error {
	if len(t.hostField) > 0 || !h1.IsAuthority(value) {
		return h1.ErrHost
	}
	t.hostField = append(t.hostField, value...)
	if t.seen&sawAuthority != 0 {
		if !h1.EqualFoldBytes(value, t.host) {
			return h1.ErrHost
		}
		return nil
	}
	t.out = appendLine(t.out, []byte("host"), value)
	return nil
}

// pseudo takes a pseudo-header (RFC 9113, 8.3).
func (t *translation) pseudo(name string, value []byte) error {
	var bit uint8
	var to *[]byte
	valid := false
	switch name {
	case ":method":
		bit, to, valid = sawMethod, &t.method, len(value) > 0 && h1.IsToken(value)
	case ":scheme":
		bit, to, valid = sawScheme, &t.scheme, len(value) > 0 && h1.IsToken(value)
	case ":path":
		bit, to, valid = sawPath, &t.path, len(value) > 0 && h1.IsTarget(value)
	case ":authority":
		bit, to, valid = sawAuthority, &t.host, h1.IsAuthority(value)
	case ":protocol":
		bit, to, valid = sawProtocol, &t.sort, len(value) > 0 && h1.IsToken(value)
	case ":status":
		bit, to, valid = sawStatus, &t.path, len(value) == 3
	}
	if bit == 0 || t.seen&bit != 0 || t.begun || (bit == sawStatus) != t.answer {
		return ErrPseudo
	}
	if !valid {
		return invalidPseudo[name]
	}
	t.seen |= bit
	*to = append((*to)[:0], value...)
	return nil
}

var invalidPseudo = map[string]error{
	":method": h1.ErrMethod, ":scheme": h1.ErrTarget, ":path": h1.ErrTarget, ":authority": h1.ErrHost, ":protocol": ErrPseudo, ":status": h1.ErrStatus,
}

// begin puts the start line together, and what follows from it.
func (t *translation) begin() error {
	t.begun = true
	if t.answer {
		return t.statusLine()
	}
	connect := string(t.method) == "CONNECT"
	switch need := uint8(sawMethod | sawScheme | sawPath); {
	case t.seen&sawProtocol != 0:
		if need |= sawAuthority; !connect || t.seen&need != need || t.expect.Key == nil {
			return ErrPseudo
		}
		t.framed.Tunnel = true
		t.out = append(t.out, "GET"...)
	case connect:
		if t.seen&(sawScheme|sawPath) != 0 || t.seen&sawAuthority == 0 {
			return ErrPseudo
		}
		t.out, t.path = append(t.out, "CONNECT"...), append(t.path[:0], t.host...)
	case t.seen&need != need:
		return ErrPseudo
	default:
		t.out = append(t.out, t.method...)
	}
	t.framed.ToHead = string(t.method) == "HEAD"
	if !connect && t.path[0] != '/' && (string(t.path) != "*" || string(t.method) != "OPTIONS") {
		return h1.ErrTarget
	}
	t.out = append(append(append(t.out, ' '), t.path...), " HTTP/1.1\r\n"...)
	if t.seen&sawAuthority != 0 {
		t.out = appendLine(t.out, []byte("host"), t.host)
	}
	if t.framed.Tunnel {
		t.out = append(append(t.out, "connection: upgrade\r\nupgrade: "...), t.sort...)
		t.out = append(append(append(t.out, "\r\nsec-websocket-key: "...), t.expect.Key()...), "\r\n"...)
	}
	return nil
}

func (t *translation) statusLine() error {
	if t.seen&sawStatus == 0 {
		return ErrPseudo
	}
	status, err := strconv.Atoi(string(t.path))
	if err != nil || status < 100 || status == 101 {
		return h1.ErrStatus
	}
	t.framed.Status = status
	if t.expect.Accept != "" && status >= 200 && status < 300 {
		t.framed.Tunnel = true
		t.out = append(t.out, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: "...)
		t.out = append(append(t.out, t.expect.Accept...), "\r\n"...)
		return nil
	}
	t.out = append(append(append(t.out, "HTTP/1.1 "...), t.path...), " \r\n"...)
	return nil
}

// finish appends what says how the body is framed, and ends the head.
func (t *translation) finish() error {
	if !t.begun {
		if err := t.begin(); err != nil {
			return err
		}
	}
	if len(t.cookies) > 0 {
		t.out = appendLine(t.out, []byte("cookie"), t.cookies)
	}
	f, status := &t.framed, t.framed.Status
	bodiless := t.answer && (t.expect.ToHead || status < 200 || status == 204 || status == 304)
	switch {
	case f.Tunnel:
		f.Length = -1
	case f.Length >= 0:
		if t.expect.End && f.Length > 0 && !bodiless {
			return ErrBodyLength
		}
		t.out = append(strconv.AppendInt(append(t.out, "content-length: "...), f.Length, 10), "\r\n"...)
		if bodiless {
			f.Length = 0 // of what follows
		}
	case !t.expect.End && !bodiless:
		f.Chunked = true
		t.out = append(t.out, "transfer-encoding: chunked\r\n"...)
	case t.answer && !bodiless:
		t.out = append(t.out, "content-length: 0\r\n"...)
	}
	t.out = append(t.out, "\r\n"...)
	return nil
}

func appendLine(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

func isName(b []byte) bool {
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return len(b) > 0 && h1.IsToken(b)
}

// isPlainValue tells whether a value means the same when it stands in a line (RFC 9113, 8.2.1).
func isPlainValue(b []byte) bool {
	n := len(b)
	blank := func(c byte) bool { return c == ' ' || c == '\t' }
	return n == 0 || !blank(b[0]) && !blank(b[n-1]) && h1.IsValue(b)
}

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func view(b []byte) string { return h1.View(b) }
