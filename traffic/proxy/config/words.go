package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

func fields(text string) []string { return strings.Fields(text) }

// duration reads a time with its unit; without one it counts the given unit.
func duration(text string, unit time.Duration) (time.Duration, error) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	units := map[string]time.Duration{
		"": unit, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
	u, ok := units[text[n:]]
	v, err := strconv.ParseInt(text[:n], 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not a time; write a number and us, ms, s, m, h or d", text)
	}
	if v > int64(math.MaxInt32*time.Millisecond/u) {
		return 0, fmt.Errorf("time %q is too long; 24 days are the most", text)
	}
	return time.Duration(v) * u, nil
}

// size reads a number with k, m or g behind it.
func size(text string) (int, error) {
	factor := 1
	number := text
	if text != "" {
		switch text[len(text)-1] | 0x20 {
		case 'k':
			factor = 1 << 10
		case 'm':
			factor = 1 << 20
		case 'g':
			factor = 1 << 30
		}
		if factor > 1 {
			number = text[:len(text)-1]
		}
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > (1<<40)/factor {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return n * factor, nil
}

// count reads a number from minimum to maximum.
func count(text string, minimum, maximum int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < minimum || n > maximum {
		return 0, fmt.Errorf("%q is not a number from %d to %d", text, minimum, maximum)
	}
	return n, nil
}

// wants makes sure of how many words stand behind a directive.
func (l Line) wants(minimum, maximum int) *Problem {
	n := len(l.Words) - 1
	switch {
	case n < minimum && minimum == maximum:
		return l.problem("%s wants %d words behind it, not %d", l.Words[0], minimum, n)
	case n < minimum:
		return l.problem("%s wants at least %d words behind it, not %d", l.Words[0], minimum, n)
	case maximum >= 0 && n > maximum:
		return l.problem("%s: the word %q is not expected", l.Words[0], l.Words[maximum+1])
	}
	return nil
}

// from is the line from its i-th word on.
func (l Line) from(i int) Line {
	l.Words = l.Words[min(i, len(l.Words)):]
	return l
}

// taker hands out the words of a line one after another, and remembers the first thing that was wrong.
type taker struct {
	line  Line
	words []string
	err   *Problem
}

func (l Line) take(from int) *taker { return &taker{line: l, words: l.Words[min(from, len(l.Words)):]} }

func (t *taker) more() bool { return t.err == nil && len(t.words) > 0 }

func (t *taker) next() string {
	if len(t.words) == 0 {
		return ""
	}
	w := t.words[0]
	t.words = t.words[1:]
	return w
}

func (t *taker) fail(format string, args ...any) {
	if t.err == nil {
		t.err = t.line.problem(format, args...)
	}
}

// value is the word behind a keyword.
func (t *taker) value(keyword string) string {
	if len(t.words) == 0 {
		t.fail("%s wants a word behind it", keyword)
		return ""
	}
	return t.next()
}

func (t *taker) count(keyword string, minimum, maximum int) int {
	v := t.value(keyword)
	if t.err != nil {
		return 0
	}
	n, err := count(v, minimum, maximum)
	if err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return n
}

func (t *taker) duration(keyword string) time.Duration {
	v := t.value(keyword)
	if t.err != nil {
		return 0
	}
	d, err := duration(v, time.Millisecond)
	if err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return d
}

// user is the word behind `user`: a name that somebody has.
func (t *taker) user(p *parser) string {
	return t.account(p, "user", Accounts.User)
}

// group is the word behind `group`.
func (t *taker) group(p *parser) string {
	return t.account(p, "group", Accounts.Group)
}

func (t *taker) account(p *parser, keyword string, find func(Accounts, string) error) string {
	name := t.value(keyword)
	known, ok := p.source.(Accounts)
	if !ok || t.err != nil {
		return name
	}
	if err := find(known, name); err != nil {
		t.fail("%s: %v", keyword, err)
	}
	return name
}
