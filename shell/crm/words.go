package crm

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// word is one word of a command line, its quotes and escapes taken away.
type word struct {
	text   string
	quoted bool // part of it stood in quotes: never a comment or a bracket
}

// errOpenQuote says that a line ends inside quotes.
var errOpenQuote = errors.New("a quotation mark has no partner: close the quotes on the same line")

// splitWords splits a line as a POSIX shell does: blanks separate, single quotes keep
// everything, double quotes and bare text know the backslash. Nothing is expanded.
// A word that starts with '#' ends the line, except one that can be an attribute of a
// rule expression (#uname and its like, after the word "rule").
func splitWords(line string) ([]word, error) {
	var words []word
	inRule := false
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" {
			return words, nil
		}
		w, rest, err := firstWord(line)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(w.text, "#") && !w.quoted && !(inRule && isNodeAttribute(w.text)) {
			return words, nil
		}
		inRule = inRule || strings.EqualFold(w.text, "rule")
		words = append(words, w)
		line = rest
	}
}

// isNodeAttribute says whether text can be one of the attributes that every node has.
func isNodeAttribute(text string) bool {
	for _, c := range text[1:] {
		if !(c >= 'a' && c <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return len(text) > 1
}

func firstWord(line string) (word, string, error) {
	var b strings.Builder
	var w word
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'' || c == '"':
			n, err := quotedPart(&b, line[i:])
			if err != nil {
				return word{}, "", err
			}
			w.quoted = true
			i += n - 1
		case c == '\\':
			if i+1 < len(line) {
				i++
				b.WriteByte(line[i])
			}
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			w.text = b.String()
			return w, line[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	w.text = b.String()
	return w, "", nil
}

// quotedPart appends what stands between the quotes that text starts with, and returns
// how many bytes it took, quotes included.
func quotedPart(b *strings.Builder, text string) (int, error) {
	mark := text[0]
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == mark:
			return i + 1, nil
		case c == '\\' && mark == '"' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return 0, errOpenQuote
}

func wordsOf(texts []string) []word {
	words := make([]word, len(texts))
	for i, text := range texts {
		words[i] = word{text: text}
	}
	return words
}

func textsOf(words []word) []string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	return texts
}

// SyntaxError says which word of a command is wrong and what is accepted there.
type SyntaxError struct {
	Command  string // the command's name
	Word     string // the wrong word; "" when the line ended too early
	Position int    // which word of the line it is, from 1
	Expected string // what is accepted there
}

func (e *SyntaxError) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("%s: the line ends at word %d, where %s is expected", e.Command, e.Position, e.Expected)
	}
	return fmt.Sprintf("%s: word %d, %q: expected %s", e.Command, e.Position, e.Word, e.Expected)
}

// reader takes a command's words one after the other.
type reader struct {
	command string
	words   []word
	at      int
	context surroundings // what the words may refer to
}

func (r *reader) more() bool { return r.at < len(r.words) }

// peek returns the next word without taking it, "" at the end.
func (r *reader) peek() string {
	if r.at < len(r.words) {
		return r.words[r.at].text
	}
	return ""
}

// bare says whether the next word is text in letters of either case, outside quotes.
func (r *reader) bare(text string) bool {
	return r.at < len(r.words) && strings.EqualFold(r.words[r.at].text, text) && !r.words[r.at].quoted
}

// oneOf says whether the next word is one of the texts.
func (r *reader) oneOf(texts ...string) bool {
	for _, text := range texts {
		if r.bare(text) {
			return true
		}
	}
	return false
}

func (r *reader) next() string {
	text := r.peek()
	r.at++
	return text
}

// keyword takes the next word as a word of the language, which is in small letters.
func (r *reader) keyword() string { return strings.ToLower(r.next()) }

// take returns the next word, or an error that says what is missing.
func (r *reader) take(expected string) (string, error) {
	if !r.more() {
		return "", r.fail(expected)
	}
	return r.next(), nil
}

// fail makes the error for the next word.
func (r *reader) fail(expected string) error {
	return &SyntaxError{Command: r.command, Word: r.peek(), Position: r.at + 1, Expected: expected}
}

// end fails when words are left.
func (r *reader) end() error {
	if r.more() {
		return r.fail("the end of the command")
	}
	return nil
}

// option splits the next word at its first '=': name, value and whether there is one.
func (r *reader) option() (name, value string, ok bool) {
	return strings.Cut(r.peek(), "=")
}
