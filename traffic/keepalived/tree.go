package keepalived

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Directive is a keyword with its values, and perhaps a block: "virtual_router_id 51", "vrrp_script web { … }".
type Directive struct {
	At       Position
	Words    []string // at least the keyword; quotes and escapes are resolved
	HasBlock bool
	Block    []Directive
}

// Keyword is the first word.
func (d Directive) Keyword() string { return d.Words[0] }

// Values are the words after the keyword.
func (d Directive) Values() []string { return d.Words[1:] }

// Errorf makes an error about the directive: file, line, keyword.
func (d Directive) Errorf(format string, args ...any) error {
	return d.At.Errorf("%s: "+format, append([]any{d.Keyword()}, args...)...)
}

// Read reads a configuration file and all that it includes. id is this host's, for lines that
// begin with @; keepalived takes the first part of the host's name.
func Read(files Files, name, id string) ([]Directive, error) {
	seed := fnv.New64()
	seed.Write([]byte(id))
	e := &expander{files: files, id: id, parameters: map[string]string{}, random: rand.New(rand.NewPCG(seed.Sum64(), 0))}
	if err := e.file(name, 0); err != nil {
		return nil, err
	}
	return tree(e.lines)
}

// frame is a block that is still open.
type frame struct {
	of         Directive
	directives []Directive
}

func tree(lines []line) ([]Directive, error) {
	open := []frame{{}}
	for _, l := range lines {
		words, err := split(l)
		if err != nil {
			return nil, err
		}
		if open, err = addLine(open, l.at, words); err != nil {
			return nil, err
		}
	}
	if len(open) > 1 {
		return nil, open[len(open)-1].of.Errorf("its block is not closed: a } is missing")
	}
	return open[0].directives, nil
}

// addLine takes the words and braces of one line into the tree.
func addLine(open []frame, at Position, words []word) ([]frame, error) {
	var current []string
	finish := func() {
		if len(current) > 0 {
			top := &open[len(open)-1]
			top.directives = append(top.directives, Directive{At: at, Words: current})
			current = nil
		}
	}
	for _, w := range words {
		switch {
		case w.quoted || w.text != "{" && w.text != "}":
			current = append(current, w.text)
		case w.text == "{":
			finish()
			top := &open[len(open)-1]
			last := len(top.directives) - 1
			if last < 0 || top.directives[last].HasBlock {
				return nil, at.Errorf("a { without the name of a block before it")
			}
			of := top.directives[last]
			top.directives = top.directives[:last]
			open = append(open, frame{of: of})
		default:
			finish()
			if len(open) == 1 {
				return nil, at.Errorf("a } without a { before it")
			}
			closed := open[len(open)-1]
			open = open[:len(open)-1]
			closed.of.HasBlock, closed.of.Block = true, closed.directives
			top := &open[len(open)-1]
			top.directives = append(top.directives, closed.of)
		}
	}
	finish()
	return open, nil
}

// word is a word of a line; a quoted one is never a brace.
type word struct {
	text   string
	quoted bool
}

// split cuts a line into words, and braces at the ends of words into words of their own.
func split(l line) ([]word, error) {
	var words []word
	text := l.text
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		w, n, err := nextWord(l.at, text)
		if err != nil {
			return nil, err
		}
		text = text[n:]
		if name, ok := strings.CutSuffix(w.text, "{"); ok && !w.quoted && name != "" {
			words = append(words, word{text: name})
			w.text = "{"
		}
		words = append(words, w)
	}
	return words, nil
}

// nextWord reads a word and returns how many bytes of text it took. White space between quotes belongs to it.
func nextWord(at Position, text string) (word, int, error) {
	var b strings.Builder
	var quote byte
	quoted := false
	i := 0
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			r, n := escape(text[i+1:])
			b.WriteByte(r)
			i += n
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, quoted = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			return word{b.String(), quoted}, i, nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return word{}, 0, at.Errorf("the quote %c of %q is not closed", quote, text)
	}
	return word{b.String(), quoted}, i, nil
}

// escapes are the one-letter ones; any other character stands for itself.
var escapes = map[byte]byte{'a': 7, 'b': 8, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// escape reads what follows a backslash, and how many bytes that is.
func escape(text string) (byte, int) {
	if c, ok := escapes[text[0]]; ok {
		return c, 1
	}
	switch {
	case text[0] == 'c' && len(text) > 1:
		return text[1] & 0x1f, 2
	case text[0] == 'x':
		return number(text, 1, 16, 2)
	case '0' <= text[0] && text[0] <= '7':
		return number(text, 0, 8, 3)
	}
	return text[0], 1
}

// number reads up to max digits; without any, the character stands for itself.
func number(text string, skip, base, max int) (byte, int) {
	end := skip
	for end < len(text) && end < skip+max {
		if _, err := strconv.ParseUint(text[skip:end+1], base, 16); err != nil {
			break
		}
		end++
	}
	if end == skip {
		return text[0], 1
	}
	n, _ := strconv.ParseUint(text[skip:end], base, 16)
	return byte(n), end
}
