package resource

import (
	"cmp"
	"strings"

	"holdfast/cluster/cib"
)

// colocation is one resource that wants to be with another: a constraint of its own, or what a set amounts to.
type colocation struct {
	id             string // of the constraint; between the members of one set, the set's
	rsc, with      string
	role, withRole string // "" for any
	score          string
}

// end is the resource at one end: the dependent one, or what it wants to be with.
func (p colocation) end(dependent bool) string {
	if dependent {
		return p.rsc
	}
	return p.with
}

func (p colocation) element() *cib.Element {
	e := cib.NewElement("rsc_colocation", "id", p.id, "rsc", p.rsc, "with-rsc", p.with, "score", p.score)
	for _, r := range []struct{ name, value string }{{"rsc-role", p.role}, {"with-rsc-role", p.withRole}} {
		if r.value != "" {
			e.Set(r.name, r.value)
		}
	}
	return e
}

// colocationsOf lists what the document colocates. The first set of a constraint is with the second, that with the third and so on.
func colocationsOf(doc *cib.Document) []colocation {
	var all []colocation
	for e := range doc.Section("constraints").All("rsc_colocation") {
		if e.Child("resource_set") == nil {
			all = append(all, colocation{e.ID(), e.Get("rsc"), e.Get("with-rsc"), role(e, "rsc-role"), role(e, "with-rsc-role"), e.Get("score")})
			continue
		}
		var before *cib.Element
		for set := range e.All("resource_set") {
			if ref := doc.ByID(set.Get("id-ref")); set.Get("id-ref") != "" && ref != nil {
				set = ref
			}
			all = append(all, insideSet(set, cmp.Or(set.Get("score"), e.Get("score")))...)
			if before != nil {
				all = append(all, betweenSets(e, before, set)...)
			}
			before = set
		}
	}
	return all
}

// insideSet is what a sequential set amounts to: each member is with the one before it, or away from all before it.
func insideSet(set *cib.Element, score string) []colocation {
	if !sequential(set) {
		return nil
	}
	var pairs []colocation
	names, inRole := members(set), role(set, "role")
	for i := 1; i < len(names); i++ {
		first := i - 1
		if strings.HasPrefix(score, "-") {
			first = 0
		}
		for _, with := range names[first:i] {
			pairs = append(pairs, colocation{set.ID(), names[i], with, inRole, inRole, score})
		}
	}
	return pairs
}

// betweenSets: of a sequential set on the left the first member, of one on the right the last speaks for the others.
func betweenSets(constraint, left, right *cib.Element) []colocation {
	dependents, primaries := members(left), members(right)
	if sequential(left) {
		dependents = dependents[:min(1, len(dependents))]
	}
	if sequential(right) {
		primaries = primaries[max(0, len(primaries)-1):]
	}
	var pairs []colocation
	for _, rsc := range dependents {
		for _, with := range primaries {
			pairs = append(pairs, colocation{constraint.ID(), rsc, with, role(left, "role"), role(right, "role"), constraint.Get("score")})
		}
	}
	return pairs
}

// role is the role that an attribute asks for, "" for any: whatever runs is started.
func role(e *cib.Element, attribute string) string {
	if name := e.Get(attribute); name != "Started" {
		return name
	}
	return ""
}

func sequential(set *cib.Element) bool { return cib.ParseBool(set.Get("sequential"), true) }

func members(set *cib.Element) []string {
	var names []string
	for ref := range set.All("resource_ref") {
		names = append(names, ref.ID())
	}
	return names
}
