package adopt

import (
	"cmp"
	"fmt"
	"strings"
)

// A script of pcs or crm commands is a shell's, and what users keep has variables, loops over host names, here-documents and
// continued lines in it. This file reads as much of the shell's language as can be read without running anything; what a
// script decides or computes when it runs (if, $(command), …) is named, never guessed.

// statement is one simple command of a script.
type statement struct {
	line    int      // where it begins
	text    string   // as it stands in the script
	words   []string // expanded
	input   string   // what it reads: a here-document, or what echo or cat before a pipe writes
	unknown string   // why it cannot be carried out; "" when it can
}

// shellScript walks over a script.
type shellScript struct {
	tokens []token
	at     int
	values map[string]string
	out    []statement
	piped  *string // what the command before a pipe writes; nil: nothing that is known
	inPipe bool
	within int   // rounds of the loops around this place, multiplied
	rounds int   // of all loops so far
	bytes  int   // of all words so far
	err    error // why the script cannot be read: it asks for too much
}

// compound are the words that begin what is decided when the script runs, with the words that end it.
var compound = map[string]string{"if": "fi", "while": "done", "until": "done", "case": "esac", "select": "done"}

// readShell takes a script apart.
func readShell(text string) ([]statement, error) {
	tokens, err := shellTokens(text)
	if err != nil {
		return nil, err
	}
	s := &shellScript{tokens: tokens, values: map[string]string{}, within: 1}
	s.list("")
	if s.err != nil {
		return nil, s.err
	}
	return s.out, nil
}

func (s *shellScript) peek() token {
	if s.at < len(s.tokens) {
		return s.tokens[s.at]
	}
	return token{}
}

// list reads commands up to the keyword that ends them, or to the end of the script.
func (s *shellScript) list(end string) {
	unless := false // the next command runs only if the one before it failed
	for s.at < len(s.tokens) && s.err == nil {
		t := s.peek()
		switch {
		case t.operator != "":
			unless = t.operator == "||"
			s.inPipe = t.operator == "|"
			s.at++
		case t.raw == end:
			s.at++
			return
		case t.raw == "for":
			s.loop()
		case compound[t.raw] != "":
			s.skip(compound[t.raw], fmt.Sprintf("what %q in line %d decides is known only when the script runs", t.raw, t.line))
		case s.function():
			s.skip("}", fmt.Sprintf("it stands in a function (line %d)", t.line))
		case t.raw == "{" || t.raw == "}":
			s.at++
		default:
			c := s.simple()
			if unless && c.unknown == "" {
				c.unknown = "it runs only if the command before it fails"
			}
			s.add(c)
		}
	}
}

// add keeps a command, and what it writes for a pipe.
func (s *shellScript) add(c statement) {
	if s.inPipe && c.input == "" && c.unknown == "" {
		if s.piped == nil {
			c.unknown = "what it reads is written by another program"
		} else {
			c.input = *s.piped
		}
	}
	s.piped, s.inPipe = nil, false
	if len(c.words) == 0 {
		return
	}
	switch c.words[0] {
	case "echo", "printf":
		words := c.words[1:]
		for len(words) > 0 && (words[0] == "-e" || words[0] == "-n") {
			words = words[1:]
		}
		text := strings.ReplaceAll(strings.Join(words, " "), `\n`, "\n") + "\n"
		s.piped = &text
	case "cat":
		if len(c.words) == 1 {
			s.piped = &c.input
		}
	}
	s.out = append(s.out, c)
}

// loop reads "for NAME in WORDS; do LIST; done" and carries the list out for each word.
func (s *shellScript) loop() {
	start := s.peek()
	s.at++
	name := s.peek().raw
	s.at++
	var words []string
	unknown := ""
	if s.peek().raw != "in" {
		unknown = "the words it goes over are the script's own arguments"
	} else {
		s.at++
		for s.at < len(s.tokens) && s.peek().operator == "" {
			some, why := s.expandAll(s.peek())
			words, unknown = append(words, some...), cmp.Or(why, unknown)
			s.at++
		}
	}
	for s.at < len(s.tokens) && s.peek().raw != "do" {
		s.at++
	}
	if unknown == "" && len(words) == 0 {
		unknown = "the words it goes over are none"
	}
	if unknown != "" {
		s.skip("done", fmt.Sprintf("the loop in line %d: %s", start.line, unknown))
		return
	}
	body := s.at + 1
	if !s.enter(start.line, len(words)) {
		return
	}
	around := s.within
	s.within *= len(words)
	defer func() { s.within = around }()
	for _, word := range words {
		if s.err != nil {
			return
		}
		s.at = body
		s.values[name] = word
		s.list("done")
	}
}

