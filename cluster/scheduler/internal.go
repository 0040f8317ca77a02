package scheduler

import "strconv"

// createInternalConstraints makes the orderings and colocations that resources imply.
func (c *cluster) createInternalConstraints() {
	for _, r := range c.resources {
		c.internalConstraints(r)
	}
}

func (c *cluster) internalConstraints(r *resource) {
	switch r.variant {
	case GroupResource:
		c.groupConstraints(r)
	case CloneResource:
		c.cloneConstraints(r)
	case BundleResource:
		c.bundleInternalConstraints(r)
	default:
		c.primitiveConstraints(r)
	}
}

// primitiveConstraints orders what a resource does by itself; nobody does anything to one that
// is not managed.
func (c *cluster) primitiveConstraints(r *resource) {
	if !r.is(managed) {
		return
	}
	top := r.uber()
	checkUnfencing := c.unfencing && r.is(needsUnfencing) && c.options.fencing
	// A restart: stop, then start.
	c.orderTasks(r, "stop", r, "start", orderOptional|impliesThen|intermediateStop)
	if top.is(promotable) || r.role > roleUnpromoted {
		c.orderTasks(r, "demote", r, "stop", promotedImpliesFirst)
		c.orderTasks(r, "start", r, "promote", unrunnableFirstBlocks)
	}
	// History that is being removed from a node is not asked for there again.
	c.orderTasks(r, "delete", r, "monitor", sameNodeOnly|cancelsFirst)
	if checkUnfencing {
		c.unfencingConstraints(r)
	}
	c.utilizationConstraints(r)
	c.containerConstraints(r)
	if r.remoteHost || r.is(fenceDevice) {
		r.avoidRemoteNodes()
	}
}

// avoidRemoteNodes is for what a remote node cannot run: connections, fence devices, and guests
// that would be nested in it.
func (r *resource) avoidRemoteNodes() {
	r.eachCandidate(func(n *node, w *candidate) {
		if n.isRemote() {
			w.score = -infinity
		}
	})
}

// containerConstraints ties what runs in a container to the container. What is configured
// to run in a guest or remote node runs there; anything else, the guest's connection
// included, runs where its container does.
func (c *cluster) containerConstraints(r *resource) {
	if r.container == nil {
		return
	}
	if r.remoteHost && !r.is(nestingAllowed) {
		r.container.avoidRemoteNodes()
	}
	if connection := r.connectionAround(); connection != nil {
		r.eachCandidate(func(n *node, w *candidate) {
			if n.remote != connection {
				w.score = -infinity
			}
		})
		return
	}
	c.orderTasks(r.container, "start", r, "start", impliesThen|unrunnableFirstBlocks)
	c.orderTasks(r, "stop", r.container, "stop", impliesFirst)
	score := infinity
	if r.is(nestingAllowed) {
		score = 10000
	}
	c.colocate(colocationSpec{id: "#resource-with-container", score: score, influence: "true"}, r, r.container, "", "")
}

// connectionAround is the connection to the remote or guest node that r's container is, or
// provides; nil when it is none, or r is that connection.
func (r *resource) connectionAround() *resource {
	if r.remoteHost {
		return nil
	}
	if r.container.remoteHost {
		return r.container
	}
	for _, f := range r.container.fillers {
		if f.remoteHost {
			return f
		}
	}
	return nil
}

func (r *resource) isRemoteContainer() bool {
	for _, f := range r.fillers {
		if f.remoteHost {
			return true
		}
	}
	return false
}

func (c *cluster) groupConstraints(r *resource) {
	top := r.uber()
	c.orderTasks(r, "stop", r, "stopped", unrunnableFirstBlocks)
	c.orderTasks(r, "stopped", r, "start", orderOptional)
	c.orderTasks(r, "start", r, "running", unrunnableFirstBlocks)
	isPromotable := top.isClone() && top.is(promotable)
	var last, lastActive *resource
	for _, member := range r.children {
		c.internalConstraints(member)
		if r.group.colocated && last != nil {
			c.colocate(colocationSpec{id: "#group-members", score: infinity, influence: strconv.FormatBool(member.is(critical))}, member, last, "", "")
		}
		c.memberConstraints(r, member, last, isPromotable)
		if member.isRunning() {
			if r.group.ordered && last != nil && !last.isRunning() && lastActive != nil {
				// A partly active group stops in sequence, too.
				c.orderTasks(member, "stop", lastActive, "stop", orderOptional)
			}
			lastActive = member
		}
		last = member
	}
}

