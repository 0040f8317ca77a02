package crm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// command is one command of a level.
type command struct {
	name    string
	aliases []string // other names, accepted silently
	old     []string // former names, accepted with a warning
	usage   string   // what follows the name
	summary string
	example string
	run     func(*session, []word) error
	words   func(*session, []string) []string // completion: what can come next
}

// level is one level of the shell: a set of commands, some of which are levels themselves.
type level struct {
	name     string
	summary  string
	commands []*command
	levels   []*level
	enter    func(*session) error
	leave    func(*session) error // called before the level is left; an error keeps it open
}

// anywhere are the commands that every level has.
func anywhere() []*command {
	return []*command{
		{name: "help", aliases: []string{"?"}, usage: "[COMMAND]", summary: "say what a command does", run: help, words: completeCommands},
		{name: "ls", summary: "list the commands of this level", run: listCommands},
		{name: "cd", usage: "LEVEL", summary: "go to another level, as in a directory tree", run: changeLevel, words: completeLevels},
		{name: "up", aliases: []string{"back", "..", "end"}, summary: "go back one level", run: func(s *session, _ []word) error { return s.up() }},
		{name: "quit", aliases: []string{"bye", "exit"}, summary: "leave the shell", run: func(s *session, _ []word) error { return s.quit() }},
	}
}

// up leaves the innermost level.
func (s *session) up() error {
	if len(s.levels) == 1 {
		return fmt.Errorf("this is the top level; 'quit' leaves the shell")
	}
	return s.leave()
}

func (s *session) leave() error {
	l := s.level()
	var err error
	if l.leave != nil {
		if err = l.leave(s); errors.Is(err, errStays) {
			return err
		}
	}
	s.levels = s.levels[:len(s.levels)-1]
	return err
}

// errStays says that a level is not left, since the person took back that it shall be.
var errStays = errors.New("the changes are still pending; 'commit' stores them, 'refresh' drops them")

