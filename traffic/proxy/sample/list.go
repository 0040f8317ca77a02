package sample

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// List is a pattern file's content, shared by the ACLs that name the file. It can be changed while it is in use.
type List struct {
	drafts[string]
	Name     string
	patterns atomic.Pointer[[]string]
}

// Patterns returns the list's patterns; they must not be changed.
func (l *List) Patterns() []string { return *l.patterns.Load() }

// Add appends a pattern.
func (l *List) Add(pattern string) {
	all := append(slices.Clone(l.Patterns()), pattern)
	l.patterns.Store(&all)
}

// Delete takes a pattern out, and tells whether it was there.
func (l *List) Delete(pattern string) bool {
	before := l.Patterns()
	after := slices.DeleteFunc(slices.Clone(before), func(p string) bool { return p == pattern })
	l.patterns.Store(&after)
	return len(after) < len(before)
}

// list returns the list of a file, which is read when it is first named.
func (k *Compiler) list(name string) (*List, error) {
	if l, ok := k.Lists[name]; ok {
		return l, nil
	}
	text, err := k.Files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read patterns: %w", err)
	}
	patterns := []string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	l := &List{Name: name}
	l.patterns.Store(&patterns)
	if k.Lists == nil {
		k.Lists = map[string]*List{}
	}
	k.Lists[name] = l
	return l, nil
}

// listMatcher matches a file's patterns, and compiles them anew when the list has changed.
type listMatcher struct {
	list     *List
	method   string
	fold     bool
	keys     bool // a line is a key and a value, and only the key counts
	compiled atomic.Pointer[compiledList]
}

type compiledList struct {
	of    *[]string
	match matcher
}

func (m *listMatcher) compile(patterns []string) (matcher, error) {
	if m.keys {
		patterns = slices.Clone(patterns)
		for i, p := range patterns {
			patterns[i], _, _ = strings.Cut(strings.ReplaceAll(p, "\t", " "), " ")
		}
	}
	return compileMatcher(m.method, patterns, m.fold)
}

func (m *listMatcher) matches(v *Value) bool {
	patterns := m.list.patterns.Load()
	c := m.compiled.Load()
	if c == nil || c.of != patterns {
		match, err := m.compile(*patterns)
		if err != nil {
			return false
		}
		c = &compiledList{patterns, match}
		m.compiled.Store(c)
	}
	return c.match.matches(v)
}
