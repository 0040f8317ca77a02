package scheduler

import "strconv"

// createRecurring keeps recurring operations going where the resource is, or shall be.
func (c *cluster) createRecurring(r *resource) {
	if r.is(blocked) || r.is(inMaintenance) {
		return
	}
	var start *action
	if r.assigned != nil {
		if r.assigned.maintenance {
			return
		}
		if r.next != roleStopped || !r.is(managed) {
			start = c.startAction(r, r.assigned, true)
		}
	}
	for op := range r.configuredOps() {
		task, interval := op.Get("name"), intervalOf(op)
		if interval == 0 || !mayRecur(task) || r.ambiguous(task, interval) {
			continue
		}
		config := r.configOf(task, interval)
		if !config.enabled {
			continue
		}
		wanted := parseRole(config.meta["role"])
		if wanted == roleStopped {
			c.recurWhileStopped(r, task, interval)
		} else if start != nil {
			c.recurWhileActive(r, start, task, interval, wanted)
		}
	}
}

// mayRecur reports whether an operation may be repeated: those that change a resource may not.
func mayRecur(task string) bool {
	switch task {
	case "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "reload-agent":
		return false
	}
	return true
}

// ambiguous reports whether several operations share name and interval, by which alone the
// history tells operations apart: none of them is run.
func (r *resource) ambiguous(task string, interval int) bool {
	count := 0
	for op := range r.configuredOps() {
		if op.Get("name") == task && intervalOf(op) == interval {
			count++
		}
	}
	return count > 1
}

func (c *cluster) recurWhileActive(r *resource, start *action, task string, interval int, wanted role) {
	n := r.assigned
	existing := r.operation(task, interval).exactlyOn(n)
	isOptional := existing != nil && start.is(optional) && !existing.is(rescheduled)
	if wanted == roleUnknown && r.next == rolePromoted || wanted != roleUnknown && wanted != r.next {
		if isOptional {
			c.cancelForRole(r, task, interval, n)
		}
		return
	}
	mon := c.action(r, task, interval, n, isOptional)
	if !start.is(runnable) || n == nil || !n.online || n.unclean {
		mon.clear(runnable)
	}
	if r.next == rolePromoted {
		mon.setExtra("op_target_rc", strconv.Itoa(rcPromoted))
	}
	if n != nil && !r.is(managed) {
		return
	}
	c.order(ordering{first: r, firstTask: "start", then: r, thenAction: mon, kind: impliesThen | unrunnableFirstBlocks})
	c.order(ordering{first: r, firstTask: "reload-agent", then: r, thenAction: mon, kind: impliesThen | unrunnableFirstBlocks})
	if r.next == rolePromoted {
		c.order(ordering{first: r, firstTask: "promote", then: r, thenAction: mon, kind: orderOptional | unrunnableFirstBlocks})
	} else if r.role == rolePromoted {
		c.order(ordering{first: r, firstTask: "demote", then: r, thenAction: mon, kind: orderOptional | unrunnableFirstBlocks})
	}
}

// cancelForRole ends a recurring operation that is for another role.
func (c *cluster) cancelForRole(r *resource, task string, interval int, n *node) {
	cancel := c.cancelAction(r, task, interval, n)
	after := ""
	switch r.role {
	case roleStarted, roleUnpromoted:
		if r.next == rolePromoted {
			after = "promote"
		} else if r.next == roleStopped {
			after = "stop"
		}
	case rolePromoted:
		after = "demote"
	}
	if after != "" {
		c.order(ordering{firstAction: cancel, first: r, then: r, thenTask: after, kind: unrunnableFirstBlocks})
	}
}

// cancelAction ends a recurring operation: the action that stood for its going on becomes
// its end.
func (c *cluster) cancelAction(r *resource, task string, interval int, n *node) *action {
	a := c.action(r, task, interval, n, false)
	a.task = "cancel"
	a.setExtra("operation", task)
	a.setExtra("interval", strconv.Itoa(interval))
	return a
}

// recurWhileStopped is for operations with role Stopped: they watch every node on which the
// resource is not supposed to run.
func (c *cluster) recurWhileStopped(r *resource, task string, interval int) {
	if !r.is(unique) {
		return
	}
	operation, n := r.operation(task, interval), r.assigned
	if n != nil && operation.exactlyOn(n) != nil {
		cancel := c.cancelAction(r, task, interval, n)
		if r.next == roleStarted || r.next == roleUnpromoted {
			c.order(ordering{firstAction: cancel, first: r, then: r, thenTask: "start", kind: unrunnableFirstBlocks})
		}
	}
	for _, other := range c.byName {
		if other == n {
			continue
		}
		isOptional := operation.exactlyOn(other) != nil
		mon := c.action(r, task, interval, other, isOptional)
		mon.setExtra("op_target_rc", strconv.Itoa(rcNotRunning))
		if r.is(managed) {
			for _, probe := range r.actionsOf("monitor", 0, other) {
				c.link(probe, mon, unrunnableFirstBlocks)
			}
		}
		for _, stop := range r.actionsOf("stop", 0, other) {
			if !stop.is(runnable) {
				mon.clear(runnable)
			}
			if r.is(managed) {
				c.order(ordering{first: r, firstTask: "stop", firstAction: stop, thenAction: mon, then: nil, kind: impliesThen | unrunnableFirstBlocks})
			}
		}
		if !other.online || other.unclean {
			mon.clear(runnable)
		}
	}
}
