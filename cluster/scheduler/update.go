package scheduler

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// updateOrdered applies one aspect of an ordering to an action of r and, for collectives, to
// the actions of its parts.
func (r *resource) updateOrdered(first, then *action, n *node, flags, filter actionFlags, kind relation) change {
	switch r.variant {
	case GroupResource:
		changed := r.c.updatePrimitive(first, then, flags, filter, kind)
		if then.rsc != r {
			return changed
		}
		for _, member := range r.children {
			if own := member.firstAction(then.task, n); own != nil {
				changed |= member.updateOrdered(first, own, n, flags, filter, kind)
			}
		}
		return changed
	case CloneResource, BundleResource:
		return r.updateInstances(first, then, n, flags, filter, kind)
	}
	return r.c.updatePrimitive(first, then, flags, filter, kind)
}

// updatePrimitive is updateOrdered for the two actions themselves.
func (c *cluster) updatePrimitive(first, then *action, flags, filter actionFlags, kind relation) change {
	firstBefore, thenBefore := first.flags, then.flags
	if kind&asymmetric != 0 {
		c.updateAsymmetric(first, then)
	}
	if kind&impliesFirst != 0 && !then.is(optional) {
		if filter&optional != 0 && flags&optional == 0 && first.is(optional) {
			first.clearBecause(optional, then)
		}
		if first.is(migratable) && !then.is(migratable) {
			first.clearBecause(migratable, then)
		}
	}
	if kind&promotedImpliesFirst != 0 && filter&optional != 0 && !then.is(optional) && then.rsc != nil && then.rsc.role == rolePromoted {
		first.clearBecause(optional, then)
		if first.is(migratable) && !then.is(migratable) {
			first.clearBecause(migratable, then)
		}
	}
	if kind&unmigratableBlocks != 0 && filter&optional != 0 {
		if !then.is(migratable | runnable) {
			first.clearBecause(runnable, then)
		}
		if !then.is(optional) {
			first.clearBecause(optional, then)
		}
	}
	if kind&firstElseThen != 0 && filter&optional != 0 && !first.is(runnable) {
		then.clearBecause(migratable, first)
		then.clear(pseudo)
	}
	if kind&impliesThen != 0 && filter&optional != 0 && thenBefore&optional != 0 && flags&optional == 0 && !first.is(migratable) {
		then.clearBecause(optional, first)
	}
	if kind&unrunnableFirstBlocks != 0 && filter&runnable != 0 && thenBefore&runnable != 0 && flags&runnable == 0 {
		migrates := then.is(migratable)
		then.clearBecause(runnable, first)
		then.clear(migratable)
		if migrates && first.rsc != then.rsc {
			then.setReason(reasonFrom("unrunnable", first), true)
		}
	}
	if kind&intermediateStop != 0 {
		c.updateRestart(first, then, filter)
	}
	var changed change
	if then.flags != thenBefore {
		changed |= changedThen
		if then.rsc != nil && then.rsc.parent != nil {
			c.updateAction(then)
		}
	}
	if first.flags != firstBefore {
		changed |= changedFirst
	}
	return changed
}

// clearBecause takes a flag away and notes which other resource's action is the reason.
func (a *action) clearBecause(f actionFlags, cause *action) {
	if a.flags&f == 0 {
		return
	}
	a.clear(f)
	if cause.rsc != nil && cause.rsc == a.rsc {
		return
	}
	word := "required"
	switch f {
	case runnable:
		word = "unrunnable"
	case migratable:
		word = "unmigrateable"
	}
	a.setReason(reasonFrom(word, cause), f == migratable || f == runnable && cause.rsc == nil)
}

// reasonFrom puts into words what another action is the reason for.
func reasonFrom(word string, cause *action) string {
	if cause.rsc == nil {
		return word + " " + cause.task
	}
	return word + " " + cause.rsc.id + " " + cause.task
}

// updateAsymmetric: with symmetrical=false, then may not run when first cannot, unless what
// then would do is already the case.
func (c *cluster) updateAsymmetric(first, then *action) {
	if then.rsc == nil || first.is(runnable) {
		return
	}
	if then.is(optional) {
		current := then.rsc.effectiveRole(true)
		if then.task == "stop" && current == roleStopped {
			return
		}
		if then.task == "start" && current >= roleStarted && len(then.rsc.running) == 1 && then.rsc.runningOn(then.node) {
			return
		}
	}
	then.clearBecause(optional, first)
	then.clearBecause(runnable, first)
}

// updateRestart: when a resource must start anew, or cannot start where it is, it stops.
func (c *cluster) updateRestart(first, then *action, filter actionFlags) {
	restart := filter&optional != 0 && !then.is(optional)
	cannotStay := filter&runnable != 0 && !then.is(runnable) && then.rsc.is(managed) && first.rsc == then.rsc
	if !restart && !cannotStay {
		return
	}
	if first.is(runnable) || !then.is(optional) {
		first.clearBecause(optional, then)
	}
	if !then.is(migratable) {
		first.clearBecause(migratable, then)
	}
	if !first.is(optional) && !first.is(runnable) {
		then.clearBecause(runnable, first)
	}
}

