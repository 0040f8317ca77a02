package lint

import (
	"slices"

	"holdfast/cluster/cib"
)

var conflictChecks = []Check{
	{"location-contradicts", Error, "A ban wins over any preference, so the resource never runs there.", locationContradicts},
	{"nowhere", Error, "It runs on no host.", nowhere},
	{"colocation-contradicts", Error, "Both cannot hold; one of the two resources will not run.", colocationContradicts},
	{"apart-in-group", Error, "Members of a group run on one host.", apartInGroup},
	{"order-loop", Error, "Each waits for the other, so the cluster drops one of the orders, or starts neither.", orderLoop},
	{"colocation-loop", Warning, "Each is placed by the other; scores of neither count as written.", colocationLoop},
	{"banned-apart", Error, "They must run together, and are allowed on different hosts.", bannedApart},
	{"order-without-colocation", Note, "The order holds across hosts too; together they need a colocation.", orderWithoutColocation},
}

func locationContradicts(s *subject, report report) {
	for _, e := range s.placedIDs() {
		wanted := map[string]*cib.Element{}
		list := s.placements(e)
		for _, p := range list {
			if p.score >= infinity {
				wanted[p.node] = p.constraint
			}
		}
		for _, p := range list {
			if other := wanted[p.node]; p.score <= -infinity && other != nil && other != p.constraint {
				report(p.constraint, "remove one of the two", "%s bans %s from %s, and %s prefers it there with INFINITY", p.constraint.ID(), e, p.node, other.ID())
			}
		}
	}
}

// placedIDs lists the resources that location constraints are about, each once.
func (s *subject) placedIDs() []string {
	var ids []string
	for c := range s.constraints.All("rsc_location") {
		for _, id := range s.located(c) {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// allowed lists the hosts from which nothing bans a resource.
func (s *subject) allowed(id string) []string {
	var left []string
	for _, n := range s.nodes {
		if !slices.ContainsFunc(s.placements(id), func(p placement) bool { return p.node == n && p.score <= -infinity }) {
			left = append(left, n)
		}
	}
	return left
}

func nowhere(s *subject, report report) {
	if len(s.nodes) == 0 {
		return
	}
	for _, id := range s.placedIDs() {
		if e := s.byID[id]; isResource(e) && len(s.allowed(id)) == 0 {
			report(e, "remove one of its bans", "%s is banned from every host", id)
		}
	}
}

func colocationContradicts(s *subject, report report) {
	all := s.colocations()
	for i, p := range all {
		for _, q := range all[:i] {
			same := p.from == q.from && p.to == q.to && sameRole(p.toRol, q.toRol) && sameRole(p.fromRole, q.fromRole) ||
				p.from == q.to && p.to == q.from && p.toRol+p.fromRole+q.toRol+q.fromRole == ""
			if same && p.constraint != q.constraint && (p.score >= infinity && q.score <= -infinity || p.score <= -infinity && q.score >= infinity) {
				report(p.constraint, "remove one of the two", "%s and %s: %s must be with %s and must not", q.constraint.ID(), p.constraint.ID(), p.from, p.to)
			}
		}
	}
}

func apartInGroup(s *subject, report report) {
	for _, p := range s.colocations() {
		a, b := s.byID[p.from], s.byID[p.to]
		if a != nil && b != nil && p.score < 0 && sameGroup(a, b) {
			report(p.constraint, "remove it, or take one of them out of the group", "%s keeps %s and %s of group %s apart", p.constraint.ID(), p.from, p.to, a.Parent.ID())
		}
	}
}

// loops finds pairs by which a resource comes back to itself, each loop once.
func loops(all []pairing) [][]pairing {
	var found [][]pairing
	done := map[*cib.Element]bool{}
	for _, start := range all {
		if done[start.constraint] {
			continue
		}
		seen := map[string]bool{}
		var walk func(at string, path []pairing) []pairing
		walk = func(at string, path []pairing) []pairing {
			if at == start.from {
				return path
			}
			if seen[at] {
				return nil
			}
			seen[at] = true
			for _, p := range all {
				if p.from == at {
					if loop := walk(p.to, append(slices.Clone(path), p)); loop != nil {
						return loop
					}
				}
			}
			return nil
		}
		if loop := walk(start.to, []pairing{start}); loop != nil {
			found = append(found, loop)
			for _, p := range loop {
				done[p.constraint] = true
			}
		}
	}
	return found
}

func reportLoop(loop []pairing, what string, report report) {
	var ids []string
	for _, p := range loop {
		if !slices.Contains(ids, p.constraint.ID()) {
			ids = append(ids, p.constraint.ID())
		}
	}
	report(loop[len(loop)-1].constraint, "remove one of them", "%s: %s leads from %s back to it", named(ids), what, loop[0].from)
}

func orderLoop(s *subject, report report) {
	var must []pairing
	for _, o := range s.orders() {
		if o.score > 0 && (o.action == "" || o.action == "start") {
			must = append(must, o)
		}
	}
	for _, loop := range loops(must) {
		reportLoop(loop, "the order", report)
	}
}

func colocationLoop(s *subject, report report) {
	var must []pairing
	for _, p := range s.colocations() {
		if p.score > 0 {
			must = append(must, p)
		}
	}
	for _, loop := range loops(must) {
		reportLoop(loop, "the colocation", report)
	}
}

func bannedApart(s *subject, report report) {
	for _, p := range s.colocations() {
		if p.score < infinity || modern(p.toRol) == "promoted" || len(s.nodes) == 0 {
			continue
		}
		a, b := s.allowed(p.from), s.allowed(p.to)
		if len(a) == 0 || len(b) == 0 {
			continue // told as nowhere
		}
		if !slices.ContainsFunc(a, func(n string) bool { return slices.Contains(b, n) }) {
			report(p.constraint, "let both run on one of the hosts", "%s: %s may run on %s and %s on %s", p.constraint.ID(), p.from, named(a), p.to, named(b))
		}
	}
}

func orderWithoutColocation(s *subject, report report) {
	for _, o := range s.orders() {
		a, b := s.byID[o.from], s.byID[o.to]
		if a == nil || b == nil || o.score == 0 || clone(a) != nil || !isResource(a) || !isResource(b) {
			continue
		}
		if !s.together(b, a) && !s.together(a, b) {
			report(o.constraint, "colocate "+o.to+" with "+o.from+" if they need one host", "%s: %s starts after %s, on whatever host that is", o.constraint.ID(), o.to, o.from)
		}
	}
}
