// Package dates is iso8601, Pacemaker's tool that shows and checks dates, periods and
// durations as rules use them.
package dates

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// parseMoment reads a date with an optional time and offset: 2019-09-24, 20190924, 2019-267,
// 2019-W39-2, "epoch" or "now"; then after a blank or T 12, 12:30, 12:30:15 or 123015; then Z or
// ±01:00. Without an offset the host's zone counts. A time alone is today's.
func parseMoment(text string, now time.Time) (time.Time, error) {
	bad := func(what string) (time.Time, error) {
		return time.Time{}, fmt.Errorf("date %q: %s", text, what)
	}
	if text == "" {
		return bad("expected a date such as 2019-09-24, 2019-267 or 2019-W39-2")
	}
	if text == "epoch" {
		return time.Unix(0, 0).UTC(), nil
	}
	if text == "now" {
		return now, nil
	}
	date, clock := text, ""
	if i := strings.IndexAny(text, " T"); i >= 0 {
		date, clock = text[:i], strings.TrimSpace(text[i+1:])
	} else if strings.Contains(text, ":") {
		date, clock = "", text
	}
	year, month, day := now.Date()
	if date != "" {
		d, ok := parseDate(date)
		if !ok {
			return bad("expected a date such as 2019-09-24, 2019-267 or 2019-W39-2")
		}
		year, month, day = d.Date()
	}
	seconds, zone, ok := parseClock(clock)
	if !ok {
		return bad("expected a time such as 12:30:15, with Z or an offset such as +01:00")
	}
	return time.Date(year, month, day, 0, 0, 0, 0, zone).Add(time.Duration(seconds) * time.Second), nil
}

var (
	calendarDate = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)$`)
	ordinalDate  = regexp.MustCompile(`^(\d{4})(?:-?(\d{3})|-(\d\d))$`)
	weekDate     = regexp.MustCompile(`^(\d{4})-?W(\d\d)-?(\d)$`)
	clockTime    = regexp.MustCompile(`^(\d\d)(?::?(\d\d))?(?::?(\d\d))?\s*(Z|[+-]\d\d(?::?\d\d)?)?$`)
)

func numbers(parts []string) []int {
	out := make([]int, len(parts))
	for i, p := range parts {
		out[i], _ = strconv.Atoi(p) // digits by the expression, "" counts as 0
	}
	return out
}

func parseDate(s string) (time.Time, bool) {
	if m := calendarDate.FindStringSubmatch(s); m != nil {
		n := numbers(m[1:])
		t := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
		return t, n[1] >= 1 && n[1] <= 12 && n[2] >= 1 && t.Day() == n[2]
	}
	if m := ordinalDate.FindStringSubmatch(s); m != nil {
		n := numbers([]string{m[1], m[2] + m[3]}) // 2019-05 is a day of the year, too
		t := time.Date(n[0], 1, n[1], 0, 0, 0, 0, time.UTC)
		return t, n[1] >= 1 && t.Year() == n[0]
	}
	if m := weekDate.FindStringSubmatch(s); m != nil {
		n := numbers(m[1:])
		if n[1] < 1 || n[1] > 53 || n[2] < 1 || n[2] > 7 {
			return time.Time{}, false
		}
		// The fourth of January is always in week 1.
		fourth := time.Date(n[0], 1, 4, 0, 0, 0, 0, time.UTC)
		day := fourth.AddDate(0, 0, (n[1]-1)*7+n[2]-weekday(fourth))
		year, _ := day.ISOWeek()
		return day, year == n[0]
	}
	return time.Time{}, false
}

// weekday counts from Monday, 1, to Sunday, 7.
func weekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func parseClock(s string) (seconds int, zone *time.Location, ok bool) {
	if s == "" {
		return 0, time.Local, true
	}
	m := clockTime.FindStringSubmatch(s)
	if m == nil {
		return 0, nil, false
	}
	n := numbers(m[1:4])
	if n[0] > 24 || n[1] > 59 || n[2] > 59 || n[0] == 24 && n[1]+n[2] > 0 {
		return 0, nil, false
	}
	zone = time.Local
	switch offset := m[4]; {
	case offset == "Z":
		zone = time.UTC
	case offset != "":
		digits := strings.ReplaceAll(offset[1:], ":", "") + "00"
		hours, minutes := numbers([]string{digits[:2]})[0], numbers([]string{digits[2:4]})[0]
		if hours > 23 || minutes > 59 {
			return 0, nil, false
		}
		east := (hours*60 + minutes) * 60
		if offset[0] == '-' {
			east = -east
		}
		zone = time.FixedZone("", east)
	}
	return (n[0]*60+n[1])*60 + n[2], zone, true
}

// span is a duration of calendar units; each may be negative.
type span struct{ years, months, days, seconds int }

var spanPart = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(-?\d{1,9})([YMWDHS])`)
})

