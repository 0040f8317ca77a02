package certificate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// List is a crt-list: lines of a certificate's file, options in brackets, and the names that it is for.
type List struct {
	Name    string
	entries []*Entry
	users   []user
}

// user is a bind that has a list.
type user struct {
	selector  *Selector
	configure Configure
}

// entryLine is one line of a list, in parts.
type entryLine struct {
	file, options string
	filters       []string
}

// parseLine reads a line of a list; file "": there is nothing in it.
func parseLine(line string) (e entryLine, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return e, nil
	}
	before, rest, bracket := strings.Cut(line, "[")
	if bracket {
		options, after, closed := strings.Cut(rest, "]")
		if !closed {
			return e, errors.New("the bracket is not closed")
		}
		if strings.Contains(options+after, "[") {
			return e, errors.New("there is a second bracket: all options stand in one")
		}
		e.options, line = strings.Join(strings.Fields(options), " "), before+" "+after
	}
	if strings.Contains(line, "]") {
		return e, errors.New("a bracket is closed that was not opened")
	}
	words := strings.Fields(line)
	if len(words) == 0 {
		return e, errors.New("options, but no certificate")
	}
	e.file = words[0]
	for _, f := range words[1:] {
		if strings.HasPrefix(f, "#") {
			break
		}
		e.filters = append(e.filters, strings.ToLower(f))
	}
	return e, nil
}

func (s *Store) list(name string) (*List, error) {
	if l := s.lists[name]; l != nil {
		return l, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, fmt.Errorf("read certificate list: %w", err)
	}
	l := &List{Name: name}
	if lines := strings.Count(string(text), "\n"); len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("%s:%d: the last line has no end: the file may have been cut off", name, lines+1)
	}
	for n, line := range strings.Split(string(text), "\n") {
		e, err := parseLine(line)
		if err == nil && e.file != "" {
			err = s.addEntry(l, e, n+1)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n+1, err)
		}
	}
	s.lists[name] = l
	return l, nil
}

func (s *Store) addEntry(l *List, line entryLine, number int) error {
	all := []string{line.file}
	if s.files[line.file] == nil {
		var err error
		if all, err = s.how.expand(line.file); err != nil {
			return err
		}
	}
	for _, name := range all {
		f, err := s.file(name)
		if err != nil {
			return err
		}
		f.uses++
		l.entries = append(l.entries, &Entry{File: f, Filters: line.filters, Options: line.options, Line: number, list: l})
	}
	return nil
}

// Lists are the names of the lists.
func (s *Store) Lists() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedKeys(s.lists)
}

// Entries are those of a list.
func (s *Store) Entries(name string) ([]*Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[name]
	if l == nil {
		return nil, errors.New("didn't find the specified filename")
	}
	return slices.Clone(l.entries), nil
}

// AddToList takes a line into a list; its certificate must be known.
func (s *Store) AddToList(name, line string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[name]
	if l == nil {
		return fmt.Errorf("crt-list '%s' does not exist", name)
	}
	e, err := parseLine(line)
	if err != nil {
		return err
	}
	f := s.files[e.file]
	if f == nil || f.Certificate() == nil {
		return fmt.Errorf("certificate '%s' does not exist", e.file)
	}
	number := 1
	for _, other := range l.entries {
		number = max(number, other.Line+1)
	}
	entry := &Entry{File: f, Filters: e.filters, Options: e.options, Line: number, list: l}
	for _, u := range l.users {
		if err := u.selector.adopt(entry, u.configure); err != nil {
			return err
		}
		u.selector.refresh()
	}
	f.uses++
	l.entries = append(l.entries, entry)
	return nil
}

// RemoveFromList takes a certificate's lines out of a list; line 0: all.
func (s *Store) RemoveFromList(name, file string, line int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[name]
	if l == nil {
		return fmt.Errorf("crt-list '%s' does not exist", name)
	}
	matches := func(e *Entry) bool { return e.list == l && e.File.Name == file && (line == 0 || e.Line == line) }
	before := len(l.entries)
	l.entries = slices.DeleteFunc(l.entries, matches)
	if len(l.entries) == before {
		return fmt.Errorf("the certificate '%s' is not in the list", file)
	}
	if f := s.files[file]; f != nil {
		f.uses -= before - len(l.entries)
	}
	for _, u := range l.users {
		u.selector.entries = slices.DeleteFunc(slices.Clone(u.selector.entries), matches)
		u.selector.refresh()
	}
	return nil
}
