package scheduler

import (
	"slices"
	"strconv"
)

// scheduleProbes asks each node about each resource whose state there is not known.
func (c *cluster) scheduleProbes() {
	sorted := false
	for _, n := range c.byName {
		if !n.online || n.unclean || n.noDiscovery {
			continue
		}
		if !sorted {
			c.sortInstances()
			sorted = true
		}
		for _, r := range c.resources {
			c.probe(r, n)
		}
	}
}

// sortInstances lists the instances of clones by number again, which assignment has sorted
// by merit: so they are probed, acted on and shown from here on.
func (c *cluster) sortInstances() {
	for _, r := range c.resources {
		if r.isClone() {
			slices.SortStableFunc(r.children, compareInstanceNumbers)
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
		// What is known of one here already, the others share.
		if child.knownOn(n) {
			return c.probe(child, n)
		}
	}
	for _, child := range r.children {
		// Else the one that will be here.
		if child.firstAssigned() == n {
			return c.probe(child, n)
		}
	}
	return c.probe(r.children[0], n)
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
			c.orderAfterContainerProbe(r, p, n)
		}
		if p.connection != nil && c.probe(p.connection, n) {
			any = true
			// The connection can be probed only where its container is up.
			probe := p.connection.operation("monitor", 0).exactlyOn(n)
			c.order(ordering{first: p.container, firstTask: "start", then: p.connection, thenAction: probe, kind: nestedRemoteProbe})
		}
	}
	return any
}

// orderAfterContainerProbe: it must be known which containers are up before anything starts in
// them, and, where a host may have only one, before another starts there.
func (c *cluster) orderAfterContainerProbe(r *resource, p *replica, n *node) {
	probe := p.container.operation("monitor", 0).exactlyOn(n)
	if inner := r.bundle.inner; inner != nil {
		c.order(ordering{first: p.container, firstAction: probe, then: inner, thenTask: "start", kind: orderOptional})
	}
	if r.bundle.perHost != 1 {
		return
	}
	for _, other := range r.bundle.replicas {
		if other != p {
			c.order(ordering{first: p.container, firstAction: probe, then: other.container, thenTask: "start", kind: orderOptional | sameNodeOnly})
		}
	}
}

func (c *cluster) probePrimitive(r *resource, n *node) bool {
	if !c.options.probes || r.knownOn(n) || r.siblingKnownOn(n) {
		return false
	}
	if n.isRemote() && (r.is(fenceDevice) || r.remoteHost || n.isGuest() && r.isRemoteContainer()) {
		return false
	}
	if r.is(orphan) || r.container != nil && !r.remoteHost {
		return false
	}
	if r.excludedFromProbe(n, r.lookAt(n)) || n.isGuest() && !c.probeableOnGuest(r, n) {
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
	// Fence devices that switch on often cannot even be asked on a host that was not switched on.
	c.orderVersusUnfencing(r, n, probe, orderOptional)
	c.orderStartAfterProbe(r, probe)
	return true
}

// orderStartAfterProbe: a resource, and an instance's clone as a whole, starts when it is known
// where it is active. What cannot be asked about does not start, unless it is active already.
func (c *cluster) orderStartAfterProbe(r *resource, probe *action) {
	kind := orderOptional
	if !probe.is(runnable) && len(r.uber().running) == 0 {
		kind |= unrunnableFirstBlocks
	}
	c.order(ordering{first: r, firstAction: probe, then: r.startedWith(), thenTask: "start", kind: kind})
	if r.is(reloading) {
		c.order(ordering{first: r, firstAction: probe, then: r, thenTask: "reload-agent", kind: orderOptional})
	}
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

// probeableOnGuest: a guest tells something only when it is up and stays where it is. When it
// goes down, or moves, whatever it may be running ends with it and starts after that.
func (c *cluster) probeableOnGuest(r *resource, n *node) bool {
	guest := n.remote.container
	if guest == nil || guest.role == roleStopped {
		return false
	}
	current := guest.currentNode()
	if guest.next != roleStopped && (current == nil || guest.assigned == nil || current == guest.assigned) {
		return true
	}
	c.orderTasks(guest, "stop", r.startedWith(), "start", orderOptional)
	return false
}

// startedWith is what is started as a whole when r is: of a clone's instance, the clone.
func (r *resource) startedWith() *resource {
	if top := r.uber(); top.isClone() && !(r.c.unfencing && r.is(fenceDevice)) {
		return top
	}
	return r
}

// excludedFromProbe reports whether resource discovery leaves the node n out, whose candidate
// is w. Nobody but its own instance is looked for inside a bundle's container.
func (r *resource) excludedFromProbe(n *node, w *candidate) bool {
	switch {
	case w == nil:
		return n.excluded && n.isGuest() || r.is(exclusiveDiscovery) || r.uber().is(exclusiveDiscovery)
	case r.is(exclusiveDiscovery), r.uber().is(exclusiveDiscovery):
		return w.discover != discoverExclusive
	}
	return w.discover == discoverNever
}
