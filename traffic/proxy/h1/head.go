package h1

import (
	"bytes"
	"unsafe"
)

// MaxFields is how many header fields a head may have.
const MaxFields = 101

// Field is one header field: offsets into the head's bytes. A line begins at Name and ends, with its CRLF, at End.
type Field struct {
	Name, NameEnd   uint32
	Value, ValueEnd uint32
	End             uint32
	Dropped         bool // not to be forwarded
}

// Head is a parsed head of a request or of an answer. Its zero value is ready; Reset makes it so again. The methods that
// take bytes want those that were parsed, or a copy of them.
type Head struct {
	Fields []Field

	Method, Target span // request
	Reason         span // answer
	Status         int  // answer
	Minor          int  // 1 for HTTP/1.1, 0 for HTTP/1.0

	Length      int64 // content-length; -1: none
	Chunked     bool
	Close       bool // Connection: close
	KeepAlive   bool // Connection: keep-alive
	Upgrade     bool // Connection: upgrade
	Continue    bool // Expect: 100-continue
	cleartext2  bool // it asks for HTTP/2 without TLS by Upgrade
	HopByHop    bool // there are fields that are for this hop only
	Host        int  // index of the Host field; -1: none
	FirstOffset int  // where the start line begins, past an empty line
	StartEnd    int  // where the start line ends, with its CRLF
	Size        int  // of the whole head, with its last CRLF; 0 until it is whole

	next int // where the next line begins
}

type span struct{ from, to uint32 }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// Reset forgets what was parsed and keeps the memory.
func (h *Head) Reset() {
	*h = Head{Fields: h.Fields[:0], Length: -1, Host: -1}
}

// MethodOf returns the request's method.
func (h *Head) MethodOf(b []byte) []byte { return h.Method.of(b) }

// TargetOf returns the request's target as it was sent.
func (h *Head) TargetOf(b []byte) []byte { return h.Target.of(b) }

// LineOf returns the method and the target that the request came with, whatever was made of them since.
func (h *Head) LineOf(b []byte) (method, target []byte) {
	line := b[h.FirstOffset : h.StartEnd-len(" HTTP/1.1\r\n")]
	method, target, _ = bytes.Cut(line, []byte(" "))
	return method, target
}

// PathOf returns the request's target in origin form: one in absolute form without its scheme and authority.
func (h *Head) PathOf(b []byte) []byte {
	target := h.Target.of(b)
	if len(target) == 0 || target[0] == '/' || target[0] == '*' {
		return target
	}
	if i := bytes.Index(target, []byte("://")); i > 0 {
		if j := bytes.IndexByte(target[i+3:], '/'); j >= 0 {
			return target[i+3+j:]
		}
	}
	return []byte("/")
}

// ReasonOf returns the answer's reason phrase.
func (h *Head) ReasonOf(b []byte) []byte { return h.Reason.of(b) }

// NameOf returns the name of a field as it was sent.
func (f Field) NameOf(b []byte) []byte { return b[f.Name:f.NameEnd] }

// ValueOf returns the value of a field, without the blanks around it.
func (f Field) ValueOf(b []byte) []byte { return b[f.Value:f.ValueEnd] }

// Find returns the index of the first field of that name at or after from, -1 when there is none. The name is in lower case.
func (h *Head) Find(b []byte, name string, from int) int {
	for i := from; i < len(h.Fields); i++ {
		f := &h.Fields[i]
		if int(f.NameEnd-f.Name) == len(name) && !f.Dropped && EqualFold(b[f.Name:f.NameEnd], name) {
			return i
		}
	}
	return -1
}

// Request parses a request's head. It returns nil with h.Size 0 while the head is not whole; call it again with the same
// bytes and more behind them.
func (h *Head) Request(b []byte) error { return h.parse(b, (*Head).requestLine) }

// Response parses an answer's head, as Request does.
func (h *Head) Response(b []byte) error { return h.parse(b, (*Head).statusLine) }

