package sample

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast/traffic/proxy/compress"
)

// isVariable tells whether an argument names a variable by its scope.
func isVariable(arg string) bool {
	scope, _, found := strings.Cut(arg, ".")
	return found && (scope == "proc" || scope == "sess" || scope == "txn" || scope == "req" || scope == "res" || scope == "check")
}

// variableNamed tells what is wrong with the name of a variable.
func variableNamed(name string) error {
	if !isVariable(name) {
		return fmt.Errorf("a variable is named proc.NAME, sess.NAME, txn.NAME, req.NAME, res.NAME or check.NAME, not %q", name)
	}
	return nil
}

// truth is a converter of a number to a truth.
func truth(f func(n int64) bool) converter {
	return converter{Truth, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool {
			n, ok := v.Integer()
			v.setTruth(f(n))
			return ok
		}, nil
	}}
}

// single is a converter of a number.
func ofNumber(f func(n int64) int64) converter {
	return converter{Number, 0, 0, func(*Compiler, []string) (convert, error) {
		return func(_ *Context, v *Value) bool {
			n, ok := v.Integer()
			v.setNumber(f(n))
			return ok
		}, nil
	}}
}

func addTextConverters() {
	for name, c := range map[string]converter{
		"even": truth(func(n int64) bool { return n&1 == 0 }),
		"odd":  truth(func(n int64) bool { return n&1 == 1 }),
		"neg":  ofNumber(func(n int64) int64 { return -n }),
		"cpl":  ofNumber(func(n int64) int64 { return ^n }),
		"hex2i": {Number, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool {
				n, err := strconv.ParseUint(string(v.Text()), 16, 64)
				v.setNumber(int64(n))
				return err == nil
			}, nil
		}},
		"htonl": {Binary, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool {
				n, ok := v.Integer()
				*v = Value{Kind: Binary, Bytes: []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}}
				return ok
			}, nil
		}},
		"hex": octets(func(b []byte) []byte { return fmt.Appendf(nil, "%X", b) }),
		"cut_crlf": plain(func(b []byte) ([]byte, bool) {
			if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
				b = b[:i]
			}
			return b, true
		}),
		"ub64enc": octets(func(b []byte) []byte { return base64.RawURLEncoding.AppendEncode(nil, b) }),
		"ub64dec": plain(func(b []byte) ([]byte, bool) {
			d, err := base64.RawURLEncoding.AppendDecode(nil, bytes.TrimRight(b, "="))
			return d, err == nil
		}),
		"port_only": {Number, 0, 0, func(*Compiler, []string) (convert, error) {
			return func(_ *Context, v *Value) bool {
				host := v.Text()
				_, port, _ := bytes.Cut(host[len(hostOf(host)):], []byte(":"))
				n, _ := strconv.ParseUint(string(port), 10, 16)
				v.setNumber(int64(n))
				return true
			}, nil
		}},
		"ltrim":         trimming(bytes.TrimLeft),
		"rtrim":         trimming(bytes.TrimRight),
		"be2hex":        {Text, 0, 3, func(_ *Compiler, args []string) (convert, error) { return makeChunks(args, false) }},
		"be2dec":        {Text, 2, 3, func(_ *Compiler, args []string) (convert, error) { return makeChunks(args, true) }},
		"add_item":      {Text, 2, 3, makeAddItem},
		"json":          {Text, 0, 1, makeJSON},
		"language":      {Text, 1, 2, makeLanguage},
		"url_dec":       {Text, 0, 1, makeURLDecode},
		"url_enc":       {Text, 0, 1, makeURLEncode},
		"unset-var":     {Text, 1, 1, makeUnsetVariable},
		"secure_memcmp": {Truth, 1, 1, makeSecureCompare},
		"aes_gcm_dec":   {Binary, 4, 4, makeDecrypt},
		"debug":         {Text, 0, 2, makeDebug},
	} {
		converters[name] = c
	}
}

func trimming(f func([]byte, string) []byte) converter {
	return converter{Text, 1, 1, func(_ *Compiler, args []string) (convert, error) {
		return func(_ *Context, v *Value) bool { v.setBytes(f(v.Text(), args[0])); return true }, nil
	}}
}

