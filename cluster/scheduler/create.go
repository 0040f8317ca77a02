package scheduler

import "slices"

// createActions makes the actions that take a resource from what it is to what it shall be.
func (c *cluster) createActions(r *resource) {
	switch r.variant {
	case GroupResource:
		for _, member := range r.children {
			c.createActions(member)
		}
		c.pseudoAction(r, "start", true, true)
		c.pseudoAction(r, "running", true, true)
		c.pseudoAction(r, "stop", true, true)
		c.pseudoAction(r, "stopped", true, true)
		if top := r.uber(); top.isClone() && top.is(promotable) {
			c.pseudoAction(r, "demote", true, true)
			c.pseudoAction(r, "demoted", true, true)
			c.pseudoAction(r, "promote", true, true)
			c.pseudoAction(r, "promoted", true, true)
		}
	case CloneResource:
		c.createCloneActions(r)
	case BundleResource:
		c.createBundleActions(r)
	default:
		c.createPrimitiveActions(r)
	}
}

// pseudoPair makes the actions that mark the beginning and the end of what happens to a
// collective's parts.
func (c *cluster) pseudoPair(r *resource, begin, end string, isOptional bool) {
	c.pseudoAction(r, begin, isOptional, true)
	done := c.pseudoAction(r, end, isOptional, true)
	done.priority = infinity
}

func (c *cluster) createCloneActions(r *resource) {
	for _, child := range r.children {
		c.createActions(child)
	}
	tasks := tallyActions(r.children)
	c.pseudoPair(r, "start", "running", !tasks.start)
	c.pseudoPair(r, "stop", "stopped", !tasks.stop)
	if !tasks.restart {
		// What depends on the clone may migrate away from it.
		r.firstAction("stop", nil).set(migratable)
	}
	if r.is(notifies) {
		r.clone.startNotify = c.newNotification(r, "start", r.firstAction("start", nil), r.firstAction("running", nil))
		r.clone.stopNotify = c.newNotification(r, "stop", r.firstAction("stop", nil), r.firstAction("stopped", nil))
		if r.clone.startNotify != nil && r.clone.stopNotify != nil {
			c.link(r.clone.stopNotify.postDone, r.clone.startNotify.pre, orderOptional)
		}
	}
	if r.is(promotable) {
		c.createPromotableActions(r)
	}
}

func (c *cluster) createPromotableActions(r *resource) {
	tasks := tallyActions(r.children)
	c.pseudoPair(r, "promote", "promoted", !tasks.promote)
	c.pseudoPair(r, "demote", "demoted", !tasks.demote)
	if !r.is(notifies) {
		return
	}
	d := r.clone
	d.promoteNotify = c.newNotification(r, "promote", r.firstAction("promote", nil), r.firstAction("promoted", nil))
	d.demoteNotify = c.newNotification(r, "demote", r.firstAction("demote", nil), r.firstAction("demoted", nil))
	c.link(d.startNotify.postDone, d.promoteNotify.pre, orderOptional)
	c.link(d.demoteNotify.postDone, d.promoteNotify.pre, orderOptional)
	c.link(d.demoteNotify.postDone, d.startNotify.pre, orderOptional)
	c.link(d.demoteNotify.postDone, d.stopNotify.pre, orderOptional)
	c.link(d.stopNotify.postDone, d.promoteNotify.pre, orderOptional)
}

// tally says which tasks are required of any instance, and possible.
type tally struct{ start, stop, promote, demote, restart bool }

func tallyActions(instances []*resource) tally {
	var t tally
	for _, instance := range instances {
		starts, stops := false, false
		instance.each(func(x *resource) {
			if !x.isPrimitive() {
				return
			}
			for _, a := range x.actions {
				if a.is(optional) || !a.is(runnable) {
					continue
				}
				switch a.task {
				case "start":
					starts = true
				case "stop":
					stops = true
				case "promote":
					t.promote = true
				case "demote":
					t.demote = true
				}
			}
		})
		t.start, t.stop = t.start || starts, t.stop || stops
		t.restart = t.restart || starts && stops
	}
	return t
}

// settleNext gives a resource without a wanted role the one that its place implies.
func (r *resource) settleNext() {
	switch {
	case r.next != roleUnknown:
	case r.assigned == nil:
		r.setNext(roleStopped, "assignment")
	default:
		r.setNext(roleStarted, "assignment")
	}
}

// createPrimitiveActions is createActions for what an agent runs.
func (c *cluster) createPrimitiveActions(r *resource) {
	r.settleNext()
	current, active := r.activeNode()
	clean := 0
	for _, n := range r.running {
		if cleanOnline(n) {
			clean++
		}
	}
	for _, n := range r.dangling {
		stop := c.stopAction(r, n, false)
		stop.set(migrationGone)
	}
	canMigrate := r.is(allowMigrate) && r.is(managed) && !r.is(failed) && !r.is(startPending) &&
		current != nil && !current.unclean && r.assigned != nil && !r.assigned.unclean
	multiple := false
	switch {
	case active == 2 && clean == 2 && r.assigned != nil && r.partialSource != nil && r.partialTarget == r.assigned && current == r.partialSource:
		// A partial migration goes on.
	case r.partialSource != nil || r.partialTarget != nil:
		r.partialSource, r.partialTarget = nil, nil
		canMigrate = false
		multiple = active > 1
	case r.is(needsFencing):
		multiple = active > 1
	default:
		multiple = clean > 1
	}
	needStop, needPromote := false, false
	if multiple {
		needStop = true
		canMigrate = false
		if r.multipleActive != "stop_unexpected" {
			r.clear(stopUnexpected)
		} else {
			r.set(stopUnexpected)
		}
	} else {
		r.clear(stopUnexpected)
	}
	if r.is(startPending) {
		c.startAction(r, r.assigned, true).set(printAlways)
	}
	moving := current != nil && r.assigned != nil && current != r.assigned && r.next >= roleStarted
	switch {
	case moving:
		needStop = true
	case r.is(failed):
		needStop = needStop || r.is(stopIfFailed)
		needPromote = r.next == rolePromoted
	case r.is(blocked):
		needStop = true
	case r.role > roleStarted && current != nil && r.assigned != nil:
		if !c.startAction(r, r.assigned, true).is(optional) {
			needPromote = true
		}
	}
	if moving && r.is(failed) {
		canMigrate = false
	}
	c.restartActions(r, current, needStop, needPromote)
	c.transitionActions(r)
	c.createRecurring(r)
	if canMigrate && moving {
		c.createMigration(r, current)
	}
}

