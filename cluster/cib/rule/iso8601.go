package rule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads an ISO 8601 date, date and time, or time of the day of now. Dates
// may be 2005-01-20, 20050120, 2005-020 (day of the year) or 2005-W03-4; times 12:30,
// 12:30:15, 1230; an offset may follow (Z, +01:00). Without one, now's zone counts.
func ParseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "epoch" {
		return time.Unix(0, 0).UTC(), nil
	}
	date, clock := text, ""
	if i := strings.IndexAny(text, "T "); i >= 0 {
		date, clock = text[:i], strings.TrimSpace(text[i+1:])
	} else if strings.Contains(text, ":") {
		date, clock = "", text
	}
	year, month, day := now.Date()
	if date != "" {
		var err error
		if year, month, day, err = parseDate(date); err != nil {
			return time.Time{}, fmt.Errorf("date %q: %w", text, err)
		}
	}
	zone := now.Location()
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		var err error
		if zone, err = parseOffset(strings.TrimSpace(clock[i:])); err != nil {
			return time.Time{}, fmt.Errorf("date %q: %w", text, err)
		}
		clock = strings.TrimSpace(clock[:i])
	}
	hour, minute, second, err := parseClock(clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("date %q: %w", text, err)
	}
	return time.Date(year, month, day, hour, minute, second, 0, zone), nil
}

func parseDate(s string) (int, time.Month, int, error) {
	fail := fmt.Errorf("expected 2005-01-20, 2005-020 or 2005-W03-4")
	digits := func(t string) (int, bool) {
		n, err := strconv.Atoi(t)
		return n, err == nil && n >= 0
	}
	if len(s) < 7 {
		return 0, 0, 0, fail
	}
	year, ok := digits(s[:4])
	if !ok {
		return 0, 0, 0, fail
	}
	rest := strings.ReplaceAll(s[4:], "-", "")
	if w, isWeek := strings.CutPrefix(rest, "W"); isWeek && len(w) == 3 {
		week, okWeek := digits(w[:2])
		day, okDay := digits(w[2:])
		if !okWeek || !okDay {
			return 0, 0, 0, fail
		}
		// The fourth of January is always in week 1.
		base := time.Date(year, 1, 4, 0, 0, 0, 0, time.UTC)
		monday := base.AddDate(0, 0, -(int(base.Weekday())+6)%7)
		y, m, d := monday.AddDate(0, 0, 7*(week-1)+day-1).Date()
		return y, m, d, nil
	}
	switch len(rest) {
	case 3:
		if n, ok := digits(rest); ok {
			y, m, d := time.Date(year, 1, n, 0, 0, 0, 0, time.UTC).Date()
			return y, m, d, nil
		}
	case 4:
		month, okMonth := digits(rest[:2])
		day, okDay := digits(rest[2:])
		if okMonth && okDay && month >= 1 && month <= 12 && day >= 1 && day <= 31 {
			return year, time.Month(month), day, nil
		}
	}
	return 0, 0, 0, fail
}

func parseClock(s string) (hour, minute, second int, err error) {
	if s == "" {
		return 0, 0, 0, nil
	}
	if !strings.Contains(s, ":") && len(s) >= 4 {
		s = s[:2] + ":" + s[2:4] + ":" + s[4:]
		s = strings.TrimSuffix(s, ":")
	}
	parts := strings.Split(s, ":")
	limits := []int{24, 59, 60}
	values := [3]int{}
	for i, part := range parts {
		if i > 2 {
			return 0, 0, 0, fmt.Errorf("time %q has too many fields", s)
		}
		part, _, _ = strings.Cut(part, ".")
		n, convErr := strconv.Atoi(part)
		if convErr != nil || n < 0 || n > limits[i] {
			return 0, 0, 0, fmt.Errorf("time %q: expected hours:minutes:seconds", s)
		}
		values[i] = n
	}
	return values[0], values[1], values[2], nil
}

func parseOffset(s string) (*time.Location, error) {
	if s == "Z" {
		return time.UTC, nil
	}
	hour, minute, _, err := parseClock(s[1:])
	if err != nil && len(s) == 3 {
		hour, err = strconv.Atoi(s[1:])
	}
	if err != nil {
		return nil, fmt.Errorf("offset %q: expected Z or +hh:mm", s)
	}
	seconds := hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), nil
}

var units = []struct {
	suffix string
	unit   time.Duration
}{
	{"msec", time.Millisecond}, {"ms", time.Millisecond}, {"usec", time.Microsecond}, {"us", time.Microsecond},
	{"seconds", time.Second}, {"sec", time.Second}, {"s", time.Second},
	{"min", time.Minute}, {"m", time.Minute}, {"hr", time.Hour}, {"h", time.Hour}, {"", time.Second},
}

// ParseInterval reads a time span: a number with one of the units us, ms, s, m and h
// (seconds without one), or an ISO 8601 duration (PT5M).
func ParseInterval(text string) (time.Duration, error) {
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "P") {
		return parseDuration(s)
	}
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("time span %q: expected a number and a unit, such as 10s, or PT10S", text)
	}
	suffix := strings.ToLower(strings.TrimSpace(s[end:]))
	for _, u := range units {
		if suffix == u.suffix {
			if n > int64(1<<62)/int64(u.unit) {
				n = int64(1<<62) / int64(u.unit)
			}
			return time.Duration(n) * u.unit, nil
		}
	}
	return 0, fmt.Errorf("time span %q: unknown unit %q; known are us, ms, s, m, h", text, suffix)
}

// parseDuration reads P[n]Y[n]M[n]W[n]DT[n]H[n]M[n]S with years of 365 and months of 30 days.
func parseDuration(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	// Hours and seconds are also understood without the T, as the peer does.
	dateUnits := map[byte]time.Duration{'Y': 365 * day, 'M': 30 * day, 'W': 7 * day, 'D': day, 'H': time.Hour, 'S': time.Second}
	timeUnits := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	table, number := dateUnits, ""
	var total time.Duration
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == 'T':
			table = timeUnits
		case c >= '0' && c <= '9':
			number += string(c)
		default:
			unit, ok := table[c]
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n > 1_000_000 {
				return 0, fmt.Errorf("duration %q: expected a form such as P1DT12H or PT5M", s)
			}
			total += time.Duration(n) * unit
			number = ""
		}
	}
	if number != "" || len(s) < 2 {
		return 0, fmt.Errorf("duration %q: the last number has no unit", s)
	}
	return total, nil
}
