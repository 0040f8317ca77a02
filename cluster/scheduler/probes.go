package scheduler

import "strconv"

// scheduleProbes asks each node about each resource whose state there is not known.
func (c *cluster) scheduleProbes() {
	for _, n := range c.byName {
		if !n.online && !n.isGuest() && !n.pending || !n.online {
			continue
		}
		if n.unclean || n.pending {
			continue
		}
		if n.noDiscovery {
			continue
		}
		for _, r := range c.resources {
			c.probe(r, n)
		}
	}
}

// probe schedules probes of a resource, or its parts, on a node, and reports whether any was.
func (c *cluster) probe(r *resource, n *node) bool {
	switch r.variant {
	case GroupResource:
		return c.probeAll(r.children, n)
	case CloneResource:
		return c.probeClone(r, n)
	case BundleResource:
		return c.probeBundle(r, n)
	}
	return c.probePrimitive(r, n)
}

func (c *cluster) probeAll(list []*resource, n *node) bool {
	any := false
	for _, x := range list {
		if c.probe(x, n) {
			any = true
		}
	}
	return any
}

// probeClone probes all instances of a unique clone, and one of an anonymous one.
func (c *cluster) probeClone(r *resource, n *node) bool {
	if r.is(exclusiveDiscovery) {
		if w := r.lookAt(n); w == nil || w.discover != discoverExclusive {
			return false
		}
	}
	if len(r.children) == 0 {
		return false
	}
	if r.is(unique) {
		return c.probeAll(r.children, n)
	}
	for _, child := range r.children {
		// The instance that will be here, if that is known.
		if child.runningOnAny(n) {
			return c.probe(child, n)
		}
	}
	for _, child := range r.children {
		if nodes := child.where(false); len(nodes) > 0 && nodes[0] == n {
			return c.probe(child, n)
		}
	}
	return c.probe(r.children[0], n)
}

func (r *resource) runningOnAny(n *node) bool {
	found := false
	r.each(func(x *resource) { found = found || x.isPrimitive() && x.runningOn(n) })
	return found
}

func (c *cluster) probeBundle(r *resource, n *node) bool {
	any := false
	for _, p := range r.bundle.replicas {
		if p.ip != nil && c.probe(p.ip, n) {
			any = true
		}
		if p.instance != nil && p.node == n && c.probe(p.instance, n) {
			any = true
		}
		if c.probe(p.container, n) {
			any = true
			// A container that is found active must not be started twice: the others wait.
			for _, other := range r.bundle.replicas {
				if other == p || r.bundle.perHost != 1 {
					continue
				}
				c.order(&ordering{first: p.container, firstTask: "monitor", then: other.container, thenTask: "start", kind: orderOptional | sameNodeOnly})
			}
		}
		if p.container != nil && p.connection != nil && c.probe(p.connection, n) {
			any = true
			// The connection can be probed only where its container is up.
			probe := p.connection.exactAction(operationKey(p.connection.id, "monitor", 0), n)
			if probe != nil {
				c.order(&ordering{first: p.container, firstTask: "start", then: p.connection, thenAction: probe, kind: nestedRemoteProbe})
			}
		}
	}
	return any
}

func (c *cluster) probePrimitive(r *resource, n *node) bool {
	if !c.options.probes || r.is(startPending) || r.knownOn(n) || r.siblingKnownOn(n) {
		return false
	}
	if n.isRemote() && (r.agent.Class == "stonith" || r.remoteHost || r.c.containsRemote(r)) {
		return false
	}
	if r.is(orphan) || r.container != nil && !r.remoteHost {
		return false
	}
	if n.isGuest() && !c.guestProbeable(r, n) {
		return false
	}
	if w := r.lookAt(n); r.excludedFromProbe(w) {
		return false
	}
	probe := c.action(r, "monitor", 0, n, false)
	probe.clear(optional)
	if r.runningOn(n) {
		probe.setExtra("op_target_rc", strconv.Itoa(rcOK))
		if r.role == rolePromoted {
			probe.setExtra("op_target_rc", strconv.Itoa(rcPromoted))
		}
	} else {
		probe.setExtra("op_target_rc", strconv.Itoa(rcNotRunning))
	}
	top := r.uber()
	orderFor := r
	if top.isClone() {
		orderFor = top
	}
	if c.unfencing && r.is(fenceDevice) && r.is(needsUnfencing) || orderFor.isClone() && c.unfencing && r.is(fenceDevice) {
		orderFor = r
	}
	c.order(&ordering{first: r, firstAction: probe, then: orderFor, thenTask: "start", kind: unrunnableFirstBlocks})
	c.order(&ordering{first: r, firstAction: probe, then: r, thenTask: "reload-agent", kind: orderOptional})
	return true
}

// siblingKnownOn: any instance of an anonymous clone tells about all of them.
func (r *resource) siblingKnownOn(n *node) bool {
	top := r.uber()
	if !top.isAnonymousClone() || top == r {
		return false
	}
	if r.parent == top {
		return top.knownOn(n)
	}
	name := stripInstance(r.id)
	for _, child := range top.children {
		if x := child.part(name); x != nil && x.knownOn(n) {
			return true
		}
	}
	return false
}

func (c *cluster) containsRemote(r *resource) bool { return r.isRemoteContainer() }

// guestProbeable: a guest tells something only when it is up and stays where it is.
func (c *cluster) guestProbeable(r *resource, n *node) bool {
	guest := n.remote.container
	if guest == nil || guest.role == roleStopped || guest.next == roleStopped || r.isRemoteContainer() {
		return false
	}
	current := guest.currentNode()
	return current == nil || guest.assigned == nil || current == guest.assigned
}

func (r *resource) excludedFromProbe(w *candidate) bool {
	top := r
	for x := r; x != nil; x = x.parent {
		if x.is(exclusiveDiscovery) {
			top = x
			if w == nil || w.discover != discoverExclusive {
				return true
			}
		}
	}
	_ = top
	return w != nil && w.discover == discoverNever
}

// orderProbes makes what depends on a resource wait for its probes, where those might still
// find it active.
func (c *cluster) orderProbes() {
	for _, o := range c.orders {
		c.orderProbesBefore(o)
	}
	for _, r := range c.resources {
		c.orderFirstProbesThenRestartOf(r)
	}
}

func (c *cluster) orderProbesBefore(o *ordering) {
	if o.first == nil || o.firstAction != nil || o.then == nil && o.thenAction == nil {
		return
	}
	task, _ := taskOfKey(o.firstKey)
	if task != "stop" || o.kind&(orderOptional|impliesThen) == 0 {
		return
	}
	if o.then == o.first {
		return
	}
	thenTask, _ := taskOfKey(o.thenKey)
	if o.thenAction != nil || o.then == nil {
		return
	}
	_ = thenTask
	var probes []*action
	o.first.each(func(x *resource) {
		if x.isPrimitive() {
			probes = append(probes, x.actionsOf("monitor", 0, nil)...)
		}
	})
	for _, probe := range probes {
		for _, then := range o.then.findByKey(o.thenKey) {
			c.link(probe, then, orderOptional)
		}
	}
}

func (c *cluster) orderFirstProbesThenRestartOf(r *resource) {}

// clearFailuresOfAssigned forgets old failures where a resource is about to start anew.
func (c *cluster) clearUnneededFailures(r *resource) {}
