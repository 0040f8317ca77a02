package scheduler

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// canFence reports whether the cluster is able, and entitled, to fence the node.
func (c *cluster) canFence(n *node) bool {
	if n != nil && n.isGuest() {
		r := n.remote
		if r == nil || r.container == nil {
			return false
		}
		for _, host := range r.container.running {
			if !host.online && !c.canFence(host) {
				return false
			}
		}
		return true
	}
	switch {
	case !c.options.fencing, !c.haveFencing:
		return false
	case c.options.quorate, c.options.quorumPolicy == quorumIgnore:
		return true
	case n == nil:
		return false
	}
	return n.online
}

// fenceNode marks a node as one whose state cannot be trusted, and schedules its fencing:
// of a guest, by recovering its container.
func (c *cluster) fenceNode(n *node, reason string, priorityDelay bool) {
	switch {
	case n.isGuest() && n.remote != nil && n.remote.container != nil:
		container := n.remote.container
		if !container.is(failed) {
			if container.is(managed) {
				n.needsReset = true
				container.set(failed | stopIfFailed)
			}
		}
	case n.isRemote() && n.remote != nil && n.remote.is(orphan|removedFiller):
		n.needsReset = true
		n.remote.set(failed | stopIfFailed)
	case n.isRemote():
		if n.remote != nil && !n.remote.is(managed) {
			return
		}
		n.needsReset = true
		n.unclean = true
		c.fenceAction(n, "", true, reason, false)
	case n.unclean:
	default:
		n.unclean = true
		c.fenceAction(n, "", true, reason, priorityDelay)
	}
}

// fenceAction returns the action that fences n: op on, off or reboot ("" for the cluster's
// choice).
func (c *cluster) fenceAction(n *node, op string, isOptional bool, reason string, priorityDelay bool) *action {
	if op == "" {
		op = c.options.fencingAction
	}
	key := "stonith-" + n.name + "-" + op
	a := c.singletons[key]
	if a == nil {
		a = c.clusterAction(key, "stonith", n, true)
		a.setExtra("on_node", n.name)
		a.setExtra("on_node_uuid", n.id)
		a.setExtra("stonith_action", op)
		if n.isGuest() {
			// Done by recovering the container, not by a device.
			a.set(pseudo)
		}
		if c.unfencing && c.addDigests(a) {
			isOptional = false
		}
	}
	// Why a host is fenced is known before what runs where is, and with it the hosts' priorities: a later call finds out.
	if n.racing = n.racing || priorityDelay; n.racing && c.options.priorityFencingDelay > 0 && c.prefersDelay(n) {
		a.setExtra("priority-fencing-delay", strconv.Itoa(int(c.options.priorityFencingDelay/time.Second)))
	}
	if !isOptional && c.canFence(n) {
		a.clear(optional)
		a.setReason(reason, false)
	} else if reason != "" && a.reason == "" {
		a.reason = reason
	}
	return a
}

// prefersDelay: in a fencing race the more important side is given a head start, by
// delaying the fencing of its hosts.
func (c *cluster) prefersDelay(n *node) bool {
	if n.isRemote() {
		return false
	}
	members, online := 0, 0
	top, lowest, first := 0, 0, true
	for _, m := range c.byName {
		if m.isRemote() {
			continue
		}
		members++
		if m.online {
			online++
		}
		if first || m.priority > top {
			top = m.priority
		}
		if first || m.priority < lowest {
			lowest = m.priority
		}
		first = false
	}
	return online <= members/2 && top != lowest && n.priority >= top
}

// fenceGuest makes the event that stands for a guest's end, which recovering its container
// brings about, so that what depends on the guest can be ordered after it.
func (c *cluster) fenceGuest(n *node) {
	container := n.remote.container
	op := "off"
	var stop *action
	if container != nil {
		stop = container.firstAction("stop", nil)
		if container.firstAction("start", nil) != nil {
			op = "reboot"
		}
	}
	fence := c.fenceAction(n, op, false, "guest is unclean", false)
	fence.set(pseudo | runnable)
	switch {
	case stop != nil && stop.is(pseudo):
		c.link(c.fenceAction(stop.node, "", false, "", false), fence, unrunnableFirstBlocks|impliesThen)
	case stop != nil:
		c.link(stop, fence, unrunnableFirstBlocks|impliesThen)
	default:
		// Nothing stops the guest: perhaps its history was cleaned. Do not take it for
		// down before its connection is.
		if stop = n.remote.firstAction("stop", nil); stop != nil {
			c.link(stop, fence, orderOptional)
		}
	}
	c.orderVersusFencing(fence)
}

