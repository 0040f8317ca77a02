package sample

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// convert changes a value, and tells whether it could.
type convert func(c *Context, v *Value) bool

type converter struct {
	kind             Kind // of the result
	minimum, maximum int
	make             func(k *Compiler, args []string) (convert, error)
}

// plain is a converter without arguments that makes a text of a text.
func plain(f func([]byte) ([]byte, bool)) converter {
	return converter{Text, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool {
			b, ok := f(v.Text())
			v.setBytes(b)
			return ok
		}, nil
	}}
}

// arithmetic is a converter of numbers, with a number or a variable as its argument.
func arithmetic(f func(a, b int64) (int64, bool)) converter {
	return converter{Number, 1, 1, func(_ *Compiler, args []string) (convert, error) {
		n, err := strconv.ParseInt(args[0], 10, 64)
		variable := err != nil
		return func(c *Context, v *Value) bool {
			a, ok := v.Integer()
			b := n
			if variable {
				other := c.Variables[args[0]]
				var number bool
				b, number = other.Integer()
				ok = ok && number
			}
			if !ok {
				return false
			}
			r, ok := f(a, b)
			v.setNumber(r)
			return ok
		}, nil
	}}
}

func hashing(f func([]byte) int64) converter {
	return converter{Number, 0, 1, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool { v.setNumber(f(v.Text())); return true }, nil
	}}
}

func digest(f func([]byte) []byte) converter {
	return converter{Binary, 0, 1, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool { *v = Value{Kind: Binary, Bytes: f(v.Text())}; return true }, nil
	}}
}

// converters is the table of converters.
var converters map[string]converter

func init() {
	converters = map[string]converter{
		"lower":     plain(func(b []byte) ([]byte, bool) { return bytes.ToLower(b), true }),
		"upper":     plain(func(b []byte) ([]byte, bool) { return bytes.ToUpper(b), true }),
		"hex":       plain(func(b []byte) ([]byte, bool) { return fmt.Appendf(nil, "%X", b), true }),
		"base64":    plain(func(b []byte) ([]byte, bool) { return base64.StdEncoding.AppendEncode(nil, b), true }),
		"b64dec":    plain(func(b []byte) ([]byte, bool) { d, err := base64.StdEncoding.AppendDecode(nil, b); return d, err == nil }),
		"url_enc":   plain(func(b []byte) ([]byte, bool) { return []byte(url.PathEscape(string(b))), true }),
		"url_dec":   plain(func(b []byte) ([]byte, bool) { s, err := url.QueryUnescape(string(b)); return []byte(s), err == nil }),
		"host_only": plain(func(b []byte) ([]byte, bool) { return hostOf(b), true }),
		"length": {Number, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool { v.setNumber(int64(len(v.Text()))); return true }, nil
		}},
		"crc32": hashing(func(b []byte) int64 { return int64(crc32.ChecksumIEEE(b)) }),
		"djb2":  hashing(func(b []byte) int64 { return int64(DJB2(b)) }),
		"sdbm":  hashing(func(b []byte) int64 { return int64(SDBM(b)) }),
		"md5":   digest(func(b []byte) []byte { d := md5.Sum(b); return d[:] }),
		"sha1":  digest(func(b []byte) []byte { d := sha1.Sum(b); return d[:] }),
		"sha2":  digest(func(b []byte) []byte { d := sha256.Sum256(b); return d[:] }),

		"add": arithmetic(func(a, b int64) (int64, bool) { return a + b, true }),
		"sub": arithmetic(func(a, b int64) (int64, bool) { return a - b, true }),
		"mul": arithmetic(func(a, b int64) (int64, bool) { return a * b, true }),
		"div": arithmetic(func(a, b int64) (int64, bool) { return a / max(b, 1), b > 0 }),
		"mod": arithmetic(func(a, b int64) (int64, bool) { return a % max(b, 1), b > 0 }),
		"and": arithmetic(func(a, b int64) (int64, bool) { return a & b, true }),
		"or":  arithmetic(func(a, b int64) (int64, bool) { return a | b, true }),
		"xor": arithmetic(func(a, b int64) (int64, bool) { return a ^ b, true }),

		"not": {Truth, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool { v.setTruth(!v.True()); return true }, nil
		}},
		"bool": {Truth, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool { v.setTruth(v.True()); return true }, nil
		}},
		"field":     {Text, 2, 3, makeField},
		"word":      {Text, 2, 3, makeWord},
		"bytes":     {Text, 1, 2, makeBytes},
		"regsub":    {Text, 2, 3, makeRegsub},
		"ipmask":    {Address, 1, 2, makeMask},
		"concat":    {Text, 0, 3, makeConcat},
		"iif":       {Text, 2, 2, makeChoice},
		"set-var":   {Text, 1, 1, makeSetVariable},
		"http_date": {Text, 0, 2, makeDate},
		"strcmp": {Number, 1, 1, func(_ *Compiler, args []string) (convert, error) {
			return func(c *Context, v *Value) bool {
				other, ok := c.Variables[args[0]]
				v.setNumber(int64(strings.Compare(string(v.Text()), string(other.Text()))))
				return ok
			}, nil
		}},
	}
	addMapConverters()
}

// DJB2 is the hash that haproxy.cfg's `hash-type` calls djb2.
func DJB2(b []byte) uint32 {
	h := uint32(5381)
	for _, c := range b {
		h = h<<5 + h + uint32(c)
	}
	return h
}

