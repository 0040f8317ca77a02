package scheduler

import "slices"

// applyHistory acts on what the history of one node has told about a resource: whether it
// is active there, and what its worst failure asks for.
func (c *cluster) applyHistory(r *resource, n *node, fail onFail) {
	active := r.role > roleStopped
	if r.role != roleUnknown {
		for x := r; x != nil; x = x.parent {
			if !slices.Contains(x.known, n) {
				x.known = append(x.known, n)
			}
			if x.is(unique) {
				break
			}
		}
	}
	if active && r.is(managed) && !n.online && !n.maintenance {
		c.fenceForActive(r, n)
	}
	saved := fail
	if n.unclean {
		// Fencing deals with it, and leaves the resource free to start again.
		fail = failIgnore
	}
	c.reactToFailure(r, n, fail, active)
	if r.is(failed) && r.remoteHost {
		if remote := c.findNode(r.id, r.id); remote != nil && remote.unclean {
			remote.unseen = false
		}
	}
	switch {
	case active:
		r.addRunning(n, saved != failIgnore)
		switch fail {
		case failIgnore:
		case failDemote, failBlock:
			r.set(failed)
		default:
			r.set(failed | stopIfFailed)
		}
	case r.historyID != "" && r.historyID != stripInstance(r.historyID):
		r.historyID = ""
	default:
		for _, a := range r.actionsOf("stop", 0, n) {
			a.set(optional)
		}
	}
	if r.role == roleStopped && r.partialSource == n && r.partialTarget != nil {
		r.role = roleStarted
	}
}

// fenceForActive is for a resource that is active, as far as known, on a node that is down.
func (c *cluster) fenceForActive(r *resource, n *node) {
	reason := r.id + " is thought to be active there"
	switch {
	case n.isGuest():
		r.set(failed | stopIfFailed)
	case !c.options.fencing:
		return
	case n.kind == RemoteNode && n.remote != nil && !n.remote.is(failed):
		// Fencing is revoked if the connection can be had again from another host.
		n.unseen = true
		reason = r.id + " is active there (fencing will be revoked if remote connection can be re-established elsewhere)"
	}
	c.fenceNode(n, reason, !r.is(fenceDevice))
}

func (c *cluster) reactToFailure(r *resource, n *node, fail onFail, active bool) {
	switch fail {
	case failDemote:
		r.set(failed)
		c.demoteAction(r, n, false)
	case failFence:
		c.fenceNode(n, r.id+" failed there", false)
	case failStandby:
		n.standby, n.standbyOnFail = true, true
	case failBlock:
		r.clear(managed)
		r.set(blocked)
	case failBan:
		c.ban(r, n, -infinity, "__action_migration_auto__")
	case failStop:
		r.setNext(roleStopped, "on-fail=stop")
	case failRestart:
		if active {
			r.set(failed | stopIfFailed)
			c.stopAction(r, n, false)
		}
	case failRestartContainer:
		r.set(failed | stopIfFailed)
		switch {
		case r.container != nil && r.inBundle():
			c.stopNeeded = append([]*resource{r.container}, c.stopNeeded...)
		case r.container != nil:
			c.stopAction(r.container, n, false)
		case active:
			c.stopAction(r, n, false)
		}
	case failResetRemote:
		c.resetRemote(r, n, active)
	}
}

// resetRemote is for a failed connection: its node must be fenced before it is tried again.
func (c *cluster) resetRemote(r *resource, n *node, active bool) {
	r.set(failed | stopIfFailed)
	if c.options.fencing {
		remote := c.nodeNamed(r.id)
		if remote != nil && remote.kind == RemoteNode && !remote.remoteFenced {
			c.fenceNode(remote, "remote connection is unrecoverable", false)
		}
	}
	if active {
		c.stopAction(r, n, false)
	}
	if r.reconnectDelay > 0 {
		r.setNext(roleStopped, "remote reset")
	}
}

// addRunning notes that r is active on n, and with it what it is part of.
func (r *resource) addRunning(n *node, hasFailed bool) {
	if r.runningOn(n) {
		return
	}
	r.running = append(r.running, n)
	if r.isPrimitive() {
		n.running = append(n.running, r)
		n.addPriority(r)
		if n.maintenance {
			r.clear(managed)
			r.set(inMaintenance)
		}
	}
	if !r.is(managed) {
		r.c.ban(r, n, infinity, "not_managed_default")
		if n.online {
			for p := r.parent; p != nil; p = p.parent {
				if !p.runningOn(n) {
					p.running = append(p.running, n)
				}
			}
		}
		return
	}
	if r.isPrimitive() && len(r.running) > 1 {
		r.handleMultipleActive()
	}
	if r.parent != nil {
		r.parent.addRunning(n, false)
	}
}

func (r *resource) handleMultipleActive() {
	switch r.multipleActive {
	case "stop_only":
		for _, n := range r.c.nodes {
			w := r.at(n)
			w.present, w.score = true, -infinity
		}
	case "block":
		r.clear(managed)
		r.set(blocked)
		if p := r.parent; p != nil && (p.isGroup() || p.isBundle()) && p.multipleActive == "block" {
			for _, child := range p.children {
				child.clear(managed)
				child.set(blocked)
			}
		}
	}
}

// addPriority makes the node as important as what runs on it; promoted resources count one more.
func (n *node) addPriority(r *resource) {
	c := r.c
	if r.priority == 0 || c.options.priorityFencingDelay <= 0 {
		return
	}
	priority := r.priority
	if r.role == rolePromoted && priority < infinity {
		priority++
	}
	n.priority += priority
	if n.isGuest() && n.remote != nil && n.remote.container != nil {
		for _, host := range n.remote.container.running {
			host.priority += priority
		}
	}
}

// rescheduleRecurring makes a recurring operation whose failure expired run again.
func (c *cluster) rescheduleRecurring(e *event) {
	if c.forcedRestart == nil {
		c.forcedRestart = map[string]bool{}
	}
	c.forcedRestart[e.n.id+"\x00"+e.xml.ID()+"\x00"+e.r.id] = true
}
