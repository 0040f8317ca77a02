package sample

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// headerFetches are those of a message's header fields, under a prefix: req. or res.
func headerFetches(prefix string, n needs, of func(*Context) *Message) map[string]fetch {
	cookie := "cookie"
	if prefix == "res" {
		cookie = "set-cookie"
	}
	header := func(kind Kind, whole bool, convert func(*Value) bool) fetch {
		return fetch{kind, n, 1, 2, func(args []string) (get, error) {
			occurrence, err := occurrenceOf(args)
			if err != nil {
				return nil, err
			}
			name := strings.ToLower(args[0])
			return func(c *Context, i int, out *Value) bool {
				which := occurrence
				if which == 0 && !c.iterates {
					which = -1 // the last
				}
				b, ok := pick(of(c), name, whole, which, i)
				out.setBytes(b)
				return ok && (convert == nil || convert(out))
			}, nil
		}}
	}
	count := func(whole bool) fetch {
		return fetch{Number, n, 1, 1, func(args []string) (get, error) {
			name := strings.ToLower(args[0])
			return func(c *Context, i int, out *Value) bool {
				out.setNumber(int64(countValues(of(c), name, whole)))
				return i == 0
			}, nil
		}}
	}
	named := func(args []string) string {
		if len(args) == 0 {
			return "" // any
		}
		return args[0]
	}
	cookies := func(kind Kind, convert func(*Value) bool) fetch {
		return fetch{kind, n, 0, 1, func(args []string) (get, error) {
			name := named(args)
			return func(c *Context, i int, out *Value) bool {
				if !c.iterates && name != "" {
					i += countCookies(of(c), cookie, name) - 1 // the last
				}
				b, ok := cookieAt(of(c), cookie, name, i)
				out.setBytes(b)
				return ok && (convert == nil || convert(out))
			}, nil
		}}
	}
	return map[string]fetch{
		prefix + ".hdr":      header(Text, false, nil),
		prefix + ".fhdr":     header(Text, true, nil),
		prefix + ".hdr_ip":   header(Address, false, func(v *Value) bool { a, ok := v.Address(); return ok && v.setAddr(a) }),
		prefix + ".hdr_val":  header(Number, false, func(v *Value) bool { i, ok := v.Integer(); v.setNumber(i); return ok }),
		prefix + ".hdr_cnt":  count(false),
		prefix + ".fhdr_cnt": count(true),
		prefix + ".cook":     cookies(Text, nil),
		prefix + ".cook_cnt": {Number, n, 0, 1, func(args []string) (get, error) {
			name := named(args)
			return func(c *Context, i int, out *Value) bool {
				out.setNumber(int64(countCookies(of(c), cookie, name)))
				return i == 0
			}, nil
		}},
		prefix + ".cook_val": cookies(Number, func(v *Value) bool { i, ok := v.Integer(); v.setNumber(i); return ok }),
	}
}

func occurrenceOf(args []string) (int, error) {
	if len(args) < 2 || args[1] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(args[1])
	if err != nil || n < -10 {
		return 0, fmt.Errorf("occurrence %q is not a number from -10", args[1])
	}
	return n, nil
}

// pick returns the i-th value of a header when occurrence is 0, otherwise that occurrence alone: from 1 at the front, from -1
// at the end. Without whole, values are split at commas.
func pick(m *Message, name string, whole bool, occurrence, i int) ([]byte, bool) {
	if !m.Present() {
		return nil, false
	}
	want := i
	if occurrence != 0 {
		if i > 0 {
			return nil, false
		}
		if want = occurrence - 1; occurrence < 0 {
			want = countValues(m, name, whole) + occurrence
		}
	}
	if want < 0 {
		return nil, false
	}
	for at := m.Head.Find(m.Bytes, name, 0); at >= 0; at = m.Head.Find(m.Bytes, name, at+1) {
		value := m.Head.Fields[at].ValueOf(m.Bytes)
		for more := true; more; {
			part := value
			if whole {
				more = false
			} else if part, value, more = cutList(value); len(part) == 0 && more {
				continue
			}
			if want == 0 {
				return part, true
			}
			want--
		}
	}
	return nil, false
}

