package scheduler

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// unpackStatus reads what the cluster has observed: tickets, the state of hosts, and the
// history of operations on each. A node that a resource provides can be read only after
// the history has told that its connection is up, so the history is read in rounds.
func (c *cluster) unpackStatus() {
	status := c.doc.Section("status")
	if status == nil {
		return
	}
	c.unpackTickets(status)
	for e := range status.All("node_state") {
		c.unpackNodeState(e)
	}
	for c.unpackHistories(status, false) {
	}
	c.unpackHistories(status, c.options.fencing)
	c.judgeUnknownRemoteNodes()
	c.stopContainersOfFailedConnections()
	for _, n := range c.byName {
		if !n.isRemote() {
			continue
		}
		if n.shutdown && n.remote != nil {
			n.remote.setNext(roleStopped, "remote shutdown")
		}
		if !n.unpacked {
			c.judgeRemoteNode(n)
		}
	}
}

func (c *cluster) unpackNodeState(e *cib.Element) {
	n := c.findNode(e.ID(), e.Get("uname"))
	if n == nil {
		return
	}
	n.state = e
	if n.isRemote() {
		n.unclean, n.unseen = false, false
		n.remoteFenced = epochOrFlag(e.Get("node_fenced"))
		n.remoteMaintenance = cib.ParseBool(e.Get("node_in_maintenance"), false)
		return
	}
	c.unpackTransient(n, e)
	n.unclean, n.unseen = false, false
	c.judgeHost(n, e)
	n.features = n.attributes["#feature-set"]
	if v := n.attributes["maintenance"]; cib.ParseBool(v, false) {
		n.maintenance = true
	}
	if !c.options.quorate && n.online && c.options.quorumPolicy == quorumFence {
		c.fenceNode(n, "cluster does not have quorum", false)
	}
}

// unpackTransient adds the attributes that last until the host's next restart, and acts
// on those with a meaning of their own.
func (c *cluster) unpackTransient(n *node, e *cib.Element) {
	for section := range e.All("transient_attributes") {
		c.ruleContext(n).Pairs(section, "instance_attributes", "", c.byID, func(name, value string) {
			if _, configured := n.attributes[name]; !configured || !slices.Contains([]string{"#uname", "#id", "#kind"}, name) {
				n.attributes[name] = value
			}
		})
		for name, amount := range c.unpackUtilization(section) {
			if n.utilization == nil {
				n.utilization = map[string]int{}
			}
			n.utilization[name] = amount
		}
	}
	c.applyNodeFlags(n)
}

// applyNodeFlags takes over standby, maintenance and shutdown from the node's attributes.
func (c *cluster) applyNodeFlags(n *node) {
	if cib.ParseBool(n.attributes["standby"], false) {
		n.standby = true
	}
	if cib.ParseBool(n.attributes["maintenance"], false) {
		n.maintenance = true
	}
	if v, ok := n.attributes["resource-discovery-enabled"]; ok && !cib.ParseBool(v, true) && n.isRemote() {
		n.noDiscovery = true
	}
	if since := n.attributes["shutdown"]; since != "" && since != "0" {
		n.shutdown = true
		if s, err := strconv.ParseInt(since, 10, 64); err == nil {
			n.shuttingDownSince = time.Unix(s, 0)
		}
	}
}

// unpackRemoteFlags takes over what is recorded of a remote or guest node's state.
func (c *cluster) unpackRemoteFlags(n *node, e *cib.Element) {
	if !n.needsReset {
		n.unclean, n.unseen = false, false
	}
	c.unpackTransient(n, e)
	if n.remote != nil && !n.remote.is(managed) {
		n.maintenance = true
	}
}

// epochOrFlag reads a value that is a truth value or a time stamp.
func epochOrFlag(text string) bool {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n > 0
	}
	return cib.ParseBool(text, false)
}

// membership is a host's state as membership and its controller report it.
type membership struct {
	seen                    bool // membership has said something about it
	member, peer, terminate bool
	since                   time.Time // of membership
	join, expected          string
}

func readMembership(n *node, e *cib.Element) membership {
	m := membership{join: e.Get("join"), expected: e.Get("expected")}
	in, seen := e.Lookup("in_ccm")
	m.seen = seen
	m.member = epochOrFlag(in)
	if s, err := strconv.ParseInt(in, 10, 64); err == nil && s > 1 {
		m.since = time.Unix(s, 0)
	}
	crmd := e.Get("crmd")
	m.peer = crmd == "online" || epochOrFlag(crmd)
	if crmd == "" {
		m.peer = false
	}
	m.terminate = epochOrFlag(n.attributes["terminate"])
	return m
}

