package sample

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
)

// Map is a map file's content: a key and a value a line. Readers take a snapshot; Change puts a new one in its place.
type Map struct {
	drafts[MapEntry]
	Name    string
	entries atomic.Pointer[[]MapEntry]
	exact   atomic.Pointer[map[string]string]
}

// MapEntry is a line of a map.
type MapEntry struct{ Key, Value string }

// Entries returns the lines in their order; they must not be changed.
func (m *Map) Entries() []MapEntry { return *m.entries.Load() }

// Store puts entries in the place of those there are. Of a key's entries the first counts.
func (m *Map) Store(entries []MapEntry) {
	exact := make(map[string]string, len(entries))
	for _, e := range slices.Backward(entries) {
		exact[e.Key] = e.Value
	}
	m.entries.Store(&entries)
	m.exact.Store(&exact)
}

// Set changes a key's value, and tells whether the key was there.
func (m *Map) Set(key, value string) bool {
	entries, known := slices.Clone(m.Entries()), false
	for i := range entries {
		if entries[i].Key == key {
			entries[i].Value, known = value, true
		}
	}
	if known {
		m.Store(entries)
	}
	return known
}

// Add appends an entry.
func (m *Map) Add(key, value string) {
	m.Store(append(slices.Clone(m.Entries()), MapEntry{key, value}))
}

// Delete takes a key's entries out, and tells whether there were any.
func (m *Map) Delete(key string) bool {
	before := m.Entries()
	after := slices.DeleteFunc(slices.Clone(before), func(e MapEntry) bool { return e.Key == key })
	m.Store(after)
	return len(after) < len(before)
}

// mapOf returns the map of a file, which is read when it is first named.
func (k *Compiler) mapOf(name string) (*Map, error) {
	if m, ok := k.Maps[name]; ok {
		return m, nil
	}
	text, err := k.Files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read map: %w", err)
	}
	var entries []MapEntry
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value := line, ""
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			key, value = line[:i], strings.TrimSpace(line[i:])
		}
		entries = append(entries, MapEntry{key, value})
	}
	m := &Map{Name: name}
	m.Store(entries)
	if k.Maps == nil {
		k.Maps = map[string]*Map{}
	}
	k.Maps[name] = m
	return m, nil
}

// mapMatches are the ways in which a map's keys are compared, by the suffix of the converter's name.
var mapMatches = map[string]func(key string, v *Value) bool{
	"beg": func(key string, v *Value) bool { return bytes.HasPrefix(v.Text(), []byte(key)) },
	"end": func(key string, v *Value) bool { return bytes.HasSuffix(v.Text(), []byte(key)) },
	"sub": func(key string, v *Value) bool { return bytes.Contains(v.Text(), []byte(key)) },
	"ip":  matchesNetwork,
	"dom": func(key string, v *Value) bool { return withinParts(v.Text(), []byte(key), "/?.:") },
	"dir": func(key string, v *Value) bool { return withinParts(v.Text(), []byte(key), "/?") },
	"str": nil,
	"":    nil,
}

func matchesNetwork(key string, v *Value) bool {
	a, ok := v.Address()
	prefix, err := parseNetwork(key)
	return ok && err == nil && prefix.Contains(a)
}

func addMapConverters() {
	for _, match := range slices.Sorted(maps.Keys(mapMatches)) {
		name := "map"
		if match != "" {
			name += "_" + match
		}
		converters[name] = converter{Text, 1, 2, func(k *Compiler, args []string) (convert, error) { return makeMap(k, match, args) }}
	}
}

func makeMap(k *Compiler, match string, args []string) (convert, error) {
	m, err := k.mapOf(args[0])
	if err != nil {
		return nil, err
	}
	matches := mapMatches[match]
	return func(_ *Context, v *Value) bool {
		value, ok := m.find(v, matches)
		if !ok && len(args) > 1 {
			value, ok = args[1], true
		}
		v.setText(value)
		return ok
	}, nil
}

func (m *Map) find(v *Value, matches func(string, *Value) bool) (string, bool) {
	if matches == nil {
		value, ok := (*m.exact.Load())[string(v.Text())]
		return value, ok
	}
	best, length := "", -1
	for _, e := range m.Entries() {
		if len(e.Key) > length && matches(e.Key, v) {
			best, length = e.Value, len(e.Key)
		}
	}
	return best, length >= 0
}