// nextStep says through which role a resource passes on its way.
var nextStep = [5][5]role{
	roleUnknown:    {roleUnknown, roleStopped, roleStopped, roleStopped, roleStopped},
	roleStopped:    {roleStopped, roleStopped, roleStarted, roleUnpromoted, roleUnpromoted},
	roleStarted:    {roleStopped, roleStopped, roleStarted, roleUnpromoted, rolePromoted},
	roleUnpromoted: {roleStopped, roleStopped, roleStopped, roleUnpromoted, rolePromoted},
	rolePromoted:   {roleStopped, roleUnpromoted, roleUnpromoted, roleUnpromoted, rolePromoted},
}

// step makes the action that takes r from one role to the next.
func (c *cluster) step(r *resource, from, to role, n *node, isOptional bool) {
	switch {
	case from == to:
	case from == rolePromoted:
		c.demote(r, isOptional)
	case to == rolePromoted:
		c.promote(r, n, isOptional)
	case to == roleStopped || from == roleUnpromoted:
		c.stop(r, isOptional)
	case from == roleStopped && (to == roleStarted || to == roleUnpromoted):
		c.start(r, n, isOptional)
	}
}

// restartActions takes a resource down where it is and up again to the same role: optional
// unless something needs it.
func (c *cluster) restartActions(r *resource, current *node, needStop, needPromote bool) {
	r.set(restarting)
	defer r.clear(restarting)
	at := r.role
	for at != roleStopped && at != roleUnknown {
		to := nextStep[at][roleStopped]
		c.step(r, at, to, current, !needStop)
		at = to
	}
	for r.role <= r.next && at != r.role && !r.is(blocked) {
		to := nextStep[at][r.role]
		if to == at {
			break
		}
		required := needStop || to == rolePromoted && needPromote
		c.step(r, at, to, r.assigned, !required)
		at = to
	}
}

func (c *cluster) transitionActions(r *resource) {
	at := r.role
	if at == roleUnknown {
		at = roleStopped
	}
	for at != r.next {
		to := nextStep[at][r.next]
		if to == at {
			return
		}
		c.step(r, at, to, r.assigned, false)
		at = to
	}
}

// expectedOn: a resource that is active on several nodes is left alone where it belongs,
// with multiple-active=stop_unexpected.
func (r *resource) expectedOn(n *node) bool {
	return r.is(stopUnexpected) && r.next > roleStopped && r.assigned == n
}

func (c *cluster) start(r *resource, n *node, isOptional bool) {
	a := c.startAction(r, n, true) // what cannot be started is not required either
	c.orderVersusUnfencing(r, n, a, impliesThen)
	if a.is(runnable) && !isOptional {
		a.clear(optional)
	}
	if r.expectedOn(n) {
		a.set(pseudo)
	}
}

func (c *cluster) stop(r *resource, isOptional bool) {
	for _, n := range slices.Clone(r.running) {
		if r.expectedOn(n) {
			continue
		}
		required := !isOptional
		if r.partialTarget != nil {
			if n == r.partialTarget && n == r.assigned {
				continue
			}
			required = true
		}
		a := c.stopAction(r, n, !required)
		if r.assigned == nil {
			a.setReason("node availability", true)
		} else if r.is(restarting) && r.is(stopUnexpected) {
			a.setReason("being multiply active", true)
		}
		if !r.is(managed) {
			a.clear(runnable)
		}
		if c.options.removeAfterStop {
			c.cleanUp(r, n, !required)
		}
		if r.is(needsUnfencing) {
			unfence := c.fenceAction(n, "on", true, "", false)
			c.link(a, unfence, impliesFirst)
		}
	}
}

func (c *cluster) demote(r *resource, isOptional bool) {
	for _, n := range slices.Clone(r.running) {
		if !r.expectedOn(n) {
			c.demoteAction(r, n, isOptional)
		}
	}
}

func (c *cluster) promote(r *resource, n *node, isOptional bool) {
	for _, a := range r.actionsOf("start", 0, n) {
		if !a.is(runnable) {
			for _, p := range r.actionsOf("promote", 0, n) {
				p.clear(runnable)
			}
			return
		}
	}
	a := c.promoteAction(r, n, isOptional)
	if r.expectedOn(n) {
		a.set(pseudo)
	}
}

// cleanUp removes a resource's history from a node. A removal that is optional becomes
// required with the resource's stop; one that is required holds up no start where it cannot
// be done.
func (c *cluster) cleanUp(r *resource, n *node, isOptional bool) {
	if r.is(failed) || n == nil || n.unclean || !n.online {
		return
	}
	c.action(r, "delete", 0, n, isOptional)
	kind := orderOptional
	if isOptional {
		kind = impliesThen
	}
	c.orderTasks(r, "stop", r, "delete", kind)
	c.orderTasks(r, "delete", r, "start", kind)
}
