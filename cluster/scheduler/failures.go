package scheduler

import (
	"strconv"
	"strings"
	"time"
)

// failName is the name under which failures of r are counted.
func (r *resource) failName() string {
	name := r.id
	if r.historyID != "" {
		name = r.historyID
	}
	if !r.is(unique) {
		name = stripInstance(name)
	}
	return name
}

// matchesFailure reports whether a node attribute such as fail-count-web#start_0 is about r.
func (r *resource) matchesFailure(attribute, prefix string) bool {
	rest, ok := strings.CutPrefix(attribute, prefix+"-")
	if !ok {
		return false
	}
	name, operation, _ := strings.Cut(rest, "#")
	if !namesOperation(operation) {
		return false
	}
	own := r.failName()
	return name == own || !r.is(unique) && stripInstance(name) == own
}

// namesOperation reports whether text is an operation and its interval in ms, as start_0 is.
func namesOperation(text string) bool {
	i := strings.LastIndexByte(text, '_')
	if i < 1 {
		return false
	}
	_, err := strconv.ParseUint(text[i+1:], 10, 64)
	return err == nil
}

// failCount returns how often r has failed on n, and when last. With effective, failures
// older than failure-timeout do not count.
func (c *cluster) failCount(r *resource, n *node, effective bool) (count int, last time.Time) {
	for name, value := range n.attributes {
		switch {
		case r.matchesFailure(name, "fail-count"):
			count = addScores(count, parseScore(value, 0))
		case r.matchesFailure(name, "last-failure"):
			if s, err := strconv.ParseInt(value, 10, 64); err == nil && time.Unix(s, 0).After(last) {
				last = time.Unix(s, 0)
			}
		}
	}
	if count > 0 && c.blockingFailure(r, n) {
		r.failureTimeout = 0
	}
	if count > 0 && effective && r.failureTimeout > 0 && !last.IsZero() && c.after(last.Add(r.failureTimeout)) {
		count = 0
	}
	return count, last
}

// failCountWithFillers adds the failures of what runs inside r's container.
func (c *cluster) failCountWithFillers(r *resource, n *node) int {
	count, _ := c.failCount(r, n, true)
	if r.inBundle() {
		return count
	}
	for _, f := range r.fillers {
		inner, _ := c.failCount(f, n, true)
		count = addScores(count, inner)
	}
	return count
}

// blockingFailure reports whether an operation with on-fail=block failed on the node: such
// a failure does not expire.
func (c *cluster) blockingFailure(r *resource, n *node) bool {
	if n.state == nil || r.failureTimeout == 0 {
		return false
	}
	for op := range r.configuredOps() {
		task, interval := op.Get("name"), intervalOf(op)
		if r.configOf(task, interval).onFail != failBlock {
			continue
		}
		for _, e := range c.eventsOn(r, n) {
			if e.task == task && e.interval == interval && e.status != statusPending &&
				(e.status != statusDone || e.expected >= 0 && e.rc != e.expected) {
				return true
			}
		}
	}
	return false
}

// eventsOn returns the history of r on n as it is recorded.
func (c *cluster) eventsOn(r *resource, n *node) []*event {
	if n == nil || n.state == nil {
		return nil
	}
	var events []*event
	for x := range n.state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
		id := x.ID()
		if id != r.id && id != r.historyID && (r.is(unique) || stripInstance(id) != stripInstance(r.id)) {
			continue
		}
		for op := range x.All("lrm_rsc_op") {
			events = append(events, newEvent(r, n, op))
		}
	}
	return events
}

