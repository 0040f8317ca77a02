package sample

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Map is a map file's content: a key and a value a line. Readers take a snapshot; Change puts a new one in its place.
type Map struct {
	drafts[MapEntry]
	Name     string
	Uses     []string   // where those that use the file stand
	Number   int        // of all pattern files, in the order in which they were named
	changing sync.Mutex // held while entries are changed
	uses     []mapUse   // complete before anybody changes entries
	entries  atomic.Pointer[[]MapEntry]
	exact    atomic.Pointer[map[string]string]

	expressions atomic.Pointer[sync.Map] // from keys to *regexp.Regexp, nil where they are none
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
	m.expressions.Store(&sync.Map{})
	m.entries.Store(&entries)
	m.exact.Store(&exact)
}

// mapUse is a converter that has the map.
type mapUse struct {
	match string // how keys are compared, as mapMatches has it
	kind  Kind   // of values
}

// check tells of an entry that the converters which have the map cannot make sense of.
func (m *Map) check(entries []MapEntry) error {
	for _, u := range m.uses {
		for _, e := range entries {
			var err error
			switch u.match {
			case "ip":
				_, err = parseNetwork(e.Key)
			case "int":
				_, err = compileRanges([]string{e.Key})
			case "reg", "regm":
				_, err = regexp.Compile(e.Key)
			}
			if err != nil {
				return fmt.Errorf("%s: the key %q: %w", m.Name, e.Key, err)
			}
			if v := (Value{Kind: Text, Bytes: []byte(e.Value)}); !v.become(u.kind) {
				return fmt.Errorf("%s: the value %q of %q is not of the kind %s", m.Name, e.Value, e.Key, u.kind)
			}
		}
	}
	return nil
}

// Lookup tells of each way in which the map is used what it has for a text.
func (m *Map) Lookup(text string) []Lookup {
	var all []Lookup
	for i, u := range m.uses {
		if slices.ContainsFunc(m.uses[:i], func(other mapUse) bool { return other.match == u.match }) {
			continue
		}
		x := lookupOf(u.match, false)
		var e MapEntry
		if e, x.Found = m.find(&Value{Kind: Text, Bytes: []byte(text)}, m.compare(u.match), u.match == "reg" || u.match == "regm", weightOf(u.match)); x.Found {
			x.Key, x.Value = cmp.Or(e.Key, text), e.Value
		}
		all = append(all, x)
	}
	return all
}

// weightOf is what makes one of several keys that match the best.
func weightOf(match string) func(key string) int {
	if match == "ip" {
		return networkBits
	}
	return func(key string) int { return len(key) }
}

// compare is how a text and a key are compared; nil: as they are.
func (m *Map) compare(match string) func(key string, v *Value) bool {
	if match == "reg" || match == "regm" {
		return func(key string, v *Value) bool { re := m.expression(key); return re != nil && re.Match(v.Text()) }
	}
	return mapMatches[match]
}

