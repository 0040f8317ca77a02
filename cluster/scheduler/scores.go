package scheduler

import "slices"

// select flags for adding colocated scores.
type scoreMode uint8

const (
	nonNegative scoreMode = 1 << iota // a positive score may be brought down to 1, not below
	activeOnly                        // give up when no node would remain
	selectThisWith
)

const keepAtOne = 1

// available reports whether the node can run anything now.
func available(n *node) bool {
	return n != nil && n.online && !n.shutdown && !n.unclean && !n.standby && !n.maintenance
}

func (c *cluster) anyAvailable(table []candidate) bool {
	for i, w := range table {
		if w.present && w.score >= 0 && available(c.nodes[i]) {
			return true
		}
	}
	return false
}

// addColocated adds what r, and what is colocated with it in turn, prefers to a table of
// scores for the nodes of target, each preference weighed by factor.
func (r *resource) addColocated(target *resource, table []candidate, l *colocation, factor float64, mode scoreMode) []candidate {
	if r.isGroup() {
		if r.is(addingScores) || len(r.children) == 0 {
			return table
		}
		r.set(addingScores)
		member := r.children[0]
		if table == nil {
			member = r.children[len(r.children)-1]
		}
		table = member.addColocated(target, table, l, factor, mode)
		r.clear(addingScores)
		return table
	}
	if r.is(addingScores) {
		return table
	}
	r.set(addingScores)
	defer r.clear(addingScores)
	var work []candidate
	if table == nil {
		work, target = slices.Clone(r.allowed), r
	} else {
		work = slices.Clone(table)
		r.addMatching(work, target, l, factor, mode&nonNegative != 0)
	}
	if !r.c.anyAvailable(work) {
		if mode&activeOnly != 0 {
			return table
		}
		return work
	}
	list := r.withThisAll()
	if mode&selectThisWith != 0 {
		list = r.thisWithAll()
	}
	for _, next := range list {
		other := next.dependent
		if mode&selectThisWith != 0 {
			other = next.primary
		} else if !next.hasInfluence(nil) {
			continue
		}
		work = other.addColocated(target, work, next, factor*float64(next.score)/infinity, mode|activeOnly)
	}
	if mode&nonNegative != 0 {
		for i := range work {
			if work[i].score == -keepAtOne-infinity*2 {
				work[i].score = keepAtOne
			}
		}
	}
	return work
}

// addMatching adds the best of r's scores among nodes that match by the colocation's attribute.
func (r *resource) addMatching(table []candidate, target *resource, l *colocation, factor float64, positive bool) {
	for i := range table {
		w := &table[i]
		if !w.present {
			continue
		}
		score := r.bestMatching(l, attributeFor(r.c.nodes[i], l.attribute, target))
		if factor < 0 && score < 0 && !onlyOneAllowed(l.dependent) {
			continue
		}
		if w.score == -keepAtOne-infinity*2 {
			continue
		}
		weighed := factor * float64(score)
		var delta int
		if weighed < 0 {
			delta = int(weighed - 0.5)
		} else {
			delta = int(weighed + 0.5)
		}
		if delta == 0 && score != 0 {
			if factor > 0 {
				delta = 1
			} else if factor < 0 {
				delta = -1
			}
		}
		sum := addScores(delta, w.score)
		if positive && sum < 0 && w.score > 0 {
			w.score = -keepAtOne - infinity*2
			continue
		}
		if positive && sum < 0 && w.score <= 0 {
			continue
		}
		w.score = sum
	}
}

func onlyOneAllowed(r *resource) bool {
	count := 0
	for _, w := range r.allowed {
		if w.present && w.score >= 0 {
			count++
		}
	}
	return count == 1
}

// bestMatching is r's best score among available nodes with that attribute value.
func (r *resource) bestMatching(l *colocation, value string) int {
	table := r.allowed
	if l.attribute == "#uname" && !r.insideBundle() {
		if n := r.c.nodeNamed(value); n != nil && n.index < len(table) && table[n.index].present && available(n) && !l.groupBanned(r, n) {
			return max(-infinity, table[n.index].score)
		}
		return -infinity
	}
	best := -infinity
	for i, w := range table {
		n := r.c.nodes[i]
		if w.present && w.score > best && available(n) && attributeFor(n, l.attribute, r) == value && !l.groupBanned(r, n) {
			best = w.score
		}
	}
	return best
}