// memberConstraints orders what a member does within its group's beginning and end, and
// relative to the member before it.
func (c *cluster) memberConstraints(r, member, last *resource, isPromotable bool) {
	down, downDone := showsFirst, showsThen
	if last == nil && r.group.ordered {
		down, downDone = showsFirst|orderOptional, impliesThen
	}
	needs := impliesThen | unrunnableFirstBlocks
	if isPromotable {
		c.orderTasks(r, "demote", member, "demote", down)
		c.orderTasks(member, "demote", r, "demoted", downDone)
		c.orderTasks(member, "promote", r, "promoted", needs|showsThen)
		c.orderTasks(r, "promote", member, "promote", showsFirst)
	}
	c.orderTasks(r, "start", member, "start", showsFirst)
	c.orderTasks(r, "stop", member, "stop", down)
	c.orderTasks(member, "stop", r, "stopped", downDone)
	c.orderTasks(member, "start", r, "running", needs|showsThen)
	switch {
	case !r.group.ordered:
		c.orderTasks(r, "start", member, "start", needs|showsFirst)
		if isPromotable {
			c.orderTasks(r, "promote", member, "promote", needs|showsFirst)
		}
	case last != nil:
		c.orderTasks(last, "start", member, "start", needs)
		c.orderTasks(member, "stop", last, "stop", orderOptional|intermediateStop)
		if member.isRunning() && !last.isRunning() {
			// The restart orderings do not reach a member added before active ones.
			c.orderTasks(member, "stop", last, "start", impliesFirst|unrunnableFirstBlocks)
		}
		if isPromotable {
			c.orderTasks(last, "promote", member, "promote", needs)
			c.orderTasks(member, "demote", last, "demote", orderOptional)
		}
	}
}

func (c *cluster) cloneConstraints(r *resource) {
	c.orderTasks(r, "stopped", r, "start", orderOptional)
	c.orderTasks(r, "start", r, "running", unrunnableFirstBlocks)
	c.orderTasks(r, "stop", r, "stopped", unrunnableFirstBlocks)
	if r.is(promotable) {
		c.orderTasks(r, "demoted", r, "stop", orderOptional)
		c.orderTasks(r, "running", r, "promote", unrunnableFirstBlocks)
	}
	for i, child := range r.children {
		c.internalConstraints(child)
		c.orderTasks(r, "start", child, "start", unrunnableFirstBlocks|showsFirst)
		c.orderTasks(child, "start", r, "running", showsThen)
		c.orderTasks(r, "stop", child, "stop", showsFirst)
		c.orderTasks(child, "stop", r, "stopped", showsThen)
		if r.clone.ordered {
			// After all before it: of a chain, a link that does nothing would break it.
			for _, earlier := range r.children[:i] {
				c.orderTasks(earlier, "start", child, "start", orderOptional)
				c.orderTasks(child, "stop", earlier, "stop", orderOptional)
			}
		}
	}
	if r.is(promotable) {
		c.promotableConstraints(r)
	}
}

// promotableConstraints orders the promotion of a clone's instances.
func (c *cluster) promotableConstraints(r *resource) {
	c.promotableOrders(r)
	var last *resource
	for _, child := range r.children {
		c.orderTasks(r, "promote", child, "promote", showsFirst)
		c.orderTasks(child, "promote", r, "promoted", showsThen)
		c.orderTasks(r, "demote", child, "demote", showsFirst)
		c.orderTasks(child, "demote", r, "demoted", showsThen)
		c.orderTasks(child, "demote", child, "promote", orderOptional)
		if r.clone.ordered && last != nil {
			c.orderTasks(last, "promote", child, "promote", orderOptional)
			c.orderTasks(child, "demote", last, "demote", orderOptional)
		}
		last = child
	}
}

// promotableOrders orders what happens to a promotable collective as a whole.
func (c *cluster) promotableOrders(r *resource) {
	for _, pair := range [][2]string{
		{"stopped", "start"}, {"stopped", "promote"},
		{"demoted", "stop"}, {"demoted", "start"}, {"demoted", "promote"},
		{"running", "promote"}, {"demote", "demoted"},
	} {
		c.orderTasks(r, pair[0], r, pair[1], orderOptional)
	}
}
