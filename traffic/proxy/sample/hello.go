package sample

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// hello is what is read out of a ClientHello or ServerHello that passes by (RFC 8446, 4.1), before or without its being decrypted.
type hello struct {
	kind     byte // of the handshake message: 1 from a client, 2 from a server
	version  uint16
	name     string // server_name
	alpn     string // the first protocol
	curves   bool   // supported_groups or ec_point_formats came
	ticket   int    // 0: no session_ticket came, 1: an empty one, 2: one with a ticket in it
	complete bool
}

// parseHello reads the beginning of a TLS connection; nil: it is none, or not enough of it came.
func parseHello(b []byte) *hello {
	if len(b) < 9 || b[0] != 22 || b[1] != 3 {
		return nil
	}
	record := b[5:]
	if n := int(binary.BigEndian.Uint16(b[3:])); len(record) > n {
		record = record[:n]
	}
	h := &hello{kind: record[0]}
	if length := int(record[1])<<16 | int(record[2])<<8 | int(record[3]); len(record) < 4+length {
		return h
	}
	r := &mqttReader{b: record[4:]} // its numbers are in the same order
	h.version = uint16(r.number(2))
	r.take(32)
	r.take(r.number(1)) // session
	if h.complete = true; h.kind != 1 {
		return h
	}
	r.take(r.number(2)) // suites
	r.take(r.number(1)) // compressions
	r.b = r.take(r.number(2))
	for len(r.b) > 0 && !r.bad {
		kind := r.number(2)
		e := &mqttReader{b: r.take(r.number(2))}
		switch kind {
		case 0:
			e.number(2)
			if e.number(1) == 0 {
				h.name = e.text()
			}
		case 10, 11:
			h.curves = true
		case 16:
			e.number(2)
			h.alpn = string(e.take(e.number(1)))
		case 35:
			if h.ticket = 1; len(e.b) > 0 {
				h.ticket = 2
			}
		}
	}
	return h
}

func fromHello(kind Kind, f func(h *hello, out *Value) bool) fetch {
	return single(kind, needsBytes, func(c *Context, out *Value) bool {
		h := parseHello(c.Preread)
		if c.Partial && (h == nil && beginsHello(c.Preread) || h != nil && !h.complete) {
			c.undecided = true
			return false
		}
		return h != nil && f(h, out)
	})
}

// beginsHello tells whether what came may become a record of a handshake.
func beginsHello(b []byte) bool {
	return (len(b) < 1 || b[0] == 22) && (len(b) < 2 || b[1] == 3)
}

// payload reads req.payload(OFFSET,LENGTH), where 0 is all that came.
func payload(of func(*Context) []byte, n needs) fetch {
	return fetch{Binary, n, 2, 2, func(args []string) (get, error) {
		from, err := strconv.Atoi(args[0])
		length, bad := strconv.Atoi(args[1])
		if err != nil || bad != nil || from < 0 || length < 0 {
			return nil, fmt.Errorf("wants an offset and a length, not %q", args)
		}
		return func(c *Context, i int, out *Value) bool {
			b := of(c)
			c.undecided = length == 0 || length > len(b)-from
			if i > 0 || from > len(b) || length > len(b)-from || len(b) == from {
				return false
			}
			if b = b[from:]; length > 0 {
				b = b[:length]
			}
			*out = Value{Kind: Binary, Bytes: b}
			return true
		}, nil
	}}
}

// measuredPayload reads req.payload_lv(OFFSET,SIZE,OFFSET): a length of SIZE bytes, and as many bytes behind it, or from the second offset on: with a sign
// before it, it counts from behind the length.
func measuredPayload(of func(*Context) []byte, n needs) fetch {
	return fetch{Binary, n, 2, 3, func(args []string) (get, error) {
		at, err := strconv.Atoi(args[0])
		size, bad := strconv.Atoi(args[1])
		if err != nil || bad != nil || at < 0 || size < 1 || size > 8 {
			return nil, fmt.Errorf("wants an offset and how many bytes the length has, not %q", args)
		}
		from := at + size
		if len(args) > 2 {
			offset, err := strconv.Atoi(args[2])
			if err != nil {
				return nil, fmt.Errorf("offset %q is not a number", args[2])
			}
			if from = offset; args[2][0] == '+' || args[2][0] == '-' {
				from = at + size + offset
			}
		}
		return func(c *Context, i int, out *Value) bool {
			b := of(c)
			if c.undecided = true; i > 0 || at+size > len(b) || from < 0 || from > len(b) {
				return false
			}
			length := uint64(0)
			for _, digit := range b[at : at+size] {
				length = length<<8 | uint64(digit)
			}
			if length > uint64(len(b)-from) {
				return false
			}
			*out = Value{Kind: Binary, Bytes: b[from : from+int(length)]}
			c.undecided = false
			return true
		}, nil
	}}
}

func bodyOf(c *Context) []byte {
	if c.Request.Present() {
		return c.Body
	}
	return c.Preread
}

func answerBodyOf(c *Context) []byte { return c.AnswerBody }

// payloadFetches look at bytes that no parser has taken apart yet.
var payloadFetches = map[string]fetch{
	"req.payload": payload(bodyOf, 0), "payload": payload(bodyOf, 0), "res.payload": payload(answerBodyOf, needsAnswer),
	"req.payload_lv": measuredPayload(bodyOf, 0), "payload_lv": measuredPayload(bodyOf, 0), "res.payload_lv": measuredPayload(answerBodyOf, needsAnswer),
	"req.ssl_hello_type": fromHello(Number, func(h *hello, out *Value) bool { out.setNumber(int64(h.kind)); return true }),
	"req.ssl_sni":        fromHello(Text, func(h *hello, out *Value) bool { out.setText(h.name); return h.name != "" }),
	"req.ssl_alpn":       fromHello(Text, func(h *hello, out *Value) bool { out.setText(h.alpn); return h.alpn != "" }),
	"req.ssl_ec_ext":     fromHello(Truth, func(h *hello, out *Value) bool { out.setTruth(h.curves); return h.complete }),
	"req.ssl_st_ext":     fromHello(Number, func(h *hello, out *Value) bool { out.setNumber(int64(h.ticket)); return h.complete }),
	"req.ssl_ver": fromHello(Number, func(h *hello, out *Value) bool {
		out.setNumber(int64(h.version>>8)<<16 | int64(h.version&0xff))
		return h.complete
	}),
	"req.rdp_cookie":     fromCookie(Text, func(_, value []byte, out *Value) { out.setBytes(value) }),
	"req.rdp_cookie_cnt": fromCookie(Number, func(_, _ []byte, out *Value) { out.setNumber(1) }),
	"res.ssl_hello_type": single(Number, needsAnswer, func(c *Context, out *Value) bool {
		h := parseHello(c.AnswerBody)
		if h != nil {
			out.setNumber(int64(h.kind))
		}
		return h != nil
	}),
}
