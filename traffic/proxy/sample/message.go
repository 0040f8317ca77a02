package sample

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/h1"
)

// hash32 is the hash of base32 and url32.
func hash32(b []byte) uint32 { return Avalanche(SDBM(b)) }

func withSource(c *Context, h uint32) []byte {
	return append(binary.BigEndian.AppendUint32(nil, h), c.Source.Addr().AsSlice()...)
}

// host is the Host field's value.
func (c *Context) host() []byte {
	if i := c.Request.Head.Host; i >= 0 {
		return c.Request.Head.Fields[i].ValueOf(c.Request.Bytes)
	}
	return nil
}

// url is what url32 hashes: the Host field, and all of the target.
func (c *Context) hostAndTarget() []byte {
	return append(append([]byte(nil), c.host()...), c.target()...)
}

// authority is the address in an absolute target.
func (c *Context) authority() (netip.Addr, int, bool) {
	_, rest, ok := strings.Cut(string(c.target()), "://")
	if !ok {
		return netip.Addr{}, 0, false
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	host, number, found := strings.Cut(rest, ":")
	port := 80
	if found {
		port, _ = strconv.Atoi(number)
	}
	a, err := netip.ParseAddr(host)
	return a, port, err == nil
}

// authorization is the scheme and the rest of the Authorization field.
func (c *Context) authorization() (scheme, value []byte, ok bool) {
	i := c.Request.Head.Find(c.Request.Bytes, "authorization", 0)
	if i < 0 {
		return nil, nil, false
	}
	scheme, value, ok = bytes.Cut(c.Request.Head.Fields[i].ValueOf(c.Request.Bytes), []byte(" "))
	return scheme, bytes.TrimSpace(value), ok
}

// messageFetches are further things that a request says.
var messageFetches = map[string]fetch{
	"baseq": request(Text, func(c *Context, out *Value) bool {
		out.setBytes(append(append([]byte(nil), c.host()...), pathAndQuery(c.target())...))
		return true
	}),
	"base32": request(Number, func(c *Context, out *Value) bool { out.setNumber(int64(hash32(c.base()))); return true }),
	"base32+src": request(Binary, func(c *Context, out *Value) bool {
		*out = Value{Kind: Binary, Bytes: withSource(c, hash32(c.base()))}
		return true
	}),
	"url32": request(Number, func(c *Context, out *Value) bool { out.setNumber(int64(hash32(c.hostAndTarget()))); return true }),
	"url32+src": request(Binary, func(c *Context, out *Value) bool {
		*out = Value{Kind: Binary, Bytes: withSource(c, hash32(c.hostAndTarget()))}
		return true
	}),
	"url_ip":   request(Address, func(c *Context, out *Value) bool { a, _, ok := c.authority(); return ok && out.setAddr(a) }),
	"url_port": request(Number, func(c *Context, out *Value) bool { _, p, ok := c.authority(); out.setNumber(int64(p)); return ok }),
	"urlp_val": {Number, needsRequest, 0, 2, func(args []string) (get, error) {
		of, err := makeParameter(args)
		return func(c *Context, i int, out *Value) bool {
			if err != nil || !of(c, i, out) {
				return false
			}
			n, ok := out.Integer()
			out.setNumber(n)
			return ok
		}, err
	}},
	"http_auth_type": request(Text, func(c *Context, out *Value) bool { s, _, ok := c.authorization(); out.setBytes(s); return ok }),
	"http_auth_bearer": {Text, needsRequest, 0, 1, func(args []string) (get, error) {
		return func(c *Context, i int, out *Value) bool {
			if i > 0 || !c.Request.Present() {
				return false
			}
			if len(args) > 0 && args[0] != "" && !strings.EqualFold(args[0], "authorization") {
				at := c.Request.Head.Find(c.Request.Bytes, strings.ToLower(args[0]), 0)
				if at < 0 {
					return false
				}
				scheme, value, ok := bytes.Cut(c.Request.Head.Fields[at].ValueOf(c.Request.Bytes), []byte(" "))
				out.setBytes(bytes.TrimSpace(value))
				return ok && h1.EqualFold(scheme, "bearer")
			}
			scheme, value, ok := c.authorization()
			out.setBytes(value)
			return ok && h1.EqualFold(scheme, "bearer")
		}, nil
	}},
	"req.proto_http": single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(c.Request.Present()); return true }),
	"capture.req.method": request(Text, func(c *Context, out *Value) bool {
		method, _ := c.Request.Head.LineOf(c.Request.Bytes)
		out.setBytes(method)
		return true
	}),
	"capture.req.uri": request(Text, func(c *Context, out *Value) bool { out.setBytes(c.lineTarget()); return true }),
	"capture.req.ver": request(Text, func(c *Context, out *Value) bool { out.setBytes(appendVersion(nil, c)); return true }),
	"capture.res.ver": single(Text, needsAnswer, func(c *Context, out *Value) bool { out.setText("HTTP/1.1"); return c.Answer.Present() }),
	"req.body":        request(Binary, func(c *Context, out *Value) bool { *out = Value{Kind: Binary, Bytes: c.Body}; return true }),
	"req.body_param": {Binary, needsRequest, 0, 1, func(args []string) (get, error) {
		return func(c *Context, i int, out *Value) bool {
			if i > 0 {
				return false
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			value, ok := Parameter(c.Body, name, "&")
			out.setBytes(value)
			return ok
		}, nil
	}},
	"res.body": single(Binary, needsAnswer, func(c *Context, out *Value) bool {
		*out = Value{Kind: Binary, Bytes: c.AnswerBody}
		return len(c.AnswerBody) > 0
	}),
	"res.body_len": single(Number, needsAnswer, func(c *Context, out *Value) bool { out.setNumber(int64(len(c.AnswerBody))); return c.Answer.Present() }),
	"res.body_size": single(Number, needsAnswer, func(c *Context, out *Value) bool {
		out.setNumber(max(0, c.Answer.Head.Length))
		return c.Answer.Present()
	}),
	"res.len": single(Number, needsAnswer, func(c *Context, out *Value) bool {
		out.setNumber(int64(len(c.Answer.Bytes)))
		return c.Answer.Present()
	}),
	"res.cache_hit":  single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(c.CacheHit); return true }),
	"res.cache_name": textOf(func(c *Context) string { return c.CacheName }),
	"res.comp":       single(Truth, 0, func(c *Context, out *Value) bool { out.setTruth(c.Coding != ""); return true }),
	"res.comp_algo":  textOf(func(c *Context) string { return c.Coding }),
}

