package adopt

import (
	"fmt"
	"strings"
)

// token is a word of a shell's script as it is written, an operator between commands, or a redirection.
type token struct {
	line     int
	raw      string // a word, with its quotes
	operator string // ; & && | || or a new line
	redirect bool
	here     bool   // a here-document
	literal  bool   // its delimiter is quoted: nothing in it is expanded
	body     string // the here-document
}

// lexer cuts a script into tokens.
type lexer struct {
	text   string
	at     int
	line   int
	tokens []token
	heres  []int // tokens whose here-document begins after this line
	tabs   map[int]bool
}

// shellTokens cuts a script up. The error names a line.
func shellTokens(text string) ([]token, error) {
	l := &lexer{text: text, line: 1, tabs: map[int]bool{}}
	for l.at < len(l.text) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	return l.tokens, nil
}

func (l *lexer) next() error {
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "\\\n"):
		l.at += 2
		l.line++
	case c == ' ' || c == '\t' || c == '\r':
		l.at++
	case c == '\n':
		l.operator("\n")
		l.line++
		return l.hereDocuments()
	case c == '#':
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			l.at += end
		} else {
			l.at = len(l.text)
		}
	case strings.HasPrefix(rest, "&>"):
		return l.redirection(rest)
	case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"), strings.HasPrefix(rest, ";;"):
		l.operator(rest[:2])
	case c == ';' || c == '&' || c == '|' || c == '(' || c == ')':
		l.operator(rest[:1])
	case c == '<' || c == '>' || c >= '0' && c <= '9' && len(rest) > 1 && (rest[1] == '>' || rest[1] == '<'):
		return l.redirection(rest)
	default:
		return l.word()
	}
	return nil
}

func (l *lexer) operator(text string) {
	l.tokens = append(l.tokens, token{line: l.line, operator: text})
	l.at += len(text)
}

// redirection reads [N]>, >>, <, <<, <<-, <<<, >& and &> with their word.
func (l *lexer) redirection(rest string) error {
	n := 0
	for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || strings.IndexByte("<>&|-", rest[n]) >= 0) {
		n++
	}
	sign := strings.TrimLeft(rest[:n], "0123456789")
	l.at += n
	for l.at < len(l.text) && (l.text[l.at] == ' ' || l.text[l.at] == '\t') {
		l.at++
	}
	if strings.HasPrefix(sign, ">&") && len(sign) > 2 || strings.ContainsAny(strings.TrimLeft(sign, "<>&|-"), "0123456789") {
		l.tokens = append(l.tokens, token{line: l.line, redirect: true})
		return nil // 2>&1, >&-
	}
	before := len(l.tokens)
	if err := l.word(); err != nil {
		return err
	}
	if len(l.tokens) == before {
		return fmt.Errorf("%d: %q: the name of a file was expected after it", l.line, sign)
	}
	t := &l.tokens[len(l.tokens)-1]
	t.redirect = true
	switch strings.TrimSuffix(sign, "-") {
	case "<<":
		t.here = true
		t.literal = strings.ContainsAny(t.raw, `'"\`)
		l.heres = append(l.heres, len(l.tokens)-1)
		l.tabs[len(l.tokens)-1] = strings.HasSuffix(sign, "-")
	case "<<<":
		t.here, t.body = true, strings.Trim(t.raw, `'"`)+"\n"
	}
	return nil
}

