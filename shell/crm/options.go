package crm

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// languageVersion is the version of the crm shell whose language this is.
const languageVersion = "4.4.1"

// options are the user's preferences: force and no for this run, others kept in a file.
type options struct {
	force, no bool
	values    map[string]string
	path      string // the file; "" when there is no home directory
}

// setting is one preference: its default and what it accepts (none listed: any text).
type setting struct {
	name, byDefault string
	accepts         []string
}

var settings = []setting{
	{"add-quotes", "yes", []string{"yes", "no", "true", "false"}},
	{"check-frequency", "always", []string{"always", "on-verify", "never"}},
	{"check-mode", "strict", []string{"strict", "relaxed"}},
	{"colorscheme", "", nil},
	{"debug", "no", []string{"yes", "no", "true", "false"}},
	{"editor", "", nil},
	{"manage-children", "ask", []string{"ask", "always", "never"}},
	{"output", "color", []string{"plain", "color", "color-always", "uppercase"}},
	{"pager", "", nil},
	{"skill-level", "expert", []string{"operator", "administrator", "expert"}},
	{"sort-elements", "yes", []string{"yes", "no", "true", "false"}},
	{"user", "", nil},
	{"wait", "no", []string{"yes", "no", "true", "false"}},
}

// loadOptions reads the user's file, if there is one.
func loadOptions(getenv func(string) string) *options {
	o := &options{values: map[string]string{}}
	for _, s := range settings {
		o.values[s.name] = s.byDefault
	}
	dir := getenv("XDG_CONFIG_HOME")
	if dir == "" && getenv("HOME") != "" {
		dir = filepath.Join(getenv("HOME"), ".config")
	}
	if dir == "" {
		return o
	}
	o.path = filepath.Join(dir, "crm", "crm.conf")
	f, err := os.Open(o.path)
	if err != nil {
		return o
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if name = strings.ReplaceAll(strings.TrimSpace(name), "_", "-"); ok {
			_ = o.set(name, strings.TrimSpace(value)) // what another program wrote there is its own affair
		}
	}
	return o
}

// set gives a preference a value for this run.
func (o *options) set(name, value string) error {
	name = strings.ReplaceAll(strings.TrimPrefix(name, "core."), "_", "-")
	for _, s := range settings {
		if s.name != name {
			continue
		}
		if s.accepts != nil && !slices.Contains(s.accepts, value) {
			return fmt.Errorf("option %s: %q is not one of %s", name, value, strings.Join(s.accepts, ", "))
		}
		o.values[name] = value
		return nil
	}
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
	}
	return fmt.Errorf("there is no option %q; it is one of %s", name, strings.Join(names, ", "))
}

func (o *options) yes(name string) bool { return o.values[name] == "yes" || o.values[name] == "true" }

// save writes the preferences that differ from the defaults.
func (o *options) save() error {
	if o.path == "" {
		return fmt.Errorf("save the options: HOME is not set, so there is no place for them")
	}
	var b strings.Builder
	b.WriteString("[core]\n")
	for _, s := range settings {
		if value := o.values[s.name]; value != s.byDefault {
			fmt.Fprintf(&b, "%s = %s\n", strings.ReplaceAll(s.name, "-", "_"), value)
		}
	}
	if err := os.MkdirAll(filepath.Dir(o.path), 0o755); err != nil {
		return fmt.Errorf("save the options: %w", err)
	}
	if err := os.WriteFile(o.path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("save the options: %w", err)
	}
	return nil
}

// optionsLevel holds the preferences.
func optionsLevel() *level {
	l := &level{name: "options", summary: "the user's preferences"}
	for _, s := range settings {
		usage := "[VALUE]"
		if s.accepts != nil {
			usage = "[" + strings.Join(s.accepts, "|") + "]"
		}
		l.commands = append(l.commands, &command{
			name: s.name, usage: usage, summary: "show or set the preference " + s.name,
			example: strings.TrimSpace(s.name + " " + s.byDefault),
			run:     func(sh *session, words []word) error { return setOption(sh, s.name, words) },
			words:   func(*session, []string) []string { return s.accepts },
		})
	}
	l.commands = append(l.commands,
		&command{name: "show", usage: "[all | NAME]", summary: "list the preferences that differ from the defaults, or all", run: showOptions},
		&command{name: "set", usage: "NAME VALUE", summary: "set a preference", example: "set check-mode relaxed",
			run: func(s *session, words []word) error {
				if len(words) != 2 {
					return usageError("expected a name and a value")
				}
				return setOption(s, words[0].text, words[1:])
			}},
		&command{name: "save", summary: "keep the preferences for later runs", run: func(s *session, _ []word) error { return s.options.save() }},
		&command{name: "reset", summary: "go back to the defaults", run: resetOptions},
	)
	return l
}

func setOption(s *session, name string, words []word) error {
	switch len(words) {
	case 0:
		s.printf("%s\n", s.options.values[name])
		return nil
	case 1:
	default:
		return usageError("expected one value")
	}
	if err := s.options.set(name, words[0].text); err != nil {
		return err
	}
	if s.options.path == "" {
		return nil
	}
	return s.options.save()
}

func showOptions(s *session, words []word) error {
	for _, o := range settings {
		name := strings.TrimPrefix(strings.ReplaceAll(firstText(words), "_", "-"), "core.")
		if name == "" && s.options.values[o.name] == o.byDefault || name != "" && name != "all" && name != o.name {
			continue
		}
		s.printf("core.%s = %s\n", strings.ReplaceAll(o.name, "-", "_"), s.options.values[o.name])
	}
	return nil
}

func firstText(words []word) string {
	if len(words) == 0 {
		return ""
	}
	return words[0].text
}

func resetOptions(s *session, _ []word) error {
	for _, o := range settings {
		s.options.values[o.name] = o.byDefault
	}
	if s.options.path == "" {
		return nil
	}
	return s.options.save()
}