// scheduleFencing fences hosts that must be, shuts down those that want to, and orders the
// elected host's own last, since it directs the others'.
func (c *cluster) scheduleFencing() {
	anyManaged := c.anyManaged()
	var dcDown *action
	var fences, shutdowns []*action
	for _, n := range c.byName {
		switch {
		case n.isGuest():
			if n.needsReset && anyManaged && c.canFence(n) {
				c.fenceGuest(n)
			}
		case anyManaged && n.unclean && c.canFence(n):
			fence := c.fenceAction(n, "", false, "node is unclean", false)
			c.orderVersusFencing(fence)
			if n.dc {
				dcDown = fence
			} else {
				if !c.options.concurrentFencing && len(fences) > 0 {
					c.link(fences[len(fences)-1], fence, orderOptional)
				}
				fences = append(fences, fence)
			}
		case !n.isRemote() && n.online && n.shutdown:
			if down := c.shutdownAction(n); n.dc {
				dcDown = down
			} else {
				shutdowns = append(shutdowns, down)
			}
		}
	}
	if dcDown == nil {
		return
	}
	if dcDown.task == "do_shutdown" {
		for _, a := range shutdowns {
			c.link(a, dcDown, orderOptional)
		}
	}
	if !c.options.concurrentFencing && len(fences) > 0 {
		fences = fences[len(fences)-1:]
	}
	for _, a := range fences {
		c.link(a, dcDown, orderOptional)
	}
}

func (c *cluster) anyManaged() bool {
	found := false
	c.eachResource(func(r *resource) { found = found || r.is(managed) })
	return found
}

// shutdownAction lets a host's daemon go, after the resources on it have stopped.
func (c *cluster) shutdownAction(n *node) *action {
	a := c.clusterAction("do_shutdown-"+n.name, "do_shutdown", n, false)
	a.key = "do_shutdown"
	a.setExtra("op_no_wait", "true")
	for _, stop := range slices.Backward(c.actions) {
		if stop.rsc == nil || stop.task != "stop" || stop.node != n || n.maintenance {
			continue
		}
		if stop.rsc.is(inMaintenance) || !stop.rsc.any(managed|blocked) {
			continue
		}
		stop.clear(optional)
		c.order(ordering{first: stop.rsc, firstAction: stop, thenAction: a, kind: orderOptional | unrunnableFirstBlocks})
	}
	return a
}

// orderVersusFencing orders all resources against a fencing.
func (c *cluster) orderVersusFencing(fence *action) {
	c.eachResource(func(r *resource) {
		if r.isPrimitive() && r.is(managed) {
			c.orderStartsVersusFencing(r, fence)
			c.orderStopsVersusFencing(r, fence)
		}
	})
}

// orderStartsVersusFencing: what needs fencing starts after all of it. What needs only
// quorum waits when it may be active, unknown to us, on the node to be fenced.
func (c *cluster) orderStartsVersusFencing(r *resource, fence *action) {
	for _, a := range slices.Backward(r.actions) {
		switch a.needs {
		case needFencing:
			c.link(fence, a, orderOptional)
		case needQuorum:
			if a.task == "start" && r.lookAt(fence.node) != nil && !r.accountedForOn(fence.node) {
				c.link(fence, a, orderOptional|unrunnableFirstBlocks)
			}
		}
	}
}

// accountedForOn reports whether the history tells of r on the node, or of another instance of its
// clone. Of a cloned group only some members may be known, so each counts for itself.
func (r *resource) accountedForOn(n *node) bool {
	return r.knownOn(n) || r.parent != nil && r.parent.isAnonymousClone() && r.parent.knownOn(n)
}

// orderStopsVersusFencing: stops and demotes on the fenced node are done by fencing it.
func (c *cluster) orderStopsVersusFencing(r *resource, fence *action) {
	target := fence.node
	implied := r.is(needsFencing) || target.isGuest()
	stops := r.actionsOf("stop", 0, target)
	var parentStop *action
	if len(stops) > 0 && implied {
		parentStop = r.uber().firstAction("stop", nil)
	}
	for _, stop := range stops {
		stop.set(pseudo | runnable)
		if implied {
			// Inside a bundle this would close a loop; the parent's stop does it.
			if !r.inBundle() {
				c.link(fence, stop, guestAllowed)
			}
			if parentStop != nil {
				c.link(fence, parentStop, guestAllowed)
			}
		}
		if r.is(notifies) {
			c.notifyAfterFencing(r, fence)
		}
	}
	for _, demote := range r.actionsOf("demote", 0, target) {
		if target.online && !target.unclean && !r.is(failed) {
			continue
		}
		demote.set(pseudo | runnable)
		if !r.inBundle() && implied {
			c.link(fence, demote, guestAllowed|orderOptional)
		}
	}
}

// fenceSummary writes a fencing for people.
func fenceSummary(a *action) string {
	text := "Fence (" + a.extra.get("stonith_action") + ") " + a.node.described()
	if a.reason != "" {
		text += " '" + strings.ReplaceAll(a.reason, "'", "") + "'"
	}
	return text
}

// described is the node's name and, of a guest, the resource that it is.
func (n *node) described() string {
	if n.isGuest() && n.remote != nil && n.remote.container != nil {
		return n.name + " (resource: " + n.remote.container.id + ")"
	}
	return n.name
}
