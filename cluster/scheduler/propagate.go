package scheduler

import (
	"slices"
	"strings"
)

// change says which side of an ordering an update altered.
type change uint8

const (
	changedFirst change = 1 << iota
	changedThen
)

// updateBudget bounds the updates per action, so that orderings which contradict each other
// cannot keep the scheduler busy for ever. Sound documents stay far below it.
const updateBudget = 2000

// propagate carries what is required and what is runnable along the edges until nothing
// changes any more.
func (c *cluster) propagate() {
	for _, a := range slices.Backward(c.actions) {
		c.updateAction(a)
	}
	c.breakMigrationLoops()
}

// updateAction re-examines an action in the light of all that precede it, and in turn what
// comes after it when it changes.
func (c *cluster) updateAction(then *action) {
	if c.updates++; c.updates > updateBudget*len(c.actions) {
		return
	}
	var changed change
	lastFlags := then.flags
	if then.is(minRunnable) {
		then.ready = 0
		if then.required == 0 {
			then.required = 1
		}
		then.clear(runnable)
	}
	for i := len(then.inputs) - 1; i >= 0; i-- {
		changed = c.updateInput(then, then.inputs[i], changed)
	}
	if then.is(minRunnable) {
		if lastFlags == then.flags {
			changed &^= changedThen
		} else {
			changed |= changedThen
		}
	}
	if changed&changedThen == 0 {
		return
	}
	if lastFlags&runnable != 0 && !then.is(runnable) {
		c.blockColocated(then)
	}
	c.updateAction(then)
	for _, out := range slices.Backward(then.outputs) {
		c.updateAction(out.then)
	}
}

func (c *cluster) updateInput(then *action, in *input, changed change) change {
	first := in.first
	firstNode, thenNode := first.node, then.node
	if first.rsc != nil && first.rsc.isGroup() && first.task == "start" {
		firstNode = first.rsc.onlyNode()
	}
	if then.rsc != nil && then.rsc.isGroup() && then.task == "start" {
		thenNode = then.rsc.onlyNode()
	}
	if in.kind&sameNodeOnly != 0 && firstNode != nil && thenNode != nil && firstNode != thenNode {
		in.kind = 0
		return changed
	}
	changed &^= changedFirst
	if first.rsc != nil && in.kind&cancelsFirst != 0 && !then.is(optional) {
		first.set(optional)
		if first.task == "reload-agent" {
			first.rsc.clear(reloading)
		}
	}
	if first.rsc != nil && then.rsc != nil && first.rsc != then.rsc && !isBelow(then.rsc, first.rsc) {
		first = c.completionOf(first)
	}
	if first == in.first {
		changed |= c.updatePair(first, then, flagsFor(first, thenNode), flagsFor(then, firstNode), in)
	} else {
		// Wait for all of a clone, not for its beginning.
		if c.link(first, then, in.kind) {
			changed |= changedFirst | changedThen
		}
		in.kind = 0
	}
	if changed&changedFirst == 0 {
		return changed
	}
	for _, out := range slices.Backward(first.outputs) {
		c.updateAction(out.then)
	}
	c.updateAction(first)
	return changed
}

// onlyNode is where all of a group's members that shall be active are; nil when there is no
// such node.
func (r *resource) onlyNode() *node {
	var only *node
	for _, member := range r.children {
		switch n := member.assigned; {
		case n == nil:
		case only == nil:
			only = n
		case n != only:
			return nil
		}
	}
	return only
}

// isBelow reports whether r is part of parent.
func isBelow(r, parent *resource) bool {
	for x := r.parent; x != nil; x = x.parent {
		if x == parent {
			return true
		}
	}
	return false
}

// completions are the tasks that a collective's action begins, and those that end them.
var completions = [...]struct{ begin, end string }{
	{"start", "running"}, {"stop", "stopped"}, {"promote", "promoted"}, {"demote", "demoted"},
}