func parseSpan(text string) (span, error) {
	bad := fmt.Errorf("duration %q: expected one such as P1Y2M3DT4H5M6S or P2W", text)
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" {
		return span{}, bad
	}
	var s span
	clock := false
	for rest != "" {
		if after, isT := strings.CutPrefix(rest, "T"); isT && !clock {
			clock, rest = true, after
			continue
		}
		m := spanPart().FindStringSubmatch(rest)
		if m == nil {
			return span{}, bad
		}
		rest = rest[len(m[0]):]
		n, _ := strconv.Atoi(m[1])
		switch {
		case m[2] == "Y":
			s.years += n
		case m[2] == "M" && !clock:
			s.months += n
		case m[2] == "W":
			s.days += 7 * n
		case m[2] == "D":
			s.days += n
		case m[2] == "H":
			s.seconds += 3600 * n
		case m[2] == "M":
			s.seconds += 60 * n
		default:
			s.seconds += n
		}
	}
	return s, nil
}

// addTo moves t by the span, or back by it with sign -1. Of months, a day that does not exist becomes the last.
// Years keep the number of the day within its year, as Pacemaker does: in a leap year that is another date.
func (s span) addTo(t time.Time, sign int) time.Time {
	if s.years != 0 {
		first := t.AddDate(0, 0, 1-t.YearDay()).AddDate(sign*s.years, 0, 0)
		days := first.AddDate(1, 0, -1).YearDay()
		t = first.AddDate(0, 0, min(t.YearDay(), days)-1)
	}
	day := t.Day()
	first := t.AddDate(0, 0, 1-day).AddDate(0, sign*s.months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, last)-1+sign*s.days).Add(time.Duration(sign*s.seconds) * time.Second)
}

func plural(n int, unit string) string {
	if n == 1 {
		return unit
	}
	return unit + "s"
}

// String writes the span as Pacemaker does.
func (s span) String() string {
	var b strings.Builder
	if s == (span{}) {
		return "0 seconds"
	}
	if s.years != 0 {
		fmt.Fprintf(&b, "%4d %s ", s.years, plural(s.years, "year"))
	}
	if s.months != 0 {
		fmt.Fprintf(&b, "%2d %s ", s.months, plural(s.months, "month"))
	}
	if s.days != 0 {
		fmt.Fprintf(&b, "%2d %s ", s.days, plural(s.days, "day"))
	}
	if s.seconds == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "%d %s", s.seconds, plural(s.seconds, "second"))
	left := max(s.seconds, -s.seconds)
	if left < 60 {
		return b.String()
	}
	var parts []string
	for _, unit := range []struct {
		seconds int
		name    string
	}{{3600, "hour"}, {60, "minute"}, {1, "second"}} {
		if n := left / unit.seconds; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, plural(n, unit.name)))
			left -= n * unit.seconds
		}
	}
	return b.String() + " (" + strings.Join(parts, " ") + ")"
}

// parsePeriod reads START/END, START/DURATION or DURATION/END.
func parsePeriod(text string, now time.Time) (start, end time.Time, err error) {
	left, right, ok := strings.Cut(text, "/")
	if !ok || left == "" || right == "" || strings.HasPrefix(left, "P") && strings.HasPrefix(right, "P") {
		return start, end, fmt.Errorf("period %q: expected START/END, START/DURATION or DURATION/END", text)
	}
	var s span
	switch {
	case strings.HasPrefix(left, "P"):
		if s, err = parseSpan(left); err == nil {
			end, err = parseMoment(right, now)
		}
		start = s.addTo(end, -1)
	case strings.HasPrefix(right, "P"):
		if s, err = parseSpan(right); err == nil {
			start, err = parseMoment(left, now)
		}
		end = s.addTo(start, +1)
	default:
		if start, err = parseMoment(left, now); err == nil {
			end, err = parseMoment(right, now)
		}
	}
	return start, end, err
}

// Moment reads a date with an optional time, as rules write them.
func Moment(text string, now time.Time) (time.Time, error) { return parseMoment(text, now) }

// After returns the moment that lies a duration such as P1DT2H after t.
func After(t time.Time, duration string) (time.Time, error) {
	s, err := parseSpan(duration)
	return s.addTo(t, +1), err
}