// makeChunks makes be2hex and be2dec(SEPARATOR,BYTES,TRUNCATE): so many bytes at a time, the first the most significant.
func makeChunks(args []string, decimal bool) (convert, error) {
	separator := ""
	if len(args) > 0 {
		separator = args[0]
	}
	size, err := numberOr(args, 1, 0)
	if err != nil || size < 0 || decimal && (size < 1 || size > 8) {
		return nil, fmt.Errorf("wants a number of bytes, to be2dec from 1 to 8, not %q", args)
	}
	whole, err := numberOr(args, 2, 0)
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		var out []byte
		for first := true; len(b) > 0; first = false {
			n := len(b)
			if size > 0 {
				n = min(n, int(size))
				if whole != 0 && n < int(size) {
					break
				}
			}
			if !first {
				out = append(out, separator...)
			}
			if !decimal {
				out = fmt.Appendf(out, "%X", b[:n])
			} else {
				number := uint64(0)
				for _, c := range b[:n] {
					number = number<<8 | uint64(c)
				}
				out = strconv.AppendUint(out, number, 10)
			}
			b = b[n:]
		}
		v.setBytes(out)
		return true
	}, err
}

// makeAddItem makes add_item(DELIMITER,VARIABLE,SUFFIX).
func makeAddItem(_ *Compiler, args []string) (convert, error) {
	args = append(args, "")
	if args[1] == "" && args[2] == "" || args[1] != "" && !isVariable(args[1]) {
		return nil, fmt.Errorf("wants a variable or a suffix behind the delimiter, not %q", args[1])
	}
	return func(c *Context, v *Value) bool {
		out := append([]byte(nil), v.Text()...)
		other, found := c.Variable(args[1])
		if len(out) > 0 && (found || args[2] != "") {
			out = append(out, args[0]...)
		}
		if found {
			out = other.Append(out)
		}
		v.setBytes(append(out, args[2]...))
		return true
	}, nil
}

// makeJSON makes json(CODING), which escapes for a JSON string.
func makeJSON(_ *Compiler, args []string) (convert, error) {
	coding := "ascii"
	if len(args) > 0 && args[0] != "" {
		coding = args[0]
	}
	switch coding {
	case "ascii", "utf8", "utf8s", "utf8p", "utf8ps":
	default:
		return nil, fmt.Errorf("input %q is not known; there are ascii, utf8, utf8s, utf8p and utf8ps", coding)
	}
	silent := strings.HasSuffix(coding, "s")
	return func(_ *Context, v *Value) bool {
		var out []byte
		for b := v.Text(); len(b) > 0; {
			r, n := rune(b[0]), 1
			if coding != "ascii" {
				r, n = utf8.DecodeRune(b)
				if bad := r == utf8.RuneError && n <= 1 || r > 0xffff; bad && !silent {
					return false
				} else if bad {
					b = b[max(n, 1):]
					continue
				}
			}
			out = appendJSON(out, r)
			b = b[n:]
		}
		v.setBytes(out)
		return true
	}, nil
}

func appendJSON(out []byte, r rune) []byte {
	if i := strings.IndexRune("\"\\/\b\f\n\r\t", r); i >= 0 {
		return append(out, '\\', `"\/bfnrt`[i])
	}
	if r < 0x20 || r > 0x7e {
		return fmt.Appendf(out, "\\u%04x", r)
	}
	return append(out, byte(r))
}

// makeLanguage makes language(LANGUAGES,DEFAULT): the one of Accept-Language's that is offered and liked best.
func makeLanguage(_ *Compiler, args []string) (convert, error) {
	offered := strings.Split(args[0], ";")
	return func(_ *Context, v *Value) bool {
		best, quality := "", 0
		for element := range bytes.SplitSeq(v.Text(), []byte(",")) {
			name, parameters, _ := strings.Cut(string(bytes.TrimSpace(element)), ";")
			q := compress.Quality([]byte(parameters))
			if q <= quality {
				continue
			}
			base, _, _ := strings.Cut(name, "-")
			for _, wanted := range [...]string{strings.TrimSpace(name), base} {
				if i := indexOf(offered, wanted); i >= 0 {
					best, quality = offered[i], q
					break
				}
			}
		}
		if best == "" && len(args) > 1 {
			best = args[1]
		}
		v.setText(best)
		return best != ""
	}, nil
}

