package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

var constraintChecks = []Check{
	{"unknown-resource", Error, "A constraint about nothing does nothing.", unknownResource},
	{"unknown-node", Error, "A constraint about a host that is not there does nothing.", unknownNode},
	{"leftover-move", Warning, "It was made by a move or ban and holds until somebody removes it.", leftoverMove},
	{"bad-score", Error, "A score that cannot be read counts as 0.", badScore},
	{"constraint-twice", Note, "The second says nothing new.", constraintTwice},
	{"expired-rule", Note, "It never holds again.", expiredRule},
	{"role-without-promotion", Error, "The role never comes about, so the constraint holds never or always.", roleWithoutPromotion},
	{"member-of-group-moved", Warning, "A constraint on a member moves or stops the group behind it.", memberConstrained},
	{"order-against-group", Error, "The group's own order says the opposite.", orderAgainstGroup},
}

func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

var resourceAttributes = []string{"rsc", "with-rsc", "first", "then"}

func unknownResource(s *subject, report report) {
	known := func(id string) bool {
		e := s.byID[id]
		return isResource(e) || e != nil && e.Name == "tag"
	}
	var names []string
	for id, e := range s.byID {
		if isResource(e) {
			names = append(names, id)
		}
	}
	slices.Sort(names)
	for e := range s.constraints.Descendants() {
		for _, name := range resourceAttributes {
			if id := e.Get(name); id != "" && !known(id) {
				report(e, spelled(id, names), "%s: there is no resource %s", e.ID(), id)
			}
		}
		if e.Name == "resource_ref" && !known(e.ID()) {
			report(e, spelled(e.ID(), names), "%s: there is no resource %s", e.Parent.Parent.ID(), e.ID())
		}
	}
}

func unknownNode(s *subject, report report) {
	if len(s.hosts) == 0 {
		return
	}
	known := func(name string) bool {
		return slices.ContainsFunc(s.nodes, func(n string) bool { return strings.EqualFold(n, name) })
	}
	for e := range s.constraints.Descendants() {
		switch {
		case e.Name == "rsc_location" && e.Get("node") != "" && !known(e.Get("node")):
			report(e, spelled(e.Get("node"), s.nodes), "%s: there is no node %s", e.ID(), e.Get("node"))
		case e.Name == "expression" && e.Get("attribute") == "#uname" && (e.Get("operation") == "eq" || e.Get("operation") == "ne") && !known(e.Get("value")):
			report(e, spelled(e.Get("value"), s.nodes), "a rule compares with node %s, which there is not", e.Get("value"))
		}
	}
}

func leftoverMove(s *subject, report report) {
	for c := range s.constraints.All("rsc_location") {
		for _, prefix := range []string{"cli-prefer-", "cli-ban-", "cli-standby-"} {
			if strings.HasPrefix(c.ID(), prefix) {
				report(c, "crm resource clear "+c.Get("rsc")+", or pcs resource clear "+c.Get("rsc"), "%s was left behind by a move or ban of %s", c.ID(), c.Get("rsc"))
			}
		}
	}
}

func badScore(s *subject, report report) {
	for e := range s.constraints.Descendants() {
		if text, ok := e.Lookup("score"); ok {
			if _, fine := rule.ParseScore(text); !fine && !(e.Name == "rsc_order" && slices.Contains([]string{"Mandatory", "Optional", "Serialize"}, text)) {
				report(e, "write a whole number, INFINITY or -INFINITY", "%s: score %s cannot be read", e.ID(), text)
			}
		}
	}
}

// meaning is a constraint without its id.
func meaning(c *cib.Element) string {
	copied := c.Clone()
	for e := range copied.Descendants() {
		if e.Name != "resource_ref" {
			e.Unset("id")
		}
	}
	return copied.Compact()
}

func constraintTwice(s *subject, report report) {
	seen := map[string]*cib.Element{}
	for c := range s.constraints.Elements() {
		key := meaning(c)
		if other := seen[key]; other != nil {
			report(c, "remove one of them", "%s says what %s says", c.ID(), other.ID())
		}
		seen[key] = c
	}
}

func expiredRule(s *subject, report report) {
	for e := range s.Document.Configuration().Descendants() {
		if e.Name == "date_expression" && rule.PhaseOf(e, s.Now) == rule.Expired && (e.Parent.Get("boolean-op") != "or") {
			report(e, "remove the constraint or set around it", "a rule's time is over: %s", strings.TrimSpace(e.Get("start")+" to "+e.Get("end")))
		}
	}
}

func roleWithoutPromotion(s *subject, report report) {
	complain := func(c *cib.Element, id string) {
		e := s.byID[id]
		if isResource(e) && !s.promotable(e) {
			report(c, "make "+id+" a promotable clone, or take the role out", "%s: %s is never promoted", c.ID(), id)
		}
	}
	promoted := func(role string) bool { return modern(role) == "promoted" || modern(role) == "unpromoted" }
	for _, p := range s.colocations() {
		if promoted(p.fromRole) {
			complain(p.constraint, p.from)
		}
		if promoted(p.toRol) {
			complain(p.constraint, p.to)
		}
	}
	for _, o := range s.orders() {
		if o.action == "promote" || o.action == "demote" {
			complain(o.constraint, o.from)
		}
	}
	for c := range s.constraints.All("rsc_location") {
		role := c.Get("role")
		for r := range c.All("rule") {
			role = role + r.Get("role")
		}
		if promoted(role) {
			complain(c, c.Get("rsc"))
		}
	}
}

func memberConstrained(s *subject, report report) {
	for c := range s.constraints.Elements() {
		for _, name := range resourceAttributes[:1] {
			e := s.byID[c.Get(name)]
			if c.Name == "rsc_location" && e != nil && e.Parent != nil && e.Parent.Name == "group" && e.Index() > firstMember(e.Parent) {
				report(c, "put it on group "+e.Parent.ID(), "%s is about %s, a member of group %s that is not its first", c.ID(), e.ID(), e.Parent.ID())
			}
		}
	}
}

func firstMember(group *cib.Element) int {
	if p := group.Child("primitive"); p != nil {
		return p.Index()
	}
	return 0
}

func orderAgainstGroup(s *subject, report report) {
	for _, o := range s.orders() {
		a, b := s.byID[o.from], s.byID[o.to]
		if a != nil && b != nil && o.score > 0 && inGroupBefore(b, a) && (o.action == "" || o.action == "start") {
			report(o.constraint, "remove the order, or change the group's", "%s: %s before %s, and group %s starts them the other way round", o.constraint.ID(), o.from, o.to, a.Parent.ID())
		}
	}
}

// named lists words for a sentence.
func named(words []string) string {
	if len(words) > 1 {
		return fmt.Sprintf("%s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
	}
	return strings.Join(words, "")
}
