package scheduler

import (
	"slices"

	"holdfast/cluster/cib"
)

// orderProbes orders probes before what follows from what they may find. It needs the edges
// of all other orderings.
func (c *cluster) orderProbes() {
	c.eachResource(func(r *resource) {
		if r.isPrimitive() {
			c.orderAfterProbesOf(r)
		}
	})
	for _, o := range c.orders {
		c.orderProbesBefore(o)
	}
}

// orderAfterProbesOf orders the probes of a resource before the restarts that its start would
// bring about: a probe that finds the resource active changes what has to be restarted.
func (c *cluster) orderAfterProbesOf(r *resource) {
	c.walks.begin(r)
	for _, probe := range slices.Backward(r.operation("monitor", 0).actions) {
		for _, out := range probe.outputs {
			c.orderStartsAfterUnrunnable(probe, out)
			for _, a := range c.walks.after(out.then) {
				c.link(probe, a, orderOptional)
			}
		}
	}
}

// orderStartsAfterUnrunnable keeps the instances of a clone that are not active yet from being
// started when one cannot be asked about, so that not more start than there may be.
func (c *cluster) orderStartsAfterUnrunnable(probe *action, out *input) {
	start := out.then
	if start.rsc == nil || start.task != "start" || probe.is(runnable) || out.kind&unrunnableFirstBlocks != 0 ||
		start.rsc.isPrimitive() || start.rsc.isGroup() || probe.rsc.uber() != start.rsc {
		return
	}
	for _, after := range start.outputs {
		r := after.then.rsc
		if r == nil || len(r.running) > 0 || r.uber() != start.rsc || after.then.task != "start" {
			continue
		}
		c.link(probe, after.then, orderOptional|unrunnableFirstBlocks)
	}
}

// restartWalks follow, from what comes after a resource's probes, the edges that make actions
// required, and find the stops and demotes of the other resources that would be restarted.
// The probes on all nodes are followed by the same few actions: each is walked from once.
type restartWalks struct {
	r     *resource
	done  []restartWalk
	count int32 // of walks, to mark the actions that the last one has seen
}

type restartWalk struct {
	from  *action
	found []*action
}

func (w *restartWalks) begin(r *resource) { w.r, w.done = r, w.done[:0] }

func (w *restartWalks) after(from *action) []*action {
	for _, walk := range w.done {
		if walk.from == from {
			return walk.found
		}
	}
	w.count++
	w.done = append(w.done, restartWalk{from, w.follow(from, nil)})
	return w.done[len(w.done)-1].found
}

func (w *restartWalks) follow(after *action, found []*action) []*action {
	if after.walk == w.count {
		return found
	}
	after.walk = w.count
	collective := after.rsc != nil && (after.rsc.isClone() || after.rsc.isBundle())
	if after.rsc != nil && after.rsc.isPrimitive() && after.rsc != w.r {
		found = append(found, undoing(after)...)
	}
	interleave := collective && cib.ParseBool(after.rsc.meta["interleave"], false)
	var partner *resource
	if interleave {
		partner = w.r.compatibleInstance(after.rsc, roleUnknown, false)
	}
	for _, out := range after.outputs {
		if out.kind&impliesThen == 0 {
			// A collective's action leads on to those of its parts: of an interleaved clone,
			// to those of the part on the same node.
			part := out.then.rsc
			if after.rsc == nil || after.rsc.isPrimitive() || w.r.parent == after.rsc || part == nil ||
				part.isClone() || part.isBundle() || part.parent != after.rsc || interleave && part != partner {
				continue
			}
		}
		found = w.follow(out.then, found)
	}
	return found
}

// undoing are the actions that precede a when it is part of a restart: what is implied by
// fencing is not one.
func undoing(a *action) []*action {
	var list []*action
	switch a.task {
	case "start":
		list = a.rsc.actionsOf("stop", 0, nil)
	case "promote":
		list = a.rsc.actionsOf("demote", 0, nil)
	}
	return slices.DeleteFunc(list, func(x *action) bool { return x.is(pseudo) })
}

func (c *cluster) orderProbesBefore(o *ordering) {
	if o.kind == 0 || o.first == nil || o.then == nil || o.first == o.then || taskOfFirst(o) != "stop" {
		return
	}
	if o.then != nil && o.first.container == o.then && taskOfThen(o) == "stop" {
		// What is probed inside a container may be so after the container's restart.
		return
	}
	kind := orderOptional | o.kind&(ifFirstUnmigratable|sameNodeOnly)
	if o.kind == requiredOnSameNode || o.kind == sameNodeOrTarget {
		kind = o.kind
	}
	for _, probe := range o.first.actionsOf("monitor", 0, nil) {
		for _, then := range slices.Backward(o.thens()) {
			c.link(probe, then, kind)
		}
	}
}

func taskOfFirst(o *ordering) string {
	if o.firstAction != nil {
		return o.firstAction.task
	}
	return o.firstTask
}

func taskOfThen(o *ordering) string {
	if o.thenAction != nil {
		return o.thenAction.task
	}
	return o.thenTask
}
