package scheduler

import (
	"cmp"
	"slices"

	"holdfast/cluster/cib"
)

// colocation ties where the dependent may be to where the primary is.
type colocation struct {
	id                         string
	dependent, primary         *resource
	dependentRole, primaryRole role
	attribute                  string // node attribute that must match; "#uname" by default
	score                      int
	influence                  bool // whether an active primary moves for its dependent's sake
}

// colocationSpec is what of a colocation is common to the pairs of a set.
type colocationSpec struct {
	id, attribute, influence string
	score                    int
}

func (c *cluster) colocate(s colocationSpec, dependent, primary *resource, dependentRole, primaryRole string) {
	if s.score == 0 || dependent == nil || primary == nil || dependent == primary {
		return
	}
	l := &colocation{
		id: s.id, dependent: dependent, primary: primary, score: s.score, attribute: s.attribute,
		dependentRole: roleFilter(dependentRole), primaryRole: roleFilter(primaryRole),
		influence: cib.ParseBool(s.influence, dependent.is(critical)),
	}
	if l.attribute == "" {
		l.attribute = "#uname"
	}
	dependent.thisWith = insertColocation(dependent.thisWith, l, func(x *colocation) *resource { return x.primary })
	primary.withThis = insertColocation(primary.withThis, l, func(x *colocation) *resource { return x.dependent })
	c.colocations = append(c.colocations, l)
	if s.score <= -infinity {
		c.orderApart(dependent, l.dependentRole, primary, l.primaryRole)
		c.orderApart(primary, l.primaryRole, dependent, l.dependentRole)
	}
}

func roleFilter(text string) role {
	r := parseRole(text)
	if r == roleStarted {
		return roleUnknown
	}
	return r
}

// insertColocation keeps a list in the order in which colocations are looked at: by the
// other resource's priority, clones before groups before primitives, then by id.
func insertColocation(list []*colocation, l *colocation, other func(*colocation) *resource) []*colocation {
	at := len(list)
	for i, x := range list {
		if compareColocations(l, x, other) < 0 {
			at = i
			break
		}
	}
	return slices.Insert(list, at, l)
}