// headFetches are those of a whole head, under a prefix: req. or res.
func headFetches(prefix string, n needs, of func(*Context) *Message) map[string]fetch {
	whole := func(f func(m *Message) []byte) fetch {
		return single(Binary, n, func(c *Context, out *Value) bool {
			m := of(c)
			if !m.Present() {
				return false
			}
			*out = Value{Kind: Text, Bytes: f(m)}
			return true
		})
	}
	names := fetch{Text, n, 0, 1, func(args []string) (get, error) {
		delimiter := ","
		if len(args) > 0 && args[0] != "" {
			delimiter = args[0]
		}
		return func(c *Context, i int, out *Value) bool {
			m := of(c)
			if i > 0 || !m.Present() {
				return false
			}
			var list []byte
			for at := range m.Head.Fields {
				f := &m.Head.Fields[at]
				if f.Dropped {
					continue
				}
				if len(list) > 0 {
					list = append(list, delimiter...)
				}
				list = append(list, bytes.ToLower(f.NameOf(m.Bytes))...)
			}
			out.setBytes(list)
			return true
		}, nil
	}}
	return map[string]fetch{
		prefix + ".hdr_names": names,
		prefix + ".hdrs": whole(func(m *Message) []byte {
			var out []byte
			for at := range m.Head.Fields {
				if f := &m.Head.Fields[at]; !f.Dropped {
					out = append(append(append(out, bytes.ToLower(f.NameOf(m.Bytes))...), ": "...), f.ValueOf(m.Bytes)...)
					out = append(out, "\r\n"...)
				}
			}
			return append(out, "\r\n"...)
		}),
		prefix + ".hdrs_bin": whole(func(m *Message) []byte {
			var out []byte
			for at := range m.Head.Fields {
				if f := &m.Head.Fields[at]; !f.Dropped {
					out = appendCounted(appendCounted(out, bytes.ToLower(f.NameOf(m.Bytes))), f.ValueOf(m.Bytes))
				}
			}
			return append(out, 0, 0)
		}),
	}
}

// appendCounted appends a text behind its length, which takes one byte below 240 and else several, as HAProxy's SPOE protocol has it.
func appendCounted(out, b []byte) []byte {
	n := uint64(len(b))
	if n < 240 {
		out = append(out, byte(n))
	} else {
		out = append(out, byte(n)|0xf0)
		for n = (n - 240) >> 4; n >= 128; n = (n - 128) >> 7 {
			out = append(out, byte(n)|0x80)
		}
		out = append(out, byte(n))
	}
	return append(out, b...)
}
