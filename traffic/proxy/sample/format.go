package sample

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Format is a text with variables (%ci) and expressions (%[src]) in it.
type Format struct {
	Text   string
	pieces []piece
	needs  needs
	log    bool // see ForLog
}

type piece struct {
	literal  string
	variable func(dst []byte, c *Context) []byte
	expr     *Expr
	options  options
	local    bool // it is the address towards the server
	alone    bool // where it is empty, there are no quotes either
}

// options stand in braces behind the percent sign: %{+Q}r.
type options struct {
	quote, escape, plus, hex bool
}

// OfAnswer tells whether the format looks at an answer.
func (f *Format) OfAnswer() bool { return f != nil && f.needs&needsAnswer != 0 }

// OfLocalAddress tells whether the format has the address from which the server was reached, which takes a call to find out.
func (f *Format) OfLocalAddress() bool { return f.needs&needsLocal != 0 }

// Append appends the text for a context.
func (f *Format) Append(dst []byte, c *Context) []byte {
	if f == nil {
		return dst
	}
	start := len(dst)
	empty := false // a variable just gave nothing: the blank behind it is not wanted
	for i := range f.pieces {
		p := &f.pieces[i]
		if p.literal != "" {
			literal := p.literal
			if f.log && literal[0] == ' ' && (empty && len(dst) > start && dst[len(dst)-1] == ' ' || len(dst) == start) {
				literal = literal[1:]
			}
			dst = append(dst, literal...)
			continue
		}
		before := len(dst)
		dst = p.append(dst, c)
		empty = len(dst) == before
	}
	return dst
}

// ForLog is the format as a log line has it: blanks are one where there are several, and none at the beginning, and an expression that finds nothing is a dash.
func (f *Format) ForLog() *Format {
	own := &Format{Text: f.Text, needs: f.needs, log: true}
	for _, p := range f.pieces {
		for strings.Contains(p.literal, "  ") {
			p.literal = strings.ReplaceAll(p.literal, "  ", " ")
		}
		p.options.plus = p.options.plus || p.expr != nil
		own.pieces = append(own.pieces, p)
	}
	return own
}

func (p *piece) append(dst []byte, c *Context) []byte {
	if p.options.quote {
		dst = append(dst, '"')
	}
	at := len(dst)
	switch {
	case p.expr != nil:
		dst = p.expr.Append(dst, c)
		if len(dst) == at && p.options.plus && !p.options.quote {
			dst = append(dst, '-')
		}
	default:
		dst = p.variable(dst, c)
		switch {
		case !p.options.quote:
		case p.alone && len(dst) == at:
			return dst[:at-1]
		case string(dst[at:]) == "-":
			dst = dst[:at]
		}
	}
	if p.options.escape {
		dst = append(dst[:at], escaped(dst[at:])...)
	}
	if p.options.quote {
		dst = append(dst, '"')
	}
	return dst
}

// escaped puts a backslash before what would end a quoted field.
func escaped(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		if c == '"' || c == '\\' || c == ']' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return out
}

// Format compiles a text with variables and expressions.
func (k *Compiler) Format(text string) (*Format, error) {
	f := &Format{Text: text}
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			f.pieces = append(f.pieces, piece{literal: literal.String()})
			literal.Reset()
		}
	}
	global := options{}
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+1 == len(text) {
			return nil, fmt.Errorf("format %q: nothing stands behind the last %%; write %%%% for the character", text)
		}
		if text[i] != '%' {
			literal.WriteByte(text[i])
			continue
		}
		if text[i+1] == '%' {
			literal.WriteByte('%')
			i++
			continue
		}
		p, used, err := k.piece(text[i+1:], global)
		if err != nil {
			return nil, fmt.Errorf("format %q: %w", text, err)
		}
		i += used
		if p.expr == nil && p.variable == nil {
			global = p.options
			continue
		}
		if p.expr != nil {
			f.needs |= p.expr.needs
		}
		if p.local {
			f.needs |= needsLocal
		}
		flush()
		f.pieces = append(f.pieces, p)
	}
	flush()
	return f, nil
}

// piece reads what is behind a percent sign; used is how much of the text that was.
func (k *Compiler) piece(text string, global options) (p piece, used int, err error) {
	p.options = global
	rest := text
	if strings.HasPrefix(rest, "{") {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return p, 0, fmt.Errorf("} is missing")
		}
		if p.options, err = readOptions(rest[1:end], global); err != nil {
			return p, 0, err
		}
		rest = rest[end+1:]
	}
	if strings.HasPrefix(rest, "[") {
		end := closing(rest)
		if end < 0 {
			return p, 0, fmt.Errorf("] is missing")
		}
		p.expr, err = k.Expr(rest[1:end])
		return p, len(text) - len(rest) + end + 1, err
	}
	n := 0
	for n < len(rest) && (rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z') {
		n++
	}
	if n == 0 && strings.HasPrefix(text, "{") && rest != "" && rest[0] == 'o' || n == 1 && rest[0] == 'o' {
		return p, len(text) - len(rest) + n, nil
	}
	if v, ok := variables[rest[:n]]; ok {
		p.variable = v
		if h := hexadecimal[rest[:n]]; h != nil && p.options.hex {
			p.variable = h
		}
		if p.options.quote && quotedLists[rest[:n]] != nil {
			p.variable = quotedLists[rest[:n]]
		}
		p.local = rest[:n] == "bi" || rest[:n] == "bp"
		p.options.quote = p.options.quote && !slices.Contains(unquoted, rest[:n])
		p.alone = rest[:n] == "hr" || rest[:n] == "hs"
		return p, len(text) - len(rest) + n, nil
	}
	return p, 0, fmt.Errorf("variable %%%s is not known; there are %s", rest[:max(n, min(1, len(rest)))], strings.Join(slices.Sorted(maps.Keys(variables)), " "))
}

// unquoted are the variables that are never put in quotes: numbers, times, letters, and lists that have quotes of their own.
var unquoted = strings.Fields(`cp fp bp sp t tr T Tl trl trg Ts ms TR Tw Tc Tr Ta Tt Th Ti Tq Td Tu ST B U ts tsc ac fc bc sc rc sq bq pid rt lc hrl hsl`)

// closing finds the bracket that closes the one at the beginning.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func readOptions(text string, o options) (options, error) {
	for _, word := range strings.Split(text, ",") {
		sign, letter := word[:min(1, len(word))], word[min(1, len(word)):]
		set, ok := map[string]*bool{"Q": &o.quote, "E": &o.escape, "X": &o.hex, "M": &o.plus}[letter]
		if !ok || sign != "+" && sign != "-" {
			return o, fmt.Errorf("option %q is not known; there are +Q, +E, +X and +M", word)
		}
		*set = sign == "+"
	}
	return o, nil
}