// SDBM is the hash that haproxy.cfg's `hash-type` calls sdbm, its default.
func SDBM(b []byte) uint32 {
	var h uint32
	for _, c := range b {
		h = uint32(c) + h<<6 + h<<16 - h
	}
	return h
}

func makeField(_ *Compiler, args []string) (convert, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n == 0 || args[1] == "" {
		return nil, fmt.Errorf("wants a number that is not 0 and delimiters, not %q", args)
	}
	return func(_ *Context, v *Value) bool {
		parts := splitAny(v.Text(), args[1])
		i := n - 1
		if n < 0 {
			i = len(parts) + n
		}
		if i < 0 || i >= len(parts) {
			v.setBytes(nil)
			return true
		}
		v.setBytes(parts[i])
		return true
	}, nil
}

func makeWord(_ *Compiler, args []string) (convert, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n == 0 {
		return nil, fmt.Errorf("wants a number that is not 0, not %q", args[0])
	}
	return func(_ *Context, v *Value) bool {
		words := bytes.FieldsFunc(v.Text(), func(r rune) bool { return strings.ContainsRune(args[1], r) })
		i := n - 1
		if n < 0 {
			i = len(words) + n
		}
		if i < 0 || i >= len(words) {
			v.setBytes(nil)
			return true
		}
		v.setBytes(words[i])
		return true
	}, nil
}

func splitAny(b []byte, delimiters string) [][]byte {
	var parts [][]byte
	for {
		i := bytes.IndexAny(b, delimiters)
		if i < 0 {
			return append(parts, b)
		}
		parts = append(parts, b[:i])
		b = b[i+1:]
	}
}

func makeBytes(_ *Compiler, args []string) (convert, error) {
	from, err := strconv.Atoi(args[0])
	length := -1
	if err == nil && len(args) > 1 {
		length, err = strconv.Atoi(args[1])
	}
	if err != nil || from < 0 {
		return nil, fmt.Errorf("wants an offset and a length, not %q", args)
	}
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		b = b[min(from, len(b)):]
		if length >= 0 {
			b = b[:min(length, len(b))]
		}
		v.Kind, v.Bytes = max(v.Kind&Binary, Text), b
		return true
	}, nil
}

func makeRegsub(_ *Compiler, args []string) (convert, error) {
	flags := ""
	if len(args) > 2 {
		flags = args[2]
	}
	expression := args[0]
	if strings.Contains(flags, "i") {
		expression = "(?i)" + expression
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, err
	}
	replacement := []byte(backReferences(args[1]))
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		if strings.Contains(flags, "g") {
			v.setBytes(re.ReplaceAll(b, replacement))
			return true
		}
		if at := re.FindSubmatchIndex(b); at != nil {
			out := append([]byte(nil), b[:at[0]]...)
			out = re.Expand(out, replacement, b, at)
			v.setBytes(append(out, b[at[1]:]...))
			return true
		}
		v.setBytes(b)
		return true
	}, nil
}

// backReferences turns \1 into ${1}.
func backReferences(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			i++
			fmt.Fprintf(&out, "${%c}", s[i])
		case s[i] == '$':
			out.WriteString("$$")
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func makeMask(_ *Compiler, args []string) (convert, error) {
	bits := [2]int{32, 128}
	for i, a := range args {
		n, err := strconv.Atoi(a)
		if mask, bad := netip.ParseAddr(a); err != nil && bad == nil && mask.Is4() {
			n, err = maskBits(mask), nil
		}
		if err != nil || n < 0 || n > bits[i] {
			return nil, fmt.Errorf("mask %q is not a number of bits", a)
		}
		bits[i] = n
	}
	return func(_ *Context, v *Value) bool {
		a, ok := v.Address()
		if !ok {
			return false
		}
		n := bits[1]
		if a.Is4() {
			n = bits[0]
		}
		p, err := a.Prefix(n)
		return err == nil && v.setAddr(p.Addr())
	}, nil
}

func maskBits(mask netip.Addr) int {
	n := 0
	for _, b := range mask.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
	}
	return n
}

func makeConcat(_ *Compiler, args []string) (convert, error) {
	args = append(args, "", "", "")
	return func(c *Context, v *Value) bool {
		out := append([]byte(nil), v.Text()...)
		out = append(out, args[0]...)
		if other, ok := c.Variables[args[1]]; ok {
			out = other.Append(out)
		}
		v.setBytes(append(out, args[2]...))
		return true
	}, nil
}

func makeChoice(_ *Compiler, args []string) (convert, error) {
	return func(_ *Context, v *Value) bool {
		if v.True() {
			v.setText(args[0])
		} else {
			v.setText(args[1])
		}
		return true
	}, nil
}

func makeSetVariable(_ *Compiler, args []string) (convert, error) {
	return func(c *Context, v *Value) bool { c.Set(args[0], *v); return true }, nil
}

func makeDate(_ *Compiler, args []string) (convert, error) {
	offset := 0
	if len(args) > 0 && args[0] != "" {
		var err error
		if offset, err = strconv.Atoi(args[0]); err != nil {
			return nil, fmt.Errorf("offset %q is not a number", args[0])
		}
	}
	return func(_ *Context, v *Value) bool {
		n, ok := v.Integer()
		v.setText(time.Unix(n+int64(offset), 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
		return ok
	}, nil
}