// checkExpiry decides whether the event is old enough to be forgotten, and schedules that
// fail counts which expired, or no longer mean anything, are cleared.
func (c *cluster) checkExpiry(e *event) bool {
	if e.status == statusNotInstalled {
		return false
	}
	r := e.r
	expired, unexpired := c.outdated(e)
	lastFailure := strings.HasSuffix(e.id, "_last_failure_0")
	reason := ""
	if expired {
		if total, _ := c.failCount(r, e.n, false); total > 0 {
			if unexpired == 0 {
				reason = "it expired"
			} else {
				expired = false
			}
		} else if lastFailure && r.reconnectDelay > 0 {
			reason = "reconnect interval is set"
		}
	}
	if !expired && lastFailure && r.replica == nil && (e.task == "start" || e.task == "monitor") && c.compareParameters(e) > parametersSame {
		reason = "resource parameters have changed"
	}
	if reason != "" {
		clear := c.clearFailCount(r, e.n, reason)
		if c.options.fencing && r.reconnectDelay > 0 {
			c.orderAfterRemoteFencing(clear, r)
		}
	}
	if expired && e.interval == 0 && e.task == "monitor" {
		switch e.rc {
		case rcOK, rcNotRunning, rcPromoted, rcDegraded, rcDegradedPromoted:
			expired = false
		}
	}
	return expired
}

// outdated reports whether the event is older than failure-timeout, and how many failures
// on its node are not.
func (c *cluster) outdated(e *event) (expired bool, unexpired int) {
	r := e.r
	if r.failureTimeout <= 0 || e.changed <= 0 {
		return false, 0
	}
	c.blockingFailure(r, e.n)
	unexpired, last := c.failCount(r, e.n, true)
	if r.failureTimeout <= 0 {
		return false, unexpired
	}
	if unexpired > 0 {
		c.noteRecheck(last.Add(r.failureTimeout))
	}
	when := time.Unix(e.changed, 0).Add(r.failureTimeout)
	return c.reached(when) && !c.keepReconnecting(e), unexpired
}

// keepReconnecting: the failure of a remote connection is kept until its node was fenced.
func (c *cluster) keepReconnecting(e *event) bool {
	r := e.r
	if r.reconnectDelay == 0 || !c.options.fencing || e.interval == 0 || e.task != "monitor" {
		return false
	}
	n := c.nodeNamed(r.id)
	return n != nil && !n.remoteFenced
}

// clearOrphanedFailures forgets the failures of a resource that is no longer configured,
// before it stops.
func (c *cluster) clearOrphanedFailures(r *resource) {
	for _, n := range c.byName {
		if !n.online {
			continue
		}
		if count, _ := c.failCount(r, n, true); count > 0 {
			clear := c.clearFailCount(r, n, "it is orphaned")
			c.order(ordering{first: r, firstAction: clear, then: r, thenTask: "stop", kind: orderOptional})
		}
	}
}

func (c *cluster) clearFailCount(r *resource, n *node, reason string) *action {
	a := c.action(r, "clear_failcount", 0, n, false)
	a.setExtra("op_no_wait", "true")
	a.setReason(reason, true)
	return a
}

func (c *cluster) orderAfterRemoteFencing(a *action, r *resource) {
	n := c.nodeNamed(r.id)
	if n == nil {
		return
	}
	fence := c.fenceAction(n, "", true, "", false)
	c.order(ordering{firstAction: fence, thenAction: a, kind: orderOptional})
}

// hasFailures reports whether anything is recorded to have failed on the node: most have
// nothing, and need no look at each resource.
func (n *node) hasFailures() bool {
	for name := range n.attributes {
		if strings.HasPrefix(name, "fail-count-") {
			return true
		}
	}
	return false
}

// applyThresholds bans resources from nodes where they have failed too often.
func (c *cluster) applyThresholds(r *resource, n *node) {
	if len(r.children) > 0 {
		for _, child := range r.children {
			c.applyThresholds(child, n)
		}
		return
	}
	if target := c.thresholdReached(r, n); target != nil {
		c.ban(target, n, -infinity, "__fail_limit__")
	}
}

// thresholdReached returns what must leave the node because r failed too often there. Failures
// that are about to be cleared do not count.
func (c *cluster) thresholdReached(r *resource, n *node) *resource {
	if r.migrationThreshold == 0 || r.is(failureIgnored) || len(r.actionsOf("clear_failcount", 0, n)) > 0 {
		return nil
	}
	count := c.failCountWithFillers(r, n)
	if count <= 0 || r.migrationThreshold-count > 0 {
		return nil
	}
	if top := r.uber(); top.isAnonymousClone() {
		return top
	}
	return r
}