// endOf is the task that ends what a task begins; "" when it begins nothing.
func endOf(task string) string {
	for i := range completions {
		if completions[i].begin == task {
			return completions[i].end
		}
	}
	return ""
}

// beginOf is the opposite of endOf.
func beginOf(task string) string {
	for i := range completions {
		if completions[i].end == task {
			return completions[i].begin
		}
	}
	return ""
}

// completionOf returns what tells that a clone's or bundle's action is finished, all
// notifications about it included; for other actions, the action itself.
func (c *cluster) completionOf(a *action) *action {
	r := a.rsc
	if r.isPrimitive() {
		return a
	}
	task := a.task
	if end := endOf(task); end != "" {
		task = end
	} else if beginOf(task) == "" {
		return a
	}
	done := r.operation(task, 0)
	if r.is(notifies) && (r.isClone() || r.inBundle()) {
		done = r.operationUnder(notifyKey(r.id, "confirmed-post", task), "notified")
	}
	if n := len(done.actions); n > 0 {
		return done.actions[n-1]
	}
	return a
}

func notifyKey(id, kind, task string) string { return id + "_" + kind + "_notify_" + task + "_0" }

// originalTask is the task behind an action that marks its completion: stop for stopped.
func originalTask(a *action) string {
	task := notifiedTask(a)
	if begin := beginOf(task); begin != "" {
		return begin
	}
	return task
}

// notifiedTask is the action's task; for a notification, the one that it is about.
func notifiedTask(a *action) string {
	if a.task != "notify" && a.task != "notified" {
		return a.task
	}
	task, _ := taskOfKey(a.key)
	for _, marker := range []string{"confirmed-post_notify_", "confirmed-pre_notify_", "pre_notify_", "post_notify_"} {
		if about, ok := strings.CutPrefix(task, marker); ok && about != "" {
			return about
		}
	}
	return task
}

// updatePair applies each aspect of an ordering.
func (c *cluster) updatePair(first, then *action, firstFlags, thenFlags actionFlags, in *input) change {
	var changed change
	n := then.node
	if in.kind&impliesThenSameNode != 0 {
		in.kind = in.kind&^impliesThenSameNode | impliesThen
		n = first.node
	}
	update := func(r *resource, flags, filter actionFlags, kind relation) {
		changed |= r.updateOrdered(first, then, n, flags, filter, kind)
	}
	if in.kind&impliesThen != 0 {
		if then.rsc != nil {
			update(then.rsc, firstFlags&optional, optional, impliesThen)
		} else if firstFlags&optional == 0 && then.is(optional) {
			then.clear(optional)
			changed |= changedThen
		}
	}
	if in.kind&intermediateStop != 0 && then.rsc != nil {
		update(then.rsc, firstFlags, optional|runnable, intermediateStop)
	}
	if in.kind&impliesFirst != 0 && first.rsc != nil {
		update(first.rsc, firstFlags, optional, impliesFirst)
	}
	if then.rsc != nil {
		if in.kind&promotedImpliesFirst != 0 {
			update(then.rsc, firstFlags&optional, optional, promotedImpliesFirst)
		}
		if in.kind&nestedRemoteProbe != 0 {
			if firstFlags&runnable == 0 && first.rsc != nil && len(first.rsc.running) > 0 {
				in.kind = 0
			} else {
				update(then.rsc, firstFlags, runnable, unrunnableFirstBlocks)
			}
		}
		if in.kind&unmigratableBlocks != 0 {
			update(then.rsc, firstFlags, optional, unmigratableBlocks)
		}
		if in.kind&firstElseThen != 0 {
			update(then.rsc, firstFlags, optional, firstElseThen)
		}
		if in.kind&orderOptional != 0 {
			update(then.rsc, firstFlags, runnable, orderOptional)
		}
		if in.kind&asymmetric != 0 {
			update(then.rsc, firstFlags, runnable, asymmetric)
		}
	}
	changed |= c.updateRunnable(first, then, n, firstFlags, in)
	c.showInGraph(first, then, firstFlags, thenFlags, in)
	if in.kind&(impliesThen|impliesFirst|intermediateStop) != 0 && first.rsc != nil && first.task == "stop" &&
		!first.rsc.is(managed) && first.rsc.is(blocked) && !first.is(runnable) && then.is(runnable) {
		then.clear(runnable)
		changed |= changedThen
	}
	return changed
}