func compareColocations(a, b *colocation, other func(*colocation) *resource) int {
	x, y := other(a), other(b)
	if o := cmp.Compare(y.priority, x.priority); o != 0 {
		return o
	}
	if o := cmp.Compare(y.variant, x.variant); o != 0 {
		return o
	}
	if x.isClone() && x.is(promotable) != y.is(promotable) {
		if x.is(promotable) {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.id, b.id)
}

// orderApart: what must not be together in those roles gives up the one on a node before
// the other takes its own there.
func (c *cluster) orderApart(first *resource, firstRole role, then *resource, thenRole role) {
	for _, leave := range leavesRole(firstRole) {
		for _, enter := range entersRole(thenRole) {
			c.orderTasks(first, leave, then, enter, requiredOnSameNode)
		}
	}
}

// leavesRole are the tasks after which a resource is not in the role any more.
func leavesRole(from role) []string {
	switch from {
	case rolePromoted:
		return []string{"demote"}
	case roleUnpromoted:
		return []string{"stop", "promote"}
	}
	return []string{"stop"}
}

// entersRole are the tasks that bring a resource into the role.
func entersRole(to role) []string {
	switch to {
	case rolePromoted:
		return []string{"promote"}
	case roleUnpromoted:
		return []string{"start", "demote"}
	}
	return []string{"start"}
}

func (c *cluster) unpackColocation(e *cib.Element) {
	spec := colocationSpec{id: e.ID(), attribute: e.Get("node-attribute"), influence: e.Get("influence"), score: infinity}
	if text, ok := e.Lookup("score"); ok {
		spec.score = parseScore(text, 0)
	}
	var last *resourceSet
	for setElement := range e.All("resource_set") {
		set := c.unpackSet(setElement)
		if set.e == nil {
			continue
		}
		c.colocateWithin(spec, set)
		if last != nil {
			c.colocateSets(spec, *last, set)
		}
		last = &set
	}
	if last != nil {
		return
	}
	dependent, primary := e.Get("rsc"), e.Get("with-rsc")
	c.colocateSets(spec, c.pairSet(dependent, e.Get("rsc-role"), ""), c.pairSet(primary, e.Get("with-rsc-role"), ""))
}

// colocateWithin ties the members of one set together, like a group's. A negative score keeps
// each apart from all before it: from its neighbour alone would let every second one meet.
func (c *cluster) colocateWithin(spec colocationSpec, set resourceSet) {
	if set.score != "" {
		spec.score = parseScore(set.score, spec.score)
	}
	if !set.sequential {
		return
	}
	spec.id, spec.attribute = set.id, ""
	listed := set.e.Get("ordering") == "listed"
	for i, member := range set.members {
		switch {
		case spec.score < 0:
			for _, earlier := range set.members[:i] {
				c.colocate(spec, member, earlier, set.role, set.role)
			}
		case i == 0:
		case listed:
			c.colocate(spec, set.members[i-1], member, set.role, set.role)
		default:
			c.colocate(spec, member, set.members[i-1], set.role, set.role)
		}
	}
}

// colocateSets ties the dependents in one set to the primaries in the next.
func (c *cluster) colocateSets(spec colocationSpec, dependents, primaries resourceSet) {
	from, to := dependents.members, primaries.members
	if dependents.sequential && len(from) > 1 {
		from = from[:1]
	}
	if primaries.sequential && len(to) > 1 {
		to = to[len(to)-1:]
	}
	for _, d := range from {
		for _, p := range to {
			c.colocate(spec, d, p, dependents.role, primaries.role)
		}
	}
}

// hasInfluence reports whether the dependent's preferences count for r, the primary.
func (l *colocation) hasInfluence(r *resource) bool {
	if r == nil {
		r = l.primary
	}
	// A container does not move for its own connection's sake.
	if l.dependent.is(nestingAllowed) && !r.is(failed) && len(r.running) == 1 {
		return false
	}
	return l.influence || len(r.running) == 0
}

// thisWithAll are the colocations in which r is the dependent, those of what it is part of
// included as far as they concern r.
func (r *resource) thisWithAll() []*colocation { return r.collectThisWith(r, nil) }

// withThisAll are the colocations in which r is the primary, likewise.
func (r *resource) withThisAll() []*colocation { return r.collectWithThis(r, nil) }

func byPrimary(x *colocation) *resource   { return x.primary }
func byDependent(x *colocation) *resource { return x.dependent }

func mergeColocations(list, more []*colocation, other func(*colocation) *resource) []*colocation {
	if len(list) == 0 {
		return slices.Clone(more)
	}
	for _, l := range more {
		list = insertColocation(list, l, other)
	}
	return list
}

func (r *resource) collectThisWith(origin *resource, list []*colocation) []*colocation {
	switch r.variant {
	case PrimitiveResource:
		list = mergeColocations(list, r.thisWith, byPrimary)
	case GroupResource:
		if r != origin && origin != r.children[0] {
			for _, l := range r.thisWith {
				if l.score >= infinity {
					list = insertColocation(list, l, byPrimary)
				}
			}
			return list
		}
		list = mergeColocations(list, r.thisWith, byPrimary)
		list = r.addLaterMembers(list)
	case CloneResource:
		list = mergeColocations(list, r.thisWith, byPrimary)
	case BundleResource:
		if r.sharesColocationsWith(origin) {
			list = mergeColocations(list, r.thisWith, byPrimary)
		}
		return list
	}
	if r.parent != nil {
		list = r.parent.collectThisWith(origin, list)
	}
	return list
}

// addLaterMembers adds what a group's other members must be with outside of the group: the
// first one decides for all of them.
func (r *resource) addLaterMembers(list []*colocation) []*colocation {
	if !r.group.colocated {
		return list
	}
	for _, member := range r.children[1:] {
		for _, l := range member.thisWith {
			if l.score >= infinity && !isBelow(l.primary, r) {
				list = insertColocation(list, l, byPrimary)
			}
		}
	}
	return list
}

func (r *resource) collectWithThis(origin *resource, list []*colocation) []*colocation {
	switch r.variant {
	case GroupResource:
		if r != origin && origin != r.children[len(r.children)-1] {
			return list
		}
	case BundleResource:
		if r.sharesColocationsWith(origin) {
			list = mergeColocations(list, r.withThis, byDependent)
		}
		return list
	}
	list = mergeColocations(list, r.withThis, byDependent)
	if r.parent != nil {
		list = r.parent.collectWithThis(origin, list)
	}
	return list
}

// attributeFor is the value of a colocation's node attribute. On a guest node the host's
// counts when the resource says so.
func attributeFor(n *node, attribute string, r *resource) string {
	if n == nil {
		return ""
	}
	// A node inside a bundle stands for the host of its container.
	if n.isGuest() && n.remote != nil && n.remote.replica != nil {
		if host := n.remote.container.assigned; host != nil {
			n = host
		} else if host := n.remote.container.currentNode(); host != nil {
			n = host
		}
	}
	if attribute == "#uname" {
		return n.name
	}
	if n.isGuest() && lower(r.meta["container-attribute-target"]) == "host" && n.remote != nil && n.remote.container != nil {
		if host := n.remote.container.assigned; host != nil {
			return host.attributes[attribute]
		}
		if host := n.remote.container.currentNode(); host != nil {
			return host.attributes[attribute]
		}
	}
	return n.attributes[attribute]
}

// insideBundle reports whether r is what runs inside the containers of a bundle.
func (r *resource) insideBundle() bool {
	top := r.top(false)
	return top.parent != nil && top.parent.bundle.inner == top
}
