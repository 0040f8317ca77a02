package scheduler

import (
	"slices"
	"strconv"
)

// scheduleProbes asks each node about each resource whose state there is not known.
func (c *cluster) scheduleProbes() {
	sorted := false
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

// orderProbes: what waits for a resource's stop also waits for its probes, which might still
// find it active.
func (c *cluster) orderProbes() {
	for _, o := range c.orders {
		c.orderProbesBefore(o)
	}
}

func (c *cluster) orderProbesBefore(o *ordering) {
	if o.kind == 0 || o.first == nil || o.then == nil || o.first == o.then || taskOfFirst(o) != "stop" {
		return
	}
	if o.then != nil && o.first.container == o.then && taskOfThen(o) == "stop" {
		// What is probed inside a container may be so after the container's restart.
		return
	}
	kind := orderOptional | o.kind&(ifFirstUnmigratable|sameNodeOnly)
	if o.kind == requiredOnSameNode || o.kind == sameNodeOrTarget {
		kind = o.kind
	}
	thens := []*action{o.thenAction}
	if o.thenAction == nil {
		thens = o.then.findByKey(o.thenKey)
	}
	if len(thens) == 0 {
		return
	}
	for _, probe := range o.probesOfFirst() {
		for _, then := range thens {
			c.link(probe, then, kind)
		}
	}
}

// probesOfFirst are the probes of what stops first: of a clone, those of its instances,
// unless the ordering is its own affair.
func (o *ordering) probesOfFirst() []*action {
	if !o.first.isPrimitive() && (!o.first.isClone() || isBelow(o.then, o.first) || isBelow(o.first, o.then)) {
		return nil
	}
	var probes []*action
	o.first.each(func(x *resource) {
		if x.isPrimitive() {
			probes = append(probes, x.actionsOf("monitor", 0, nil)...)
		}
	})
	return probes
}

func taskOfFirst(o *ordering) string {
	if o.firstAction != nil {
		return o.firstAction.task
	}
	task, _ := taskOfKey(o.firstKey)
	return task
}

func taskOfThen(o *ordering) string {
	if o.thenAction != nil {
		return o.thenAction.task
	}
	task, _ := taskOfKey(o.thenKey)
	return task
}
