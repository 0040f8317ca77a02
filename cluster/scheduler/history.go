package scheduler

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// operation results as the executor reports them.
const (
	statusPending      = -1
	statusDone         = 0
	statusCancelled    = 1
	statusTimeout      = 2
	statusNotSupported = 3
	statusError        = 4
	statusErrorHard    = 5 // cannot be active on this node
	statusErrorFatal   = 6 // cannot be active anywhere
	statusNotInstalled = 7
	statusNotConnected = 8
	statusInvalid      = 9
	statusNoFenceDev   = 10
	statusNoSecrets    = 11
)

// exit statuses of agents (OCF resource agent API, and Pacemaker's additions).
const (
	rcOK               = 0
	rcInvalidParam     = 2
	rcUnimplemented    = 3
	rcPrivileges       = 4
	rcNotInstalled     = 5
	rcNotConfigured    = 6
	rcNotRunning       = 7
	rcPromoted         = 8
	rcFailedPromoted   = 9
	rcDegraded         = 190
	rcDegradedPromoted = 191
	rcUnknown          = 193
)

// event is one operation in the history of a node.
type event struct {
	r             *resource
	n             *node
	xml           *cib.Element
	id, key, task string
	interval      int
	call          int
	status, rc    int // status as interpreted, see recordedStatus
	expected      int // -1 when not recorded
	changed       int64
	reason        string
	uuid          string
	transition    int
}

func (e *event) isProbe() bool { return e.task == "monitor" && e.interval == 0 }

func number(text string, fallback int) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return fallback
	}
	return n
}

func newEvent(r *resource, n *node, x *cib.Element) *event {
	e := &event{r: r, n: n, xml: x, id: x.ID(), task: x.Get("operation")}
	e.key = x.Get("operation_key")
	if e.key == "" {
		e.key = e.id
	}
	e.interval = number(x.Get("interval"), 0)
	e.call = number(x.Get("call-id"), 0)
	e.status = e.recordedStatus()
	e.rc = number(x.Get("rc-code"), rcOK)
	e.changed = int64(number(x.Get("last-rc-change"), -1))
	e.reason = x.Get("exit-reason")
	e.expected = -1
	e.transition = -1
	// action:transition:expected exit status:uuid, which transition-magic has after the result
	key := x.Get("transition-key")
	if parts := strings.SplitN(key, ":", 4); len(parts) == 4 {
		e.expected = number(parts[2], -1)
	}
	if _, after, ok := strings.Cut(x.Get("transition-magic"), ";"); ok {
		key = after
	}
	if parts := strings.SplitN(key, ":", 4); len(parts) == 4 {
		e.transition, e.uuid = number(parts[1], -1), parts[3]
	}
	return e
}

// sortHistory orders the history of one resource on one node by age. Pending operations make
// compareEvents intransitive, so which algorithm sorts decides about such histories: as
// Pacemaker does, halves are merged, of the document's order reversed.
func sortHistory(events []*event) {
	slices.Reverse(events)
	mergeByAge(events)
}

func mergeByAge(events []*event) {
	if len(events) < 2 {
		return
	}
	halves := slices.Clone(events)
	older, newer := halves[:len(halves)/2], halves[len(halves)/2:]
	mergeByAge(older)
	mergeByAge(newer)
	for i := range events {
		if len(newer) == 0 || len(older) > 0 && compareEvents(older[0], newer[0]) <= 0 {
			events[i], older = older[0], older[1:]
		} else {
			events[i], newer = newer[0], newer[1:]
		}
	}
}

// recordedStatus is what the executor made of the result, before it is known what it means.
func (e *event) recordedStatus() int { return number(e.xml.Get("op-status"), statusPending) }

// compareEvents tells which of two operations of one resource on one node was earlier.
func compareEvents(a, b *event) int {
	switch {
	case a.id == b.id:
		return 0
	case a.call < 0 && b.call < 0:
		return 0
	case a.call >= 0 && a.call < b.call:
		return -1
	case b.call >= 0 && a.call > b.call:
		return 1
	case b.call >= 0 && a.call == b.call:
		if a.changed >= 0 && a.changed < b.changed {
			return -1
		}
		return cmp.Compare(a.changed, b.changed)
	case a.uuid != b.uuid || a.transition == b.transition:
		// Pending operations do not survive an election, so the pending one is later.
		if b.call < 0 {
			return -1
		}
		return 1
	case a.transition >= 0 && a.transition < b.transition || b.transition < 0:
		return -1
	default:
		return 1
	}
}

// unpackHistory reads the history of operations on one node.
func (c *cluster) unpackHistory(n *node, state *cib.Element) {
	for lrm := range state.All("lrm") {
		for resources := range lrm.All("lrm_resources") {
			var found []*resource
			for x := range resources.All("lrm_resource") {
				if r := c.unpackResourceHistory(n, x); r != nil {
					found = append(found, r)
				}
			}
			for _, r := range found {
				c.handleOrphanContainerFillers(r, n)
			}
		}
	}
}

// handleOrphanContainerFillers gives a removed connection the removed container that it
// belongs to, so that they are stopped together.
func (c *cluster) handleOrphanContainerFillers(r *resource, n *node) {
	if !r.is(orphan) || r.container != nil {
		return
	}
	for x := range n.state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
		if x.ID() != r.id {
			continue
		}
		name := x.Get("container")
		if name == "" {
			return
		}
		if host := c.lookup[name]; host != nil && host != r {
			r.container = host
			host.fillers = append(host.fillers, r)
			if r.remoteNode != nil {
				r.remoteNode.kind = GuestNode
				r.remoteNode.attributes["#kind"] = "container"
			}
		}
	}
}

