package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is the version of HAProxy whose language is spoken; `version_atleast` compares with it.
const Version = "2.6.0"

// features are what `feature(NAME)` is true for.
var features = map[string]bool{
	"OPENSSL": true, "EPOLL": true, "THREAD": true, "LINUX_SPLICE": true, "NS": true, "GETADDRINFO": true, "ACCEPT4": true, "SYSTEMD": true,
}

// blocks follows .if, .elif, .else and .endif.
type blocks struct {
	open []block
	env  func(string) (string, bool)
}

type block struct {
	taken bool // one of its branches was taken
	live  bool // this branch is
	last  bool // .else was seen
	line  Line
}

func (b *blocks) live() bool {
	for _, o := range b.open {
		if !o.live {
			return false
		}
	}
	return true
}

// directive takes a line that begins with a dot. text is the line without its first word.
func (b *blocks) directive(l Line, text string) *Problem {
	word := l.Words[0]
	if (word == ".else" || word == ".endif") && text != "" {
		return l.problem("%s stands alone; %q is not expected", word, text)
	}
	top := len(b.open) - 1
	if top < 0 && word != ".if" {
		return l.problem("%s without .if", word)
	}
	switch word {
	case ".if":
		o := block{line: l}
		if b.live() {
			yes, err := b.evaluate(text)
			if err != nil {
				return l.problem(".if: %v", err)
			}
			o.live, o.taken = yes, yes
		} else {
			o.taken = true // no branch of a block within a dead one is ever taken
		}
		b.open = append(b.open, o)
	case ".elif":
		o := &b.open[top]
		if o.last {
			return l.problem(".elif behind .else")
		}
		if o.live = false; !o.taken {
			yes, err := b.evaluate(text)
			if err != nil {
				return l.problem(".elif: %v", err)
			}
			o.live, o.taken = yes, yes
		}
	case ".else":
		o := &b.open[top]
		if o.last {
			return l.problem(".else behind .else")
		}
		o.last, o.live = true, !o.taken
		o.taken = true
	case ".endif":
		b.open = b.open[:top]
	}
	return nil
}

// Evaluate tells whether a condition as `.if` takes it holds; it is what `haproxy -cc` asks.
func Evaluate(text string, env func(string) (string, bool)) (bool, error) {
	words, err := split(text, env)
	if err != nil {
		return false, err
	}
	return (&blocks{env: env}).evaluate(strings.Join(words, " "))
}

func (b *blocks) evaluate(text string) (bool, error) {
	e := &evaluator{rest: strings.TrimSpace(text), env: b.env}
	if e.rest == "" {
		return false, nil
	}
	yes, err := e.or(0)
	if err == nil && e.rest != "" {
		err = fmt.Errorf("%q is not expected", e.rest)
	}
	return yes, err
}

// evaluator reads an expression by recursive descent: || below &&, below !, parentheses and calls.
type evaluator struct {
	rest string
	env  func(string) (string, bool)
}

const maxDepth = 100

func (e *evaluator) skip(token string) bool {
	e.rest = strings.TrimLeft(e.rest, " \t")
	after, ok := strings.CutPrefix(e.rest, token)
	if ok {
		e.rest = strings.TrimLeft(after, " \t")
	}
	return ok
}

func (e *evaluator) or(depth int) (bool, error) {
	yes, err := e.and(depth)
	for err == nil && e.skip("||") {
		var other bool
		other, err = e.and(depth)
		yes = yes || other
	}
	return yes, err
}

func (e *evaluator) and(depth int) (bool, error) {
	yes, err := e.unary(depth)
	for err == nil && e.skip("&&") {
		var other bool
		other, err = e.unary(depth)
		yes = yes && other
	}
	return yes, err
}

func (e *evaluator) unary(depth int) (bool, error) {
	if depth > maxDepth {
		return false, fmt.Errorf("nested too deeply")
	}
	if e.skip("!") {
		yes, err := e.unary(depth + 1)
		return !yes, err
	}
	if e.skip("(") {
		yes, err := e.or(depth + 1)
		if err == nil && !e.skip(")") {
			err = fmt.Errorf(") is missing")
		}
		return yes, err
	}
	end := strings.IndexAny(e.rest, "(|&) \t")
	if end < 0 {
		end = len(e.rest)
	}
	name := e.rest[:end]
	e.rest = e.rest[end:]
	if strings.HasPrefix(e.rest, "(") {
		close := strings.IndexByte(e.rest, ')')
		if close < 0 {
			return false, fmt.Errorf(") is missing")
		}
		args := strings.Split(e.rest[1:close], ",")
		e.rest = strings.TrimLeft(e.rest[close+1:], " \t")
		return e.call(name, args)
	}
	e.skip("")
	n, err := strconv.Atoi(name)
	if err != nil {
		return false, fmt.Errorf("%q is neither a number nor a predicate", name)
	}
	return n != 0, nil
}

func (e *evaluator) call(name string, args []string) (bool, error) {
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	want := 1
	if name == "streq" || name == "strneq" {
		want = 2
	}
	if len(args) != want {
		return false, fmt.Errorf("%s takes %d arguments, not %d", name, want, len(args))
	}
	switch name {
	case "defined":
		_, ok := e.env(args[0])
		return ok, nil
	case "feature":
		return features[args[0]], nil
	case "streq":
		return args[0] == args[1], nil
	case "strneq":
		return args[0] != args[1], nil
	case "version_atleast", "openssl_version_atleast":
		return compareVersions(args[0]) <= 0, nil
	case "version_before", "openssl_version_before":
		return compareVersions(args[0]) > 0, nil
	}
	return false, fmt.Errorf("predicate %q is not known; there are defined, feature, streq, strneq, version_atleast, version_before", name)
}

// compareVersions compares a version with Version.
func compareVersions(other string) int {
	a, b := strings.Split(other, "."), strings.Split(Version, ".")
	for i := range max(len(a), len(b)) {
		var x, y int
		if i < len(a) {
			digits := strings.IndexFunc(a[i], func(r rune) bool { return r < '0' || r > '9' })
			if digits < 0 {
				digits = len(a[i])
			}
			x, _ = strconv.Atoi(a[i][:digits])
		}
		if i < len(b) {
			y, _ = strconv.Atoi(b[i])
		}
		if x != y {
			return x - y
		}
	}
	return 0
}
