package scheduler

import (
	"cmp"
	"slices"
)

// addPromotionScores lets an agent's wish to be promoted on a node count when the clone's
// instances are assigned.
func (c *cluster) addPromotionScores(r *resource) {
	if r.clone.mergedPromotion {
		return
	}
	r.clone.mergedPromotion = true
	for _, child := range r.children {
		child.eachCandidate(func(n *node, w *candidate) {
			if !available(n) {
				return
			}
			score, _ := c.promotionScoreOn(child, n)
			if score > 0 {
				w.score = addScores(w.score, score)
			}
			child.priority = max(child.priority, score)
		})
	}
}

// promotionScoreOn is the score that the agent has given for promotion on the node, and
// whether it has given one.
func (c *cluster) promotionScoreOn(r *resource, n *node) (score int, given bool) {
	if len(r.children) > 0 {
		for _, child := range r.children {
			s, g := c.promotionScoreOn(child, n)
			score, given = addScores(score, s), given || g
		}
		return score, given
	}
	if !c.promotionApplies(r, n) {
		return 0, false
	}
	name := r.id
	if r.historyID != "" {
		name = r.historyID
	}
	value, ok := c.promotionAttribute(r, n, name)
	if !ok && !r.is(unique) {
		value, ok = c.promotionAttribute(r, n, stripInstance(r.id))
	}
	if !ok {
		return 0, false
	}
	return parseScore(value, 0), true
}

// promotionAttribute is the score recorded for the node, or where the resource wants that,
// for the host of the guest: the host that it is on, or once the resource has its place, the
// one that it shall be on. Without a host there is no score.
func (c *cluster) promotionAttribute(r *resource, n *node, name string) (string, bool) {
	if n.isGuest() && lower(r.meta["container-attribute-target"]) == "host" && n.remote != nil && n.remote.container != nil {
		host := n.remote.container.assigned
		if r.is(provisional) {
			host = n.remote.container.currentNode()
		}
		if host == nil {
			return "", false
		}
		n = host
	}
	v, ok := n.attributes["master-"+name]
	return v, ok
}

// promotionApplies: a score counts for the instance that is active on the node, or when
// none is, if the node is known not to run one.
func (c *cluster) promotionApplies(r *resource, n *node) bool {
	top := r.uber()
	if top.isAnonymousClone() {
		name := stripInstance(r.id)
		var active *resource
		known := false
		for _, child := range top.children {
			x := child.part(name)
			if x == nil {
				continue
			}
			if active == nil && x.runningOn(n) {
				active = x
			}
			known = known || x.knownOn(n)
		}
		if active == r || active == nil && known {
			return true
		}
	}
	// Once it was probed or started anywhere, only nodes where its state is known count. At
	// the cluster's start none is, and permanent scores must count.
	if (len(r.running) > 0 || len(r.known) > 0) && !r.runningOn(n) && !r.knownOn(n) {
		return false
	}
	w := r.lookAt(n)
	return w != nil && w.score >= 0
}

// setInstanceRoles chooses which of a promotable clone's instances are promoted.
func (c *cluster) setInstanceRoles(r *resource) {
	for i := range r.allowed {
		r.allowed[i].count = 0
	}
	for _, child := range r.children {
		c.setPromotionPriority(r, child)
	}
	c.sortForPromotion(r)
	c.logPromotions(r)
	promoted := 0
	for _, child := range r.children {
		var w *candidate
		if child.sortIndex() >= 0 && (promoted < r.clone.promotedMax || !r.is(managed)) {
			w = c.promotionPlace(r, child)
		}
		if w == nil {
			child.setUnpromoted()
			continue
		}
		if child.effectiveRole(true) < rolePromoted && !c.options.quorate && c.options.quorumPolicy == quorumFreeze {
			child.setUnpromoted()
			continue
		}
		w.count++
		child.setPromoted()
		promoted++
	}
}

func (r *resource) sortIndex() int { return r.promotionScore }