func (c *cluster) updateRunnable(first, then *action, n *node, firstFlags actionFlags, in *input) change {
	var changed change
	if in.kind&atLeast != 0 {
		if then.rsc != nil {
			changed |= then.rsc.updateOrdered(first, then, n, firstFlags, runnable, atLeast)
		} else if firstFlags&runnable != 0 {
			then.ready++
			if then.ready >= then.required && !then.is(runnable) {
				then.set(runnable)
				changed |= changedThen
			}
		}
	}
	if in.kind&unrunnableFirstBlocks != 0 {
		if then.rsc != nil {
			changed |= then.rsc.updateOrdered(first, then, n, firstFlags, runnable, unrunnableFirstBlocks)
		} else if firstFlags&runnable == 0 && then.is(runnable) {
			then.clear(runnable)
			changed |= changedThen
		}
	}
	return changed
}

func (c *cluster) showInGraph(first, then *action, firstFlags, thenFlags actionFlags, in *input) {
	if first.is(runnable) && in.kind&showsThen != 0 && firstFlags&optional == 0 {
		then.set(printAlways)
	}
	if in.kind&showsFirst != 0 && thenFlags&optional == 0 {
		first.set(printAlways)
	}
}

// flagsFor are an action's flags as an ordering sees them: those of a clone's action depend
// on the node that the other action is on.
func flagsFor(a *action, n *node) actionFlags {
	if a.rsc == nil {
		return a.flags
	}
	flags := a.rsc.actionFlags(a, nil)
	if n == nil || !a.rsc.isClone() {
		return flags
	}
	anywhere := flags & runnable
	return a.rsc.actionFlags(a, n) | anywhere
}

// actionFlags are the flags of a resource's action; of a collective's, as its parts' make them.
func (r *resource) actionFlags(a *action, n *node) actionFlags {
	switch r.variant {
	case GroupResource:
		return r.groupActionFlags(a, n)
	case CloneResource:
		return r.instancesActionFlags(a, r.children, n)
	case BundleResource:
		return r.bundleActionFlags(a, n)
	}
	return a.flags
}

func (r *resource) groupActionFlags(a *action, n *node) actionFlags {
	flags := optional | runnable | pseudo
	task := originalTask(a)
	for _, member := range r.children {
		own := member.firstAction(task, n)
		if own == nil {
			if task != "stop" && task != "demote" {
				flags &^= runnable
			}
			continue
		}
		memberFlags := member.actionFlags(own, n)
		if flags&optional != 0 && memberFlags&optional == 0 {
			flags &^= optional
			a.clear(optional)
		}
		// A member that cannot start does not keep the group from beginning to.
		if memberFlags&runnable == 0 && task != a.task {
			flags &^= runnable
			a.clear(runnable)
		}
	}
	return flags
}

func (r *resource) instancesActionFlags(a *action, instances []*resource, n *node) actionFlags {
	flags := optional | runnable | pseudo
	anyRunnable := false
	for _, instance := range instances {
		task, where := originalTask(a), n
		if !instance.isPrimitive() {
			task, where = notifiedTask(a), nil // groups mark the completion, too
		}
		own := instance.firstAction(task, where)
		if own == nil {
			continue
		}
		instanceFlags := instance.actionFlags(own, n)
		if flags&optional != 0 && instanceFlags&optional == 0 {
			flags &^= optional
			a.clear(optional)
		}
		anyRunnable = anyRunnable || instanceFlags&runnable != 0
	}
	if !anyRunnable {
		flags &^= runnable
		if n == nil {
			a.clear(runnable)
		}
	}
	return flags
}
