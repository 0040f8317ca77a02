package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Span is a set of times, as Time::Period of Perl writes it: "wd {Mon-Fri} hr {9am-5pm}, wd {Sat}". The parts with commas
// between them are alternatives; within one, every scale has to fit. The empty span is all time.
type Span struct {
	Text         string `json:"text"`
	alternatives [][]scale
}

// scale is a list of ranges of one unit.
type scale struct {
	unit   unit
	ranges [][2]int
}

// unit is one of the scales of time.
type unit struct {
	names     []string // of the scale
	low, high int
	words     []string // that stand for low, low+1, …
	of        func(time.Time) int
}

var units = []unit{
	{[]string{"yr", "year"}, 0, 9999, nil, time.Time.Year},
	{[]string{"mo", "month"}, 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, func(t time.Time) int { return int(t.Month()) }},
	{[]string{"wk", "week"}, 1, 6, nil, func(t time.Time) int { return (t.Day()-1+int(t.AddDate(0, 0, 1-t.Day()).Weekday()))/7 + 1 }},
	{[]string{"yd", "yday"}, 1, 366, nil, time.Time.YearDay},
	{[]string{"md", "mday"}, 1, 31, nil, time.Time.Day},
	{[]string{"wd", "wday"}, 1, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, func(t time.Time) int { return int(t.Weekday()) + 1 }},
	{[]string{"hr", "hour"}, 0, 23, []string{"12am", "1am", "2am", "3am", "4am", "5am", "6am", "7am", "8am", "9am", "10am", "11am",
		"12pm", "1pm", "2pm", "3pm", "4pm", "5pm", "6pm", "7pm", "8pm", "9pm", "10pm", "11pm"}, time.Time.Hour},
	{[]string{"min", "minute"}, 0, 59, nil, time.Time.Minute},
	{[]string{"sec", "second"}, 0, 59, nil, time.Time.Second},
}

// ParseSpan reads one; the error says what is accepted.
func ParseSpan(text string) (Span, error) {
	s := Span{Text: strings.TrimSpace(text)}
	if s.Text == "" || s.Text == "always" {
		return s, nil
	}
	if s.Text == "never" || s.Text == "none" {
		s.alternatives = [][]scale{}
		return s, nil
	}
	for part := range strings.SplitSeq(s.Text, ",") {
		var all []scale
		for rest := strings.TrimSpace(part); rest != ""; rest = strings.TrimSpace(rest) {
			name, inner, ok := strings.Cut(rest, "{")
			inner, after, closed := strings.Cut(inner, "}")
			if !ok || !closed {
				return s, fmt.Errorf("period %q: want scales as in wd {Mon-Fri} hr {9am-5pm}", text)
			}
			one, err := parseScale(strings.ToLower(strings.TrimSpace(name)), strings.ToLower(inner))
			if err != nil {
				return s, fmt.Errorf("period %q: %w", text, err)
			}
			all, rest = append(all, one), after
		}
		s.alternatives = append(s.alternatives, all)
	}
	return s, nil
}

func parseScale(name, inner string) (scale, error) {
	at := slices.IndexFunc(units, func(u unit) bool { return slices.Contains(u.names, name) })
	if at < 0 {
		return scale{}, fmt.Errorf("%q is no scale: want yr, mo, wk, yd, md, wd, hr, min or sec", name)
	}
	s := scale{unit: units[at]}
	for word := range strings.FieldsSeq(inner) {
		from, to, ranged := strings.Cut(word, "-")
		low, err := s.unit.value(from)
		high := low
		if err == nil && ranged {
			high, err = s.unit.value(to)
		}
		if err != nil {
			return s, err
		}
		s.ranges = append(s.ranges, [2]int{low, high})
	}
	if len(s.ranges) == 0 {
		return s, fmt.Errorf("%s {} is empty", name)
	}
	return s, nil
}

func (u unit) value(text string) (int, error) {
	for i, word := range u.words {
		if text == word || u.names[0] != "hr" && len(text) > 2 && strings.HasPrefix(text, word) || u.names[0] == "wd" && len(text) == 2 && strings.HasPrefix(word, text) {
			return u.low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < u.low || n > u.high {
		return 0, fmt.Errorf("%q in %s {…}: want %d to %d%s", text, u.names[0], u.low, u.high, map[bool]string{true: " or a name"}[len(u.words) > 0])
	}
	return n, nil
}

// Contains tells whether a moment is in the span.
func (s Span) Contains(t time.Time) bool {
	if s.alternatives == nil {
		return true
	}
	return slices.ContainsFunc(s.alternatives, func(all []scale) bool {
		return !slices.ContainsFunc(all, func(one scale) bool { return !one.contains(t) })
	})
}

// contains: a range whose end is below its beginning goes around (hr {10pm-4am}).
func (s scale) contains(t time.Time) bool {
	n := s.unit.of(t)
	return slices.ContainsFunc(s.ranges, func(r [2]int) bool {
		if r[0] <= r[1] {
			return n >= r[0] && n <= r[1]
		}
		return n >= r[0] || n <= r[1]
	})
}