// updateInstances applies an ordering to a clone or bundle: to each instance against the
// matching instance of first when they are interleaved, else to all of them.
func (r *resource) updateInstances(first, then *action, n *node, flags, filter actionFlags, kind relation) change {
	if then.rsc != r {
		return r.c.updatePrimitive(first, then, flags, filter, kind)
	}
	if interleaved(first, then) {
		return r.updateInterleaved(first, then, n, filter, kind)
	}
	changed := r.c.updatePrimitive(first, then, flags, filter, kind)
	for _, instance := range r.instances() {
		changed |= r.updateInstance(instance, first, then, n, flags, filter, kind)
	}
	return changed
}

func (r *resource) updateInstance(instance *resource, first, then *action, n *node, flags, filter actionFlags, kind relation) change {
	own := instance.firstAction(then.task, n)
	if own == nil || instance.actionFlags(own, n)&runnable == 0 {
		return 0
	}
	changed := instance.updateOrdered(first, own, n, flags, filter, kind)
	if changed&changedThen != 0 {
		for _, out := range slices.Backward(own.outputs) {
			r.c.updateAction(out.then)
		}
	}
	return changed
}

// instances are a clone's children, or the containers of a bundle.
func (r *resource) instances() []*resource {
	if !r.isBundle() {
		return r.children
	}
	var containers []*resource
	for _, p := range r.bundle.replicas {
		containers = append(containers, p.container)
	}
	return containers
}

// interleaved reports whether an ordering relates instances node by node.
func interleaved(first, then *action) bool {
	if first.rsc == nil || then.rsc == nil || first.rsc == then.rsc {
		return false
	}
	collective := func(r *resource) bool { return r.isClone() || r.isBundle() }
	if !collective(first.rsc) || !collective(then.rsc) {
		return false
	}
	if strings.HasSuffix(then.key, "_stop_0") || strings.HasSuffix(then.key, "_demote_0") {
		return first.rsc.interleaves()
	}
	return then.rsc.interleaves()
}

func (r *resource) interleaves() bool {
	if r.isBundle() {
		return cib.ParseBool(r.meta["interleave"], false) || r.bundle.inner != nil && r.bundle.inner.clone.interleave
	}
	return r.clone.interleave
}

func (r *resource) updateInterleaved(first, then *action, n *node, filter actionFlags, kind relation) change {
	var changed change
	task := originalTask(first)
	current := strings.HasSuffix(first.key, "_stopped_0") || strings.HasSuffix(first.key, "_demoted_0")
	for _, instance := range r.instances() {
		partner := instance.compatibleInstance(first.rsc, roleUnknown, current)
		if partner == nil {
			if !current && kind&(unrunnableFirstBlocks|impliesThen) != 0 && r.c.assign(instance, nil, true) {
				changed |= changedThen
			}
			continue
		}
		firstAction := precedingAction(partner, task, n)
		thenAction := followingAction(instance, then.task, n)
		if firstAction == nil || thenAction == nil {
			continue
		}
		if r.c.link(firstAction, thenAction, kind) {
			changed |= changedFirst | changedThen
		}
		changed |= thenAction.rsc.updateOrdered(firstAction, thenAction, n, partner.actionFlags(firstAction, n), filter, kind)
	}
	return changed
}

// precedingAction finds an instance's action that something else waits for: of a bundle's
// replica that of what runs in the container, whose service is what others need; but it is
// down only when the container is.
func precedingAction(instance *resource, task string, n *node) *action {
	if inner := instance.contained(); inner != nil && task != "stop" {
		return inner.firstAction(task, nil)
	}
	return instance.firstAction(task, n)
}

// followingAction finds an instance's action that waits for something else: of a bundle's
// replica that of the container, except for roles, which only what runs in it can have.
func followingAction(instance *resource, task string, n *node) *action {
	if inner := instance.contained(); inner != nil && (task == "promote" || task == "demote") {
		return inner.firstAction(task, nil)
	}
	return instance.firstAction(task, n)
}

// contained is what runs in the container of a bundle's replica; nil when r is none, or
// nothing does that the cluster knows of.
func (r *resource) contained() *resource {
	if p := r.replica; p != nil && p.container == r {
		return p.instance
	}
	return nil
}

// compatibleInstance finds the instance of a clone or bundle that is on r's node.
func (r *resource) compatibleInstance(other *resource, wanted role, current bool) *resource {
	nodes := r.where(current)
	if len(nodes) == 1 {
		return other.instanceOn(nodes[0], wanted, current)
	}
	for _, n := range r.rankedNodes() {
		if found := other.instanceOn(n, wanted, current); found != nil {
			return found
		}
	}
	return nil
}

func (r *resource) instanceOn(n *node, wanted role, current bool) *resource {
	for _, instance := range r.instances() {
		if wanted != roleUnknown && instance.effectiveRole(current) != wanted {
			continue
		}
		nodes := instance.where(current)
		if current {
			if slices.Contains(nodes, n) {
				return instance
			}
		} else if len(nodes) > 0 && nodes[0] == n {
			return instance
		}
	}
	return nil
}