func (h *Head) parse(b []byte, first func(*Head, []byte, int, int) error) error {
	if h.next == 0 {
		h.Reset()
		// One empty line before a request is a leftover of the one before it (RFC 9112, 2.2).
		if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
			h.next, h.FirstOffset = 2, 2
		}
	}
	for {
		at := h.next
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return nil
		}
		end := at + n // of the line feed
		if end == at || b[end-1] != '\r' {
			return ErrBareLF
		}
		h.next = end + 1
		switch {
		case h.StartEnd == 0:
			if err := first(h, b, at, end-1); err != nil {
				return err
			}
			h.StartEnd = end + 1
		case end-1 == at:
			h.Size = end + 1
			h.Upgrade = h.Upgrade && !h.cleartext2
			return nil
		default:
			if err := h.field(b, at, end-1); err != nil {
				return err
			}
		}
	}
}

// requestLine reads METHOD SP target SP HTTP/1.x in b[at:end].
func (h *Head) requestLine(b []byte, at, end int) error {
	line := b[at:end]
	i := bytes.IndexByte(line, ' ')
	if i <= 0 || !IsToken(line[:i]) {
		return ErrMethod
	}
	h.Method = span{uint32(at), uint32(at + i)}
	rest := line[i+1:]
	j := bytes.IndexByte(rest, ' ')
	if j <= 0 || !IsTarget(rest[:j]) {
		return ErrTarget
	}
	h.Target = span{uint32(at + i + 1), uint32(at + i + 1 + j)}
	version := rest[j+1:]
	if len(version) != 8 || string(version[:7]) != "HTTP/1." || version[7] > '1' || version[7] < '0' {
		return ErrVersion
	}
	h.Minor = int(version[7] - '0')
	return h.checkTarget(rest[:j], line[:i])
}

// checkTarget holds a target to its method's form (RFC 9112, 3.2).
func (h *Head) checkTarget(target, method []byte) error {
	connect := string(method) == "CONNECT"
	switch {
	case bytes.IndexByte(target, '#') >= 0: // what is behind it is the client's own
		return ErrTarget
	case connect:
		if !IsAuthority(target) {
			return ErrTarget
		}
	case target[0] == '/':
	case len(target) == 1 && target[0] == '*':
		if string(method) != "OPTIONS" {
			return ErrTarget
		}
	default:
		scheme := bytes.Index(target, []byte("://"))
		if scheme <= 0 || !IsToken(target[:scheme]) {
			return ErrTarget
		}
	}
	return nil
}

// statusLine reads HTTP/1.x SP 3DIGIT [SP reason].
func (h *Head) statusLine(b []byte, at, end int) error {
	line := b[at:end]
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[7] < '0' || line[7] > '1' || line[8] != ' ' {
		return ErrVersion
	}
	h.Minor = int(line[7] - '0')
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return ErrStatus
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	if h.Status < 100 || len(line) > 12 && line[12] != ' ' || !IsValue(line[12:]) {
		return ErrStatus
	}
	h.Reason = span{uint32(min(at+13, end)), uint32(end)}
	return nil
}

// field reads one header line in b[at:end].
func (h *Head) field(b []byte, at, end int) error {
	line := b[at:end]
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFolded
	}
	n := 0
	for n < len(line) && tokens[line[n]] {
		n++
	}
	if n == 0 || n == len(line) || line[n] != ':' {
		return ErrFieldName
	}
	if len(h.Fields) == MaxFields {
		return ErrTooMany
	}
	from, to := n+1, len(line)
	// Tabs around the value become blanks: who reads the field next may think that they are part of it, and that a body ends elsewhere.
	for from < to && (line[from] == ' ' || line[from] == '\t') {
		line[from] = ' '
		from++
	}
	for to > from && (line[to-1] == ' ' || line[to-1] == '\t') {
		to--
		line[to] = ' '
	}
	if !IsValue(line[from:to]) {
		return ErrFieldValue
	}
	h.Fields = append(h.Fields, Field{
		Name: uint32(at), NameEnd: uint32(at + n), Value: uint32(at + from), ValueEnd: uint32(at + to), End: uint32(end + 2),
	})
	return h.meaning(line[:n], line[from:to])
}

