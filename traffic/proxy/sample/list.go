package sample

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// List is a pattern file's content, shared by the ACLs that name the file. It can be changed while it is in use.
type List struct {
	drafts[string]
	Name     string   // of the file; "": the patterns stand in a condition
	Uses     []string // where the patterns, or those that use the file, stand
	Number   int      // of all pattern files, in the order in which they were named
	patterns atomic.Pointer[[]string]
	changing sync.Mutex     // held while patterns are changed
	users    []*listMatcher // complete before anybody changes patterns
}

// Patterns returns the list's patterns; they must not be changed.
func (l *List) Patterns() []string { return *l.patterns.Load() }

// Add appends patterns. One that those who use the list cannot make sense of is refused: it would have them match nothing.
func (l *List) Add(patterns ...string) error {
	if err := l.check(patterns); err != nil {
		return err
	}
	l.changing.Lock()
	defer l.changing.Unlock()
	all := append(slices.Clone(l.Patterns()), patterns...)
	l.patterns.Store(&all)
	return nil
}

func (l *List) check(patterns []string) error {
	for _, u := range l.users {
		if _, err := u.compile(patterns); err != nil {
			return fmt.Errorf("%s: %w", cmp.Or(l.Name, l.Uses[0]), err)
		}
	}
	return nil
}

// Lookup tells of each use of the list whether a text is found in it.
func (l *List) Lookup(text string) []Lookup {
	var all []Lookup
	for _, u := range l.users {
		x := lookupOf(u.method, u.fold)
		for _, p := range l.Patterns() {
			if m, err := u.compile([]string{p}); err == nil && m.matches(&Value{Kind: Text, Bytes: []byte(text)}) {
				x.Found, x.Key = true, p
				break
			}
		}
		all = append(all, x)
	}
	return all
}

// Lookup is what a pattern file has for a text.
type Lookup struct {
	Method     string // how patterns are compared
	Fold       bool   // small letters and capitals are the same
	Tree       bool   // patterns are not tried one after another
	Found      bool
	Key, Value string
}

func lookupOf(method string, fold bool) Lookup {
	return Lookup{Method: cmp.Or(method, "str"), Fold: fold, Tree: method == "ip" || !fold && (method == "" || method == "str" || method == "beg")}
}

// Delete takes a pattern out, and tells whether it was there.
func (l *List) Delete(pattern string) bool {
	l.changing.Lock()
	defer l.changing.Unlock()
	before := l.Patterns()
	after := slices.DeleteFunc(slices.Clone(before), func(p string) bool { return p == pattern })
	l.patterns.Store(&after)
	return len(after) < len(before)
}

// list returns the list of a file, which is read when it is first named.
func (k *Compiler) list(name string) (*List, error) {
	if l, ok := k.Lists[name]; ok {
		l.Uses = append(l.Uses, k.place("acl"))
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
	l := &List{Name: name, Number: k.nextNumber(), Uses: []string{k.place("acl")}}
	l.patterns.Store(&patterns)
	if k.Lists == nil {
		k.Lists = map[string]*List{}
	}
	k.Lists[name] = l
	return l, nil
}

// place says where what is compiled stands.
func (k *Compiler) place(what string) string {
	return fmt.Sprintf("%s at file '%s' line %d", what, k.File, k.Line)
}

// nextNumber numbers what administrators may name by a number.
func (k *Compiler) nextNumber() int {
	k.ordinal++
	return k.ordinal - 1
}

// inline makes a list of the patterns that stand in a condition, which can be changed like a file's. Its place names the expression as it is spelt.
func (k *Compiler) inline(spelling string, f flags) *List {
	name := spelling
	if i := strings.IndexAny(name, "(,"); i >= 0 {
		name = name[:i]
	}
	l := &List{Uses: []string{fmt.Sprintf("acl '%s' file '%s' line %d", name, k.File, k.Line)}, Number: k.nextNumber()}
	patterns := f.patterns
	l.patterns.Store(&patterns)
	if n, err := strconv.Atoi(f.id); err == nil {
		l.Number = n
	}
	k.Inline = append(k.Inline, l)
	return l
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
