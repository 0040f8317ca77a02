package sample

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"holdfast/traffic/proxy/h1"
)

// connectionFetches are what is known of the connection itself, and constants.
var connectionFetches = map[string]fetch{
	"src":      single(Address, 0, func(c *Context, out *Value) bool { return out.setAddr(c.Source.Addr()) }),
	"src_port": single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(int64(c.Source.Port())); return true }),
	"dst":      single(Address, 0, func(c *Context, out *Value) bool { return out.setAddr(c.Destination.Addr()) }),
	"dst_port": single(Number, 0, func(c *Context, out *Value) bool { out.setNumber(int64(c.Destination.Port())); return true }),
	"fe_name":  single(Text, 0, func(c *Context, out *Value) bool { out.setText(c.Frontend); return true }),
	"be_name":  single(Text, 0, func(c *Context, out *Value) bool { out.setText(c.Backend); return c.Backend != "" }),
	"srv_name": single(Text, 0, func(c *Context, out *Value) bool { out.setText(c.Server); return c.Server != "" }),

	"always_true":  single(Truth, 0, func(_ *Context, out *Value) bool { out.setTruth(true); return true }),
	"always_false": single(Truth, 0, func(_ *Context, out *Value) bool { out.setTruth(false); return true }),
	"hostname": single(Text, 0, func(_ *Context, out *Value) bool {
		name, err := os.Hostname()
		out.setText(name)
		return err == nil
	}),
	"date": {Number, 0, 0, 2, func(args []string) (get, error) {
		offset := int64(0)
		if len(args) > 0 {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("offset %q is not a number", args[0])
			}
			offset = n
		}
		unit := "s"
		if len(args) > 1 {
			unit = args[1]
		}
		return func(c *Context, i int, out *Value) bool {
			switch unit {
			case "ms":
				out.setNumber(c.Now.UnixMilli() + offset)
			case "us":
				out.setNumber(c.Now.UnixMicro() + offset)
			default:
				out.setNumber(c.Now.Unix() + offset)
			}
			return i == 0
		}, nil
	}},
	"rand": {Number, 0, 0, 1, func(args []string) (get, error) {
		limit := int64(1) << 32
		if len(args) > 0 {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n <= 0 {
				return nil, fmt.Errorf("limit %q is not a positive number", args[0])
			}
			limit = n
		}
		return func(_ *Context, i int, out *Value) bool { out.setNumber(rand.Int64N(limit)); return i == 0 }, nil
	}},
	"str":  constant(Text, func(s string, v *Value) error { v.setText(s); return nil }),
	"int":  constant(Number, setInteger),
	"bool": constant(Truth, func(s string, v *Value) error { v.setTruth(s == "true" || s == "1"); return nil }),
	"env":  constant(Text, func(s string, v *Value) error { v.setText(os.Getenv(s)); return nil }),
	"var": {Text, 0, 1, 2, func(args []string) (get, error) {
		if err := variableNamed(args[0]); err != nil {
			return nil, err
		}
		return func(c *Context, i int, out *Value) bool {
			v, ok := c.Variable(args[0])
			if !ok && len(args) > 1 {
				v.setText(args[1])
				ok = true
			}
			*out = v
			return ok && i == 0
		}, nil
	}},
	"req.len": single(Number, needsBytes, func(c *Context, out *Value) bool {
		out.setNumber(int64(len(c.Preread)))
		c.undecided = true
		return true
	}),
}

func setInteger(s string, v *Value) error {
	n, err := strconv.ParseInt(s, 10, 64)
	v.setNumber(n)
	return err
}

func constant(kind Kind, set func(string, *Value) error) fetch {
	minimum := 1
	if kind == Text {
		minimum = 0 // str() is an empty one
	}
	return fetch{kind, 0, minimum, 1, func(args []string) (get, error) {
		var v Value
		if err := set(strings.Join(args, ""), &v); err != nil {
			return nil, err
		}
		return func(_ *Context, i int, out *Value) bool { *out = v; return i == 0 }, nil
	}}
}

func request(kind Kind, f func(c *Context, out *Value) bool) fetch {
	return single(kind, needsRequest, func(c *Context, out *Value) bool { return c.Request.Present() && f(c, out) })
}

