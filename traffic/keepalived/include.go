package keepalived

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// missing says when it is an error that what is included is not there. A file that is there and cannot be read always is one.
type missing struct {
	plain    bool // a name without wildcards, and no file
	wildcard bool // a pattern that matches no file
	brace    bool // an alternative in braces, and no file
}

var everyMissing = missing{plain: true, wildcard: true, brace: true}

// missingWords are the options of include_check.
var missingWords = map[string]func(*missing, bool){
	"readable":       func(*missing, bool) {},
	"match":          func(m *missing, on bool) { m.plain = on },
	"wildcard_match": func(m *missing, on bool) { m.wildcard = on },
	"brace_match":    func(m *missing, on bool) { m.brace = on },
}

// with heeds options: + before one adds it, - takes it away, and bare ones are all that counts from here.
func (m missing) with(options []string) (missing, error) {
	if len(options) == 0 {
		return everyMissing, nil
	}
	if !strings.ContainsAny(options[0], "+-") {
		m = missing{}
	}
	for _, option := range options {
		set, ok := missingWords[strings.TrimLeft(option, "+-")]
		if !ok {
			return m, fmt.Errorf("%q: want readable, match, wildcard_match or brace_match, with + or - before it to add or to take away", option)
		}
		set(&m, !strings.HasPrefix(option, "-"))
	}
	return m, nil
}

// includeKeywords maps the variants to what they say of files that are missing, besides what include_check says.
var includeKeywords = map[string]missing{
	"include": {}, "includer": {}, "includem": {plain: true}, "includew": {plain: true, wildcard: true}, "includeb": {brace: true}, "includea": everyMissing,
}

func include(text string) (keyword, pattern string, ok bool) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return "", "", false
	}
	if _, ok := includeKeywords[words[0]]; !ok {
		return "", "", false
	}
	return words[0], strings.Trim(words[1], `"'`), true
}

func (e *expander) include(at Position, keyword, pattern string, depth int) error {
	if depth >= maxIncludes {
		return at.Errorf("%s %s: files are included more than %d deep; does one include itself?", keyword, pattern, maxIncludes)
	}
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(at.File), pattern)
	}
	says := includeKeywords[keyword]
	says = missing{says.plain || e.missing.plain, says.wildcard || e.missing.wildcard, says.brace || e.missing.brace}
	patterns := alternatives(pattern)
	if len(patterns) > maxAlternatives {
		return at.Errorf("%s %s: its braces stand for more than %d names", keyword, pattern, maxAlternatives)
	}
	for _, one := range patterns {
		names, err := e.files.Glob(one)
		if err != nil {
			return at.Errorf("%s %s: %w", keyword, one, err)
		}
		wild := strings.ContainsAny(one, "*?[")
		if len(names) == 0 && (wild && says.wildcard || !wild && (says.plain || len(patterns) > 1 && says.brace)) {
			return at.Errorf("%s %s: no file matches", keyword, one)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := e.included(at, keyword, name, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *expander) included(at Position, keyword, name string, depth int) error {
	err := e.file(name, depth+1)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return at.Errorf("%s: %w", keyword, err)
	}
	return err
}

// maxAlternatives is how many names the braces of one pattern may stand for.
const maxAlternatives = 1024

// alternatives are the patterns that one with braces stands for: {a,b}c is ac and bc.
func alternatives(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	var parts []string
	depth, from := 0, open+1
	for i := open; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			parts, from = append(parts, pattern[from:i]), i+1
		case c == '}' && depth == 1:
			parts = append(parts, pattern[from:i])
			var all []string
			for _, part := range parts {
				all = append(all, alternatives(pattern[:open]+part+pattern[i+1:])...)
				if len(all) > maxAlternatives {
					return all
				}
			}
			return all
		case c == '}':
			depth--
		}
	}
	return []string{pattern} // a brace that is not closed is one
}
