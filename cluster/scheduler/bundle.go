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
			// Connections cannot run on remote nodes: any cluster host near it will do.
			link := &colocation{
				dependent: p.connection, primary: p.container, score: infinity, attribute: "#uname",
			}
			_ = link
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

// applyWithBundle: the dependent of a bundle goes where a replica's container is.
func (l *colocation) applyWithBundle(dependent, primary *resource) {
	if primary.is(provisional) {
		return
	}
	if l.score < infinity {
		for _, p := range primary.bundle.replicas {
			l.apply(dependent, p.container)
		}
		if dependent.inBundle() || true {
			if !dependent.topInterleaves() {
				return
			}
		}
		return
	}
	if dependent.top(true) == primary {
		return
	}
	if dependent.parent != nil && dependent.topInterleaves() {
		if partner := dependent.compatibleInstance(primary, roleUnknown, false); partner != nil {
			l.apply(dependent, partner)
		} else {
			dependent.c.assign(dependent, nil, true)
		}
		return
	}
	var places []*node
	for _, p := range primary.bundle.replicas {
		n := p.container.assigned
		if n == nil {
			continue
		}
		if l.primaryRole >= rolePromoted && (p.instance == nil || p.instance.next < rolePromoted) {
			continue
		}
		places = append(places, n)
	}
	l.restrictTo(dependent, places)
}

func (r *resource) bundleActionFlags(a *action, n *node) actionFlags {
	task := originalTask(a)
	if r.bundle.inner != nil && task != "start" && task != "stop" {
		task = a.task
		switch originalTask(a) {
		case "promote", "demote":
			own := r.bundle.inner.firstAction(a.task, nil)
			if own == nil {
				own = r.bundle.inner.firstAction(originalTask(a), nil)
			}
			if own != nil {
				flags := r.bundle.inner.actionFlags(own, n)
				if flags&optional == 0 {
					a.clear(optional)
				}
				return flags
			}
		}
	}
	flags := r.instancesActionFlags(a, r.instances(), n)
	if r.bundle.inner == nil {
		return flags
	}
	if own := r.bundle.inner.firstAction(originalTask(a), nil); own != nil {
		inner := r.bundle.inner.actionFlags(own, n)
		if inner&optional == 0 && flags&optional != 0 {
			flags &^= optional
			a.clear(optional)
		}
	}
	return flags
}

// createBundleActions makes the pseudo actions of the bundle and the actions of its parts.
func (c *cluster) createBundleActions(r *resource) {
	start, stop := true, true
	for _, p := range r.bundle.replicas {
		p.each(func(x *resource) {
			if x != p.instance {
				c.createActions(x)
			}
		})
	}
	for _, x := range r.instances() {
		if a := x.firstAction("start", nil); a != nil && !a.is(optional) {
			start = false
		}
		if a := x.firstAction("stop", nil); a != nil && !a.is(optional) {
			stop = false
		}
	}
	c.pseudoPair(r, "start", "running", start)
	c.pseudoPair(r, "stop", "stopped", stop)
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
	inner := r.bundle.inner
	if inner != nil {
		c.orderTasks(r, "start", inner, "start", showsThen)
		c.orderTasks(r, "stop", inner, "stop", showsThen)
		c.orderTasks(inner, "running", r, "running", showsThen)
		c.orderTasks(inner, "stopped", r, "stopped", showsThen)
	}
	for _, p := range r.bundle.replicas {
		c.replicaConstraints(r, p)
	}
	if inner == nil {
		return
	}
	c.internalConstraints(inner)
	if inner.is(promotable) {
		c.promotableOrders(r)
		c.orderTasks(r, "promote", inner, "promote", showsThen)
		c.orderTasks(inner, "promoted", r, "promoted", showsThen)
		c.orderTasks(r, "demote", inner, "demote", showsThen)
		c.orderTasks(inner, "demoted", r, "demoted", showsThen)
	}
}

func (c *cluster) replicaConstraints(r *resource, p *replica) {
	c.internalConstraints(p.container)
	c.orderTasks(r, "start", p.container, "start", unrunnableFirstBlocks|showsThen)
	if p.instance != nil {
		c.orderTasks(r, "stop", p.instance, "stop", showsThen)
	}
	c.orderTasks(r, "stop", p.container, "stop", showsThen)
	c.orderTasks(p.container, "start", r, "running", showsThen)
	c.orderTasks(p.container, "stop", r, "stopped", showsThen)
	if p.ip != nil {
		c.internalConstraints(p.ip)
		c.orderTasks(p.ip, "start", p.container, "start", unrunnableFirstBlocks|impliesThen*0)
		c.orderTasks(p.container, "stop", p.ip, "stop", impliesFirst|orderOptional)
		c.colocate(colocationSpec{id: "#ip-with-container", score: infinity}, p.ip, p.container, "", "")
	}
	if p.connection != nil {
		// A remote daemon inside must be up before the cluster connects to it.
		c.internalConstraints(p.connection)
		score := infinity
		if p.connection.is(movedInternal) || p.instance != nil {
			score = infinity
		}
		c.colocate(colocationSpec{id: "#remote-with-container", score: score, influence: "true"}, p.connection, p.container, "", "")
	}
	if p.instance != nil {
		c.orderTasks(p.connection, "start", p.instance, "start", 0)
	}
}
