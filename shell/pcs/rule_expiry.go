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

// expired says that a rule is over as crm_rule judges it: by the only date that it has, whatever else it asks for.
func (s *session) expired(r *cib.Element) bool {
	phase, known := s.phaseOfOnlyDate(r)
	return known && phase == rule.Expired
}

// phaseOfOnlyDate is how the only date in a rule stands to now. Of several dates nothing is known, nor of one that comes
// back every year.
func (s *session) phaseOfOnlyDate(e *cib.Element) (phase rule.Phase, known bool) {
	var dated []*cib.Element
	for part := range e.Descendants() {
		if part.Name == "date_expression" {
			dated = append(dated, part)
		}
	}
	if len(dated) != 1 {
		return rule.Undetermined, false
	}
	if spec := dated[0].Child("date_spec"); spec != nil && (spec.Get("years") == "" || spec.Get("moon") != "") {
		return rule.Undetermined, false
	}
	return rule.PhaseOf(dated[0], s.now), true
}
