package scheduler

// remoteAssigned notes what becomes of a remote node when the fate of its connection is known.
func (c *cluster) remoteAssigned(r *resource) {
	n := c.findNode(r.id, r.id)
	if n == nil {
		return
	}
	if r.assigned != nil && r.next != roleStopped {
		n.online = true
		if n.unseen {
			n.unclean = false
		}
		return
	}
	n.shutdown = true
}

// connectionState is what one can say of the connection to a remote node.
type connectionState uint8

const (
	connectionUnknown connectionState = iota // it may be possible to have it again
	connectionAlive                          // up, and nothing speaks against it
	connectionResting                        // up on a host that is lost or left; it comes up elsewhere
	connectionFailed                         // lost for good: only fencing helps
	connectionStopped                        // goes down, or is down, as it should
)

func (c *cluster) connectionStateOf(n *node) connectionState {
	r := n.remote
	host := r.currentNode()
	switch {
	case r.next == roleStopped || r.assigned == nil:
		switch {
		case host != nil && host.unclean:
			return connectionFailed
		case !r.is(failed):
			return connectionStopped
		case r.next == roleStopped && r.reconnectDelay > 0 && n.remoteFenced && !n.shutdown:
			// Whether it comes back shows only when the delay is over.
			return connectionUnknown
		}
		return connectionFailed
	case host == nil:
		return connectionUnknown
	case host.unclean || !host.online:
		return connectionResting
	case len(r.running) > 1 && r.partialSource != nil && r.partialTarget != nil:
		return connectionResting
	}
	return connectionAlive
}

// orderRemoteActions ties what happens on remote nodes to their connections.
func (c *cluster) orderRemoteActions() {
	if !c.hasRemotes {
		return
	}
	for i := len(c.actions) - 1; i >= 0; i-- {
		a := c.actions[i]
		r, n := a.rsc, a.node
		if r == nil {
			continue
		}
		if r.remoteHost && a.task == "clear_failcount" {
			// A failure is forgotten before the connection is tried again.
			c.order(ordering{first: r, firstAction: a, then: r, thenTask: "start", kind: orderOptional})
			continue
		}
		if n == nil || !n.isRemote() || n.remote == nil {
			continue
		}
		connection := n.remote
		if a.task == "start" {
			// What moves here leaves its place only when the connection is up.
			for _, x := range r.actions {
				if x.node != n && x.task == "stop" {
					c.order(ordering{first: connection, firstTask: "start", then: r, thenAction: x, kind: orderOptional})
				}
			}
		}
		if connection.container != nil {
			c.orderOnGuest(a, n, connection)
		} else {
			c.orderOnRemote(a, n, connection)
		}
	}
}

// orderOnGuest orders an action on a guest node: a guest needs no fencing, since recovering
// its container ends whatever is inside.
func (c *cluster) orderOnGuest(a *action, n *node, connection *resource) {
	container := connection.container
	if container.is(failed) {
		c.fenceNode(n, "container failed", false)
	}
	switch a.task {
	case "start", "promote":
		c.afterStart(container, a, impliesThen)
		c.afterStart(connection, a, 0)
	case "stop", "demote":
		if !container.is(failed) {
			c.beforeStop(a, connection, 0)
		}
	default:
		if a.interval > 0 {
			if a.task != "cancel" {
				c.afterStart(connection, a, impliesThen)
			}
			return
		}
		c.afterStart(connection, a, 0)
	}
}

// afterStart makes an action on a remote node wait for the start of the connection or container.
func (c *cluster) afterStart(first *resource, then *action, kind relation) {
	c.order(ordering{
		first: first, firstTask: "start", then: then.rsc, thenAction: then, kind: guestAllowed | unrunnableFirstBlocks | kind,
	})
}

// beforeStop makes an action on a remote node happen while the connection is still up.
func (c *cluster) beforeStop(first *action, then *resource, kind relation) {
	c.order(ordering{first: first.rsc, firstAction: first, then: then, thenTask: "stop", kind: guestAllowed | kind})
}

// orderOnRemote orders an action on a remote node.
func (c *cluster) orderOnRemote(a *action, n *node, connection *resource) {
	state := c.connectionStateOf(n)
	switch a.task {
	case "start", "promote":
		kind := relation(0)
		if state == connectionFailed {
			kind = impliesThen
		}
		c.afterStart(connection, a, kind)
	case "stop", "migrate_to":
		switch {
		case state == connectionAlive:
			c.beforeStop(a, connection, impliesFirst)
		case state == connectionFailed:
			// Only fencing stops it.
			c.fenceNode(n, "resources are active but connection is unrecoverable", false)
		case connection.next == roleStopped:
			c.beforeStop(a, connection, impliesFirst)
		default:
			c.afterStart(connection, a, 0)
		}
	case "demote":
		// When the connection goes down, the stop's order says enough.
		if state == connectionResting || state == connectionUnknown {
			c.afterStart(connection, a, 0)
		}
	default:
		c.orderOtherOnRemote(a, n, connection, state)
	}
}

// orderOtherOnRemote orders monitors and the like.
func (c *cluster) orderOtherOnRemote(a *action, n *node, connection *resource, state connectionState) {
	if a.interval > 0 {
		c.afterStart(connection, a, impliesThen)
		return
	}
	if a.task == "monitor" && state == connectionFailed {
		c.fenceNode(n, "resources are in unknown state and connection is unrecoverable", false)
	}
	if connection.currentNode() != nil && state == connectionStopped {
		// Look for what is active while that is still possible.
		c.beforeStop(a, connection, unrunnableFirstBlocks)
		return
	}
	c.afterStart(connection, a, 0)
}
