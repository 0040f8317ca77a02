package scheduler

import "slices"

// blockDependents blocks what depends on resources that cannot reach their role.
func (c *cluster) blockDependents() {
	for _, a := range slices.Backward(c.actions) {
		c.blockColocated(a)
	}
}

// blockColocated: when a resource as a whole cannot reach its role, what is mandatorily
// colocated with it cannot reach its own.
func (c *cluster) blockColocated(a *action) {
	if a.is(runnable) || a.rsc == nil || a.task != "start" && a.task != "promote" {
		return
	}
	r := a.rsc.top(true)
	for _, child := range r.children {
		if own := child.firstAction(a.task, nil); own == nil || own.is(runnable) {
			return
		}
	}
	for _, l := range r.withThisAll() {
		switch {
		case l.score < infinity:
		case a.task == "promote" && l.primaryRole != rolePromoted:
		case l.dependentRole == rolePromoted:
			c.blockTask(l.dependent, "promote", a.rsc)
		default:
			c.blockTask(l.dependent, "start", a.rsc)
		}
	}
}

// blockTask keeps a resource and all below it from being started or promoted.
func (c *cluster) blockTask(r *resource, task string, cause *resource) {
	for i := len(r.actions) - 1; i >= 0; i-- {
		a := r.actions[i]
		if a.task != task || !a.is(runnable) {
			continue
		}
		a.clear(runnable)
		a.setReason("colocation with "+cause.id, false)
		c.blockColocated(a)
		c.updateAction(a)
	}
	for _, child := range r.children {
		c.blockTask(child, task, cause)
	}
}
