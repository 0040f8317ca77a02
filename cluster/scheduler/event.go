package scheduler

import (
	"time"
)

// unpackEvent applies one operation of the history to the resource's state.
func (c *cluster) unpackEvent(e *event, lastFailure **event, fail *onFail) {
	if e.task == "notify" || e.task == "meta-data" {
		return
	}
	switch {
	case e.task != "monitor":
		// Only what looks at a resource can find it degraded.
	case e.rc == rcDegraded:
		e.rc = rcOK
	case e.rc == rcDegradedPromoted:
		e.rc = rcPromoted
	}
	expired := c.checkExpiry(e)
	c.interpret(e, fail, expired)
	if expired && e.rc != e.expected && e.status != statusPending {
		if e.interval == 0 {
			return
		}
		if e.n.online && !e.n.unclean {
			// The failure is forgotten, but its recurring operation must run again.
			c.rescheduleRecurring(e)
			return
		}
	}
	switch e.status {
	case statusCancelled:
		return
	case statusPending:
		c.unpackPending(e)
		return
	case statusDone:
		c.applySuccess(e, e.rc, *lastFailure, fail)
		return
	case statusNotInstalled:
		c.ban(e.r.uber(), e.n, -infinity, "hard-error")
		c.applyFailure(e, e.r.configOf(e.task, e.interval), lastFailure, fail)
		return
	case statusNotConnected:
		if e.n.isRemote() && e.n.remote != nil && e.n.remote.is(managed) {
			e.n.remote.set(failed | stopIfFailed)
		}
	}
	config := e.r.configOf(e.task, e.interval)
	if config.onFail == failIgnore || config.onFail == failRestartContainer && e.task == "stop" {
		c.applySuccess(e, e.expected, *lastFailure, fail)
		e.r.set(failureIgnored)
		c.recordFailure(e)
		if config.onFail == failRestartContainer && *fail <= failRestart {
			*fail = config.onFail
		}
		return
	}
	c.applyFailure(e, config, lastFailure, fail)
	if e.status == statusErrorHard {
		c.ban(e.r.uber(), e.n, -infinity, "hard-error")
	} else if e.status == statusErrorFatal {
		for _, n := range c.byName {
			c.ban(e.r.uber(), n, -infinity, "fatal-error")
		}
	}
}

// interpret decides whether the recorded result is a failure, knowing what was expected.
func (c *cluster) interpret(e *event, fail *onFail, expired bool) {
	if e.status != statusDone && e.status != statusError {
		return
	}
	switch {
	case e.expected < 0:
		if e.rc == rcOK {
			e.status = statusDone
		} else {
			e.status = statusError
			e.expected = rcOK
		}
	case e.rc == e.expected:
		e.status = statusDone
	default:
		e.status = statusError
	}
	switch e.rc {
	case rcOK:
		if e.isProbe() && e.expected == rcNotRunning {
			e.status = statusDone
		}
	case rcNotRunning:
		if e.isProbe() || e.expected == e.rc || !e.r.is(managed) {
			e.status = statusDone
			e.r.role = roleStopped
			*fail = failIgnore
			e.r.setNext(roleUnknown, "not running")
		}
	case rcPromoted:
		if e.isProbe() && e.rc != e.expected {
			e.status = statusDone
		}
		if !expired || e.rc == e.expected {
			e.r.role = rolePromoted
		}
	case rcFailedPromoted:
		if !expired {
			e.r.role = rolePromoted
		}
		e.status = statusError
	case rcNotConfigured:
		e.status = statusErrorFatal
	case rcUnimplemented, rcNotInstalled, rcInvalidParam, rcPrivileges:
		if e.rc == rcUnimplemented && e.interval > 0 {
			e.status = statusNotSupported
			return
		}
		e.status = statusErrorHard
		if !c.canFence(e.n) && e.task == "stop" {
			e.status = statusErrorFatal
		}
	default:
		if e.status == statusDone {
			e.status = statusError
		}
	}
}

func (c *cluster) unpackPending(e *event) {
	r := e.r
	switch {
	case e.task == "start":
		r.set(startPending)
		r.becomeActive()
	case e.task == "promote":
		r.role = rolePromoted
	case e.task == "migrate_to" && e.n.unclean:
		// The resource may be coming up on the target.
		if target := c.nodeNamed(e.xml.Get("migrate_target")); target != nil {
			c.stopAction(r, target, false)
		}
	}
	if r.pendingTask == "" {
		if e.interval == 0 && e.task == "monitor" {
			return
		}
		r.pendingTask = e.task
		r.pendingNode = e.n
	}
}

func (r *resource) becomeActive() {
	if r.uber().is(promotable) && r.uber().isClone() {
		r.role = roleUnpromoted
	} else {
		r.role = roleStarted
	}
}