// Set changes a key's value, and tells whether the key was there; one that the map's users cannot make sense of changes nothing.
func (m *Map) Set(key, value string) (bool, error) {
	if err := m.check([]MapEntry{{key, value}}); err != nil {
		return false, err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	entries, known := slices.Clone(m.Entries()), false
	for i := range entries {
		if entries[i].Key == key {
			entries[i].Value, known = value, true
		}
	}
	if known {
		m.Store(entries)
	}
	return known, nil
}

// Add appends entries, unless the map's users cannot make sense of them.
func (m *Map) Add(entries ...MapEntry) error {
	if err := m.check(entries); err != nil {
		return err
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	m.Store(append(slices.Clone(m.Entries()), entries...))
	return nil
}

// Delete takes a key's entries out, and tells whether there were any.
func (m *Map) Delete(key string) bool {
	m.changing.Lock()
	defer m.changing.Unlock()
	before := m.Entries()
	after := slices.DeleteFunc(slices.Clone(before), func(e MapEntry) bool { return e.Key == key })
	m.Store(after)
	return len(after) < len(before)
}

// mapOf returns the map of a file, which is read when it is first named.
func (k *Compiler) mapOf(name string) (*Map, error) {
	if m, ok := k.Maps[name]; ok {
		m.Uses = append(m.Uses, k.place("map"))
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
	m := &Map{Name: name, Number: k.nextNumber(), Uses: []string{k.place("map")}}
	m.Store(entries)
	if k.Maps == nil {
		k.Maps = map[string]*Map{}
	}
	k.Maps[name] = m
	return m, nil
}

// mapMatches are the ways in which a map's keys are compared, by the converter's name; nil: as they are.
var mapMatches = map[string]func(key string, v *Value) bool{
	"beg": func(key string, v *Value) bool { return bytes.HasPrefix(v.Text(), []byte(key)) },
	"end": func(key string, v *Value) bool { return bytes.HasSuffix(v.Text(), []byte(key)) },
	"sub": func(key string, v *Value) bool { return bytes.Contains(v.Text(), []byte(key)) },
	"ip":  matchesNetwork,
	"dom": func(key string, v *Value) bool { return withinParts(v.Text(), []byte(key), "/?.:") },
	"dir": func(key string, v *Value) bool { return withinParts(v.Text(), []byte(key), "/?") },
	"int": func(key string, v *Value) bool {
		m, err := compileRanges([]string{key})
		return err == nil && m.matches(v)
	},
	"reg":  nil,
	"regm": nil,
	"str":  nil,
	"":     nil,
}

// expression is a key that is an expression, compiled when it is first asked; nil: it is none.
func (m *Map) expression(key string) *regexp.Regexp {
	known := m.expressions.Load()
	if re, ok := known.Load(key); ok {
		return re.(*regexp.Regexp)
	}
	re, err := regexp.Compile(key)
	if err != nil {
		re = nil
	}
	known.Store(key, re)
	return re
}

func matchesNetwork(key string, v *Value) bool {
	a, ok := v.Address()
	prefix, err := parseNetwork(key)
	return ok && err == nil && prefix.Contains(a)
}

// networkBits is how narrow a network is: an address goes before the networks that it is in.
func networkBits(key string) int {
	prefix, err := parseNetwork(key)
	if err != nil {
		return -1
	}
	return prefix.Bits()
}

func addMapConverters() {
	for _, match := range slices.Sorted(maps.Keys(mapMatches)) {
		for _, kind := range []struct {
			name string
			kind Kind
		}{{"", Text}, {"_str", Text}, {"_int", Number}, {"_ip", Address}} {
			name := strings.TrimSuffix("map_"+match, "_") + kind.name
			if _, taken := mapMatches[strings.TrimPrefix(kind.name, "_")]; taken && match == "" && kind.name != "" {
				continue // map_int and map_ip say how keys are compared
			}
			converters[name] = converter{kind.kind, 1, 2, func(k *Compiler, args []string) (convert, error) { return makeMap(k, match, kind.kind, args) }}
		}
	}
}

func makeMap(k *Compiler, match string, kind Kind, args []string) (convert, error) {
	m, err := k.mapOf(args[0])
	if err != nil {
		return nil, err
	}
	for _, e := range m.Entries() {
		if err := checkKey(match, e.Key); err != nil {
			return nil, fmt.Errorf("%s: %w", args[0], err)
		}
		if v := (Value{Kind: Text, Bytes: []byte(e.Value)}); !v.become(kind) || kind == Number && !isNumber(e.Value) {
			return nil, fmt.Errorf("%s: the value %q of %q is not of the kind %s", args[0], e.Value, e.Key, kind)
		}
	}
	m.uses = append(m.uses, mapUse{match, kind})
	matches, weight := m.compare(match), weightOf(match)
	return func(_ *Context, v *Value) bool {
		e, ok := m.find(v, matches, match != "beg" && match != "ip", weight)
		value := e.Value
		switch {
		case ok && match == "regm":
			re := m.expression(e.Key)
			value = string(re.Expand(nil, []byte(backReferences(value)), v.Text(), re.FindSubmatchIndex(v.Text())))
		case !ok && len(args) > 1:
			value, ok = args[1], true
		}
		v.setText(value)
		return ok && v.become(kind)
	}, nil
}

// checkKey tells whether a key of a map is of the kind that its converter compares.
func checkKey(match, key string) (err error) {
	switch match {
	case "int":
		_, err = compileRanges([]string{key})
	case "ip":
		_, err = compileNetworks([]string{key})
	case "reg", "regm":
		_, err = regexp.Compile(key)
	}
	return err
}

func isNumber(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

// become makes a text a value of another kind, if it is one.
func (v *Value) become(kind Kind) bool {
	switch kind {
	case Number:
		n, ok := v.Integer()
		v.setNumber(n)
		return ok
	case Address:
		a, ok := v.Address()
		return ok && v.setAddr(a)
	}
	return true
}

// find finds the entry that fits best: the key of the most weight, or the first. HAProxy keeps beginnings and networks in trees, and other keys in lists.
func (m *Map) find(v *Value, matches func(string, *Value) bool, first bool, weight func(key string) int) (MapEntry, bool) {
	if matches == nil {
		value, ok := (*m.exact.Load())[string(v.Text())]
		return MapEntry{Value: value}, ok
	}
	best, found := MapEntry{}, false
	for _, e := range m.Entries() {
		if (!found || weight(e.Key) > weight(best.Key)) && matches(e.Key, v) {
			if best, found = e, true; first {
				break
			}
		}
	}
	return best, found
}
