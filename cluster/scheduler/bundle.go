package scheduler

import "slices"

func (c *cluster) assignBundle(r *resource) *node {
	if !r.is(provisional) || r.is(assigning) {
		return nil
	}
	r.set(assigning)
	c.logScores("pcmk__bundle_assign", r)
	containers := r.instances()
	slices.SortStableFunc(containers, compareInstances)
	c.assignInstances(r, containers, r.bundle.replicaCount, r.bundle.perHost)
	for _, p := range r.bundle.replicas {
		c.assignReplica(r, p)
	}
	if inner := r.bundle.inner; inner != nil {
		inner.eachCandidate(func(n *node, w *candidate) {
			if slices.ContainsFunc(r.bundle.replicas, func(p *replica) bool { return p.node == n }) {
				w.score = 0
			} else {
				w.score = -infinity
			}
		})
		c.assignTo(inner, nil, true)
	}
	r.clear(provisional | assigning)
	return nil
}

func (c *cluster) assignReplica(r *resource, p *replica) {
	host := p.container.assigned
	if p.ip != nil {
		c.assignTo(p.ip, host, true)
	}
	if p.connection != nil {
		if host != nil && host.isRemote() {
			// A remote daemon takes one connection only: the nested one comes from the same host.
			c.colocate(colocationSpec{id: "#replica-remote-with-host-remote", score: infinity, influence: "true"}, p.connection, host.remote, "", "")
		}
		c.assignTo(p.connection, host, true)
	}
	if p.instance == nil {
		return
	}
	for i := range p.instance.allowed {
		w := &p.instance.allowed[i]
		switch {
		case !w.present:
		case c.nodes[i] != p.node:
			w.score = -infinity
		case !c.thresholdHit(p.instance, p.node):
			w.score = infinity
		}
	}
	p.instance.each(func(x *resource) {
		if x == p.instance {
			return
		}
		w := x.at(p.node)
		w.present = true
	})
	p.instance.parent.set(assigning)
	c.assignTo(p.instance, p.node, true)
	p.instance.parent.clear(assigning)
}

func (c *cluster) thresholdHit(r *resource, n *node) bool {
	hit := false
	r.each(func(x *resource) {
		if x.isPrimitive() && c.thresholdReached(x, n) != nil {
			hit = true
		}
	})
	return hit
}

// applyWithBundle: the dependent of a bundle goes where a replica's container is. An
// instance of a clone, or another bundle's container, goes with one container.
func (l *colocation) applyWithBundle(dependent, primary *resource) {
	if primary.is(provisional) {
		return
	}
	if l.dependent.isClone() || l.dependent.isBundle() {
		seeker, inside := dependent, false
		if p := dependent.replica; p != nil {
			// What is inside a container is where the container is.
			seeker, inside = p.container, dependent == p.instance
		}
		if partner := seeker.compatibleInstance(primary, roleUnknown, false); partner != nil {
			l.apply(dependent, partner)
		} else if l.score >= infinity && !inside {
			dependent.c.assign(dependent, nil, true)
		}
		return
	}
	var places []*node
	for _, p := range primary.bundle.replicas {
		if l.score < infinity {
			l.apply(dependent, p.container)
			continue
		}
		n := p.container.assigned
		if n == nil || p.container.is(blocked) {
			continue
		}
		if l.primaryRole >= rolePromoted && (p.instance == nil || p.instance.effectiveRole(false) < rolePromoted) {
			continue
		}
		places = append(places, n)
	}
	if l.score >= infinity {
		l.restrictTo(dependent, places)
	}
}

// sharesColocationsWith reports whether the bundle's colocations concern a resource in it:
// the containers always; what is inside only for the choice of roles.
func (r *resource) sharesColocationsWith(origin *resource) bool {
	if r == origin || origin.replica != nil && origin.replica.container == origin {
		return true
	}
	inner := r.bundle.inner
	if inner == nil || !inner.is(promotable) || origin.top(false) != inner {
		return false
	}
	if origin == inner {
		return inner.clone.choosingRoles
	}
	return !origin.is(provisional)
}

// bundleActionFlags: promotion happens to the instances inside, the rest to the containers.
func (r *resource) bundleActionFlags(a *action, n *node) actionFlags {
	if r.bundle.inner != nil {
		switch originalTask(a) {
		case "promote", "demote", "notify":
			return r.instancesActionFlags(a, r.bundle.inner.children, n)
		}
	}
	return r.instancesActionFlags(a, r.instances(), n)
}

// createBundleActions makes the pseudo actions of the bundle and the actions of its parts.
func (c *cluster) createBundleActions(r *resource) {
	for _, p := range r.bundle.replicas {
		p.each(func(x *resource) {
			if x != p.instance {
				c.createActions(x)
			}
		})
	}
	tasks := tallyActions(r.instances())
	c.pseudoPair(r, "start", "running", !tasks.start)
	c.pseudoPair(r, "stop", "stopped", !tasks.stop)
	if !tasks.restart {
		r.firstAction("stop", nil).set(migratable)
	}
	inner := r.bundle.inner
	if inner == nil {
		return
	}
	c.createActions(inner)
	if inner.is(promotable) {
		c.pseudoAction(r, "promote", true, true)
		done := c.pseudoAction(r, "promoted", true, true)
		done.priority = infinity
		c.pseudoAction(r, "demote", true, true)
		done = c.pseudoAction(r, "demoted", true, true)
		done.priority = infinity
	}
}

// bundleInternalConstraints orders a bundle's parts: container, connection and address
// before what runs inside, and the reverse for stopping.
func (c *cluster) bundleInternalConstraints(r *resource) {
	for _, p := range r.bundle.replicas {
		c.replicaConstraints(r, p)
	}
	inner := r.bundle.inner
	if inner == nil {
		return
	}
	c.orderTasks(r, "start", inner, "start", showsFirst)
	c.orderTasks(inner, "running", r, "running", showsThen)
	c.orderTasks(r, "stop", inner, "stop", showsFirst)
	c.orderTasks(inner, "stopped", r, "stopped", showsThen)
	c.internalConstraints(inner)
	if inner.is(promotable) {
		c.promotableOrders(r)
		c.orderTasks(r, "demote", inner, "demote", showsFirst)
		c.orderTasks(inner, "demoted", r, "demoted", showsThen)
		c.orderTasks(r, "promote", inner, "promote", showsFirst)
		c.orderTasks(inner, "promoted", r, "promoted", showsThen)
	}
}

func (c *cluster) replicaConstraints(r *resource, p *replica) {
	c.internalConstraints(p.container)
	c.orderTasks(r, "start", p.container, "start", unrunnableFirstBlocks|showsFirst)
	if p.instance != nil {
		c.orderTasks(r, "stop", p.instance, "stop", showsFirst)
	}
	c.orderTasks(r, "stop", p.container, "stop", showsFirst)
	c.orderTasks(p.container, "start", r, "running", showsThen)
	c.orderTasks(p.container, "stop", r, "stopped", showsThen)
	if p.ip != nil {
		c.internalConstraints(p.ip)
		c.orderTasks(p.ip, "start", p.container, "start", unrunnableFirstBlocks|guestAllowed)
		c.orderTasks(p.container, "stop", p.ip, "stop", impliesFirst|guestAllowed)
		c.colocate(colocationSpec{id: "#ip-with-container", score: infinity, influence: "true"}, p.ip, p.container, "", "")
	}
	if p.connection != nil {
		// Its order and place relative to the container are those of any container's contents.
		c.internalConstraints(p.connection)
	}
}