// requestFetches are what a request says.
var requestFetches = join(map[string]fetch{
	"method":         request(Text, func(c *Context, out *Value) bool { out.setBytes(c.Request.Head.MethodOf(c.Request.Bytes)); return true }),
	"path":           request(Text, func(c *Context, out *Value) bool { p, _ := PathOf(c.target()); out.setBytes(p); return len(p) > 0 }),
	"query":          request(Text, func(c *Context, out *Value) bool { _, q := PathOf(c.target()); out.setBytes(q); return q != nil }),
	"pathq":          request(Text, func(c *Context, out *Value) bool { out.setBytes(pathAndQuery(c.target())); return true }),
	"url":            request(Text, func(c *Context, out *Value) bool { out.setBytes(c.target()); return true }),
	"base":           request(Text, func(c *Context, out *Value) bool { out.setBytes(c.base()); return true }),
	"req.ver":        request(Text, func(c *Context, out *Value) bool { out.setText(string(appendVersion(nil, c)[5:])); return true }),
	"http_first_req": request(Truth, func(c *Context, out *Value) bool { out.setTruth(c.First); return true }),
	"req.body_len":   request(Number, func(c *Context, out *Value) bool { out.setNumber(int64(len(c.Body))); return true }),
	"req.body_size":  request(Number, func(c *Context, out *Value) bool { out.setNumber(max(0, c.Request.Head.Length)); return true }),
	"unique-id":      request(Text, func(c *Context, out *Value) bool { out.setBytes(c.UniqueID); return len(c.UniqueID) > 0 }),
	"http_auth_user": request(Text, func(c *Context, out *Value) bool { u, _, ok := c.credentials(); out.setText(u); return ok }),
	"http_auth_pass": request(Text, func(c *Context, out *Value) bool { _, p, ok := c.credentials(); out.setText(p); return ok }),
	"http_auth": {Truth, needsRequest, 1, 1, func(args []string) (get, error) {
		return func(c *Context, i int, out *Value) bool {
			user, password, ok := c.credentials()
			if ok && c.Users != nil {
				list := c.Users(args[0])
				ok = list != nil && list.Allows(user, password)
			}
			out.setTruth(ok)
			return i == 0
		}, nil
	}},
	"http_auth_group": {Text, needsRequest, 1, 1, func(args []string) (get, error) {
		return func(c *Context, i int, out *Value) bool {
			user, password, ok := c.credentials()
			if !ok || c.Users == nil {
				return false
			}
			list := c.Users(args[0])
			if list == nil || !list.Allows(user, password) {
				return false
			}
			groups := list.GroupsOf(user)
			if i >= len(groups) {
				return false
			}
			out.setText(groups[i])
			return true
		}, nil
	}},
	"url_param":       {Text, needsRequest, 0, 2, makeParameter},
	"capture.req.hdr": {Text, needsRequest, 1, 1, func(args []string) (get, error) { return captured(args[0], false) }},
	"capture.res.hdr": {Text, needsAnswer, 1, 1, func(args []string) (get, error) { return captured(args[0], true) }},
}, headerFetches("req", needsRequest, requestMessage), headFetches("req", needsRequest, requestMessage))

func requestMessage(c *Context) *Message { return &c.Request }
func answerMessage(c *Context) *Message  { return &c.Answer }

// answerFetches are what an answer says.
var answerFetches = join(map[string]fetch{
	"status": single(Number, needsAnswer, func(c *Context, out *Value) bool {
		out.setNumber(int64(c.Answer.Head.Status))
		return true
	}),
	"res.ver": single(Text, needsAnswer, func(c *Context, out *Value) bool {
		out.setText("1." + strconv.Itoa(c.Answer.Head.Minor))
		return c.Answer.Present()
	}),
}, headerFetches("res", needsAnswer, answerMessage), headFetches("res", needsAnswer, answerMessage))

// lineTarget is the target that the request came with, before any rule changed it.
func (c *Context) lineTarget() []byte {
	_, target := c.Request.Head.LineOf(c.Request.Bytes)
	return target
}

func (c *Context) target() []byte { return c.Request.Head.TargetOf(c.Request.Bytes) }

func (c *Context) base() []byte {
	path, _ := PathOf(c.target())
	if i := c.Request.Head.Host; i >= 0 {
		host := c.Request.Head.Fields[i].ValueOf(c.Request.Bytes)
		return append(append(make([]byte, 0, len(host)+len(path)), host...), path...)
	}
	return path
}

func (c *Context) credentials() (user, password string, ok bool) {
	i := c.Request.Head.Find(c.Request.Bytes, "authorization", 0)
	if i < 0 {
		return "", "", false
	}
	value := c.Request.Head.Fields[i].ValueOf(c.Request.Bytes)
	if len(value) < 6 || !h1.EqualFold(value[:6], "basic ") {
		return "", "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(value[6:])))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(plain), ":")
}

func pathAndQuery(target []byte) []byte {
	if len(target) > 0 && target[0] != '/' {
		if i := bytes.Index(target, []byte("://")); i >= 0 {
			target = target[i+3:]
			if j := bytes.IndexByte(target, '/'); j >= 0 {
				return target[j:]
			}
			return nil
		}
	}
	return target
}

// PathOf splits a request's target in its path and its query.
func PathOf(target []byte) (path, query []byte) {
	target = pathAndQuery(target)
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		return target[:i], target[i+1:]
	}
	return target, nil
}

// Parameter returns the value of a query's parameter.
func Parameter(query []byte, name string, delimiters string) ([]byte, bool) {
	return parameterAt(query, name, delimiters, 0)
}

// parameterAt returns the value of the i-th parameter of a name, of any where there is no name.
func parameterAt(query []byte, name string, delimiters string, i int) ([]byte, bool) {
	for len(query) > 0 {
		end := bytes.IndexAny(query, delimiters)
		if end < 0 {
			end = len(query)
		}
		is, value, ok := bytes.Cut(query[:end], []byte("="))
		query = query[min(len(query), end+1):]
		if !ok || name != "" && string(is) != name {
			continue
		}
		if i--; i < 0 {
			return value, true
		}
	}
	return nil, false
}

// makeParameter makes url_param(NAME,CHARACTER): parameters begin behind the target's first such character, and end at it, & and ;.
func makeParameter(args []string) (get, error) {
	name, begin := "", "?"
	if len(args) > 0 {
		name = args[0]
	}
	if len(args) > 1 && args[1] != "" {
		begin = args[1][:1]
	}
	return func(c *Context, i int, out *Value) bool {
		if !c.Request.Present() {
			return false
		}
		target := pathAndQuery(c.target())
		at := bytes.IndexByte(target, begin[0])
		if at < 0 {
			return false
		}
		value, ok := parameterAt(target[at+1:], name, "&;"+begin, i)
		out.setBytes(value)
		return ok
	}, nil
}

func captured(arg string, answer bool) (get, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%q is not the number of a capture", arg)
	}
	return func(c *Context, i int, out *Value) bool {
		at := n
		if answer {
			at += c.AnswerCaptures
		}
		if i > 0 || at >= len(c.Captured) {
			return false
		}
		out.setBytes(c.Captured[at])
		return c.Captured[at] != nil
	}, nil
}