func indexOf(words []string, word string) int {
	for i, w := range words {
		if w == word {
			return i
		}
	}
	return -1
}

// makeURLDecode makes url_dec(FORM): a plus is a blank behind a question mark, and with FORM everywhere.
func makeURLDecode(_ *Compiler, args []string) (convert, error) {
	form, err := numberOr(args, 0, 0)
	return func(_ *Context, v *Value) bool {
		b := v.Text()
		out, query := make([]byte, 0, len(b)), form != 0
		for i := 0; i < len(b); i++ {
			switch c := b[i]; {
			case c == '+' && query:
				out = append(out, ' ')
			case c == '%':
				if i+2 >= len(b) {
					return false
				}
				var one [1]byte
				if _, err := hex.Decode(one[:], b[i+1:i+3]); err != nil {
					return false
				}
				out = append(out, one[0])
				i += 2
			default:
				query = query || c == '?'
				out = append(out, c)
			}
		}
		v.setBytes(out)
		return true
	}, err
}

func makeURLEncode(_ *Compiler, args []string) (convert, error) {
	if len(args) > 0 && args[0] != "query" {
		return nil, fmt.Errorf("takes query, not %q", args[0])
	}
	return func(_ *Context, v *Value) bool {
		v.setText(strings.ReplaceAll(url.QueryEscape(string(v.Text())), "+", "%20"))
		return true
	}, nil
}

func makeUnsetVariable(_ *Compiler, args []string) (convert, error) {
	if err := variableNamed(args[0]); err != nil {
		return nil, err
	}
	return func(c *Context, _ *Value) bool { c.Unset(args[0]); return true }, nil
}

// makeSecureCompare makes secure_memcmp(VARIABLE), whose time does not tell where the two differ.
func makeSecureCompare(_ *Compiler, args []string) (convert, error) {
	if err := variableNamed(args[0]); err != nil {
		return nil, err
	}
	return func(c *Context, v *Value) bool {
		other, ok := c.Variable(args[0])
		v.setTruth(subtle.ConstantTimeCompare(v.Text(), other.Text()) == 1)
		return ok
	}, nil
}

// makeDecrypt makes aes_gcm_dec(BITS,NONCE,KEY,TAG).
func makeDecrypt(_ *Compiler, args []string) (convert, error) {
	size, err := numberOr(args, 0, 0)
	if err != nil || size != 128 && size != 192 && size != 256 {
		return nil, fmt.Errorf("takes 128, 192 or 256 bits, not %q", args[0])
	}
	var parts [3]func(*Context) ([]byte, bool)
	for i := range parts {
		if parts[i], err = secretOf(args[i+1]); err != nil {
			return nil, err
		}
	}
	return func(c *Context, v *Value) bool {
		var given [3][]byte
		for i := range parts {
			var ok bool
			if given[i], ok = parts[i](c); !ok {
				return false
			}
		}
		nonce, key, tag := given[0], given[1], given[2]
		block, err := aes.NewCipher(key)
		if err != nil || len(key)*8 != int(size) || len(nonce) == 0 {
			return false
		}
		aead, err := cipher.NewGCMWithNonceSize(block, len(nonce))
		if err != nil {
			return false
		}
		out, err := aead.Open(nil, nonce, append(append([]byte(nil), v.Text()...), tag...), nil)
		*v = Value{Kind: Binary, Bytes: out}
		return err == nil
	}, nil
}

// makeDebug makes debug(PREFIX,DESTINATION): the value goes to stdout or stderr, and on.
func makeDebug(_ *Compiler, args []string) (convert, error) {
	prefix, to := "", os.Stderr
	if len(args) > 0 {
		prefix = args[0]
	}
	if len(args) > 1 {
		switch args[1] {
		case "stdout":
			to = os.Stdout
		case "stderr":
		default:
			return nil, fmt.Errorf("the destination is stdout or stderr here, not %q", args[1])
		}
	}
	return func(_ *Context, v *Value) bool {
		_, err := fmt.Fprintf(to, "[debug] %s: type=%s <%s>\n", prefix, v.Kind, v.Append(nil))
		return err == nil
	}, nil
}
