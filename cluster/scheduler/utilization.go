package scheduler

import (
	"cmp"
	"maps"
	"slices"
)

// compareCapacity puts the node with more free capacity first.
func compareCapacity(a, b *node) int {
	result := 0
	names := slices.Sorted(maps.Keys(a.utilization))
	for name := range b.utilization {
		if _, ok := a.utilization[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		result -= cmp.Compare(a.utilization[name], b.utilization[name])
	}
	return result
}

func (c *cluster) consumeCapacity(n *node, r *resource) { n.adjust(r, -1) }
func (c *cluster) releaseCapacity(n *node, r *resource) { n.adjust(r, 1) }

func (n *node) adjust(r *resource, sign int) {
	for name, amount := range r.utilization {
		if have, ok := n.utilization[name]; ok {
			n.utilization[name] = have + sign*amount
		}
	}
}

// fits reports whether the node has room for what is needed.
func (n *node) fits(needs map[string]int) bool {
	for name, amount := range needs {
		if amount > n.utilization[name] {
			return false
		}
	}
	return true
}

// banWithoutCapacity forbids nodes that have no room for the resource and all that must be
// with it. When none has, each gets the room that it needs for itself, and the node with most
// room is returned: there as many as possible find a place.
func (c *cluster) banWithoutCapacity(r *resource) *node {
	if c.options.placement == placeDefault {
		return nil
	}
	needs := r.mandatoryCompany().needs()
	var mostFree *node
	capable := false
	r.eachCandidate(func(n *node, w *candidate) {
		if w.score < 0 || !available(n) {
			return
		}
		capable = capable || n.fits(needs)
		if mostFree == nil || compareCapacity(n, mostFree) < 0 {
			mostFree = n
		}
	})
	if capable {
		mostFree = nil
	} else {
		needs = r.utilization
	}
	r.eachCandidate(func(n *node, w *candidate) {
		if w.score >= 0 && available(n) && !n.fits(needs) {
			w.score = -infinity
		}
	})
	return mostFree
}

// sortForPlacement: with a placement strategy, what prefers its node most is placed first.
func (c *cluster) sortForPlacement() {
	scoreOf := func(r *resource, n *node) int {
		table := r.addColocated(r, nil, &colocation{dependent: r, primary: r, attribute: "#uname"}, 1, selectThisWith)
		if n == nil || n.index >= len(table) || !table[n.index].present {
			return -infinity
		}
		return table[n.index].score
	}
	slices.SortStableFunc(c.resources, func(a, b *resource) int {
		if o := cmp.Compare(b.priority, a.priority); o != 0 {
			return o
		}
		if o := cmp.Compare(scoreOf(b, b.currentNode()), scoreOf(a, a.currentNode())); o != 0 {
			return o
		}
		for _, n := range c.byCapacity() {
			if o := cmp.Compare(scoreOf(b, n), scoreOf(a, n)); o != 0 {
				return o
			}
		}
		return 0
	})
}

func (c *cluster) byCapacity() []*node {
	nodes := slices.Clone(c.byName)
	slices.SortStableFunc(nodes, func(a, b *node) int {
		if x, y := available(a), available(b); x != y {
			return boolFirst(x)
		}
		if c.options.placement == placeBalanced {
			return compareCapacity(a, b)
		}
		return 0
	})
	return nodes
}

// utilizationConstraints: capacity is free only after what used it has stopped.
func (c *cluster) utilizationConstraints(r *resource) {
	if c.options.placement == placeDefault || len(r.utilization) == 0 {
		return
	}
	for _, n := range r.running {
		load := c.loadStopped(n)
		c.order(ordering{first: r, firstTask: "stop", thenAction: load, kind: sameNodeOrTarget})
	}
	r.eachCandidate(func(n *node, _ *candidate) {
		load := c.loadStopped(n)
		c.order(ordering{firstAction: load, then: r, thenTask: "start", kind: sameNodeOrTarget})
		c.order(ordering{firstAction: load, then: r, thenTask: "migrate_to", kind: sameNodeOrTarget})
	})
}

func (c *cluster) loadStopped(n *node) *action {
	a := c.clusterAction("load_stopped_"+n.name, "load_stopped_"+n.name, n, false)
	a.node = n
	a.set(pseudo)
	a.clear(optional)
	return a
}

// breakMigrationLoops takes orderings away that would make resources which change places
// wait for each other's leaving for ever.
func (c *cluster) breakMigrationLoops() {
	if c.options.placement == placeDefault {
		return
	}
	for _, a := range slices.Backward(c.actions) {
		if a.task != "migrate_to" {
			continue
		}
		for _, in := range slices.Backward(a.inputs) {
			if in.kind == sameNodeOrTarget && in.counts() && in.first.waitsFor(a, map[*action]bool{}) {
				in.kind = 0
			}
		}
	}
}

// waitsFor reports whether other happens before a, in however many steps.
func (a *action) waitsFor(other *action, seen map[*action]bool) bool {
	if a == other {
		return true
	}
	if seen[a] {
		return false
	}
	seen[a] = true
	return slices.ContainsFunc(a.inputs, func(in *input) bool { return in.counts() && in.first.waitsFor(other, seen) })
}
