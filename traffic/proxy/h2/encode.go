package h2

import (
	"strconv"

	"holdfast/traffic/proxy/h1"
)

// What this side encodes uses the static table only, and no Huffman code: bytes on the way to a peer are cheaper than a table whose state has to
// be kept, and searched, for each connection.

// appendInteger appends a number whose first byte has so many bits of it, below the given ones.
func appendInteger(dst []byte, first byte, prefix uint, n int) []byte {
	most := 1<<prefix - 1
	if n < most {
		return append(dst, first|byte(n))
	}
	dst = append(dst, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

func appendText(dst, b []byte) []byte {
	return append(appendInteger(dst, 0, 7, len(b)), b...)
}

// appendIndexed appends a field that stands in the static table.
func appendIndexed(dst []byte, index int) []byte { return append(dst, 0x80|byte(index)) }

// appendNamed appends a field whose name stands in the static table, and which is not to be put into the dynamic one.
func appendNamed(dst []byte, index int, value []byte) []byte {
	return appendText(appendInteger(dst, 0, 4, index), value)
}

// appendField appends a field; its name goes in small letters.
func appendField(dst, name, value []byte) []byte {
	at := len(dst)
	dst = append(dst, 0)
	dst = appendInteger(dst, 0, 7, len(name))
	from := len(dst)
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	if index := staticNames[string(dst[from:])]; index > 0 {
		dst = appendInteger(dst[:at], 0, 4, index)
	}
	return appendText(dst, value)
}

// AppendAnswer appends the header block of an answer whose head was read by HTTP/1.1's rules.
func AppendAnswer(dst []byte, h *h1.Head, b []byte) []byte {
	return appendFields(appendStatus(dst, h.Status), h, b)
}

func appendStatus(dst []byte, status int) []byte {
	if index := staticStatus(status); index > 0 {
		return appendIndexed(dst, index)
	}
	var digits [4]byte
	return appendNamed(dst, indexStatus, strconv.AppendInt(digits[:0], int64(status), 10))
}

// AppendRequest appends the header block of a request whose head was read by HTTP/1.1's rules. One that asks for another protocol
// becomes an extended CONNECT (RFC 8441).
func AppendRequest(dst []byte, h *h1.Head, b []byte, secure bool) []byte {
	protocol := -1
	if h.Upgrade {
		protocol = h.Find(b, "upgrade", 0)
	}
	switch method := h.MethodOf(b); {
	case protocol >= 0:
		dst = appendNamed(dst, indexMethod, []byte("CONNECT"))
		dst = appendField(dst, []byte(":protocol"), h.Fields[protocol].ValueOf(b))
	case string(method) == "GET":
		dst = appendIndexed(dst, indexMethod)
	case string(method) == "POST":
		dst = appendIndexed(dst, indexMethod+1)
	default:
		dst = appendNamed(dst, indexMethod, method)
	}
	if secure {
		dst = appendIndexed(dst, indexScheme+1)
	} else {
		dst = appendIndexed(dst, indexScheme)
	}
	if i := h.Find(b, "host", 0); i >= 0 {
		dst = appendNamed(dst, indexAuthority, h.Fields[i].ValueOf(b))
	}
	if target := h.PathOf(b); len(target) == 1 && target[0] == '/' {
		dst = appendIndexed(dst, indexPath)
	} else {
		dst = appendNamed(dst, indexPath, target)
	}
	return appendFields(dst, h, b)
}

// appendFields appends the fields that have a place in HTTP/2.
func appendFields(dst []byte, h *h1.Head, b []byte) []byte {
	for i := range h.Fields {
		f := &h.Fields[i]
		name, value := f.NameOf(b), f.ValueOf(b)
		if f.Dropped || onlyHTTP1(name, h.Upgrade) || h1.EqualFold(name, "te") && !h1.EqualFold(value, "trailers") {
			continue
		}
		dst = appendField(dst, name, value)
	}
	return dst
}

// onlyHTTP1 tells of fields that are about an HTTP/1.1 connection (RFC 9113, 8.2.2), or about its upgrade.
func onlyHTTP1(name []byte, upgrade bool) bool {
	switch len(name) {
	case 4:
		return h1.EqualFold(name, "host")
	case 7:
		return h1.EqualFold(name, "upgrade")
	case 10:
		return h1.EqualFold(name, "connection") || h1.EqualFold(name, "keep-alive")
	case 16:
		return h1.EqualFold(name, "proxy-connection")
	case 17:
		return h1.EqualFold(name, "transfer-encoding") || upgrade && h1.EqualFold(name, "sec-websocket-key")
	case 20:
		return upgrade && h1.EqualFold(name, "sec-websocket-accept")
	}
	return false
}

// appendTrailers appends the header block of a chunked body's trailer, which was read by HTTP/1.1's rules.
func appendTrailers(dst, trailer []byte) []byte {
	for len(trailer) > 0 {
		end := indexCRLF(trailer)
		line := trailer[:end]
		trailer = trailer[min(end+2, len(trailer)):]
		colon := 0
		for colon < len(line) && line[colon] != ':' {
			colon++
		}
		if colon == 0 || colon == len(line) || onlyHTTP1(line[:colon], false) {
			continue
		}
		dst = appendField(dst, line[:colon], trimmed(line[colon+1:]))
	}
	return dst
}

func indexCRLF(b []byte) int {
	for i := range b {
		if b[i] == '\r' {
			return i
		}
	}
	return len(b)
}

func trimmed(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
