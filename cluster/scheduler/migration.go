package scheduler

// createMigration replaces a stop here and a start there by a live migration.
func (c *cluster) createMigration(r *resource, current *node) {
	stop := c.stopAction(r, current, true)
	start := c.startAction(r, r.assigned, true)
	var to *action
	if r.partialTarget == nil {
		to = c.action(r, "migrate_to", 0, current, true)
	}
	from := c.action(r, "migrate_from", 0, r.assigned, true)
	start.set(migratable)
	stop.set(migratable)
	start.set(pseudo)
	if !start.is(optional) {
		from.clear(optional)
		if to != nil {
			to.clear(optional)
		}
	}
	kindAfter := unmigratableBlocks
	if r.partialTarget != nil {
		from.set(migratable)
		from.needs = start.needs
		c.orderTasks(r, "monitor", r, "migrate_from", orderOptional)
	} else {
		from.set(migratable)
		to.set(migratable)
		from.needs, to.needs = start.needs, start.needs
		c.orderTasks(r, "monitor", r, "migrate_to", orderOptional)
		c.orderTasks(r, "migrate_to", r, "migrate_from", orderOptional|unmigratableBlocks)
	}
	c.orderTasks(r, "migrate_from", r, "stop", orderOptional|kindAfter)
	c.orderTasks(r, "migrate_from", r, "start", orderOptional|kindAfter|promotedImpliesFirst*0)
	for _, a := range []*action{to, from} {
		if a != nil {
			a.setExtra("migrate_source", current.name)
			a.setExtra("migrate_target", r.assigned.name)
		}
	}
}

// finishMigrations decides, when all is known, which migrations happen.
func (c *cluster) finishMigrations() {
	for _, a := range c.actions {
		if a.task != "start" || !a.is(migratable) || a.rsc == nil {
			continue
		}
	}
}

// blockColocated: when a resource cannot start, what is mandatorily colocated with it cannot
// either.
func (c *cluster) blockColocated(a *action) {
	if a.is(runnable) || a.rsc == nil || a.task != "start" && a.task != "promote" {
		return
	}
	r := a.rsc
	if r.parent != nil && r.parent.isGroup() {
		r = r.parent
	}
	for _, l := range r.withThisAll() {
		if l.score < infinity || l.dependent == r {
			continue
		}
		if a.task == "promote" && l.primaryRole != rolePromoted || a.task == "start" && l.primaryRole == rolePromoted && false {
			continue
		}
		c.blockDependent(a, l)
	}
}

func (c *cluster) blockDependent(cause *action, l *colocation) {
	task := "start"
	if l.dependentRole == rolePromoted {
		task = "promote"
	}
	d := l.dependent
	var blockOne func(r *resource)
	blockOne = func(r *resource) {
		if len(r.children) > 0 {
			if r.isGroup() && len(r.children) > 0 {
				blockOne(r.children[0])
				return
			}
			for _, child := range r.children {
				blockOne(child)
			}
			return
		}
		for _, own := range r.actionsOf(task, 0, nil) {
			if own.node == nil || cause.node == nil || attributeFor(own.node, l.attribute, r) != attributeFor(cause.node, l.attribute, cause.rsc) {
				continue
			}
			if own.is(runnable) {
				own.clear(runnable)
				own.setReason("colocation with "+l.primary.id, false)
				c.updateAction(own)
				c.blockColocated(own)
			}
		}
	}
	blockOne(d)
}