// quit leaves all levels, and the shell unless the person takes that back.
func (s *session) quit() error {
	var first error
	for len(s.levels) > 1 {
		err := s.leave()
		if errors.Is(err, errStays) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	s.done = true
	return first
}

func (s *session) enter(l *level) error {
	if l.enter != nil {
		if err := l.enter(s); err != nil {
			return err
		}
	}
	s.levels = append(s.levels, l)
	return nil
}

// execute runs one command line that starts in the innermost level.
func (s *session) execute(words []word) error {
	if len(words) == 0 {
		return nil
	}
	if next, err := s.find(s.level(), words[0].text); err != nil {
		return err
	} else if next.level != nil {
		return s.executeIn(next.level, words[1:])
	} else {
		return s.call(next.command, words[1:])
	}
}

// executeIn enters l; with words left, it runs them there and comes back.
func (s *session) executeIn(l *level, words []word) error {
	if err := s.enter(l); err != nil || len(words) == 0 {
		return err
	}
	depth := len(s.levels)
	err := s.execute(words)
	for len(s.levels) >= depth && len(s.levels) > 1 {
		if left := s.leave(); err == nil {
			err = left
		}
	}
	return err
}

func (s *session) call(c *command, words []word) error {
	if len(words) == 1 && (words[0].text == "--help" || words[0].text == "-h") {
		return describe(s, c)
	}
	err := c.run(s, words)
	if err == nil {
		return nil
	}
	if wrong, ok := err.(usageError); ok {
		return fmt.Errorf("%s: %s (usage: %s)", c.name, string(wrong), strings.TrimSpace(c.name+" "+c.usage))
	}
	return err
}

// usageError says what is wrong with a command's words; the usage is added to it.
type usageError string

func (e usageError) Error() string { return string(e) }

// found is what a word names: a command or a level.
type found struct {
	command *command
	level   *level
}

func (f found) name() string {
	if f.level != nil {
		return f.level.name
	}
	return f.command.name
}

// find looks a word up among the commands of l: by name, by another name, then in letters of either case as an
// abbreviation, the letters of which occur in one name only, in that order.
func (s *session) find(l *level, text string) (found, error) {
	var candidates []found
	for _, sub := range l.levels {
		candidates = append(candidates, found{level: sub})
	}
	for _, c := range append(slices.Clone(l.commands), anywhere()...) {
		candidates = append(candidates, found{command: c})
	}
	for _, f := range candidates {
		if f.name() == text || f.command != nil && slices.Contains(f.command.aliases, text) {
			return f, nil
		}
		if f.command != nil && slices.Contains(f.command.old, text) {
			s.warn("This command '%s' is deprecated, please use '%s'", text, f.name())
			s.info("\"%s\" is accepted as \"%s\"", text, f.name())
			return f, nil
		}
	}
	return s.abbreviated(l, candidates, text)
}

func (s *session) abbreviated(l *level, candidates []found, text string) (found, error) {
	for _, matches := range []func(name, text string) bool{strings.HasPrefix, spreadsOver} {
		var fits []found
		for _, f := range candidates {
			if matches(f.name(), strings.ToLower(text)) {
				fits = append(fits, f)
			}
		}
		if len(fits) == 1 {
			if s.interactive && strings.HasPrefix(fits[0].name(), strings.ToLower(text)) {
				return fits[0], nil // which whoever types it expects
			}
			s.info("\"%s\" is accepted as \"%s\"", text, fits[0].name())
			return fits[0], nil
		}
		if len(fits) > 1 {
			var names []string
			for _, f := range fits {
				names = append(names, f.name())
			}
			return found{}, fmt.Errorf("%s: %q can mean %s; write more of it", l.name, text, strings.Join(names, ", "))
		}
	}
	return found{}, fmt.Errorf("%s: there is no command %q here; 'help' lists the commands%s", l.name, text, elsewhere(l, text))
}

// spreadsOver says whether the letters of text occur in name in that order, the first in front.
func spreadsOver(name, text string) bool {
	if text == "" || name == "" || name[0] != text[0] {
		return false
	}
	for i := 0; i < len(text); i++ {
		at := strings.IndexByte(name, text[i])
		if at < 0 {
			return false
		}
		name = name[at+1:]
	}
	return true
}

// elsewhere says where else a command of that name is.
func elsewhere(l *level, text string) string {
	levels := rootLevel().levels
	if slices.ContainsFunc(levels, func(other *level) bool { return other.name == text }) {
		return fmt.Sprintf("; it is a level: 'cd /%s' goes there", text)
	}
	for _, other := range levels {
		if other.name == l.name {
			continue
		}
		for _, c := range other.commands {
			if c.name == text {
				return fmt.Sprintf("; level %s has one of that name", other.name)
			}
		}
	}
	return ""
}

// changeLevel runs cd: "..", "/" or a path of levels.
func changeLevel(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected the name of a level")
	}
	path := words[0].text
	if strings.HasPrefix(path, "/") {
		for len(s.levels) > 1 {
			if err := s.leave(); err != nil {
				return err
			}
		}
	}
	for _, part := range strings.Split(strings.Trim(path, "/"), "/") {
		switch part {
		case "", ".":
		case "..":
			if err := s.up(); err != nil {
				return err
			}
		default:
			next, err := s.find(s.level(), part)
			if err != nil {
				return err
			}
			if next.level == nil {
				return usageError(fmt.Sprintf("%q is a command, not a level", part))
			}
			if err := s.enter(next.level); err != nil {
				return err
			}
		}
	}
	return nil
}

func listCommands(s *session, _ []word) error {
	var names []string
	for _, l := range s.level().levels {
		names = append(names, l.name)
	}
	for _, c := range append(slices.Clone(s.level().commands), anywhere()...) {
		names = append(names, c.name)
	}
	slices.Sort(names)
	for i := 0; i < len(names); i += 4 {
		line := ""
		for _, name := range names[i:min(i+4, len(names))] {
			line += fmt.Sprintf("%-19s", name)
		}
		s.printf("%s\n", strings.TrimRight(line, " "))
	}
	return nil
}