// meaning takes note of the fields that decide about framing and the connection.
func (h *Head) meaning(name, value []byte) error {
	switch len(name) {
	case 4:
		if EqualFold(name, "host") {
			return h.hostField(value)
		}
	case 6:
		if EqualFold(name, "expect") && EqualFold(value, "100-continue") {
			h.Continue = true
		}
	case 7:
		if EqualFold(name, "upgrade") {
			if h.HopByHop = true; lists(value, "h2c") {
				// Whoever is asked for it would speak HTTP/2 through a tunnel that nobody looks into; RFC 9113, 3.1, has done away with it.
				h.cleartext2 = true
				h.hop()
			}
		}
	case 10:
		if EqualFold(name, "connection") {
			h.connection(value)
		} else if EqualFold(name, "keep-alive") {
			h.hop()
		}
	case 14:
		switch {
		case EqualFold(name, "content-length"):
			return h.contentLength(value)
		case EqualFold(name, "http2-settings"):
			h.hop()
		}
	case 16:
		if EqualFold(name, "proxy-connection") {
			h.hop()
		}
	case 17:
		if EqualFold(name, "transfer-encoding") {
			return h.transferEncoding(value)
		}
	}
	return nil
}

// hop marks the field read last as for this hop only.
func (h *Head) hop() {
	h.HopByHop = true
	h.Fields[len(h.Fields)-1].Dropped = true
}

// lists tells whether a list has a word, whatever its case.
func lists(value []byte, word string) bool {
	for one := range bytes.SplitSeq(value, []byte(",")) {
		if EqualFold(bytes.Trim(one, " \t"), word) {
			return true
		}
	}
	return false
}

func (h *Head) hostField(value []byte) error {
	if h.Host >= 0 || len(value) > 0 && !IsAuthority(value) {
		return ErrHost
	}
	h.Host = len(h.Fields) - 1
	return nil
}

func (h *Head) contentLength(value []byte) error {
	if h.Length >= 0 || len(value) == 0 || len(value) > 18 {
		return ErrLength
	}
	if h.Chunked {
		return ErrBothFramings
	}
	h.Length = 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return ErrLength
		}
		h.Length = h.Length*10 + int64(c-'0')
	}
	return nil
}

func (h *Head) transferEncoding(value []byte) error {
	if h.Chunked || h.Minor == 0 || !EqualFold(value, "chunked") {
		return ErrEncoding
	}
	if h.Length >= 0 {
		return ErrBothFramings
	}
	h.Chunked = true
	return nil
}

func (h *Head) connection(value []byte) {
	h.hop()
	for len(value) > 0 {
		var word []byte
		word, value, _ = bytes.Cut(value, []byte(","))
		switch word = bytes.Trim(word, " \t"); {
		case EqualFold(word, "close"):
			h.Close = true
		case EqualFold(word, "keep-alive"):
			h.KeepAlive = true
		case EqualFold(word, "upgrade"):
			h.Upgrade = true
		}
	}
}

// CheckHost holds a whole request's head to RFC 9112, 3.2: HTTP/1.1 has a Host, and a target in absolute form names the same.
func (h *Head) CheckHost(b []byte) error {
	if h.Host < 0 {
		if h.Minor == 1 {
			return ErrHost
		}
		return nil
	}
	target := h.Target.of(b)
	if target[0] == '/' || target[0] == '*' {
		return nil
	}
	authority := target
	if i := bytes.Index(target, []byte("://")); i > 0 {
		authority = target[i+3:]
		if j := bytes.IndexAny(authority, "/?"); j >= 0 {
			authority = authority[:j]
		}
	}
	host := h.Fields[h.Host].ValueOf(b)
	if len(authority) != len(host) || !EqualFoldBytes(authority, host) {
		return ErrHost
	}
	return nil
}

// KeepsAlive tells whether the sender of the head keeps the connection open afterwards.
func (h *Head) KeepsAlive() bool {
	return !h.Close && (h.Minor == 1 || h.KeepAlive)
}

// View is b as a string that shares its memory: for look-ups that keep nothing.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
