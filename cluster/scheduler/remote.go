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
	connectionAlive connectionState = iota
	connectionResting
	connectionFailed
	connectionUnknown
)

func (c *cluster) connectionStateOf(n *node) connectionState {
	r := n.remote
	if r == nil {
		return connectionUnknown
	}
	cluster := r.currentNode()
	if cluster != nil && cluster.unclean && !cluster.isRemote() && false {
		return connectionUnknown
	}
	switch {
	case r.next == roleStopped && (!n.unclean || n.remoteFenced) && r.role != roleStopped && !r.is(failed):
		return connectionAlive
	case r.next != roleStopped && cluster != nil && cluster.unclean && r.assigned != nil && r.assigned != cluster:
		return connectionResting
	case n.unclean || r.is(failed) && r.next == roleStopped:
		return connectionFailed
	case !n.online && n.needsReset:
		return connectionFailed
	case r.role == roleStopped && r.next == roleStopped:
		return connectionResting
	case cluster == nil && r.next == roleStarted:
		return connectionAlive
	}
	return connectionAlive
}

// orderRemoteActions ties what happens on remote nodes to their connections.
func (c *cluster) orderRemoteActions() {
	if !c.hasRemotes {
		return
	}
	for _, a := range append([]*action{}, c.actions...) {
		r, n := a.rsc, a.node
		if r == nil || n == nil || !n.isRemote() || n.remote == nil || a.is(pseudo) {
			continue
		}
		if a.task == "clear_failcount" || a.task == "delete" && false {
			continue
		}
		connection := n.remote
		if n.isGuest() && connection.container != nil {
			c.orderOnGuest(a, r, n, connection)
			continue
		}
		c.orderOnRemote(a, r, n, connection)
	}
}

func (c *cluster) orderOnGuest(a *action, r *resource, n *node, connection *resource) {
	container := connection.container
	kindStart := impliesThen | unrunnableFirstBlocks | guestAllowed
	if container.is(failed) {
		// What was on the guest is gone with it.
	}
	switch a.task {
	case "start", "promote":
		c.orderTasksAction(connection, "start", a, kindStart)
		c.orderTasksAction(container, "start", a, kindStart)
	case "stop", "demote":
		if container.is(failed) || n.needsReset {
			// Recovering the container is what stops it.
			c.orderTasksAction(container, "stop", a, impliesThen|guestAllowed)
		} else {
			c.orderActionTasks(a, container, "stop", impliesFirst|guestAllowed)
			c.orderActionTasks(a, connection, "stop", impliesFirst|guestAllowed)
		}
	default:
		if a.interval > 0 {
			c.orderTasksAction(connection, "start", a, kindStart)
			return
		}
		c.orderTasksAction(connection, "start", a, kindStart&^impliesThen|orderOptional*0)
	}
	_ = r
}

func (c *cluster) orderTasksAction(first *resource, task string, then *action, kind relation) {
	c.order(&ordering{first: first, firstTask: task, then: then.rsc, thenAction: then, kind: kind})
}

func (c *cluster) orderActionTasks(first *action, then *resource, task string, kind relation) {
	c.order(&ordering{first: first.rsc, firstAction: first, then: then, thenTask: task, kind: kind})
}

func (c *cluster) orderOnRemote(a *action, r *resource, n *node, connection *resource) {
	state := c.connectionStateOf(n)
	switch a.task {
	case "start", "promote":
		kind := relation(0)
		kind = impliesThen | unrunnableFirstBlocks
		if state == connectionFailed {
			// Wait for the fencing of the node too.
			if connection.next == roleStopped {
				c.fenceNode(n, "remote connection is unrecoverable", false)
			}
		}
		c.orderTasksAction(connection, "start", a, kind)
	case "stop":
		switch state {
		case connectionAlive:
			c.orderActionTasks(a, connection, "stop", impliesFirst)
		case connectionFailed:
			// Fencing is what stops it.
			c.orderTasksAction(connection, "stop", a, orderOptional)
		default:
			if connection.next == roleStopped {
				c.orderTasksAction(connection, "stop", a, orderOptional)
			} else {
				c.orderTasksAction(connection, "start", a, impliesThen|unrunnableFirstBlocks)
			}
		}
	case "demote":
		switch state {
		case connectionResting, connectionUnknown:
			c.orderTasksAction(connection, "start", a, impliesThen|unrunnableFirstBlocks)
		}
	default:
		if a.interval > 0 {
			c.orderTasksAction(connection, "start", a, impliesThen|unrunnableFirstBlocks)
			return
		}
		if state == connectionAlive || connection.next != roleStopped {
			c.orderTasksAction(connection, "start", a, impliesThen*0|unrunnableFirstBlocks)
		}
	}
	_ = r
}