// groupBanned reports whether the dependent, a later member of a group, cannot be on the node
// because the group, that is its first member, is banned from it.
func (l *colocation) groupBanned(r *resource, n *node) bool {
	if l.dependent != r || r.parent == nil || !r.parent.isGroup() || !r.parent.group.colocated || l.score < infinity || isBelow(l.primary, r.parent) {
		return false
	}
	w := r.parent.children[0].lookAt(n)
	return w == nil || w.score <= -infinity
}

// effect says what a colocation changes.
type effect uint8

const (
	affectsNothing effect = iota
	affectsPlace
	affectsRole
)

// roleHolder is what has a role when r is spoken of: of a container, what runs in it.
func roleHolder(r *resource) *resource {
	if inner := r.contained(); inner != nil {
		return inner
	}
	return r
}

func (l *colocation) effectOn(dependent, primary *resource, preview bool) effect {
	if !preview && primary.is(provisional) {
		return affectsNothing
	}
	d, p := roleHolder(dependent), roleHolder(primary)
	if l.concernsRoleOf(d) {
		return affectsRole
	}
	if !preview && !dependent.is(provisional) {
		return affectsNothing
	}
	if l.dependentRole != roleUnknown && l.dependentRole != d.next {
		return affectsNothing
	}
	if l.primaryRole != roleUnknown && l.primaryRole != p.next {
		return affectsNothing
	}
	return affectsPlace
}

// concernsRoleOf reports whether the dependent's place is settled, and its role as an instance
// of a promotable clone is what the colocation is about.
func (l *colocation) concernsRoleOf(dependent *resource) bool {
	return l.dependentRole >= roleUnpromoted && dependent.parent != nil && dependent.parent.is(promotable) && !dependent.is(provisional)
}

// applyColocation adds a colocation's score to the dependent's nodes (or promotion
// priority), now that the primary has its place.
func (l *colocation) apply(dependent, primary *resource) {
	switch {
	case dependent.isGroup() && !l.concernsRoleOf(dependent):
		if dependent.group.colocated {
			if len(dependent.children) > 0 {
				l.apply(dependent.children[0], primary)
			}
			return
		}
		for _, member := range dependent.children {
			l.apply(member, primary)
		}
		return
	case primary.isGroup():
		l.applyWithGroup(dependent, primary)
	case primary.isClone():
		l.applyWithClone(dependent, primary)
	case primary.isBundle():
		l.applyWithBundle(dependent, primary)
	default:
		switch l.effectOn(dependent, primary, false) {
		case affectsRole:
			l.applyToPriority(dependent, primary)
		case affectsPlace:
			l.applyToScores(dependent, primary)
		}
	}
}

func (l *colocation) applyWithGroup(dependent, primary *resource) {
	if primary.is(provisional) || len(primary.children) == 0 {
		return
	}
	members := primary.children
	switch {
	case !primary.group.colocated && l.score >= infinity:
	case !primary.group.colocated:
		for _, member := range members {
			l.apply(dependent, member)
		}
	case l.score >= infinity:
		l.apply(dependent, members[len(members)-1])
	default:
		l.apply(dependent, members[0])
	}
}

func (l *colocation) applyToScores(dependent, primary *resource) {
	c := dependent.c
	if primary.assigned == nil && l.score < 0 {
		return
	}
	value := attributeFor(primary.assigned, l.attribute, primary)
	work := slices.Clone(dependent.allowed)
	for i := range work {
		w := &work[i]
		switch {
		case !w.present:
		case primary.assigned == nil:
			w.score = addScores(-l.score, w.score)
		case attributeFor(c.nodes[i], l.attribute, dependent) == value:
			if l.score < infinity {
				w.score = addScores(l.score, w.score)
			}
		case l.score >= infinity:
			w.score = addScores(-l.score, w.score)
		}
	}
	if l.score <= -infinity || l.score >= infinity || c.anyAvailable(work) {
		dependent.allowed = work
	}
}

func (l *colocation) applyToPriority(dependent, primary *resource) {
	n := dependent.firstAssigned()
	p := roleHolder(primary)
	if n == nil || primary.assigned == nil {
		return
	}
	if attributeFor(n, l.attribute, dependent) != attributeFor(primary.assigned, l.attribute, primary) {
		if l.score >= infinity && l.dependentRole == rolePromoted {
			dependent.priority = -infinity
		}
		return
	}
	if l.primaryRole != roleUnknown && l.primaryRole != p.next {
		return
	}
	score := l.score
	if l.dependentRole == roleUnpromoted {
		score = -score
	}
	dependent.priority = addScores(score, dependent.priority)
}

