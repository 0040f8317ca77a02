package lint

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// infinity is the score of a must.
const infinity = 1_000_000

func score(e *cib.Element, name string) int {
	text, ok := e.Lookup(name)
	if !ok {
		return infinity
	}
	n, _ := rule.ParseScore(text)
	return n
}

// holders are a resource and what it is in: groups, clones, bundles.
func holders(e *cib.Element) []string {
	var ids []string
	for p := e; p != nil && p.Name != "resources"; p = p.Parent {
		ids = append(ids, p.ID())
	}
	return ids
}

// pairing is one constraint between two resources, sets taken apart.
type pairing struct {
	constraint      *cib.Element
	from, to        string // colocation: from goes where to is; order: from before to
	fromRole, toRol string
	action          string // of from, in an order
	score           int
}

// colocations lists every pair that a colocation ties or keeps apart.
func (s *subject) colocations() []pairing {
	var all []pairing
	for c := range s.constraints.All("rsc_colocation") {
		if c.Get("rsc") != "" {
			all = append(all, pairing{c, c.Get("rsc"), c.Get("with-rsc"), c.Get("rsc-role"), c.Get("with-rsc-role"), "", score(c, "score")})
			continue
		}
		sets := slices.Collect(c.All("resource_set"))
		for i, set := range sets {
			members := references(set)
			if !isFalse(set.Get("sequential")) {
				for j := 1; j < len(members); j++ {
					all = append(all, pairing{c, members[j], members[j-1], set.Get("role"), set.Get("role"), "", score(c, "score")})
				}
			}
			if i == 0 {
				continue
			}
			for _, a := range references(sets[i-1]) {
				for _, b := range members {
					all = append(all, pairing{c, a, b, sets[i-1].Get("role"), set.Get("role"), "", score(c, "score")})
				}
			}
		}
	}
	return all
}

// orders lists every pair that an order arranges.
func (s *subject) orders() []pairing {
	var all []pairing
	for c := range s.constraints.All("rsc_order") {
		weight := infinity
		if c.Get("kind") == "Optional" || c.Get("kind") == "Serialize" || c.Get("kind") == "" && c.Get("score") == "0" {
			weight = 0
		}
		if c.Get("first") != "" {
			all = append(all, pairing{constraint: c, from: c.Get("first"), to: c.Get("then"), action: c.Get("first-action"), score: weight})
			continue
		}
		sets := slices.Collect(c.All("resource_set"))
		for i, set := range sets {
			members := references(set)
			if !isFalse(set.Get("sequential")) {
				for j := 1; j < len(members); j++ {
					all = append(all, pairing{constraint: c, from: members[j-1], to: members[j], action: set.Get("action"), score: weight})
				}
			}
			if i == 0 {
				continue
			}
			for _, a := range references(sets[i-1]) {
				for _, b := range members {
					all = append(all, pairing{constraint: c, from: a, to: b, action: sets[i-1].Get("action"), score: weight})
				}
			}
		}
	}
	return all
}

func references(set *cib.Element) []string {
	var ids []string
	for ref := range set.All("resource_ref") {
		ids = append(ids, ref.ID())
	}
	return ids
}

// inGroupBefore says whether both are in one group, a first.
func inGroupBefore(a, b *cib.Element) bool {
	return a.Parent == b.Parent && a.Parent != nil && a.Parent.Name == "group" && a.Index() < b.Index()
}

func sameGroup(a, b *cib.Element) bool { return inGroupBefore(a, b) || inGroupBefore(b, a) }

// ordered says whether a starts before b, directly or by what lies between.
func (s *subject) ordered(a, b *cib.Element) bool { return s.orderedAction(a, b, "") }

// orderedAction is ordered with an action of a that has to come first; "" is any.
func (s *subject) orderedAction(a, b *cib.Element, action string) bool {
	if action == "" && inGroupBefore(a, b) {
		return true
	}
	goal := holders(b)
	seen := map[string]bool{}
	queue := []pairing{}
	all := s.orders()
	next := func(ids []string, action string) {
		for _, o := range all {
			if slices.Contains(ids, o.from) && !seen[o.to] && o.score > 0 && (action == "" || o.action == action) {
				seen[o.to] = true
				queue = append(queue, o)
			}
		}
	}
	next(holders(a), action)
	for len(queue) > 0 {
		at := queue[0].to
		queue = queue[1:]
		if slices.Contains(goal, at) {
			return true
		}
		e := s.byID[at]
		if e == nil {
			continue
		}
		for _, member := range slices.DeleteFunc(descendants(e), func(d *cib.Element) bool { return !isResource(d) }) {
			if inGroupBefore(member, b) || member == b {
				return true
			}
			next([]string{member.ID()}, "")
		}
		next(holders(e), "")
	}
	return false
}

// together says whether a always runs where b is, directly or by what lies between.
func (s *subject) together(a, b *cib.Element) bool {
	if sameGroup(a, b) {
		return true
	}
	goal := holders(b)
	seen := map[string]bool{}
	queue := holders(a)
	all := s.colocations()
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if slices.Contains(goal, at) {
			return true
		}
		e := s.byID[at]
		ids := []string{at}
		if e != nil {
			ids = holders(e)
			if sameGroup(e, b) {
				return true
			}
		}
		for _, c := range all {
			if c.score >= infinity && slices.Contains(ids, c.from) && !seen[c.to] {
				seen[c.to] = true
				queue = append(queue, c.to)
			}
		}
	}
	return false
}

// located lists the ids of the resources that a location constraint is about.
func (s *subject) located(c *cib.Element) []string {
	if id := c.Get("rsc"); id != "" {
		return []string{id}
	}
	var ids []string
	for set := range c.All("resource_set") {
		ids = append(ids, references(set)...)
	}
	if pattern := c.Get("rsc-pattern"); pattern != "" {
		for e := range s.resources.Elements() {
			if matches(pattern, e.ID()) {
				ids = append(ids, e.ID())
			}
		}
	}
	return ids
}

// placement is what one location constraint says of a resource on a node by name.
type placement struct {
	constraint *cib.Element
	node       string
	score      int
}

// placements collects the plain location constraints of a resource, and rules that name a node by #uname alone.
func (s *subject) placements(id string) []placement {
	var all []placement
	for c := range s.constraints.All("rsc_location") {
		if !slices.Contains(s.located(c), id) || c.Get("role") != "" && !strings.EqualFold(c.Get("role"), "started") {
			continue
		}
		if node := c.Get("node"); node != "" {
			all = append(all, placement{c, node, score(c, "score")})
		}
		for r := range c.All("rule") {
			expressions := slices.Collect(r.Elements())
			if len(expressions) != 1 || expressions[0].Get("attribute") != "#uname" || r.Get("role") != "" || r.Get("score") == "" {
				continue
			}
			for _, n := range s.nodes {
				if e := expressions[0]; e.Get("operation") == "eq" && e.Get("value") == n || e.Get("operation") == "ne" && e.Get("value") != n {
					all = append(all, placement{c, n, score(r, "score")})
				}
			}
		}
	}
	return all
}
