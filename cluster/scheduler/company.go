package scheduler

import "slices"

// company are resources that have to be on one node, as mandatory colocations want it.
type company struct {
	of      *resource // for whose sake they are gathered
	members map[*resource]bool
	order   []*resource
}

// mandatoryCompany gathers the resources that must be where r is, r included.
func (r *resource) mandatoryCompany() *company {
	m := &company{of: r, members: map[*resource]bool{}}
	m.join(r)
	return m
}

// join adds a resource and what must be with it in turn. A group's members bring their own.
func (m *company) join(r *resource) {
	if m.members[r] {
		return
	}
	m.members[r] = true
	m.order = append(m.order, r)
	if r.isGroup() {
		members := r.children
		if !r.sharesNode() {
			members = members[:1]
		}
		for _, member := range members {
			m.join(member)
		}
	}
	for _, l := range r.thisWithAll() {
		if l.primary != m.of && l.bindsPlace() {
			m.join(l.primary)
		}
	}
	for _, l := range r.withThisAll() {
		if r.isClone() && !l.dependent.isClone() {
			continue // with which instance is not known yet
		}
		if l.dependent != m.of && l.bindsPlace() {
			m.join(l.dependent)
		}
	}
}

// bindsPlace reports whether the dependent can be only where the primary is.
func (l *colocation) bindsPlace() bool {
	return l.score >= infinity && l.effectOn(l.dependent, l.primary, true) == affectsPlace
}

// sharesNode reports whether all members of the group are on one node.
func (r *resource) sharesNode() bool {
	return r.group.colocated || r.parent != nil && r.parent.isClone()
}

// needs is what all in the company that have no place yet use up together.
func (m *company) needs() map[string]int {
	sum := map[string]int{}
	for _, r := range m.order {
		m.addNeeds(sum, r)
	}
	return sum
}

// addNeeds adds what r uses: of a group what its members do and of a clone what one instance
// does, unless those have joined themselves; of a bundle what its first container does.
func (m *company) addNeeds(sum map[string]int, r *resource) {
	if !r.is(provisional) {
		return
	}
	switch r.variant {
	case PrimitiveResource:
		for name, amount := range r.utilization {
			sum[name] += amount
		}
	case GroupResource:
		members := r.children
		if !r.sharesNode() {
			members = members[:1]
		}
		for _, member := range members {
			if !m.members[member] {
				m.addNeeds(sum, member)
			}
		}
	case CloneResource:
		if len(r.children) > 0 && !slices.ContainsFunc(r.children, m.includes) {
			m.addNeeds(sum, r.children[0])
		}
	case BundleResource:
		if len(r.bundle.replicas) > 0 {
			m.addNeeds(sum, r.bundle.replicas[0].container)
		}
	}
}

// includes reports whether the resource, or a part of it, has joined.
func (m *company) includes(r *resource) bool {
	return m.members[r] || slices.ContainsFunc(r.children, m.includes)
}