// applyWithClone: the dependent of a clone goes where an instance is; an interleaved clone's
// instance goes with the instance that is compatible with it.
func (l *colocation) applyWithClone(dependent, primary *resource) {
	if primary.is(provisional) {
		return
	}
	if primary.is(promotable) && l.primaryRole != roleUnknown {
		l.applyWithPromotable(dependent, primary)
		return
	}
	if top := dependent.top(false); (top.isClone() || top.isBundle()) && top.interleaves() && l.score >= 0 || dependent.topInterleaves() && l.score >= infinity {
		partner := dependent.compatibleInstance(primary, roleUnknown, false)
		if partner != nil {
			l.apply(dependent, partner)
			return
		} else if l.score >= infinity {
			dependent.c.assign(dependent, nil, true)
			return
		}
	}
	if l.score >= infinity {
		// Only where an instance will be that works.
		var places []*node
		for _, instance := range primary.children {
			if n := instance.firstAssigned(); n != nil && !instance.holdsBlocked() {
				places = append(places, n)
			}
		}
		l.restrictTo(dependent, places)
		return
	}
	for _, instance := range primary.children {
		l.apply(dependent, instance)
	}
}

// holdsBlocked reports whether a failure has r, or a part of it, left alone.
func (r *resource) holdsBlocked() bool {
	return r.is(blocked) || slices.ContainsFunc(r.children, (*resource).holdsBlocked)
}

func (r *resource) topInterleaves() bool {
	for x := r; x != nil; x = x.parent {
		if (x.isClone() || x.isBundle()) && x.interleaves() {
			return true
		}
	}
	return false
}

// restrictTo leaves the dependent only nodes that match one of places.
func (l *colocation) restrictTo(dependent *resource, places []*node) {
	c := dependent.c
	for i := range dependent.allowed {
		w := &dependent.allowed[i]
		if !w.present {
			continue
		}
		value := attributeFor(c.nodes[i], l.attribute, dependent)
		matches := slices.ContainsFunc(places, func(n *node) bool { return attributeFor(n, l.attribute, dependent) == value })
		switch {
		case matches && l.score < infinity:
			w.score = addScores(w.score, l.score)
		case !matches && l.score >= infinity:
			w.score = -infinity
		}
	}
}

// applyWithPromotable is about primaries in a role: first where the dependent may be, and
// when that is settled, how much its promotion is worth.
func (l *colocation) applyWithPromotable(dependent, primary *resource) {
	switch {
	case dependent.is(provisional):
		l.followRole(dependent, primary)
	case l.dependentRole != rolePromoted:
	case l.matchesInstance(dependent, primary):
		dependent.priority = addScores(dependent.priority, l.score)
	case l.score >= infinity:
		dependent.priority = -infinity
	}
}

// followRole: the dependent goes where the primary's instances in that role are; among those
// places the primary's own preference counts. When both have to be promoted, nothing is
// forbidden: the dependent may start before it is known which of the primary's is promoted.
func (l *colocation) followRole(dependent, primary *resource) {
	places := l.placesInRole(primary)
	bothPromoted := l.dependentRole == rolePromoted && l.primaryRole == rolePromoted
	if l.score >= infinity && bothPromoted {
		return
	}
	for i := range dependent.allowed {
		w := &dependent.allowed[i]
		if !w.present {
			continue
		}
		value := attributeFor(dependent.c.nodes[i], l.attribute, dependent)
		matched := false
		for _, place := range places {
			switch {
			case attributeFor(place.n, l.attribute, primary) != value:
			case l.score < infinity:
				w.score = addScores(w.score, l.score)
			case !matched:
				w.score, matched = addScores(w.score, place.score), true
			}
		}
		if l.score >= infinity && !matched {
			w.score = -infinity
		}
	}
}

// place is where an instance shall be, and how much it prefers to be there.
type place struct {
	n     *node
	score int
}

// placesInRole are the places of the primary's instances that have the constraint's role.
func (l *colocation) placesInRole(primary *resource) []place {
	var places []place
	for _, instance := range primary.children {
		n := instance.firstAssigned()
		if n == nil || instance.effectiveRole(false) != l.primaryRole {
			continue
		}
		score := 0
		if w := instance.lookAt(n); w != nil {
			score = w.score
		}
		places = append(places, place{n, score})
	}
	return places
}

// matchesInstance reports whether some instance of the primary in the constraint's role is
// where the dependent shall be, as the constraint's node attribute has it.
func (l *colocation) matchesInstance(dependent, primary *resource) bool {
	n := dependent.firstAssigned()
	if n == nil {
		return false
	}
	value := attributeFor(n, l.attribute, dependent)
	return slices.ContainsFunc(l.placesInRole(primary), func(p place) bool {
		return attributeFor(p.n, l.attribute, primary) == value
	})
}
