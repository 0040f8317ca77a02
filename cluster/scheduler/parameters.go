package scheduler

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// checkParameters compares what operations were run with against what is configured now:
// a change of parameters means a restart, a reload, or for recurring operations to be run
// with the new ones.
func (c *cluster) checkParameters() {
	index := c.historyIndex()
	for _, n := range c.byName {
		if n.state == nil || !available(n) && !n.maintenance {
			continue // what is there leaves anyway
		}
		for x := range n.state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			for _, r := range index[x.ID()] {
				c.checkHistory(r, n, x)
			}
		}
	}
}

// historyIndex finds the primitives that an entry of the history may be about: by id, by
// the name under which the history knows them, and anonymous instances by the id without
// number. Each list is in the order of the resources.
func (c *cluster) historyIndex() map[string][]*resource {
	index := make(map[string][]*resource, len(c.lookup))
	c.eachResource(func(r *resource) {
		if !r.isPrimitive() {
			return
		}
		index[r.id] = append(index[r.id], r)
		if r.historyID != "" && r.historyID != r.id {
			index[r.historyID] = append(index[r.historyID], r)
		}
		if plain := stripInstance(r.id); !r.is(unique) && plain != r.id && plain != r.historyID {
			index[plain] = append(index[plain], r)
		}
	})
	return index
}

func (c *cluster) checkHistory(r *resource, n *node, x *cib.Element) {
	switch {
	case r.is(orphan):
		if !r.uber().isAnonymousClone() {
			c.cleanUp(r, n, false)
		}
		return
	case !r.runningOn(n):
		if r.agentChanged(x) {
			c.unfenceAgain(r, n, "Device definition changed")
			c.cleanUp(r, n, false)
		}
		return
	}
	if r.agentChanged(x) {
		c.unfenceAgain(r, n, "Device definition changed")
		c.action(r, "stop", 0, n, false)
		r.set(startPending)
		c.cleanUp(r, n, false)
	}
	var events []*event
	for op := range x.All("lrm_rsc_op") {
		events = append(events, newEvent(r, n, op))
	}
	sortHistory(events)
	start, stop := activeSpan(events)
	if start < stop {
		return
	}
	for i, e := range events {
		if i < start {
			continue
		}
		c.checkEvent(e)
	}
}

func (r *resource) agentChanged(x *cib.Element) bool {
	for name, have := range map[string]string{"type": r.agent.Type, "class": r.agent.Class, "provider": r.agent.Provider} {
		if was, ok := x.Lookup(name); ok && was != have {
			return true
		}
	}
	return false
}

func (c *cluster) checkEvent(e *event) {
	r := e.r
	switch {
	case e.interval > 0 && (r.is(inMaintenance) || e.n.maintenance):
		c.scheduleCancel(r, e)
	case e.interval > 0 || e.task == "monitor" || e.task == "start" || e.task == "promote" || e.task == "migrate_from":
		if c.changed(e) {
			if count, _ := c.failCount(r, e.n, true); count > 0 {
				c.clearFailCount(r, e.n, "action definition changed")
			}
		}
	}
}

// scheduleCancel ends a recurring operation that must not go on, before the resource stops.
func (c *cluster) scheduleCancel(r *resource, e *event) {
	cancel := c.cancelAction(r, e.task, e.interval, e.n)
	cancel.setExtra("call_id", strconv.Itoa(e.call))
	c.order(ordering{first: r, firstTask: "stop", then: r, thenAction: cancel, kind: orderOptional})
}

// changed reports whether an operation's definition differs from what was run, and schedules
// what follows from that.
func (c *cluster) changed(e *event) bool {
	r := e.r
	if e.interval > 0 && r.findEnabled(e.task, e.interval) == nil {
		if c.options.cancelOrphans {
			c.scheduleCancel(r, e)
		}
		return true
	}
	if c.forcedRestart[e.n.id+"\x00"+e.xml.ID()+"\x00"+r.id] {
		c.reschedule(e)
		return true
	}
	_, reloadable := e.xml.Lookup("op-restart-digest")
	switch change := c.compareParameters(e); {
	case change <= parametersSame, change == parametersDiffer && onlySecretsMasked(e):
		return false
	case change == parametersNeedRestart:
		c.forceRestart(e)
	case e.interval > 0:
		c.reschedule(e)
	case reloadable:
		c.reload(r, e.n)
	default:
		c.forceRestart(e)
	}
	return true
}

// parameterChange is what comparing an operation's parameters with those configured now gave.
type parameterChange uint8

const (
	parametersUnknown parameterChange = iota // none were recorded
	parametersSame
	parametersDiffer
	parametersNeedRestart // one changed that the agent cannot take over while it runs
)

