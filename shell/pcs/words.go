package pcs

import (
	"fmt"
	"slices"
	"strings"
)

// pair is one name=value word.
type pair struct{ name, value string }

// pairs are name=value words in the order given, each name once.
type pairs []pair

func (p pairs) get(name string) (string, bool) {
	for _, x := range p {
		if x.name == name {
			return x.value, true
		}
	}
	return "", false
}

func (p pairs) value(name string) string { v, _ := p.get(name); return v }
func (p pairs) has(name string) bool     { _, ok := p.get(name); return ok }

// without returns the pairs other than those named.
func (p pairs) without(names ...string) pairs {
	var left pairs
	for _, x := range p {
		if !slices.Contains(names, x.name) {
			left = append(left, x)
		}
	}
	return left
}

// with returns the pairs with name set to value, in place or at the end.
func (p pairs) with(name, value string) pairs {
	out := slices.Clone(p)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
			return out
		}
	}
	return append(out, pair{name, value})
}

// sorted returns the pairs in the order of their names.
func (p pairs) sorted() pairs {
	out := slices.Clone(p)
	slices.SortStableFunc(out, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return out
}

// parsePairs reads name=value words. The same name twice with the same value is once.
func parsePairs(words []string) (pairs, error) {
	var out pairs
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("'%s' has no value: %s=VALUE was expected", word, word)
		}
		if name == "" {
			return nil, fmt.Errorf("'%s' has no name: NAME=%s was expected", word, value)
		}
		if old, ok := out.get(name); ok {
			if old != value {
				return nil, fmt.Errorf("option '%s' is given twice, as '%s' and '%s'", name, old, value)
			}
			continue
		}
		out = append(out, pair{name, value})
	}
	return out, nil
}

// lastPairs is parsePairs where the last of two values counts, as it does for pcs when something is updated.
func (s *session) lastPairs(words []string) (pairs, error) {
	var kept []string
	for i, word := range words {
		name, value, _ := strings.Cut(word, "=")
		later := slices.IndexFunc(words[i+1:], func(w string) bool { return strings.HasPrefix(w, name+"=") })
		if later < 0 {
			kept = append(kept, word)
		} else if words[i+1+later] != word {
			s.warn("option '%s' is given twice; '%s' gives way to what stands after it", name, value)
		}
	}
	return parsePairs(kept)
}

// section is the words that follow one keyword.
type section struct {
	keyword string // "" for the words before the first keyword
	words   []string
}

// sections cuts words at the keywords.
func sections(words []string, keywords ...string) []section {
	out := []section{{}}
	for _, word := range words {
		if slices.Contains(keywords, word) {
			out = append(out, section{keyword: word})
			continue
		}
		last := &out[len(out)-1]
		last.words = append(last.words, word)
	}
	return out
}

// gather returns all words of the sections with that keyword, and whether there was one.
func gather(list []section, keyword string) ([]string, bool) {
	var words []string
	var found bool
	for _, s := range list {
		if s.keyword == keyword {
			words = append(words, s.words...)
			found = true
		}
	}
	return words, found
}

// onceEach refuses a keyword that stands twice.
func onceEach(list []section) error {
	seen := map[string]bool{}
	for _, s := range list {
		if s.keyword != "" && seen[s.keyword] {
			return fmt.Errorf("'%s' stands twice; once is enough", s.keyword)
		}
		seen[s.keyword] = true
	}
	return nil
}
