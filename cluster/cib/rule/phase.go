package rule

import (
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// Phase says where a moment lies in the time that a date expression describes.
type Phase uint8

// The phases.
const (
	Undetermined Phase = iota // the expression lacks what it needs
	NotYet                    // before it takes effect
	InEffect                  // within start and end
	Satisfied                 // a date specification covers the moment
	Expired                   // after it took effect
)

// PhaseOf returns the phase of a <date_expression> at now. A date specification is compared field by field,
// the coarsest first; the first that does not cover the moment decides.
func PhaseOf(e *cib.Element, now time.Time) Phase {
	c := &Context{Now: now}
	start, hasStart := c.moment(e, "start")
	end, hasEnd := c.moment(e, "end")
	switch e.Get("operation") {
	case "lt":
		return phase(false, hasEnd && !now.Before(end), hasEnd)
	case "gt":
		return phase(hasStart && !now.After(start), false, hasStart)
	case "date_spec":
		if spec := e.Child("date_spec"); spec != nil {
			return c.specPhase(spec)
		}
	case "in_range", "":
		if duration := e.Child("duration"); !hasEnd && hasStart && duration != nil {
			end, hasEnd = addDuration(start, duration), true
		}
		return phase(hasStart && now.Before(start), hasEnd && now.After(end), hasStart || hasEnd)
	}
	return Undetermined
}

func phase(before, after, known bool) Phase {
	switch {
	case !known:
		return Undetermined
	case before:
		return NotYet
	case after:
		return Expired
	}
	return InEffect
}

func (c *Context) specPhase(spec *cib.Element) Phase {
	for _, f := range c.calendar() {
		text, ok := spec.Lookup(f.name)
		if !ok || inRange(text, f.value) {
			continue
		}
		low, _, _ := strings.Cut(text, "-")
		if n, err := strconv.Atoi(low); err == nil && f.value < n {
			return NotYet
		}
		return Expired
	}
	return Satisfied
}