// judgeHost decides whether a cluster host is online, and whether it must be fenced.
func (c *cluster) judgeHost(n *node, e *cib.Element) {
	m := readMembership(n, e)
	n.expectedUp = m.expected == "member" && !n.shutdown
	online := false
	if c.options.fencing {
		online = c.judgeWithFencing(n, m)
	} else {
		online = c.judgeWithoutFencing(n, m)
	}
	n.online = online
}

func (c *cluster) judgeWithoutFencing(n *node, m membership) bool {
	switch {
	case !m.member:
	case m.peer:
		if m.join == "member" {
			return true
		}
	case n.expectedUp:
		c.fenceNode(n, "peer is unexpectedly down", false)
	}
	return false
}

func (c *cluster) judgeWithFencing(n *node, m membership) bool {
	switch {
	case n.shutdown:
		return m.peer
	case !m.seen:
		c.fenceNode(n, "peer has not been seen by the cluster", true)
	case m.join == "banned":
		c.fenceNode(n, "peer failed Pacemaker membership criteria", false)
	case !m.terminate && (m.expected == "down" || m.expected == ""):
		return c.judgeComingUp(n, m)
	case m.terminate && m.join == "down" && !m.member && !m.peer:
		return false
	case !m.member:
		c.fenceNode(n, "peer is no longer part of the cluster", true)
	case !m.peer:
		c.fenceNode(n, "peer process is no longer available", false)
	case m.terminate:
		c.fenceNode(n, "termination was requested", false)
	case m.join == "member":
	case m.join == "pending" || m.join == "down":
		n.awaitJoin()
	default:
		c.fenceNode(n, "peer was in an unknown state", false)
	}
	return m.member
}

// judgeComingUp is for a host that was expected to be down: if it shows signs of life it is
// on its way to become a member.
func (c *cluster) judgeComingUp(n *node, m membership) bool {
	if !m.member && !m.peer {
		return false
	}
	limit := c.options.nodePendingTimeout
	if m.member && !m.peer && limit > 0 && !m.since.IsZero() {
		expires := m.since.Add(limit)
		if c.reached(expires) {
			c.fenceNode(n, "peer pending timed out on joining the process group", true)
		} else {
			c.noteRecheck(expires)
		}
	}
	n.awaitJoin()
	return m.member
}

// awaitJoin is for a host that has not joined yet: nothing can be asked of it, or placed on it.
func (n *node) awaitJoin() { n.pending, n.standby = true, true }

// judgeUnknownRemoteNodes decides about the remote and guest nodes that the status section
// says nothing of, now that it is known what runs where.
func (c *cluster) judgeUnknownRemoteNodes() {
	for _, n := range c.byName {
		if n.isRemote() && !n.unpacked {
			c.judgeRemoteNode(n)
		}
	}
}

// judgeRemoteNode decides about a remote or guest node from its connection and container.
func (c *cluster) judgeRemoteNode(n *node) {
	r := n.remote
	if r == nil {
		n.online = false
		return
	}
	container := r.container
	var host *node
	if container != nil && len(container.running) == 1 {
		host = container.running[0]
	}
	if r.role == roleStarted {
		n.online = true
		if r.next == roleStopped {
			n.shutdown = true
		}
	}
	switch {
	case container != nil && container.is(failed):
		n.online, n.needsReset = false, true
	case r.is(failed):
		n.online = false
	case r.role == roleStopped || container != nil && container.role == roleStopped:
		n.online, n.needsReset = false, false
	case host != nil && !host.online && host.unclean:
		n.online, n.needsReset = false, true
	}
}

// unpackHistories reads the operation history of nodes for which that is possible now, and
// reports whether it read any. With all set it reads what is left.
func (c *cluster) unpackHistories(status *cib.Element, all bool) bool {
	progress := false
	for e := range status.All("node_state") {
		n := c.findNode(e.ID(), e.Get("uname"))
		if n == nil || n.unpacked {
			continue
		}
		if !all && !c.historyReadable(n) {
			continue
		}
		n.unpacked = true
		if n.isRemote() {
			c.judgeRemoteNode(n)
			c.unpackRemoteFlags(n, e)
		}
		c.unpackHistory(n, e)
		progress = true
	}
	return progress
}

func (c *cluster) historyReadable(n *node) bool {
	r := n.remote
	switch {
	case n.isGuest():
		return r != nil && r.role == roleStarted && (r.container == nil || r.container.role == roleStarted)
	case n.isRemote():
		return r != nil && (c.options.shutdownLock || r.role == roleStarted)
	}
	return c.options.fencing || c.options.shutdownLock || n.online
}

func (c *cluster) stopContainersOfFailedConnections() {
	for _, container := range c.stopNeeded {
		if n := container.currentNode(); n != nil {
			stop := c.stopAction(container, n, false)
			stop.reason = "bundle connection failed"
		}
	}
	c.stopNeeded = nil
}

// lowerPrefix reports whether s starts with prefix, whatever the case.
func lowerPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
