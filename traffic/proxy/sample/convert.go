package sample

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
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

// octets is a converter of bytes.
func octets(f func([]byte) []byte) converter {
	return converter{Text, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool { v.setBytes(f(v.Octets())); return true }, nil
	}}
}

// arithmetic is a converter of numbers, with a number or a variable as its argument.
func arithmetic(f func(a, b int64) (int64, bool)) converter {
	return converter{Number, 1, 1, func(_ *Compiler, args []string) (convert, error) {
		n, err := strconv.ParseInt(args[0], 10, 64)
		variable := err != nil
		if variable {
			if err := variableNamed(args[0]); err != nil {
				return nil, fmt.Errorf("an integer is expected, or a variable: %w", err)
			}
		}
		return func(c *Context, v *Value) bool {
			a, ok := v.Integer()
			b := n
			if variable {
				other, _ := c.Variable(args[0])
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

// converters is the table of converters.
var converters map[string]converter

func init() {
	converters = map[string]converter{
		"lower":     plain(func(b []byte) ([]byte, bool) { return bytes.ToLower(b), true }),
		"upper":     plain(func(b []byte) ([]byte, bool) { return bytes.ToUpper(b), true }),
		"base64":    octets(func(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }),
		"b64dec":    plain(func(b []byte) ([]byte, bool) { d, err := base64.StdEncoding.AppendDecode(nil, b); return d, err == nil }),
		"host_only": plain(func(b []byte) ([]byte, bool) { return hostOf(b), true }),
		"length": {Number, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool { v.setNumber(int64(len(v.Text()))); return true }, nil
		}},

		"add": arithmetic(func(a, b int64) (int64, bool) { return sum(a, b), true }),
		"sub": arithmetic(func(a, b int64) (int64, bool) { return difference(a, b), true }),
		"mul": arithmetic(func(a, b int64) (int64, bool) { return product(a, b), true }),
		"div": arithmetic(func(a, b int64) (int64, bool) { return quotient(a, b), true }),
		"mod": arithmetic(func(a, b int64) (int64, bool) { return remainder(a, b), true }),
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
		"set-var":   {Text, 1, 5, makeSetVariable},
		"ltime":     {Text, 1, 2, makeTime(true)},
		"utime":     {Text, 1, 2, makeTime(false)},
		"http_date": {Text, 0, 2, makeDate},
		"strcmp": {Number, 1, 1, func(_ *Compiler, args []string) (convert, error) {
			if err := variableNamed(args[0]); err != nil {
				return nil, err
			}
			return func(c *Context, v *Value) bool {
				other, ok := c.Variable(args[0])
				v.setNumber(int64(strings.Compare(string(v.Text()), string(other.Text()))))
				return ok
			}, nil
		}},
	}
	addMapConverters()
	addHashConverters()
	addTextConverters()
	addTokenConverters()
	addProtocolConverters()
	addStateConverters()
	addTableConverters()
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

// Numbers that grow out of their range stay at its end.

func sum(a, b int64) int64 {
	switch c := a + b; {
	case a > 0 && b > 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && c >= 0:
		return math.MinInt64
	default:
		return c
	}
}

func difference(a, b int64) int64 {
	switch c := a - b; {
	case a >= 0 && b < 0 && c < 0:
		return math.MaxInt64
	case a < 0 && b > 0 && c >= 0:
		return math.MinInt64
	default:
		return c
	}
}

func product(a, b int64) int64 {
	c := a * b
	if a != 0 && (c/a != b || a == -1 && b == math.MinInt64) {
		if (a < 0) == (b < 0) {
			return math.MaxInt64
		}
		return math.MinInt64
	}
	return c
}

func quotient(a, b int64) int64 {
	if b == 0 {
		return math.MaxInt64
	}
	return a / b
}

func remainder(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a % b
}

// makeField makes field(INDEX,DELIMITERS,COUNT); there are empty fields between two delimiters.
func makeField(_ *Compiler, args []string) (convert, error) { return makePart(args, false) }

// makeWord makes word(INDEX,DELIMITERS,COUNT); delimiters side by side count as one.
func makeWord(_ *Compiler, args []string) (convert, error) { return makePart(args, true) }

// makePart cuts so many parts out of a text, 0: all that follow; a negative index counts, and cuts, from the end.
func makePart(args []string, words bool) (convert, error) {
	n, err := strconv.Atoi(args[0])
	if err != nil || n == 0 || args[1] == "" {
		return nil, fmt.Errorf("wants a number that is not 0 and delimiters, not %q", args)
	}
	count, err := numberOr(args, 2, 1)
	if err != nil || count < 0 {
		return nil, fmt.Errorf("wants a number of parts, not %q", args[2])
	}
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		parts := partsOf(b, args[1], words)
		from := n - 1
		if n < 0 {
			from = len(parts) + n
		}
		if from < 0 || from >= len(parts) {
			v.setBytes(nil)
			return true
		}
		to := from
		switch {
		case n > 0 && count == 0:
			v.setBytes(b[parts[from][0]:])
			return true
		case n > 0:
			to = min(from+int(count), len(parts)) - 1
		case count == 0:
			v.setBytes(b[:parts[to][1]])
			return true
		default:
			from = max(0, from-int(count)+1)
		}
		v.setBytes(b[parts[from][0]:parts[to][1]])
		return true
	}, nil
}

// partsOf tells where the parts of b begin and end.
func partsOf(b []byte, delimiters string, words bool) [][2]int {
	var parts [][2]int
	at := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && strings.IndexByte(delimiters, b[i]) < 0 {
			continue
		}
		if !words || i > at {
			parts = append(parts, [2]int{at, i})
		}
		at = i + 1
	}
	return parts
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
		if v.Kind != Text {
			*v = Value{Kind: Binary, Bytes: v.Octets()}
		}
		b := v.Bytes
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
	if args[1] != "" {
		if err := variableNamed(args[1]); err != nil {
			return nil, err
		}
	}
	return func(c *Context, v *Value) bool {
		out := append([]byte(nil), v.Text()...)
		out = append(out, args[0]...)
		if other, ok := c.Variable(args[1]); ok {
			out = other.Append(out)
		}
		v.setBytes(append(out, args[2]...))
		return true
	}, nil
}

func makeChoice(_ *Compiler, args []string) (convert, error) {
	return func(_ *Context, v *Value) bool {
		truth := v.True()
		if v.Kind == Text || v.Kind == Binary { // a text is true when it begins with a number that is
			n, ok := v.Integer()
			if truth = n != 0; !ok {
				return false
			}
		}
		if truth {
			v.setText(args[0])
		} else {
			v.setText(args[1])
		}
		return true
	}, nil
}

// makeSetVariable makes set-var(NAME,CONDITION…): ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt and iflt.
func makeSetVariable(_ *Compiler, args []string) (convert, error) {
	if err := variableNamed(args[0]); err != nil {
		return nil, err
	}
	when, err := VariableConditions(args[1:])
	return func(c *Context, v *Value) bool {
		if when(c, args[0], v) {
			c.Set(args[0], *v)
		}
		return true
	}, err
}
