package pcs

import (
	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

func (s *session) allExpired(c *cib.Element) bool {
	for r := range c.All("rule") {
		if !s.expired(r) {
			return false
		}
	}
	return true
}

// expired says that a rule can never hold again. Equality with a past date does not
// count: only ends do.
func (s *session) expired(r *cib.Element) bool {
	var parts, over int
	for e := range r.Elements() {
		parts++
		if s.over(e) {
			over++
		}
	}
	if r.Get("boolean-op") == "or" {
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
	switch e.Get("operation") {
	case "lt", "in_range":
		return rule.PhaseOf(e, s.now) == rule.Expired
	}
	return false
}