// cutList splits the first element off a list; commas within quotes do not count.
func cutList(b []byte) (first, rest []byte, more bool) {
	quoted := false
	for i, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return bytes.Trim(b[:i], " \t"), b[i+1:], true
		}
	}
	return bytes.Trim(b, " \t"), nil, false
}

func countValues(m *Message, name string, whole bool) int {
	n := 0
	for ; ; n++ {
		if _, ok := pick(m, name, whole, 0, n); !ok {
			return n
		}
	}
}

// cookieAt returns the value of the i-th cookie of a name, of any where there is no name.
func cookieAt(m *Message, header, name string, i int) ([]byte, bool) {
	if !m.Present() || i < 0 {
		return nil, false
	}
	for at := m.Head.Find(m.Bytes, header, 0); at >= 0; at = m.Head.Find(m.Bytes, header, at+1) {
		for pair := range bytes.SplitSeq(m.Head.Fields[at].ValueOf(m.Bytes), []byte(";")) {
			is, value, ok := bytes.Cut(pair, []byte("="))
			if ok && (name == "" || string(bytes.Trim(is, " \t")) == name) {
				if i--; i < 0 {
					return bytes.Trim(value, " \t"), true
				}
			}
			if header == "set-cookie" {
				break // its attributes are behind it
			}
		}
	}
	return nil, false
}

func countCookies(m *Message, header, name string) int {
	n := 0
	for ; ; n++ {
		if _, ok := cookieAt(m, header, name, n); !ok {
			return n
		}
	}
}

// FindCookie finds the value of a cookie in a Cookie or Set-Cookie header's value (RFC 6265): where it begins and ends.
func FindCookie(value []byte, name string) (from, to int, ok bool) {
	for at := 0; at < len(value); {
		end := bytes.IndexByte(value[at:], ';')
		if end < 0 {
			end = len(value)
		} else {
			end += at
		}
		start := at
		for start < end && (value[start] == ' ' || value[start] == '\t') {
			start++
		}
		if equals := bytes.IndexByte(value[start:end], '='); equals == len(name) && string(value[start:start+equals]) == name {
			from, to = start+equals+1, end
			for to > from && (value[to-1] == ' ' || value[to-1] == '\t') {
				to--
			}
			return from, to, true
		}
		at = end + 1
	}
	return 0, 0, false
}

// hostOf returns a Host header's value without its port.
func hostOf(b []byte) []byte {
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			return b[:i+1]
		}
	}
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		return b[:i]
	}
	return b
}

// words that fetches are also known by
var aliases = map[string]string{
	"hdr": "req.hdr", "hdr_ip": "req.hdr_ip", "hdr_val": "req.hdr_val", "hdr_cnt": "req.hdr_cnt", "cook": "req.cook", "cook_cnt": "req.cook_cnt",
	"cook_val": "req.cook_val", "shdr": "res.hdr", "scook": "res.cook", "shdr_cnt": "res.hdr_cnt", "shdr_val": "res.hdr_val",
	"urlp": "url_param", "uri": "url", "req_ver": "req.ver", "resp_ver": "res.ver", "res.status": "status", "req.method": "method",
	"req.cookie": "req.cook", "req_len": "req.len", "rdp_cookie": "req.rdp_cookie", "rdp_cookie_cnt": "req.rdp_cookie_cnt", "req_rdp_cookie": "req.rdp_cookie", "req_rdp_cookie_cnt": "req.rdp_cookie_cnt", "cookie": "req.cook", "scook_cnt": "res.cook_cnt", "scook_val": "res.cook_val", "shdr_ip": "res.hdr_ip",
	"req_proto_http": "req.proto_http", "req_ssl_hello_type": "req.ssl_hello_type", "req_ssl_sni": "req.ssl_sni", "req_ssl_ver": "req.ssl_ver",
	"rep_ssl_hello_type": "res.ssl_hello_type", "set-cookie": "res.cook",
}

func init() {
	for alias, name := range aliases {
		fetches[alias] = fetches[name]
	}
}
