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
	c.orderTasks(r, "migrate_from", r, "stop", orderOptional|unmigratableBlocks)
	c.orderTasks(r, "migrate_from", r, "start", orderOptional|unmigratableBlocks|firstElseThen)
	for _, a := range []*action{to, from} {
		if a != nil {
			a.setExtra("migrate_source", current.name)
			a.setExtra("migrate_target", r.assigned.name)
		}
	}
}
