package pcs

import (
	"fmt"
	"time"

	"holdfast/cluster/cib"
)

func (s *session) allExpired(c *cib.Element) bool {
	for rule := range c.All("rule") {
		if !s.expired(rule) {
			return false
		}
	}
	return true
}

// expired says that a rule can never hold again. Equality with a past date does not
// count: only ends do.
func (s *session) expired(rule *cib.Element) bool {
	var parts, over int
	for e := range rule.Elements() {
		parts++
		if s.over(e) {
			over++
		}
	}
	if rule.Get("boolean-op") == "or" {
		return parts > 0 && parts == over
	}
	return over > 0
}

func (s *session) over(e *cib.Element) bool {
	switch {
	case e.Name == "rule":
		return s.expired(e)
	case e.Name != "date_expression":
		return false
	}
	var end time.Time
	switch e.Get("operation") {
	case "lt", "in_range":
		end = parseDate(e.Get("end"))
		if d := e.Child("duration"); d != nil {
			end = after(parseDate(e.Get("start")), d)
		}
	}
	return !end.IsZero() && !s.now.Before(end)
}

func parseDate(text string) time.Time {
	for _, layout := range []string{"2006-01-02", "20060102", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

func after(start time.Time, duration *cib.Element) time.Time {
	if start.IsZero() {
		return start
	}
	number := func(name string) (n int) {
		_, _ = fmt.Sscanf(duration.Get(name), "%d", &n)
		return n
	}
	return start.AddDate(number("years"), number("months"), number("monthdays")+number("weekdays")+7*number("weeks")).
		Add(time.Duration(number("hours")) * time.Hour)
}
