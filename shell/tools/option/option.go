// Package option reads command lines as Pacemaker's tools do: GNU long options that may
// be shortened, single letters that may be joined, words anywhere between. It keeps the
// order in which options were given, which some tools give a meaning.
package option

import (
	"fmt"
	"io"
	"strings"
)

// Arg says whether an option takes a value.
type Arg uint8

// The kinds of option.
const (
	None     Arg = iota
	Required     // --name VALUE, --name=VALUE, -n VALUE, -nVALUE
	Optional     // --name or --name=VALUE
)

// Spec is one option.
type Spec struct {
	Long  string
	Short byte   // 0 for none
	Older string // letters that mean the same in agents and scripts written long ago; --help leaves them out
	Arg   Arg
	Value string // what --help calls the value
	Help  string
}

// Given is one option of a command line.
type Given struct {
	Name  string // the Spec's long name
	Value string
}

// Line is a command line that was read.
type Line struct {
	Options []Given
	Words   []string
}

// Has says whether an option was given.
func (l *Line) Has(name string) bool {
	_, ok := l.Lookup(name)
	return ok
}

// Get returns the value that an option was given last, or "".
func (l *Line) Get(name string) string {
	value, _ := l.Lookup(name)
	return value
}

// Lookup returns the value that an option was given last.
func (l *Line) Lookup(name string) (string, bool) {
	for i := len(l.Options) - 1; i >= 0; i-- {
		if l.Options[i].Name == name {
			return l.Options[i].Value, true
		}
	}
	return "", false
}

// Count returns how often an option was given.
func (l *Line) Count(name string) int {
	n := 0
	for _, o := range l.Options {
		if o.Name == name {
			n++
		}
	}
	return n
}

// Parse reads args. After "--" everything is a word. Errors name the option.
func Parse(specs []Spec, args []string) (*Line, error) {
	line := &Line{}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			line.Words = append(line.Words, args...)
			return line, nil
		case strings.HasPrefix(arg, "--"):
			args, err = line.long(specs, arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = line.short(specs, arg[1:], args)
		default:
			line.Words = append(line.Words, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return line, nil
}

func (l *Line) long(specs []Spec, arg string, rest []string) ([]string, error) {
	name, value, joined := strings.Cut(arg, "=")
	spec, err := findLong(specs, name)
	if err != nil {
		return nil, err
	}
	switch {
	case spec.Arg == None && joined:
		return nil, fmt.Errorf("option --%s takes no value, found %q", spec.Long, value)
	case spec.Arg == Required && !joined:
		if len(rest) == 0 {
			return nil, fmt.Errorf("option --%s needs a value", spec.Long)
		}
		value, rest = rest[0], rest[1:]
	}
	l.Options = append(l.Options, Given{spec.Long, value})
	return rest, nil
}

func findLong(specs []Spec, name string) (*Spec, error) {
	var found *Spec
	for i := range specs {
		switch s := &specs[i]; {
		case s.Long == name:
			return s, nil
		case !strings.HasPrefix(s.Long, name):
		case found != nil:
			return nil, fmt.Errorf("option --%s is not clear: --%s or --%s", name, found.Long, s.Long)
		default:
			found = s
		}
	}
	if found == nil {
		return nil, fmt.Errorf("unknown option --%s", name)
	}
	return found, nil
}

func (l *Line) short(specs []Spec, letters string, rest []string) ([]string, error) {
	for i := 0; i < len(letters); i++ {
		spec := findShort(specs, letters[i])
		if spec == nil {
			return nil, fmt.Errorf("unknown option -%c", letters[i])
		}
		letter, value := letters[i:i+1], ""
		if spec.Arg != None {
			value = letters[i+1:]
			i = len(letters)
			if spec.Arg == Required && value == "" {
				if len(rest) == 0 {
					return nil, fmt.Errorf("option -%s (--%s) needs a value", letter, spec.Long)
				}
				value, rest = rest[0], rest[1:]
			}
		}
		l.Options = append(l.Options, Given{spec.Long, value})
	}
	return rest, nil
}

// findShort prefers a letter of today to an older one.
func findShort(specs []Spec, letter byte) *Spec {
	var older *Spec
	for i := range specs {
		switch s := &specs[i]; {
		case letter == 0:
		case s.Short == letter:
			return s
		case older == nil && strings.IndexByte(s.Older, letter) >= 0:
			older = s
		}
	}
	return older
}

// Usage writes a tool's help: what it is for, its options, and examples, one a line.
func Usage(w io.Writer, name, purpose string, specs []Spec, examples ...string) {
	fmt.Fprintf(w, "%s: %s\n\nusage: %s [OPTION…]\n\n", name, purpose, name)
	for _, s := range specs {
		short := "   "
		if s.Short != 0 {
			short = "-" + string(s.Short) + ","
		}
		long := "--" + s.Long
		value := s.Value
		if value == "" {
			value = "VALUE"
		}
		switch s.Arg {
		case Required:
			long += "=" + value
		case Optional:
			long += "[=" + value + "]"
		}
		fmt.Fprintf(w, "  %s %-30s %s\n", short, long, s.Help)
	}
	if len(examples) > 0 {
		fmt.Fprintln(w, "\nexamples:")
	}
	for _, e := range examples {
		fmt.Fprintf(w, "  %s\n", e)
	}
}
