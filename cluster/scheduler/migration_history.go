package scheduler

// A live migration is three operations: migrate_to on the source, migrate_from on the
// target, stop on the source. Between the first and the second it is partial; between the
// second and the third it is dangling.

// migratedAway works out where a resource is after a migrate_to that succeeded.
func (c *cluster) migratedAway(e *event) {
	r := e.r
	source, target := c.nodeNamed(e.xml.Get("migrate_source")), c.nodeNamed(e.xml.Get("migrate_target"))
	if source == nil {
		source = e.n
	}
	from := c.findEvent(r, "migrate_from", target, e.xml.Get("migrate_source"))
	sourceMoved := c.changedAfter(r, source, e, true)
	status, rc := statusPending, rcOK
	if from != nil {
		if sourceMoved {
			return
		}
		status, rc = from.status, from.rc
	}
	targetMoved := c.newerState(r, target, e, from)
	if sourceMoved && targetMoved {
		return
	}
	if from != nil && rc == rcOK && status == statusDone {
		r.role = roleStopped
		r.dangling = append(r.dangling, source)
		return
	}
	r.role = roleStarted
	activeThere := !targetMoved && target != nil && target.online
	switch {
	case status != statusPending:
		if activeThere {
			r.addRunning(target, true)
		} else {
			r.set(failed | stopIfFailed)
			r.clear(allowMigrate)
		}
	case target != nil && target.online && c.unknownOn(r, target):
		// Its history there was cleaned: a probe will tell.
	case activeThere:
		r.addRunning(target, false)
		if source.online {
			r.partialTarget, r.partialSource = target, source
		}
	case !sourceMoved:
		r.set(failed | stopIfFailed)
		r.clear(allowMigrate)
	}
}

// migrateToFailed: after a failed migrate_to the resource may be on either side.
func (c *cluster) migrateToFailed(e *event) {
	r := e.r
	target := c.nodeNamed(e.xml.Get("migrate_target"))
	r.role = roleStarted
	from := c.findEvent(r, "migrate_from", target, e.xml.Get("migrate_source"))
	switch {
	case target != nil && !c.unknownOn(r, target) && !c.newerState(r, target, e, from):
		if target.online {
			r.addRunning(target, false)
		}
	case !c.changedAfter(r, e.n, e, true):
		r.dangling = append(r.dangling, e.n)
	}
}

// migrateFromFailed: after a failed migrate_from the resource may still be on the source.
func (c *cluster) migrateFromFailed(e *event) {
	r := e.r
	source := c.nodeNamed(e.xml.Get("migrate_source"))
	r.role = roleStarted
	if source == nil {
		return
	}
	to := c.findEvent(r, "migrate_to", source, "")
	if to != nil && to.xml.Get("migrate_target") != e.xml.Get("migrate_target") {
		to = nil
	}
	if !c.unknownOn(r, source) && !c.newerState(r, source, to, e) && source.online {
		r.addRunning(source, true)
	}
}

// findEvent finds the resource's operation on a node, for migrations from one source.
func (c *cluster) findEvent(r *resource, task string, n *node, source string) *event {
	for _, e := range c.eventsOn(r, n) {
		if e.task == task && (source == "" || e.xml.Get("migrate_source") == source) {
			return e
		}
	}
	return nil
}

// unknownOn reports whether nothing is recorded of r on n.
func (c *cluster) unknownOn(r *resource, n *node) bool {
	for _, e := range c.eventsOn(r, n) {
		if e.rc != rcUnknown {
			return false
		}
	}
	return true
}

func newer(a, b *event, sameNode bool) bool {
	if sameNode {
		return compareEvents(a, b) > 0
	}
	if a.call < 0 && b.call >= 0 {
		// What is pending is later.
		return true
	}
	return b.changed >= 0 && a.changed > b.changed
}

// changedAfter reports whether r was started, stopped or migrated on n after the event.
func (c *cluster) changedAfter(r *resource, n *node, after *event, sameNode bool) bool {
	for _, e := range c.eventsOn(r, n) {
		switch e.task {
		case "start", "stop", "migrate_to", "migrate_from":
			if newer(e, after, sameNode) {
				return true
			}
		}
	}
	return false
}

// newerState reports whether the state of r on n is known from after the migration, so
// that the migration no longer tells anything about n. Either event may be nil.
func (c *cluster) newerState(r *resource, n *node, to, from *event) bool {
	if n == nil {
		return false
	}
	reference, sameNode := to, true
	if to == nil || to.n != n {
		if from != nil {
			reference = from
			sameNode = from.n == n
		} else {
			sameNode = false
		}
	}
	if reference == nil {
		return false
	}
	if c.changedAfter(r, n, reference, sameNode) {
		return true
	}
	for _, e := range c.eventsOn(r, n) {
		if e.task == "monitor" && e.rc == rcNotRunning && newer(e, reference, sameNode) {
			return true
		}
	}
	return false
}