// setUnpromoted has an instance run unpromoted wherever it shall run, whatever role it was
// to keep.
func (r *resource) setUnpromoted() {
	for _, child := range r.children {
		child.setUnpromoted()
	}
	if r.isPrimitive() && r.assigned == nil {
		r.setNext(roleStopped, "stopped instance")
		return
	}
	r.setNext(roleUnpromoted, "unpromoted instance")
}

func (r *resource) setPromoted() {
	for _, child := range r.children {
		child.setPromoted()
	}
	if r.next == roleUnknown {
		r.setNext(rolePromoted, "promoted instance")
	}
}

func (c *cluster) setPromotionPriority(top, r *resource) {
	r.each(func(x *resource) {
		if x.role == roleStarted {
			x.role = roleUnpromoted
		}
	})
	n := r.firstAssigned()
	if n == nil {
		r.promotionScore = -infinity
		r.priority = max(r.priority, -infinity)
		r.promotionScore = -1
		return
	}
	next := r.effectiveRole(false)
	switch next {
	case roleStarted, roleUnknown:
		score, given := c.promotionScoreOn(r, n)
		r.priority = score
		if !given {
			r.priority = -1
		}
	case roleUnpromoted, roleStopped:
		r.priority = -infinity
	}
	for _, x := range []*resource{r, top} {
		for _, l := range x.locations {
			if l.role == rolePromoted {
				if score, ok := l.scoreOn(n); ok {
					r.priority = addScores(r.priority, score)
				}
			}
		}
	}
	for _, l := range r.thisWithAll() {
		l.apply(r, l.primary)
	}
	r.promotionScore = r.priority
	if next == rolePromoted {
		r.promotionScore = infinity
	}
}

// sortForPromotion puts the instances that deserve promotion most first.
func (c *cluster) sortForPromotion(r *resource) {
	r.clone.choosingRoles = true
	r.set(addingScores)
	for _, child := range r.children {
		n := child.firstAssigned()
		if child.promotionScore < 0 || n == nil {
			continue
		}
		if w := r.lookAt(n); w != nil {
			w.score = addScores(child.promotionScore, w.score)
		}
	}
	for _, l := range r.thisWithAll() {
		// Optional ones count in each instance's own priority already.
		if l.dependentRole == rolePromoted && l.score >= infinity {
			r.allowed = l.primary.addColocated(r, r.allowed, l, float64(l.score)/infinity, 0)
		}
	}
	for _, l := range r.withThisAll() {
		if l.primaryRole == rolePromoted && l.hasInfluence(nil) {
			r.allowed = l.dependent.addColocated(r, r.allowed, l, float64(l.score)/infinity, activeOnly|nonNegative)
		}
	}
	c.requirePromotionTickets(r)
	for _, child := range r.children {
		n := child.firstAssigned()
		switch {
		case !child.is(managed) && child.next == rolePromoted:
			child.promotionScore = infinity
		case n == nil || child.promotionScore < 0:
		default:
			if w := r.lookAt(n); w != nil {
				child.promotionScore = w.score
			}
		}
	}
	r.clear(addingScores)
	slices.SortStableFunc(r.children, func(a, b *resource) int {
		if o := cmp.Compare(b.promotionScore, a.promotionScore); o != 0 {
			return o
		}
		if o := cmp.Compare(b.effectiveRole(true), a.effectiveRole(true)); o != 0 {
			return o
		}
		return compareInstances(a, b)
	})
}

// promotionPlace returns the clone's candidate entry for the instance's node when it may be
// promoted there.
func (c *cluster) promotionPlace(top, r *resource) *candidate {
	for _, child := range r.children {
		if c.promotionPlace(top, child) == nil {
			return nil
		}
	}
	n := r.firstAssigned()
	switch {
	case n == nil:
		return nil
	case !r.is(managed):
		if r.effectiveRole(true) != rolePromoted {
			return nil
		}
	case r.parent == top && r.priority < 0, !available(n):
		return nil
	}
	w := top.lookAt(n)
	if w == nil || w.count >= top.clone.promotedNodeMax && r.is(managed) {
		return nil
	}
	return w
}
