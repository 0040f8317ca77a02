package controller

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/scheduler"
)

// defaultPerHost bounds the actions in flight on one host when node-action-limit does not.
const defaultPerHost = 16

// dispatchReady starts every action that can start now. Pseudo actions end at once and
// may let others start.
func (c *Controller) dispatchReady(now time.Time) {
	t := c.transition
	limits := c.limits(t.graph)
	for {
		taken := t.take(limits)
		if len(taken) == 0 {
			return
		}
		for _, a := range taken {
			c.dispatch(now, a)
		}
	}
}

func (c *Controller) limits(graph *scheduler.Graph) Limits {
	perHost := defaultPerHost
	if n, err := strconv.Atoi(c.cfg.Document().Property("node-action-limit")); err == nil && n > 0 {
		perHost = n
	}
	return Limits{Batch: graph.Settings.BatchLimit, PerHost: perHost, Migrations: graph.Settings.MigrationLimit}
}

func (c *Controller) dispatch(now time.Time, a *scheduler.Action) {
	t := c.transition
	key := t.key(a, c.uuid)
	t.asked = t.asked || a.Kind != scheduler.Pseudo && a.Kind != scheduler.Fencing
	switch {
	case a.Kind == scheduler.Pseudo:
		t.finish(a.ID, true)
	case a.Kind == scheduler.Fencing:
		c.dispatchFence(now, a, key)
	case a.Task == "clear_failcount":
		t.inFlight[key] = &running{action: a, since: now, deadline: now.Add(a.Timeout + delay(t.graph)), host: carrier(a)}
		c.write(&Entry{Kind: HostsEntry, Key: key, Edits: clearFailures(a)})
	default:
		c.dispatchRequest(now, a, key)
	}
}

// dispatchRequest asks a host's worker to carry an action out.
func (c *Controller) dispatchRequest(now time.Time, a *scheduler.Action, key string) {
	t := c.transition
	host := carrier(a)
	id, known := c.hostNamed(host)
	m := c.members[id]
	if !known || m == nil || m.fenced {
		t.finish(a.ID, false)
		c.markDirty(fmt.Sprintf("%s on %s: that host is not in the view", a.Key, host))
		return
	}
	t.inFlight[key] = &running{action: a, since: now, deadline: now.Add(startDelay(a) + a.Timeout + delay(t.graph)), host: host}
	c.out.Requests = append(c.out.Requests, Addressed{Host: id, Limit: syncWait, Request: c.request(a, m, key)})
	if a.Resource != nil {
		c.note(Note{Kind: ActionStarted, Transition: t.number, Subject: a.Resource.ID, Task: a.Task, Interval: a.Interval, Host: a.Node, Detail: a.Reason})
	}
}

// request writes an action as the worker's request.
func (c *Controller) request(a *scheduler.Action, m *member, key string) Request {
	r := Request{Kind: RunRequest, Reign: m.reign, Boot: m.boot, Key: key, Node: a.Node, NodeID: a.NodeID, Task: a.Task, TargetCode: targetCode(a)}
	switch a.Task {
	case "cancel":
		r.Kind = CancelRequest
	case "delete", "lrm_delete":
		r.Kind = ForgetRequest
	case "do_shutdown":
		r.Kind = LeaveRequest
	}
	settings := c.transition.graph.Settings
	switch a.Task {
	case "start":
		r.FailOffset = settings.StartOffset
	case "stop":
		r.FailOffset = settings.StopOffset
	}
	if a.Resource == nil {
		return r
	}
	r.ResourceID = a.Resource.ID
	r.OnFail = meta(a, "on_fail")
	r.Operation = executor.Operation{
		Resource: a.Resource.ID,
		Agent:    executor.Agent{Class: a.Resource.Class, Provider: a.Resource.Provider, Type: a.Resource.Type},
		Action:   a.Task, Interval: a.Interval, Timeout: a.Timeout,
		Delay:  startDelay(a),
		Params: pairs(a.Params), Meta: pairs(a.Meta),
	}
	if a.Task == "cancel" {
		if name := meta(a, "operation"); name != "" {
			r.Operation.Action = name
		} else {
			r.Operation.Action = "monitor"
		}
	}
	return r
}