// hereDocuments reads the texts that begin after a line.
func (l *lexer) hereDocuments() error {
	for _, i := range l.heres {
		t := &l.tokens[i]
		delimiter := strings.Trim(strings.TrimPrefix(t.raw, `\`), `'"`)
		var body strings.Builder
		for {
			if l.at >= len(l.text) {
				return fmt.Errorf("%d: the here-document's end %s is missing", t.line, delimiter)
			}
			line, _, _ := strings.Cut(l.text[l.at:], "\n")
			l.at = min(l.at+len(line)+1, len(l.text))
			l.line++
			if l.tabs[i] {
				line = strings.TrimLeft(line, "\t")
			}
			if strings.TrimSuffix(line, "\r") == delimiter {
				break
			}
			body.WriteString(line + "\n")
		}
		t.body = body.String()
	}
	l.heres = nil
	return nil
}

// word reads a word with its quotes and substitutions, as it is written.
func (l *lexer) word() error {
	start, line := l.at, l.line
	quote := byte(0)
	depth := 0 // of $( ) and ${ }
	for ; l.at < len(l.text); l.at++ {
		c := l.text[l.at]
		switch {
		case c == '\n':
			if quote == 0 && depth == 0 {
				return l.endWord(start, line)
			}
			l.line++
		case c == '\\' && quote != '\'' && l.at+1 < len(l.text):
			l.at++
			if l.text[l.at] == '\n' {
				l.line++
			}
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '$' && l.at+1 < len(l.text) && (l.text[l.at+1] == '(' || l.text[l.at+1] == '{'):
			depth++
			l.at++
		case depth > 0:
			if c == ')' || c == '}' {
				depth--
			}
		case c == '(' && l.at > start && strings.HasPrefix(l.text[l.at:], "()"):
			l.at += 2
			return l.endWord(start, line) // NAME()
		case strings.IndexByte(" \t\r;&|<>()", c) >= 0:
			return l.endWord(start, line)
		}
	}
	if quote != 0 {
		return fmt.Errorf("%d: a %c is not closed", line, quote)
	}
	return l.endWord(start, line)
}

func (l *lexer) endWord(start, line int) error {
	if l.at > start {
		l.tokens = append(l.tokens, token{line: line, raw: l.text[start:l.at]})
	}
	return nil
}

// expand gives the words that a written word stands for; why says what of it is known only to the running script.
func (s *shellScript) expand(raw string) (words []string, why string) {
	e := expansion{values: s.values, split: true}
	e.run(raw)
	return e.finish(), e.why
}

// expandWhole is expand without splitting, as in an assignment.
func (s *shellScript) expandWhole(raw string) (string, string) {
	e := expansion{values: s.values}
	e.run(raw)
	return strings.Join(e.finish(), ""), e.why
}

// substitute expands a here-document: variables, but no quotes.
func (s *shellScript) substitute(text string) (string, string) {
	e := expansion{values: s.values, quote: '"', document: true}
	e.run(text)
	return e.word.String(), e.why
}

// expansion is a written word on its way to words.
type expansion struct {
	values   map[string]string
	split    bool // an unquoted value with blanks becomes words
	document bool // quotes are text
	quote    byte
	word     strings.Builder
	begun    bool // the word exists, if empty
	words    []string
	bytes    int // of the values put so far
	why      string
}

func (e *expansion) finish() []string {
	if e.begun || e.word.Len() > 0 {
		e.words = append(e.words, e.word.String())
		e.word.Reset()
		e.begun = false
	}
	return e.words
}

func (e *expansion) run(raw string) {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' && e.quote != '\'' && i+1 < len(raw):
			i++
			if raw[i] == '\n' {
				break
			}
			if e.quote == '"' && strings.IndexByte("$`\"\\", raw[i]) < 0 {
				e.word.WriteByte('\\')
			}
			e.word.WriteByte(raw[i])
		case c == '$' && e.quote != '\'' && i+1 < len(raw):
			i += e.variable(raw[i+1:])
		case c == '`' && e.quote != '\'':
			e.unknown("what `…` prints")
		case !e.document && e.quote != 0 && c == e.quote:
			e.quote = 0
		case e.quote == 0 && (c == '"' || c == '\''):
			e.quote, e.begun = c, true
		default:
			e.word.WriteByte(c)
		}
	}
}

func (e *expansion) unknown(what string) {
	if e.why == "" {
		e.why = what + " is known only when the script runs"
	}
}

// variable expands what follows a '$' and says how long it is.
func (e *expansion) variable(rest string) int {
	if rest[0] == '(' {
		e.unknown("what $(…) prints")
		return len(rest)
	}
	name, fallback, length, has := "", "", 0, false
	if rest[0] == '{' {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			e.unknown("${…")
			return len(rest)
		}
		name, fallback, has = strings.Cut(rest[1:end], ":-")
		length = end + 1
	} else {
		for length < len(rest) && isName(rest[:length+1]) {
			length++
		}
		name = rest[:length]
		if name == "" {
			if strings.IndexByte("0123456789@*#?!$-", rest[0]) < 0 {
				e.word.WriteByte('$')
				return 0
			}
			name, length = rest[:1], 1
		}
	}
	value, known := e.values[name]
	switch {
	case known && (value != "" || !has):
	case has:
		value = fallback
	default:
		e.unknown("the value of $" + name)
	}
	e.put(value)
	return length
}

// put adds a variable's value.
func (e *expansion) put(value string) {
	if e.bytes += len(value); e.bytes > valueLimit {
		e.why = overgrown
		return
	}
	if e.quote != 0 || !e.split {
		e.word.WriteString(value)
		return
	}
	fields := strings.Fields(value)
	for i, f := range fields {
		if i > 0 || value[0] == ' ' {
			e.finish()
		}
		e.word.WriteString(f)
	}
}
