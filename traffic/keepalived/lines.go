package keepalived

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
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

// Files is where the configuration and what it includes come from.
type Files interface {
	Read(name string) ([]byte, error)
	Glob(pattern string) ([]string, error)
}

// Limits against files that include themselves and parameters that contain themselves.
const (
	maxIncludes      = 16
	maxReplacements  = 64
	maxExpandedLines = 1 << 20
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
	lines      []line
}

func (e *expander) file(name string, depth int) error {
	text, err := e.files.Read(name)
	if err != nil {
		return fmt.Errorf("read configuration %s: %w", name, err)
	}
	all := strings.Split(string(text), "\n")
	for i := 0; i < len(all); i++ {
		at := Position{name, i + 1}
		text := uncommented(all[i])
		for strings.HasPrefix(strings.TrimSpace(text), "$") && strings.HasSuffix(text, `\`) && i+1 < len(all) {
			i++
			text = strings.TrimSuffix(text, `\`) + "\n" + strings.TrimRight(uncommented(all[i]), " \t\r")
		}
		if err := e.line(at, strings.TrimSpace(text), depth); err != nil {
			return err
		}
	}
	return nil
}

// line expands one line. Which lines include is decided before conditions and parameters, as the manual says.
func (e *expander) line(at Position, text string, depth int) error {
	if keyword, pattern, ok := include(text); ok {
		return e.include(at, keyword, pattern, depth)
	}
	text, ok, err := e.condition(at, text)
	if err != nil || !ok {
		return err
	}
	if name, value, ok := definition(text); ok {
		e.parameters[name] = strings.TrimSpace(value)
		return nil
	}
	text, err = e.replace(at, text)
	if err != nil {
		return err
	}
	if text, ok, err = e.condition(at, strings.TrimSpace(text)); err != nil || !ok {
		return err
	}
	for part := range strings.SplitSeq(text, "\n") {
		if len(e.lines) >= maxExpandedLines {
			return at.Errorf("the configuration has over %d lines when its parameters are replaced", maxExpandedLines)
		}
		if part, ok, err = e.condition(at, strings.TrimSpace(part)); err != nil {
			return err
		} else if ok && part != "" {
			e.lines = append(e.lines, line{at, part})
		}
	}
	return nil
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

// includeKeywords maps the variants to whether it is an error that no file matches.
var includeKeywords = map[string]bool{
	"include": false, "includer": false, "includem": true, "includew": true, "includeb": true, "includea": true,
}

func include(text string) (keyword, pattern string, ok bool) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return "", "", false
	}
	if _, ok := includeKeywords[words[0]]; !ok {
		return "", "", false
	}
	return words[0], strings.Trim(words[1], `"'`), true
}

func (e *expander) include(at Position, keyword, pattern string, depth int) error {
	if depth >= maxIncludes {
		return at.Errorf("%s %s: files are included more than %d deep; does one include itself?", keyword, pattern, maxIncludes)
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(at.File), pattern)
	}
	names, err := e.files.Glob(pattern)
	if err != nil {
		return at.Errorf("%s %s: %w", keyword, pattern, err)
	}
	if len(names) == 0 && includeKeywords[keyword] {
		return at.Errorf("%s %s: no file matches", keyword, pattern)
	}
	slices.Sort(names)
	for _, name := range names {
		err := e.file(name, depth+1)
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return at.Errorf("%s: %w", keyword, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