// startDelay is how long a host waits before it begins an operation (start-delay).
func startDelay(a *scheduler.Action) time.Duration { return milliseconds(meta(a, "start_delay")) }

func pairs(params []scheduler.Param) map[string]string {
	m := make(map[string]string, len(params))
	for _, p := range params {
		m[p.Name] = p.Value
	}
	return m
}

func milliseconds(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}

// delay is what an answer may come late by.
func delay(graph *scheduler.Graph) time.Duration {
	if graph.Settings.ClusterDelay > 0 {
		return graph.Settings.ClusterDelay
	}
	return time.Minute
}

// overdue gives up on actions without an answer and sends undelivered requests again.
func (c *Controller) overdue(now time.Time) {
	t := c.transition
	for _, key := range sortedKeys(t.inFlight) {
		r := t.inFlight[key]
		if r == nil {
			continue // given up with another of its host's
		}
		if end := r.patience(); !now.Before(end) {
			c.giveUp(now, key, fmt.Sprintf("no answer to %s from %s within %s", r.action.Key, r.host, end.Sub(r.since)))
			continue
		}
		if r.retryAt.IsZero() || now.Before(r.retryAt) {
			continue
		}
		r.retryAt = time.Time{}
		id, _ := c.hostNamed(r.host)
		if m := c.members[id]; m != nil {
			c.out.Requests = append(c.out.Requests, Addressed{Host: id, Limit: syncWait, Request: c.request(r.action, m, key)})
		}
	}
}

// giveUp ends the wait for an action. What a host was asked for it may have done, without the log's knowing, or do yet. So it has to tell
// anew what it does before there is another plan, or be fenced, and obeys nothing from then on that was sent before.
func (c *Controller) giveUp(now time.Time, key, why string) {
	r := c.transition.inFlight[key]
	c.note(Note{Kind: Trouble, Subject: r.action.Key, Host: r.host, Detail: why})
	delete(c.transition.inFlight, key)
	c.transition.finish(r.action.ID, false)
	if id, _ := c.hostNamed(r.host); !r.fence && c.members[id] != nil {
		c.forsake(r.host, false)
		c.members[id].ask(now)
		c.members[id].reign.Asked++
		c.synchronize(now)
	}
	c.markDirty(why)
}

// clearFailures are the edits that forget a resource's failures on a host.
func clearFailures(a *scheduler.Action) []Edit {
	if a.Resource == nil {
		return nil
	}
	return FailureEdits(a.NodeID, a.Resource.ID, "", 0)
}

// FailureEdits are the edits that forget a resource's failures on the host of that id:
// fail counts, and the history of failed operations. operation, when not "", selects
// one operation of the given interval.
func FailureEdits(nodeID, resource, operation string, interval time.Duration) []Edit {
	state := "/cib/status/node_state[@id='" + nodeID + "']"
	attributes := state + "/transient_attributes/instance_attributes/nvpair"
	if operation != "" {
		suffix := resource + "#" + operation + "_" + strconv.FormatInt(interval.Milliseconds(), 10)
		return []Edit{
			{Delete: attributes + "[@name='fail-count-" + suffix + "']"},
			{Delete: attributes + "[@name='last-failure-" + suffix + "']"},
			{Delete: state + "/lrm/lrm_resources/lrm_resource[@id='" + resource + "']/lrm_rsc_op[@id='" + resource + "_last_failure_0']"},
		}
	}
	return []Edit{
		{Delete: attributes + "[starts-with(@name,'fail-count-" + resource + "#')]"},
		{Delete: attributes + "[starts-with(@name,'last-failure-" + resource + "#')]"},
		{Delete: state + "/lrm/lrm_resources/lrm_resource[@id='" + resource + "']/lrm_rsc_op[@id='" + resource + "_last_failure_0']"},
	}
}

func statusFragment(state *cib.Element) *cib.Element {
	fragment := cib.NewElement("cib")
	fragment.Append(cib.NewElement("status")).Append(state)
	return fragment
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
