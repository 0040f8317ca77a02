package scheduler

import (
	"cmp"
	"slices"
	"strings"
)

func (c *cluster) assignClone(r *resource, prefer *node) *node {
	if !r.is(provisional) || r.is(assigning) {
		return nil
	}
	if r.is(promotable) {
		c.addPromotionScores(r)
	}
	r.set(assigning)
	for _, l := range r.thisWithAll() {
		c.assignTo(l.primary, prefer, true)
	}
	for _, l := range r.withThisAll() {
		c.heedDependent(l, r)
	}
	c.logScores("pcmk__clone_assign", r)
	slices.SortStableFunc(r.children, compareInstances)
	c.assignInstances(r, r.children, r.clone.max, r.clone.nodeMax)
	if r.is(promotable) {
		c.setInstanceRoles(r)
	}
	r.clear(provisional | assigning)
	return nil
}

// assignInstances spreads instances: first those that can stay where they are, as long as
// no node gets more than its share, then the rest.
func (c *cluster) assignInstances(top *resource, instances []*resource, total, perNode int) {
	nodes := 0
	for i := range top.allowed {
		w := &top.allowed[i]
		w.count = 0
		if w.present && w.score >= 0 && available(c.nodes[i]) {
			nodes++
		}
	}
	share := total
	if nodes > 0 {
		share = total / nodes
	}
	share = max(share, 1)
	assigned := 0
	for _, instance := range instances {
		if assigned >= total {
			break
		}
		if n := c.preferredNode(instance, share); n != nil && c.keepInPlace(instance, n, perNode, total-assigned) {
			assigned++
		}
	}
	for _, instance := range instances {
		if !instance.is(provisional) {
			continue
		}
		if assigned >= total {
			c.banEverywhere(instance)
		}
		if c.assignInstance(instance, nil, perNode) {
			assigned++
		}
	}
}

// keepInPlace assigns an instance to the node that it is on. It may give way to a better
// node only when no other instance is left to go there: until then such nodes are taken for
// reserved.
func (c *cluster) keepInPlace(instance *resource, n *node, perNode, left int) bool {
	var reserved []*candidate
	defer func() {
		for _, w := range reserved {
			w.count--
		}
	}()
	for range left {
		better, ok := c.tryInstance(instance, n, perNode)
		if ok {
			return true
		}
		if better == nil {
			return false
		}
		w := instance.parent.lookAt(better)
		if w == nil || len(reserved)+1 >= left {
			return false
		}
		w.count += perNode
		reserved = append(reserved, w)
		w.count -= perNode - 1
	}
	return false
}

// preferredNode is where an active instance should stay; nil when it need not.
func (c *cluster) preferredNode(instance *resource, share int) *node {
	if !instance.isRunning() || !instance.is(provisional) || instance.hasFailed() {
		return nil
	}
	n := instance.currentNode()
	if n == nil || !instance.baseAvailable(n) {
		return nil
	}
	if w := instance.parent.lookAt(n); w != nil && w.count >= share {
		return nil
	}
	return n
}

func (r *resource) isRunning() bool { return len(r.running) > 0 }

func (r *resource) hasFailed() bool {
	if r.is(failed) {
		return true
	}
	return slices.ContainsFunc(r.children, (*resource).hasFailed)
}

func (c *cluster) assignInstance(instance *resource, prefer *node, perNode int) bool {
	_, ok := c.tryInstance(instance, prefer, perNode)
	return ok
}

