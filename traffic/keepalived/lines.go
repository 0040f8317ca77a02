package keepalived

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Position is a line of a file.
type Position struct {
	File string
	Line int // from 1
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Errorf makes an error about what stands at the position.
func (p Position) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{p}, args...)...)
}

// Limits against files that include themselves and parameters that contain themselves.
const (
	maxIncludes      = 16
	maxReplacements  = 64
	maxExpandedLines = 1 << 21
)

// line is one line after expansion.
type line struct {
	at   Position
	text string
}

// expander holds what spans files: parameters are one name space.
type expander struct {
	files      Files
	id         string
	parameters map[string]string
	random     *rand.Rand // of ${_RANDOM}; reading the same file on the same host gives the same numbers
	missing    missing
	lines      []line
	expanded   int // lines that were looked at
}

func (e *expander) file(name string, depth int) error {
	text, err := e.files.Read(name)
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", name, err)
	}
	before := e.missing
	defer func() { e.missing = before }() // what a file says of missing files holds for itself and those that it includes
	all := strings.Split(string(text), "\n")
	for i := 0; i < len(all); i++ {
		at := Position{name, i + 1}
		text := uncommented(all[i])
		for strings.HasPrefix(strings.TrimSpace(text), "$") && strings.HasSuffix(text, `\`) && i+1 < len(all) {
			i++
			text = strings.TrimSuffix(text, `\`) + "\n" + strings.TrimRight(uncommented(all[i]), " \t\r")
		}
		text = strings.TrimSpace(text)
		if keyword, pattern, ok := include(text); ok { // before conditions and parameters, as the manual says
			err = e.include(at, keyword, pattern, depth)
		} else {
			err = e.line(at, text, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// line expands one line, which may come out of a parameter or a sequence: nested tells how deep.
func (e *expander) line(at Position, text string, nested int) error {
	if nested > maxReplacements {
		return at.Errorf("parameters are replaced more than %d deep, or grow beyond measure; does one contain itself?", maxReplacements)
	}
	if e.expanded++; e.expanded > maxExpandedLines {
		return at.Errorf("the configuration has over %d lines when its parameters and sequences are replaced", maxExpandedLines)
	}
	text, ok, err := e.condition(at, strings.TrimSpace(text))
	if err != nil || !ok {
		return err
	}
	if name, value, ok := definition(text); ok {
		e.parameters[name] = strings.TrimSpace(value)
		return nil
	}
	if strings.HasPrefix(text, "~") {
		return e.repeat(at, text, nested)
	}
	replaced, err := e.replace(at, text)
	if err != nil {
		return err
	}
	if strings.Contains(replaced, "\n") || replaced != text && strings.HasPrefix(strings.TrimSpace(replaced), "~") {
		for part := range strings.SplitSeq(replaced, "\n") {
			if err := e.line(at, part, nested+1); err != nil {
				return err
			}
		}
		return nil
	}
	text, ok, err = e.condition(at, strings.TrimSpace(replaced))
	if err != nil || !ok || text == "" {
		return err
	}
	if err := e.setting(at, strings.Fields(text)); err != nil {
		return err
	}
	e.lines = append(e.lines, line{at, text})
	return nil
}

// repeat expands the rest of a line once for each round of the sequence at its beginning.
func (e *expander) repeat(at Position, text string, nested int) error {
	names, rounds, rest, err := e.sequence(at, text)
	if err != nil {
		return err
	}
	for _, values := range rounds {
		for i, name := range names {
			e.parameters[name] = values[i]
		}
		if err := e.line(at, rest, nested+1); err != nil {
			return err
		}
	}
	return nil
}

// setting heeds the words of global_defs that are about reading itself.
func (e *expander) setting(at Position, words []string) (err error) {
	switch words[0] {
	case "include_check":
		e.missing, err = e.missing.with(words[1:])
		if err != nil {
			err = at.Errorf("include_check: %w", err)
		}
	case "random_seed":
		seed, parsed := strconv.ParseUint(words[len(words)-1], 0, 64)
		if parsed != nil || len(words) != 2 {
			return at.Errorf("random_seed: want a number")
		}
		e.random = rand.New(rand.NewPCG(seed, 0))
	}
	return err
}

// condition tells whether a line counts on this host: @ID only there, @^ID everywhere else.
func (e *expander) condition(at Position, text string) (rest string, counts bool, err error) {
	if !strings.HasPrefix(text, "@") {
		return text, true, nil
	}
	id, rest, _ := strings.Cut(text[1:], " ")
	if i := strings.IndexByte(id, '\t'); i >= 0 {
		id, rest = id[:i], id[i+1:]+" "+rest
	}
	other, not := strings.CutPrefix(id, "^")
	if other == "" {
		return "", false, at.Errorf("%q: a host's id has to follow @ or @^", text)
	}
	return strings.TrimSpace(rest), (other == e.id) != not, nil
}

// uncommented cuts a line at its comment: # or ! outside of quotes, where a word may begin.
func uncommented(text string) string {
	text = strings.TrimRight(text, "\r")
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' || c == '!':
			return strings.TrimRight(text[:i], " \t")
		}
	}
	return strings.TrimRight(text, " \t")
}
