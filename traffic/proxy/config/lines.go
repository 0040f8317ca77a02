package config

import (
	"fmt"
	"slices"
	"strings"
)

// Line is a line of a configuration, in words.
type Line struct {
	File   string
	Number int
	Words  []string
}

// Problem is what is wrong with a line.
type Problem struct {
	File    string
	Line    int
	Message string
}

// Error says where and what.
func (p *Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

func (l Line) problem(format string, args ...any) *Problem {
	return &Problem{l.File, l.Number, fmt.Sprintf(format, args...)}
}

// lexer makes words of a line.
type lexer struct {
	text  string
	at    int
	env   func(string) (string, bool)
	words []string
	word  strings.Builder
	open  bool // a word has begun
}

// split makes words of a line of text. Outside quotes a blank ends a word, # begins a comment and a backslash takes the next
// character as it is; within double quotes $NAME and ${NAME} are replaced; within single quotes nothing is.
func split(text string, env func(string) (string, bool)) ([]string, error) {
	x := &lexer{text: text, env: env}
	for x.at < len(x.text) {
		switch c := x.text[x.at]; c {
		case ' ', '\t', '\r':
			x.end()
			x.at++
		case '#':
			x.end()
			return x.words, nil
		case '\'':
			if err := x.single(); err != nil {
				return nil, err
			}
		case '"':
			if err := x.double(); err != nil {
				return nil, err
			}
		case '\\':
			if err := x.escape(); err != nil {
				return nil, err
			}
		default:
			x.put(c)
			x.at++
		}
	}
	x.end()
	return x.words, nil
}

func (x *lexer) put(c byte) {
	x.open = true
	x.word.WriteByte(c)
}

func (x *lexer) end() {
	if x.open {
		x.words = append(x.words, x.word.String())
		x.word.Reset()
		x.open = false
	}
}

func (x *lexer) single() error {
	end := strings.IndexByte(x.text[x.at+1:], '\'')
	if end < 0 {
		return fmt.Errorf("the single quote is not closed")
	}
	x.open = true
	x.word.WriteString(x.text[x.at+1 : x.at+1+end])
	x.at += end + 2
	return nil
}

func (x *lexer) double() error {
	x.open = true
	for x.at++; x.at < len(x.text); {
		switch c := x.text[x.at]; c {
		case '"':
			x.at++
			return nil
		case '$':
			if err := x.variable(); err != nil {
				return err
			}
		case '\\':
			if x.at+1 < len(x.text) && strings.IndexByte("\"\\$", x.text[x.at+1]) >= 0 {
				x.put(x.text[x.at+1])
				x.at += 2
				continue
			}
			if err := x.escape(); err != nil {
				return err
			}
		default:
			x.put(c)
			x.at++
		}
	}
	return fmt.Errorf("the double quote is not closed")
}

// escape reads a backslash and what it stands before.
func (x *lexer) escape() error {
	if x.at+1 == len(x.text) {
		return fmt.Errorf("a backslash ends the line")
	}
	c := x.text[x.at+1]
	x.at += 2
	switch c {
	case 'n':
		x.put('\n')
	case 't':
		x.put('\t')
	case 'r':
		x.put('\r')
	case 'x':
		if x.at+2 > len(x.text) {
			return fmt.Errorf(`\x wants two hexadecimal digits`)
		}
		var b byte
		if _, err := fmt.Sscanf(x.text[x.at:x.at+2], "%02x", &b); err != nil {
			return fmt.Errorf(`\x wants two hexadecimal digits`)
		}
		if b == 0 {
			return fmt.Errorf(`\x00 cannot be part of a word`)
		}
		x.put(b)
		x.at += 2
	case ' ', '\t', '#', '\\', '"', '\'':
		x.put(c)
	default:
		// A backslash before anything else stays: regular expressions are full of them.
		x.put('\\')
		x.put(c)
	}
	return nil
}

// variable reads $NAME, ${NAME}, ${NAME-default} or ${NAME[*]}, which becomes several words.
func (x *lexer) variable() error {
	rest := x.text[x.at+1:]
	braced := strings.HasPrefix(rest, "{")
	if braced {
		rest = rest[1:]
	}
	n := 0
	for n < len(rest) && (rest[n] == '_' || rest[n] == '.' && n == 0 || rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= 'A' && rest[n] <= 'Z' || n > 0 && rest[n] >= '0' && rest[n] <= '9') {
		n++
	}
	if n == 0 {
		return fmt.Errorf("a variable's name is expected behind $; write \\$ for a dollar sign")
	}
	name := rest[:n]
	if name[0] == '.' && !slices.Contains(fields(".FILE .LINE .SECTION"), name) {
		return fmt.Errorf("${%s}: of the variables that begin with a dot there are .FILE, .LINE and .SECTION", name)
	}
	value, set := x.env(name)
	if !braced {
		x.word.WriteString(value)
		x.at += 1 + n
		return nil
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 {
		return fmt.Errorf("${%s is not closed with }", name)
	}
	modifier := rest[n:end]
	x.at += 3 + end
	switch {
	case modifier == "":
		x.word.WriteString(value)
	case modifier[0] == '-':
		if !set {
			value = modifier[1:]
		}
		x.word.WriteString(value)
	case modifier == "[*]":
		for i, w := range strings.Fields(value) {
			if i > 0 {
				x.end()
				x.open = true
			}
			x.word.WriteString(w)
		}
	default:
		return fmt.Errorf("${%s%s}: - and a default, or [*], may stand behind the name", name, modifier)
	}
	return nil
}
