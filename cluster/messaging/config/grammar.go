package config

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is a fault or a warning at a place of a file.
type Problem struct {
	File string
	Line int // 1 and up; 0: the file as a whole
	Text string
}

// Error writes file:line: text.
func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// block is a section with its settings and sections, in the file's order.
type block struct {
	name     string
	line     int
	settings []setting
	blocks   []*block
}

type setting struct {
	key, value string
	line       int
}

// get returns the last setting of a key.
func (b *block) get(key string) (setting, bool) {
	for i := len(b.settings) - 1; i >= 0; i-- {
		if b.settings[i].key == key {
			return b.settings[i], true
		}
	}
	return setting{}, false
}

// all returns the sections of a name.
func (b *block) all(name string) []*block {
	var list []*block
	for _, s := range b.blocks {
		if s.name == name {
			list = append(list, s)
		}
	}
	return list
}

// parse reads the text into sections: "name {", "key: value", "}", and lines that begin
// with "#".
func parse(file, text string) (*block, error) {
	root := &block{}
	open := []*block{root}
	var errs []error
	fault := func(line int, format string, args ...any) {
		errs = append(errs, &Problem{file, line, fmt.Sprintf(format, args...)})
	}
	for i, raw := range strings.Split(text, "\n") {
		n, line := i+1, strings.TrimSpace(strings.TrimSuffix(raw, "\r"))
		top := open[len(open)-1]
		switch {
		case line == "" || line[0] == '#':
		case strings.ContainsRune(line, 0):
			fault(n, "a NUL byte is no text; the file may be damaged")
		case line == "}":
			if len(open) == 1 {
				fault(n, "\"}\" closes no section")
				break
			}
			open = open[:len(open)-1]
		case strings.HasSuffix(line, "{"):
			name := strings.TrimSpace(strings.TrimSuffix(line, "{"))
			if name == "" || strings.ContainsAny(name, " \t:{}") {
				fault(n, "%q is no section's name; \"name {\" is accepted", name)
				name = "?"
			}
			b := &block{name: name, line: n}
			top.blocks = append(top.blocks, b)
			open = append(open, b)
		default:
			key, value, ok := strings.Cut(line, ":")
			key = strings.TrimSpace(key)
			if !ok || key == "" || strings.ContainsAny(key, " \t{}") {
				fault(n, "%q is neither \"key: value\", \"section {\" nor \"}\"", line)
				break
			}
			top.settings = append(top.settings, setting{key, strings.TrimSpace(value), n})
		}
	}
	if len(open) > 1 {
		b := open[len(open)-1]
		fault(b.line, "section %q is not closed; \"}\" is missing", b.name)
	}
	return root, errors.Join(errs...)
}