// compareParameters compares what the operation was run with against what is configured now.
func (c *cluster) compareParameters(e *event) parameterChange {
	params := e.params()
	if restart, ok := e.xml.Lookup("op-restart-digest"); ok {
		now := digest(params, c.timeoutFor(e))
		if names, named := e.xml.Lookup("op-force-restart"); named {
			now = digest(restrict(params, names), 0)
		}
		if now != restart {
			return parametersNeedRestart
		}
	}
	all, ok := e.xml.Lookup("op-digest")
	switch {
	case !ok:
		return parametersUnknown
	case digest(params, c.timeoutFor(e)) == all:
		return parametersSame
	}
	return parametersDiffer
}

// params are what the operation would be run with now.
func (e *event) params() map[string]string {
	return e.r.configOf(e.task, e.interval).withParams(e.r.params(e.n))
}

// onlySecretsMasked reports whether the document is a copy in which stars stand for the
// agent's private parameters, and all others are as they were: nothing has to be done about
// that. It does not hold for failures, which are forgotten as with any other change.
func onlySecretsMasked(e *event) bool {
	want, ok := e.xml.Lookup("op-secure-digest")
	if !ok {
		return false
	}
	params, masked := e.params(), false
	for _, name := range strings.Fields(e.xml.Get("op-secure-params")) {
		masked = masked || params[name] != "" && strings.Trim(params[name], "*") == ""
	}
	open := e.open(params)
	if !masked || digest(open, 0) == want {
		return masked
	}
	if e.r.is(fenceDevice) {
		// Earlier versions left out what concerns the fencer, not the agent.
		maps.DeleteFunc(open, func(name, _ string) bool { return strings.HasPrefix(name, "pcmk_") })
	}
	return digest(open, 0) == want
}

// open leaves out the parameters that the history says are secrets.
func (e *event) open(params map[string]string) map[string]string {
	open := maps.Clone(params)
	for _, name := range strings.Fields(e.xml.Get("op-secure-params")) {
		delete(open, name)
	}
	return open
}

func (c *cluster) timeoutFor(e *event) int {
	if e.interval == 0 {
		return 0
	}
	return int(e.r.configOf(e.task, e.interval).timeout.Milliseconds())
}

// findEnabled is findOperation for operations that are not disabled.
func (r *resource) findEnabled(task string, interval int) *cib.Element {
	if op := r.findOperation(task, interval, false); op != nil && r.configOf(task, interval).enabled {
		return op
	}
	return nil
}

// restrict keeps the parameters whose change needs a restart.
func restrict(params map[string]string, names string) map[string]string {
	kept := map[string]string{}
	for _, name := range strings.Fields(names) {
		if v, ok := params[name]; ok {
			kept[name] = v
		}
	}
	return kept
}

// Digest is the checksum that the history keeps of what the operation is run with.
func (a *Action) Digest() string {
	params := make(map[string]string, len(a.Params))
	for _, p := range a.Params {
		params[p.Name] = p.Value
	}
	timeout := 0
	if a.Interval > 0 {
		timeout = int(a.Timeout.Milliseconds())
	}
	return digest(params, timeout)
}

// digest is the checksum that the history keeps of parameters.
func digest(params map[string]string, timeout int) string {
	all := maps.Clone(params)
	if timeout > 0 {
		all["CRM_meta_timeout"] = strconv.Itoa(timeout)
	}
	e := cib.NewElement("parameters")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e.Set(name, all[name])
	}
	return e.Digest()
}

// forceRestart requires a start, wherever the resource will be, whichever operation it was that
// made it known as active.
func (c *cluster) forceRestart(e *event) {
	a := c.action(e.r, "start", 0, nil, false)
	a.setReason("resource definition change", true)
	c.unfenceAgain(e.r, e.n, "Device parameters changed")
}

// reschedule runs a recurring operation anew, if the resource stays where it is.
func (c *cluster) reschedule(e *event) {
	a := c.action(e.r, e.task, e.interval, e.n, true)
	a.set(rescheduled)
}

// reload lets the agent take over changed parameters without a restart, if nothing else
// makes the resource restart.
func (c *cluster) reload(r *resource, n *node) {
	if !r.is(managed) || r.is(failed) || r.is(startPending) || r.is(reloading) {
		if r.is(managed) && (r.is(failed) || r.is(startPending)) {
			c.stopAction(r, n, false)
		}
		return
	}
	r.set(reloading)
	a := c.action(r, "reload-agent", 0, n, false)
	a.setReason("resource definition change", true)
	c.order(ordering{first: r, firstAction: a, then: r, thenTask: "stop", kind: orderOptional | cancelsFirst})
	c.order(ordering{first: r, firstAction: a, then: r, thenTask: "demote", kind: orderOptional | cancelsFirst})
}