func (c *cluster) unpackResourceHistory(n *node, x *cib.Element) *resource {
	id := x.ID()
	var events []*event
	for op := range x.All("lrm_rsc_op") {
		events = append(events, newEvent(nil, n, op))
	}
	if c.options.shutdownLock {
		c.unpackShutdownLock(n, x)
	}
	if len(events) == 0 {
		return nil
	}
	r := c.historyResource(n, id)
	if r == nil {
		r = c.addOrphan(x, n)
		if r == nil {
			return nil
		}
	}
	for _, e := range events {
		e.r = r
	}
	sortHistory(events)
	saved := r.role
	r.role = roleUnknown
	fail := failIgnore
	var lastFailure *event
	for _, e := range events {
		c.unpackEvent(e, &lastFailure, &fail)
	}
	start, stop := activeSpan(events)
	c.unpackRecurring(r, n, events, start, stop)
	c.applyHistory(r, n, fail)
	if wanted, ok := r.targetRole(); ok {
		if r.next == roleUnknown || wanted < r.next {
			r.setNext(wanted, "target-role")
		}
	}
	if saved > r.role {
		r.role = saved
	}
	return r
}

// historyResource finds what the history of a node calls id.
func (c *cluster) historyResource(n *node, id string) *resource {
	r := c.lookup[id]
	var top *resource
	switch {
	case r == nil:
		instance := c.lookup[stripInstance(id)+":0"]
		if instance != nil && !instance.is(unique) {
			r, top = instance, instance.uber()
		}
	case !r.isPrimitive():
		return nil
	default:
		top = r.uber()
	}
	if top != nil && top.isAnonymousClone() {
		if top.parent != nil && top.parent.isBundle() {
			r = nil
			for _, p := range top.parent.bundle.replicas {
				if p.node == n {
					r = p.instance.part(stripInstance(id))
				}
			}
		} else {
			r = top.findInstance(stripInstance(id), n)
		}
	}
	if r != nil && id != r.id && id != r.historyID {
		r.historyID = id
	}
	return r
}

// addOrphan makes a resource for history that no configured resource stands for.
func (c *cluster) addOrphan(x *cib.Element, n *node) *resource {
	id := x.ID()
	e := cib.NewElement("primitive", "id", id, "class", x.Get("class"), "type", x.Get("type"))
	if p := x.Get("provider"); p != "" {
		e.Set("provider", p)
	}
	known := c.lookup[id] != nil
	r := c.unpackResource(e, nil)
	if r == nil {
		return nil
	}
	if known {
		r.historyID = id
	}
	c.resources = append(c.resources, r)
	r.set(orphan)
	if !c.options.stopOrphans {
		r.clear(managed)
	}
	if isRemoteConnection(e) {
		c.hasRemotes = true
		remote := c.findNode(id, id)
		if remote == nil {
			remote = c.addNode(id, id, RemoteNode)
		}
		c.linkRemoteNode(r)
		remote.shutdown = true
	}
	if x.Get("container") != "" {
		r.set(removedFiller)
	}
	for _, m := range c.nodes {
		if w := r.lookAt(m); w != nil {
			w.score = addScores(w.score, -infinity)
		}
	}
	return r
}

// activeSpan finds the latest events that started and stopped the resource, -1 for none. A
// stop that the executor carried out ends a span even if the agent reports failure.
func activeSpan(events []*event) (start, stop int) {
	impliedMonitor, impliedClone := -1, -1
	start, stop = -1, -1
	for i, e := range events {
		switch {
		case e.task == "stop" && e.recordedStatus() == statusDone:
			stop = i
		case e.task == "start" || e.task == "migrate_from":
			start = i
		case impliedMonitor <= stop && e.task == "monitor":
			if e.rc == rcOK || e.rc == rcPromoted {
				impliedMonitor = i
			}
		case e.task == "promote" || e.task == "demote":
			impliedClone = i
		}
	}
	if start == -1 {
		start = max(impliedClone, -1)
		if start == -1 {
			start = impliedMonitor
		}
	}
	return start, stop
}

// unpackRecurring remembers the recurring operations in progress on the node.
func (c *cluster) unpackRecurring(r *resource, n *node, events []*event, start, stop int) {
	for i, e := range events {
		switch {
		case !n.online:
			return
		case start < stop && i <= stop, i < start, e.interval == 0, e.status == statusPending:
			continue
		}
		c.action(r, e.task, e.interval, n, true)
	}
}

// targetRole is the role that target-role asks for, when it limits the resource at all.
func (r *resource) targetRole() (role, bool) {
	text := r.meta["target-role"]
	if text == "" || strings.EqualFold(text, "started") || strings.EqualFold(text, "default") {
		return roleUnknown, false
	}
	wanted := parseRole(text)
	if wanted == roleUnknown {
		return roleUnknown, false
	}
	if wanted > roleStarted {
		if !r.top(false).is(promotable) {
			return roleUnknown, false
		}
		if wanted == rolePromoted {
			return roleUnknown, false
		}
	}
	return wanted, true
}