// applySuccess updates the resource's role after an operation that is no failure.
func (c *cluster) applySuccess(e *event, rc int, lastFailure *event, fail *onFail) {
	r, forget := e.r, false
	switch {
	case rc == rcNotInstalled || e.status == statusNotInstalled && e.isProbe():
		r.role = roleStopped
	case rc == rcNotRunning:
		forget = true
	case e.task == "monitor":
		forget = lastFailure != nil && e.key == lastFailure.key
		if r.role < roleStarted {
			r.becomeActive()
		}
	case e.task == "start":
		r.role, forget = roleStarted, true
	case e.task == "stop":
		r.role, forget = roleStopped, true
		if r.pendingTask == "monitor" && r.pendingNode == e.n {
			// A stop ends recurring operations: one left pending from before means nothing.
			r.pendingTask, r.pendingNode = "", nil
		}
	case e.task == "promote":
		r.role, forget = rolePromoted, true
	case e.task == "demote":
		forget = *fail == failDemote
		r.role = roleUnpromoted
	case e.task == "migrate_from":
		r.role, forget = roleStarted, true
	case e.task == "migrate_to":
		c.migratedAway(e)
	case r.role < roleStarted:
		r.becomeActive()
	}
	if !forget {
		return
	}
	switch *fail {
	case failStop, failBan, failStandby, failFence:
	case failResetRemote:
		// With a reconnect interval the failure must expire first.
		if r.reconnectDelay == 0 {
			*fail = failIgnore
			r.setNext(roleUnknown, "clear past failures and reset remote")
		}
	default:
		*fail = failIgnore
		r.setNext(roleUnknown, "clear past failures")
	}
}

// applyFailure updates the resource's state after a failed operation.
func (c *cluster) applyFailure(e *event, config *operationConfig, lastFailure **event, fail *onFail) {
	r := e.r
	*lastFailure = e
	c.recordFailure(e)
	*fail = max(*fail, config.onFail)
	switch e.task {
	case "stop":
		c.ban(r, e.n, -infinity, "__stop_fail__")
	case "migrate_to":
		c.migrateToFailed(e)
	case "migrate_from":
		c.migrateFromFailed(e)
	case "promote":
		r.role = rolePromoted
	case "demote":
		switch {
		case config.onFail == failBlock:
			r.role = rolePromoted
			r.setNext(roleStopped, "demote with on-fail=block")
		case e.rc == rcNotRunning:
			r.role = roleStopped
		default:
			r.role = roleUnpromoted
		}
	}
	if e.isProbe() && e.rc == rcNotInstalled {
		r.role = roleStopped
	} else if r.role < roleStarted {
		r.becomeActive()
	}
	if config.failRole != roleStarted && r.next < config.failRole {
		r.setNext(config.failRole, "failure")
	}
	if config.failRole == roleStopped {
		target := r
		if p := r.parent; p != nil && p.isAnonymousClone() {
			target = p
		}
		target.each(func(x *resource) {
			for _, n := range c.nodes {
				if w := x.lookAt(n); w != nil {
					w.score = -infinity
				}
			}
		})
	}
}

// ban adds a score for a node to a resource and all below it.
func (c *cluster) ban(r *resource, n *node, score int, why string) {
	r.each(func(x *resource) {
		w := x.admit(n)
		w.score = addScores(w.score, score)
	})
	c.bans = append(c.bans, ban{r, n, score, why})
}

func (c *cluster) recordFailure(e *event) {
	for _, f := range c.failedOps {
		if f.Key == e.key && f.Node == e.n.name {
			return
		}
	}
	ms := func(name string) time.Duration {
		return time.Duration(number(e.xml.Get(name), 0)) * time.Millisecond
	}
	f := Failure{
		Key: e.key, Resource: e.r.id, Task: e.task, Interval: time.Duration(e.interval) * time.Millisecond,
		Node: e.n.name, RC: number(e.xml.Get("rc-code"), rcUnknown), Call: e.call, Reason: e.reason,
		Queued: ms("queue-time"), Exec: ms("exec-time"),
	}
	f.Status = statusText(number(e.xml.Get("op-status"), statusPending))
	f.RCText = exitText(f.RC)
	if e.changed > 0 {
		f.LastChange = time.Unix(e.changed, 0)
	}
	c.failedOps = append(c.failedOps, f)
}

var statusTexts = map[int]string{
	statusPending: "pending", statusDone: "complete", statusCancelled: "Cancelled", statusTimeout: "Timed Out",
	statusNotSupported: "NOT SUPPORTED", statusError: "Error", statusErrorHard: "Hard Error", statusErrorFatal: "Fatal Error",
	statusNotInstalled: "Not installed", statusNotConnected: "Internal communication failure", statusInvalid: "Cannot execute now",
}

func statusText(status int) string {
	if t, ok := statusTexts[status]; ok {
		return t
	}
	return "unknown"
}

var exitTexts = map[int]string{
	rcOK: "ok", 1: "error", rcInvalidParam: "invalid parameter", rcUnimplemented: "unimplemented feature",
	rcPrivileges: "insufficient privileges", rcNotInstalled: "not installed", rcNotConfigured: "not configured",
	rcNotRunning: "not running", rcPromoted: "promoted", rcFailedPromoted: "promoted (failed)",
	rcDegraded: "degraded", rcDegradedPromoted: "promoted (degraded)", 189: "not connected", rcUnknown: "unknown exit status",
	124: "timed out", 194: "signal",
}

func exitText(rc int) string {
	if t, ok := exitTexts[rc]; ok {
		return t
	}
	return "unknown exit status"
}
