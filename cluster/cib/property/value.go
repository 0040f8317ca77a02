package property

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// Accepts says whether the cluster can read value as the option's.
func (o Option) Accepts(value string) bool {
	switch o.Kind {
	case Boolean:
		return cib.ParseBool(value, true) == cib.ParseBool(value, false)
	case Integer:
		_, err := strconv.Atoi(value)
		_, score := rule.ParseScore(value)
		return err == nil || score
	case Time:
		span, err := rule.ParseInterval(value)
		return err == nil && span >= 0 || strings.HasPrefix(value, "P")
	case Select:
		return slices.Contains(o.Values, value)
	case Percentage:
		share, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
		return err == nil && share >= 0
	}
	return true
}

// Wanted says in words what the option takes.
func (o Option) Wanted() string {
	switch o.Kind {
	case Boolean:
		return "true or false"
	case Time:
		return "a time such as 60s or 2min"
	case Select:
		return "one of " + strings.Join(o.Values, ", ")
	case Percentage:
		return "a percentage such as 80%"
	}
	return "a number"
}

// Unreadable lists the options of a document that the scheduler reads and cannot: it would work with
// their defaults, which is hardly what was meant.
func Unreadable(doc *cib.Document) []cib.Problem {
	var problems []cib.Problem
	section := doc.Section("crm_config")
	if section == nil {
		return nil
	}
	for set := range section.All("cluster_property_set") {
		for pair := range set.All("nvpair") {
			value, given := pair.Lookup("value")
			o, known := Find(pair.Get("name"))
			if given && known && o.Daemon == "schedulerd" && !o.Accepts(value) {
				problems = append(problems, cib.Problem{File: doc.File, Line: pair.Line, Element: "property " + pair.Get("name"),
					Text: strconv.Quote(value) + " cannot be read; expected " + o.Wanted()})
			}
		}
	}
	return problems
}

// metaValues are the meta attributes of resources with a fixed set of values, in letters of either case.
var metaValues = map[string][]string{
	"target-role":     {"Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"},
	"multiple-active": {"stop_start", "stop_only", "block", "stop_unexpected"},
}

// UnreadableMeta lists the meta attributes of resources that the scheduler cannot read and goes without.
func UnreadableMeta(doc *cib.Document) []cib.Problem {
	var problems []cib.Problem
	for _, name := range []string{"resources", "rsc_defaults"} {
		section := doc.Section(name)
		if section == nil {
			continue
		}
		for pair := range section.Descendants() {
			values := metaValues[pair.Get("name")]
			ofResource := pair.Name == "nvpair" && pair.Parent.Name == "meta_attributes" && pair.Parent.Parent.Name != "op"
			value, given := pair.Lookup("value")
			if !ofResource || !given || values == nil || slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, value) }) {
				continue
			}
			problems = append(problems, cib.Problem{File: doc.File, Line: pair.Line, Element: strings.TrimSpace(pair.Parent.Parent.Name + " " + pair.Parent.Parent.ID()),
				Text: fmt.Sprintf("%s=%q: expected %s", pair.Get("name"), value, strings.Join(values, ", "))})
		}
	}
	return problems
}

// UnreadableConstraints lists what the scheduler cannot follow in constraints: a rule for a role that there is
// not, and a ticket whose loss fences while nothing can be fenced.
func UnreadableConstraints(doc *cib.Document) []cib.Problem {
	var problems []cib.Problem
	section := doc.Section("constraints")
	if section == nil {
		return nil
	}
	tell := func(e *cib.Element, text string) {
		problems = append(problems, cib.Problem{File: doc.File, Line: e.Line, Element: "<" + e.Name + " id=" + strconv.Quote(e.ID()) + ">", Text: text})
	}
	for e := range section.Descendants() {
		role, given := e.Lookup("role")
		roles := metaValues["target-role"]
		switch {
		case e.Name == "rule" && given && !slices.ContainsFunc(roles, func(known string) bool { return strings.EqualFold(known, role) }):
			tell(e, fmt.Sprintf("role=%q: expected %s", role, strings.Join(roles, ", ")))
		case e.Name == "rsc_ticket" && e.Get("loss-policy") == "fence" && !fences(doc):
			tell(e, "loss-policy=fence, but stonith-enabled is false: set it, or take another policy")
		}
	}
	return problems
}

// fences tells whether the cluster may fence.
func fences(doc *cib.Document) bool {
	section := doc.Section("crm_config")
	if section == nil {
		return true
	}
	for set := range section.All("cluster_property_set") {
		for pair := range set.All("nvpair") {
			if name := pair.Get("name"); name == "stonith-enabled" || name == "fencing-enabled" {
				return cib.ParseBool(pair.Get("value"), true)
			}
		}
	}
	return true
}
