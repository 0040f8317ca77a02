package rule

import (
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// date evaluates a <date_expression>.
func (c *Context) date(e *cib.Element) bool {
	start, hasStart := c.moment(e, "start")
	end, hasEnd := c.moment(e, "end")
	switch operation := e.Get("operation"); operation {
	case "lt":
		if hasEnd {
			c.note(end)
		}
		return hasEnd && c.Now.Before(end)
	case "gt":
		if hasStart {
			c.watch(start)
			c.note(start.Add(time.Second))
		}
		return hasStart && c.Now.After(start)
	case "date_spec":
		if spec := e.Child("date_spec"); spec != nil {
			return c.matches(spec)
		}
		return false
	case "in_range", "":
		if duration := e.Child("duration"); !hasEnd && hasStart && duration != nil {
			end, hasEnd = addDuration(start, duration), true
		}
		return c.within(start, hasStart, end, hasEnd)
	}
	return false
}

func (c *Context) within(start time.Time, hasStart bool, end time.Time, hasEnd bool) bool {
	switch {
	case !hasStart && !hasEnd:
		return false
	case hasStart && c.Now.Before(start):
		c.note(start)
		return false
	case hasEnd && c.Now.After(end):
		return false
	}
	if hasEnd {
		c.watch(end)
		c.note(end.Add(time.Second))
	}
	return true
}

func (c *Context) moment(e *cib.Element, name string) (time.Time, bool) {
	text, ok := e.Lookup(name)
	if !ok {
		return time.Time{}, false
	}
	if strings.Contains(text, ":") {
		c.watch(nextUnit(c.Now, "monthdays")) // a time alone is one of the present day
	}
	t, err := ParseTime(text, c.Now)
	return t, err == nil
}

// addDuration adds what the attributes of a <duration> say.
func addDuration(t time.Time, e *cib.Element) time.Time {
	field := func(name string) int {
		n, _ := strconv.Atoi(e.Get(name))
		return n
	}
	t = addMonths(t, 12*field("years")+field("months"))
	t = t.AddDate(0, 0, 7*field("weeks")+field("days"))
	return t.Add(time.Duration(field("hours"))*time.Hour +
		time.Duration(field("minutes"))*time.Minute +
		time.Duration(field("seconds"))*time.Second)
}

// addMonths keeps the day of the month, or takes the month's last day when there is no such day.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// field is one unit of the calendar and its value at the present moment.
type field struct {
	name  string
	value int
}

// calendar splits the present moment into the fields that a <date_spec> can name, the coarsest first.
func (c *Context) calendar() []field {
	weekYear, week := c.Now.ISOWeek()
	weekday := int(c.Now.Weekday())
	if weekday == 0 {
		weekday = 7
	}
	return []field{
		{"years", c.Now.Year()}, {"months", int(c.Now.Month())}, {"monthdays", c.Now.Day()},
		{"yeardays", c.Now.YearDay()}, {"weekyears", weekYear}, {"weeks", week}, {"weekdays", weekday},
		{"hours", c.Now.Hour()}, {"minutes", c.Now.Minute()}, {"seconds", c.Now.Second()},
	}
}

// matches reports whether every field that a <date_spec> names covers the present moment.
func (c *Context) matches(spec *cib.Element) bool {
	finest := ""
	for _, f := range c.calendar() {
		text, ok := spec.Lookup(f.name)
		if !ok {
			continue
		}
		finest = f.name
		c.watch(nextUnit(c.Now, f.name))
		if !inRange(text, f.value) {
			return false
		}
	}
	c.note(nextUnit(c.Now, finest))
	return true
}

// nextUnit returns the start of the unit of time after the present one.
func nextUnit(t time.Time, unit string) time.Time {
	switch unit {
	case "seconds":
		return t.Truncate(time.Second).Add(time.Second)
	case "minutes":
		return t.Truncate(time.Minute).Add(time.Minute)
	case "hours":
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour()+1, 0, 0, 0, t.Location())
	case "months":
		return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, t.Location())
	case "years":
		return time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, t.Location())
	case "":
		return time.Time{}
	}
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

// inRange reports whether value is in a range such as 5, 3-7, 3- or -7.
func inRange(text string, value int) bool {
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		n, err := strconv.Atoi(text)
		return err == nil && n == value
	}
	if low != "" {
		if n, err := strconv.Atoi(low); err != nil || value < n {
			return false
		}
	}
	if high != "" {
		if n, err := strconv.Atoi(high); err != nil || value > n {
			return false
		}
	}
	return true
}