// function says whether "NAME() {" or "function NAME {" stands here.
func (s *shellScript) function() bool {
	t := s.peek()
	return t.raw == "function" || strings.HasSuffix(t.raw, "()")
}

// skip passes over a compound command; the commands in it are kept with the reason why they are not carried out.
func (s *shellScript) skip(end, why string) {
	begin := s.peek().raw
	s.at++
	if begin == "function" {
		s.at++ // its name
	}
	for begin == "case" && s.at < len(s.tokens) && s.peek().raw != "in" {
		s.at++ // what is looked at
	}
	depth := 1
	for s.at < len(s.tokens) {
		t := s.peek()
		switch {
		case t.operator != "" || t.raw == "then" || t.raw == "else" || t.raw == "do" || t.raw == "in" || t.raw == "elif":
			s.at++
		case t.raw == end:
			s.at++
			if depth--; depth == 0 {
				return
			}
		case compound[t.raw] == end || end == "done" && t.raw == "for" || end == "}" && t.raw == "{" && begin == "{":
			depth++
			s.at++
		case end == "}" && t.raw == "{":
			begin = "{"
			s.at++
		default:
			c := s.simple()
			c.unknown = why
			if end != "esac" || s.peek().operator != ")" { // a pattern of case
				s.add(c)
			}
		}
	}
}

// simple reads one command up to the operator that ends it.
func (s *shellScript) simple() statement {
	c := statement{line: s.peek().line}
	var raws []string
	leading := true // assignments stand before the first word
	for s.at < len(s.tokens) {
		t := s.peek()
		if t.operator != "" || len(raws) > 0 && leading && compound[t.raw] != "" {
			break
		}
		s.at++
		if t.redirect {
			if t.here {
				c.input = s.hereDocument(t, &c)
			}
			continue
		}
		raws = append(raws, t.raw)
		if name, value, ok := assignment(t.raw); ok && leading {
			s.keep(t.line, s.assign(name, value), s.values[name])
			continue
		}
		words, why := s.expandAll(t)
		if why != "" && c.unknown == "" {
			c.unknown = why
		}
		if leading && len(words) == 1 && (words[0] == "export" || words[0] == "readonly" || words[0] == "declare" || words[0] == "local") {
			continue
		}
		leading = false
		c.words = append(c.words, words...)
	}
	c.text = strings.Join(raws, " ")
	s.keep(c.line, "", c.text)
	return c
}

// expandAll gives the words that a written word stands for, each of its alternatives.
func (s *shellScript) expandAll(t token) (words []string, why string) {
	for _, raw := range s.alternatives(t.line, t.raw) {
		some, reason := s.expand(raw)
		words, why = append(words, some...), cmp.Or(why, reason)
	}
	s.keep(t.line, why, words...)
	return words, why
}

func (s *shellScript) hereDocument(t token, c *statement) string {
	if t.literal {
		return t.body
	}
	text, why := s.substitute(t.body)
	s.keep(t.line, why, text)
	if why != "" && c.unknown == "" {
		c.unknown = why
	}
	return text
}

// assign gives a variable its value; one whose value is known only when the script runs has none, and why that is so comes back.
func (s *shellScript) assign(name, raw string) (why string) {
	value, why := s.expandWhole(raw)
	if why != "" {
		delete(s.values, name)
		return why
	}
	s.values[name] = value
	return ""
}

// assignment splits NAME=VALUE.
func assignment(raw string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(raw, "=")
	return name, value, ok && isName(name)
}

func isName(text string) bool {
	for i, c := range text {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return text != ""
}