// tryInstance assigns an instance, to no other node than prefer if that is given; it
// returns the node that the instance would rather be on.
func (c *cluster) tryInstance(instance *resource, prefer *node, perNode int) (*node, bool) {
	if !instance.is(provisional) || instance.is(assigning) {
		return nil, instance.firstAssigned() != nil
	}
	if prefer != nil {
		if w := instance.lookAt(prefer); w == nil || w.score < 0 {
			return nil, false
		}
	}
	var backup map[*resource][]candidate
	if prefer != nil {
		backup = map[*resource][]candidate{}
		instance.each(func(x *resource) { backup[x] = slices.Clone(x.allowed) })
	}
	instance.each(func(x *resource) {
		for i := range x.allowed {
			w := &x.allowed[i]
			if !w.present {
				continue
			}
			n := c.nodes[i]
			top := instance.parent.lookAt(n)
			if !available(n) || w.score < 0 && x == instance || top == nil || top.count >= perNode {
				w.score = -infinity
			}
		}
	})
	chosen := c.assignTo(instance, prefer, prefer == nil)
	if chosen == nil && instance.isGroup() {
		chosen = instance.firstAssigned()
	}
	if prefer != nil && chosen != prefer {
		if chosen != nil {
			c.unplace(instance)
		}
		instance.setTree(provisional)
		instance.each(func(x *resource) { x.allowed = backup[x] })
		return chosen, false
	}
	if chosen == nil {
		return nil, false
	}
	if w := instance.parent.lookAt(chosen); w != nil {
		w.count++
	}
	return chosen, true
}

// compareInstances orders the instances of a clone: those to keep in place first.
func compareInstances(a, b *resource) int {
	nodeA, countA := a.activeNode()
	nodeB, countB := b.activeNode()
	if countA > 0 && countB > 0 && countA != countB {
		return cmp.Compare(countA, countB)
	}
	canA, canB := allowedHere(a, &nodeA), allowedHere(b, &nodeB)
	if canA != canB {
		return boolFirst(canA)
	}
	if o := cmp.Compare(b.priority, a.priority); o != 0 {
		return o
	}
	if nodeA == nil || nodeB == nil {
		if nodeA == nil && nodeB == nil {
			return compareInstanceNumbers(a, b)
		}
		return boolFirst(nodeA != nil)
	}
	if x, y := available(nodeA), available(nodeB); x != y {
		return boolFirst(x)
	}
	topA, topB := a.parent.lookAt(nodeA), b.parent.lookAt(nodeB)
	if topA == nil || topB == nil {
		if topA == nil && topB == nil {
			return compareInstanceNumbers(a, b)
		}
		return boolFirst(topA != nil)
	}
	if o := cmp.Compare(topA.count, topB.count); o != 0 {
		return o
	}
	if x, y := a.hasFailed(), b.hasFailed(); x != y {
		return boolFirst(!x)
	}
	if o := compareByColocations(a, b, nodeA, nodeB); o != 0 {
		return o
	}
	return compareInstanceNumbers(a, b)
}

func boolFirst(x bool) int {
	if x {
		return -1
	}
	return 1
}

func allowedHere(r *resource, n **node) bool {
	if *n == nil {
		return true
	}
	if w := r.lookAt(*n); w == nil || w.score < 0 {
		*n = nil
		return false
	}
	return true
}

func compareByColocations(a, b *resource, nodeA, nodeB *node) int {
	if len(a.parent.thisWith) == 0 && len(a.parent.withThis) == 0 && a.parent.parent == nil {
		x, y := a.lookAt(nodeA), b.lookAt(nodeB)
		return cmp.Compare(y.score, x.score)
	}
	return cmp.Compare(b.colocatedScore(nodeB), a.colocatedScore(nodeA))
}

// colocatedScore is the instance's score for a node with its colocations' counted in.
func (r *resource) colocatedScore(n *node) int {
	work := slices.Clone(r.allowed)
	for _, l := range r.thisWithAll() {
		work = l.primary.addColocated(r, work, l, float64(l.score)/infinity, 0)
	}
	for _, l := range r.withThisAll() {
		if l.hasInfluence(r) {
			work = l.dependent.addColocated(r, work, l, float64(l.score)/infinity, nonNegative)
		}
	}
	if n.index < len(work) {
		return work[n.index].score
	}
	return -infinity
}

func compareInstanceNumbers(a, b *resource) int {
	return cmp.Compare(instanceNumberOf(a.id), instanceNumberOf(b.id))
}

func instanceNumberOf(id string) int {
	if i := strings.LastIndexByte(id, ':'); i >= 0 {
		return number(id[i+1:], 0)
	}
	i := strings.LastIndexByte(id, '-')
	return number(id[i+1:], 0)
}
