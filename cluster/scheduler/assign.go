package scheduler

import (
	"cmp"
	"slices"
	"strings"
)

// assignResources decides where each resource goes. Connections to remote nodes go first,
// since what runs behind them depends on it.
func (c *cluster) assignResources() {
	if c.options.placement != placeDefault {
		c.sortForPlacement()
	}
	if c.hasRemotes {
		for _, r := range slices.Clone(c.resources) {
			if r.remoteHost {
				c.assignTo(r, r.partialTarget, true)
			}
		}
	}
	for _, r := range slices.Clone(c.resources) {
		if !r.remoteHost {
			c.assignTo(r, nil, true)
		}
	}
}

// assignTo finds a place for a resource: prefer, if it is as good as any. With stopIfFail,
// a resource that can be nowhere is stopped.
func (c *cluster) assignTo(r *resource, prefer *node, stopIfFail bool) *node {
	switch r.variant {
	case GroupResource:
		return c.assignGroup(r, prefer, stopIfFail)
	case CloneResource:
		return c.assignClone(r, prefer)
	case BundleResource:
		return c.assignBundle(r)
	}
	return c.assignPrimitive(r, prefer, stopIfFail)
}

func (c *cluster) assignPrimitive(r *resource, prefer *node, stopIfFail bool) *node {
	if r.parent != nil && !r.parent.is(assigning) && r.parent.is(provisional) {
		c.assignTo(r.parent, prefer, stopIfFail)
		return r.assigned
	}
	if !r.is(provisional) {
		return r.assigned
	}
	if r.is(assigning) {
		return nil
	}
	r.set(assigning)
	c.considerColocations(r)
	c.limitRole(r)
	if c.options.fencing && !c.haveFencing {
		r.clear(managed)
	}
	c.logScores("pcmk__primitive_assign", r)
	switch {
	case !r.is(managed):
		r.setNext(r.role, "unmanaged")
		c.place(r, r.currentNode(), true, stopIfFail)
	case c.options.stopAll:
		c.place(r, nil, true, stopIfFail)
	default:
		c.assignBest(r, prefer, stopIfFail)
	}
	r.clear(assigning)
	if r.remoteHost {
		c.remoteAssigned(r)
	}
	return r.assigned
}

// considerColocations adds the scores of colocations, mandatory ones first.
func (c *cluster) considerColocations(r *resource) {
	thisWith, withThis := r.thisWithAll(), r.withThisAll()
	mandatory := func(l *colocation) bool { return l.score >= infinity || l.score <= -infinity }
	for _, pass := range []bool{true, false} {
		for _, l := range thisWith {
			if mandatory(l) == pass {
				c.followPrimary(l, r)
			}
		}
		for _, l := range withThis {
			if mandatory(l) == pass {
				c.heedDependent(l, r)
			}
		}
	}
}

// followPrimary assigns the primary of a colocation and adds the score for being with it.
func (c *cluster) followPrimary(l *colocation, r *resource) {
	var archive []candidate
	if l.dependentRole >= rolePromoted || l.score < 0 && l.score > -infinity {
		archive = slices.Clone(r.allowed)
	}
	if l.primary.is(provisional) {
		c.assignTo(l.primary, nil, true)
	}
	l.apply(r, l.primary)
	if archive != nil && !c.anyAvailable(r.allowed) {
		r.allowed = archive
	}
}

// heedDependent adds what the dependent of a colocation prefers.
func (c *cluster) heedDependent(l *colocation, r *resource) {
	if !l.hasInfluence(nil) {
		return
	}
	mode := activeOnly
	if r.isClone() {
		mode |= nonNegative
	}
	r.allowed = l.dependent.addColocated(r, r.allowed, l, float64(l.score)/infinity, mode)
}

// limitRole applies what is already known of the role that the resource shall have.
func (c *cluster) limitRole(r *resource) {
	switch {
	case r.next == roleStopped:
		c.banEverywhere(r)
	case r.next > r.role && !c.options.quorate && c.options.quorumPolicy == quorumFreeze:
		r.setNext(r.role, "no-quorum-policy=freeze")
	}
}

func (c *cluster) assignBest(r *resource, prefer *node, stopIfFail bool) bool {
	mostFree := c.banWithoutCapacity(r)
	if prefer == nil && c.options.placement != placeDefault {
		prefer = mostFree
	}
	nodes := r.rankedNodes()
	var chosen *node
	if prefer != nil && len(nodes) > 0 {
		if w := r.lookAt(prefer); w != nil && w.score >= r.lookAt(nodes[0]).score && w.score >= 0 && available(prefer) {
			chosen = prefer
		}
	}
	if chosen == nil && len(nodes) > 0 {
		chosen = nodes[0]
		best := r.lookAt(chosen).score
		uniqueInstance := r.parent != nil && r.parent.isUniqueClone()
		running := r.currentNode()
		if !uniqueInstance && best > 0 && available(chosen) && running != nil && r.baseAvailable(running) {
			for _, n := range nodes[1:] {
				if r.lookAt(n).score != best {
					break
				}
				if n == running {
					chosen = n
				}
			}
		}
	}
	c.place(r, chosen, false, stopIfFail)
	return r.assigned != nil
}

