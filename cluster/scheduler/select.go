package scheduler

import "slices"

// selectActions finds the actions that really happen, and which of their edges make them
// wait, resource by resource. What is said to clones' instances is known only now.
func (c *cluster) selectActions() {
	c.merged = make([]*input, c.nextAction)
	for _, r := range c.resources {
		c.selectResource(r)
	}
	for _, a := range slices.Backward(c.actions) {
		c.selectAction(a)
	}
	c.merged = nil
}

func (c *cluster) selectResource(r *resource) {
	switch r.variant {
	case BundleResource:
		// Its own actions are with the cluster's, after those of all resources.
		if r.bundle.inner != nil {
			c.selectResource(r.bundle.inner)
		}
		for _, p := range r.bundle.replicas {
			for _, x := range []*resource{p.ip, p.container, p.connection} {
				if x != nil {
					c.selectResource(x)
				}
			}
		}
	case CloneResource:
		for _, a := range slices.Backward(r.actions) {
			r.actionFlags(a, nil)
		}
		c.createNotifications(r)
		for _, child := range r.children {
			c.selectResource(child)
		}
		c.selectOwn(r)
	default:
		c.selectOwn(r)
		for _, child := range r.children {
			c.selectResource(child)
		}
	}
}

func (c *cluster) selectOwn(r *resource) {
	for _, a := range slices.Backward(r.actions) {
		c.selectAction(a)
	}
}

// belongsInGraph decides whether an action happens.
func (a *action) belongsInGraph() bool {
	switch {
	case !a.is(runnable), a.is(optional) && !a.is(printAlways):
		return false
	case a.rsc != nil && !a.rsc.is(managed) && a.task != "monitor" && a.interval == 0:
		return false
	case a.is(pseudo), a.task == "stonith", a.task == "do_shutdown":
		return true
	case a.node == nil:
		return false
	case a.is(onDC), a.node.isGuest() && !a.node.needsReset:
		return true
	}
	return a.node.online && !a.node.unclean
}

func (c *cluster) selectAction(a *action) {
	c.mergeInputs(a)
	if a.is(inGraph) || !a.belongsInGraph() {
		return
	}
	a.set(inGraph)
	c.happening = append(c.happening, a)
	slices.SortStableFunc(a.inputs, func(x, y *input) int { return y.first.id - x.first.id })
	for _, in := range a.inputs {
		in.triggers = in.counts()
	}
}

// mergeInputs joins edges between the same two actions.
func (c *cluster) mergeInputs(a *action) {
	for len(c.merged) < c.nextAction { // notifications were made
		c.merged = append(c.merged, nil)
	}
	kept := a.inputs[:0]
	for _, in := range a.inputs {
		if have := c.merged[in.first.id]; have != nil {
			have.kind |= in.kind
			continue
		}
		c.merged[in.first.id] = in
		kept = append(kept, in)
	}
	for _, in := range kept {
		c.merged[in.first.id] = nil
	}
	clear(a.inputs[len(kept):])
	a.inputs = kept
}

// counts decides whether an edge makes its action wait.
func (in *input) counts() bool {
	first, then := in.first, in.then
	switch {
	case in.kind == 0:
		return false
	case !first.is(runnable) && in.kind&^(showsThen|showsFirst|orderOptional) == 0:
		return false
	case !first.is(runnable) && in.kind&atLeast != 0:
		return false
	case in.kind&unmigratableBlocks != 0 && !first.is(runnable):
		return false
	case in.kind&ifFirstUnmigratable != 0 && first.is(migratable):
		return false
	case in.kind == orderOptional && first.is(migratable) && first.task == "stop" && first.interval == 0:
		return false // the end of a live migration, which disturbs nothing
	case in.kind == sameNodeOrTarget:
		target := then.node
		if then.rsc != nil && then.task == "migrate_to" {
			target = then.rsc.assigned
		}
		if first.node != target || first.is(optional) {
			in.kind = 0
			return false
		}
	case in.kind == requiredOnSameNode:
		if first.node != nil && then.node != nil && first.node != then.node || first.is(optional) {
			in.kind = 0
			return false
		}
	case first.rsc != nil && first.rsc != then.rsc && first.rsc.is(failed) && !first.rsc.is(managed) &&
		first.task == "stop" && then.rsc != nil && then.rsc.isClone():
		return false
	}
	if first.is(optional) && !first.is(printAlways) && !first.is(inGraph) && !first.belongsInGraph() {
		return false
	}
	return true
}