func (r *resource) baseAvailable(n *node) bool { return available(n) && !n.excluded }

// rankedNodes are the candidates, best first.
func (r *resource) rankedNodes() []*node {
	nodes := make([]*node, 0, len(r.c.byName))
	r.eachCandidate(func(n *node, _ *candidate) { nodes = append(nodes, n) })
	active := r.currentNode()
	score := func(n *node) int {
		if !available(n) {
			return -infinity
		}
		return r.lookAt(n).score
	}
	slices.SortStableFunc(nodes, func(a, b *node) int {
		if o := cmp.Compare(score(b), score(a)); o != 0 {
			return o
		}
		if o := r.c.compareLoad(a, b, active); o != 0 {
			return o
		}
		return strings.Compare(a.name, b.name) // here, not as people sort numbers
	})
	return nodes
}

// compareLoad ranks nodes of equal scores for a resource that is active on one of them, so as to
// spread resources, which placement-strategy=minimal does not want.
func (c *cluster) compareLoad(a, b, active *node) int {
	if c.options.placement == placeMinimal {
		return 0
	}
	if c.options.placement == placeBalanced {
		if o := compareCapacity(a, b); o != 0 {
			return o
		}
	}
	if o := cmp.Compare(len(a.assigned), len(b.assigned)); o != 0 || a == b {
		return o
	}
	switch active {
	case a:
		return -1
	case b:
		return 1
	}
	return 0
}

// place puts a resource on a node, nil for nowhere, and reports whether that changes
// anything. Without force, a node that is not available is refused.
func (c *cluster) place(r *resource, n *node, force, stopIfFail bool) bool {
	if len(r.children) > 0 {
		changed := false
		for _, child := range r.children {
			changed = c.place(child, n, force, stopIfFail) || changed
		}
		return changed
	}
	if !force && n != nil {
		w := r.lookAt(n)
		if w == nil || w.score < 0 || !available(n) && !n.isGuest() {
			if stopIfFail {
				r.setNext(roleStopped, "node availability")
			}
			n = nil
		}
	}
	changed := r.assigned != n
	if r.assigned != nil {
		c.unplace(r)
	}
	r.clear(provisional)
	if n == nil {
		if stopIfFail {
			c.stopUnassigned(r)
		}
		return changed
	}
	r.assigned = n
	n.assigned = append(n.assigned, r)
	if w := r.lookAt(n); w != nil {
		w.count++
	}
	c.consumeCapacity(n, r)
	c.logUse(r, n)
	return changed
}

// assign is place for callers that take the answer as it comes.
func (c *cluster) assign(r *resource, n *node, force bool) bool { return c.place(r, n, force, true) }

// stopUnassigned: what is assigned nowhere stops; its recurring operations make no sense.
func (c *cluster) stopUnassigned(r *resource) {
	r.setNext(roleStopped, "unable to assign")
	for _, a := range r.actions {
		switch {
		case a.task == "stop":
			a.clear(optional)
		case a.task == "start":
			a.clear(runnable)
		case a.interval != 0 && a.extra.get("op_target_rc") != "7":
			a.clear(runnable)
		}
	}
}

// unplace takes an assignment back.
func (c *cluster) unplace(r *resource) {
	n := r.assigned
	if len(r.children) > 0 {
		for _, child := range r.children {
			c.unplace(child)
		}
		r.set(provisional)
		r.next = roleUnknown
		return
	}
	r.set(provisional)
	r.next = roleUnknown
	if n == nil {
		return
	}
	r.assigned = nil
	if i := slices.Index(n.assigned, r); i >= 0 {
		n.assigned = slices.Delete(n.assigned, i, i+1)
	}
	if w := r.lookAt(n); w != nil {
		w.count--
	}
	c.releaseCapacity(n, r)
}

func (c *cluster) assignGroup(r *resource, prefer *node, stopIfFail bool) *node {
	if r.parent != nil && !r.parent.is(assigning) && r.parent.is(provisional) {
		c.assignTo(r.parent, prefer, stopIfFail)
		return nil
	}
	if !r.is(provisional) {
		return r.assigned
	}
	if r.is(assigning) {
		return nil
	}
	r.set(assigning)
	r.role = r.children[0].role
	c.logScores("pcmk__group_assign", r)
	var place *node
	for _, member := range r.children {
		n := c.assignTo(member, prefer, stopIfFail)
		if place == nil {
			place = n
		}
	}
	r.setNext(r.children[0].next, "first group member")
	r.clear(assigning | provisional)
	if !r.group.colocated {
		return nil
	}
	return place
}
