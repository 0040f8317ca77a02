package scheduler

import (
	"strconv"
)

// flags of an action.
type actionFlags uint16

const (
	pseudo        actionFlags = 1 << iota // marks a point in the order; nobody carries it out
	runnable                              // nothing forbids it
	optional                              // need not be done
	printAlways                           // belongs in the graph even without anything waiting for it
	migratable                            // may be replaced by a live migration
	migrationGone                         // a live migration that had to be given up
	minRunnable                           // runs when a number of its inputs are runnable
	onDC                                  // carried out by the elected host
	canFail                               // failure does not abort the transition
	inGraph
	rescheduled
	updating
	nonfatalStart
)

// action is something that may be done: most are optional and never leave this package.
type action struct {
	id       int
	rsc      *resource
	node     *node
	task     string
	key      string
	interval int // ms
	flags    actionFlags
	extra    paramList // CRM_meta_* beyond the operation's configuration
	reason   string
	needs    requirement
	priority int
	inputs   []*input // what must come first
	outputs  []*input // what comes after: the same values, seen from the other side
	required int      // with minRunnable: how many inputs must be runnable
	ready    int
	target   string // the task of the operation that a cancel ends
	params   *operationConfig
}

// requirement is what must hold before a start.
type requirement uint8

const (
	needNothing requirement = iota
	needQuorum
	needFencing
)

func (a *action) is(f actionFlags) bool { return a.flags&f == f }
func (a *action) set(f actionFlags)     { a.flags |= f }
func (a *action) clear(f actionFlags)   { a.flags &^= f }

func (a *action) setReason(reason string, overwrite bool) {
	if a.reason == "" || overwrite {
		a.reason = reason
	}
}

func (a *action) setExtra(name, value string) {
	a.extra.set(name, value)
}

// operationKey is how the history names an operation: AppIP_monitor_10000.
func operationKey(id, task string, interval int) string {
	return id + "_" + task + "_" + strconv.Itoa(interval)
}

// operationName is an operation of a resource that was asked for before. A resource has few,
// and an action under each for every node.
type operationName struct {
	task     string
	interval int
	key      string
	config   *operationConfig // nil as long as nobody needed it
}

func (r *resource) operationNamed(task string, interval int) *operationName {
	for i := range r.operations {
		if o := &r.operations[i]; o.interval == interval && o.task == task {
			return o
		}
	}
	r.operations = append(r.operations, operationName{task: task, interval: interval, key: operationKey(r.id, task, interval)})
	return &r.operations[len(r.operations)-1]
}

// key is operationKey for the resource.
func (r *resource) key(task string, interval int) string { return r.operationNamed(task, interval).key }

// action returns the resource's action of that task, made when there is none yet. An
// action that somebody requires stays required.
func (c *cluster) action(r *resource, task string, interval int, n *node, isOptional bool) *action {
	return c.keyedAction(r, r.key(task, interval), task, interval, n, isOptional)
}

func (c *cluster) keyedAction(r *resource, key, task string, interval int, n *node, isOptional bool) *action {
	a := r.findAction(key, n)
	if a == nil {
		a = c.newAction(r, key, task, n, isOptional)
		a.interval = interval
		a.params = r.operation(task, interval)
		a.needs = r.requirementOf(task)
	}
	switch {
	case a.node != nil && !r.is(managed) && interval == 0 && !a.is(pseudo):
		a.set(optional)
	case !isOptional:
		a.clear(optional)
	}
	c.judgeRunnable(a)
	if task == "start" && !c.options.startFailureFatal {
		a.set(nonfatalStart)
	}
	return a
}

// clusterAction returns an action that is about no resource.
func (c *cluster) clusterAction(key, task string, n *node, isOptional bool) *action {
	a := c.singletons[key]
	if a == nil {
		a = c.newAction(nil, key, task, n, isOptional)
		c.singletons[key] = a
	}
	if !isOptional {
		a.clear(optional)
	}
	return a
}

// usualEdges is how many edges on each side most actions have room for.
const usualEdges = 2

func (c *cluster) newAction(r *resource, key, task string, n *node, isOptional bool) *action {
	a := c.actionSlab.make(action{id: c.nextAction, rsc: r, node: n, task: task, key: key, flags: runnable})
	c.nextAction++
	a.inputs, a.outputs = c.edgeSlab.room(usualEdges), c.edgeSlab.room(usualEdges)
	if isOptional {
		a.set(optional)
	}
	c.actions = append(c.actions, a)
	if r != nil {
		if r.actions == nil {
			r.actions = make([]*action, 0, len(c.nodes)+4) // a probe on each node, and the start
		}
		r.actions = append(r.actions, a)
	}
	return a
}

// findAction returns the most recently made action of that key on that node (any node
// when n is nil). An action without a node is taken for n's.
func (r *resource) findAction(key string, n *node) *action {
	for i := len(r.actions) - 1; i >= 0; i-- {
		a := r.actions[i]
		if a.key != key {
			continue
		}
		if n == nil {
			return a
		}
		if a.node == nil {
			a.node = n
			return a
		}
		if a.node == n {
			return a
		}
	}
	return nil
}

// actionsOf returns the resource's actions of a task on a node (any when nil), latest first.
func (r *resource) actionsOf(task string, interval int, n *node) []*action {
	var found []*action
	for i := len(r.actions) - 1; i >= 0; i-- {
		a := r.actions[i]
		if a.task == task && a.interval == interval && (n == nil || a.node == n) {
			found = append(found, a)
		}
	}
	return found
}

// firstAction returns the latest such action; nil when there is none. Without a node any fits.
func (r *resource) firstAction(task string, n *node) *action {
	for i := len(r.actions) - 1; i >= 0; i-- {
		if a := r.actions[i]; (n == nil || a.node == n || a.node == nil) && a.interval == 0 && a.task == task {
			return a
		}
	}
	return nil
}

func (r *resource) requirementOf(task string) requirement {
	switch {
	case task != "start" && task != "promote":
		return needNothing
	case r.is(needsFencing):
		return needFencing
	case r.is(needsQuorum):
		return needQuorum
	}
	return needNothing
}

// judgeRunnable decides whether the state of host and quorum lets the action happen.
func (c *cluster) judgeRunnable(a *action) {
	r, n := a.rsc, a.node
	switch {
	case a.is(pseudo):
	case n == nil:
		a.clear(runnable)
	case !a.is(onDC) && !n.online && (!n.isGuest() || n.needsReset):
		a.clear(runnable)
		if r.is(managed) && a.task == "stop" && !n.unclean {
			c.fenceNode(n, "resource actions are unrunnable", false)
		}
	case !a.is(onDC) && n.pending:
		a.clear(runnable)
	case a.needs == needNothing:
		a.reason = ""
		if n.isGuest() && !c.canFence(n) {
			a.clear(runnable)
		} else {
			a.set(runnable)
		}
	default:
		c.judgeQuorum(a)
	}
}

func (c *cluster) judgeQuorum(a *action) {
	r := a.rsc
	if !c.options.quorate {
		switch c.quorumPolicyFor(r) {
		case quorumStop:
			a.clear(runnable)
			a.setReason("no quorum", true)
			return
		case quorumFreeze:
			if !r.active(true) || r.next > r.role {
				a.clear(runnable)
				a.setReason("quorum freeze", true)
				return
			}
		}
	}
	a.set(runnable)
}

// quorumPolicyFor is what losing quorum means for a resource: under "demote" promotable
// ones are demoted and go on, all others stop.
func (c *cluster) quorumPolicyFor(r *resource) quorumPolicy {
	if c.options.quorumPolicy != quorumDemote {
		return c.options.quorumPolicy
	}
	if r.role != rolePromoted && r.role != roleUnpromoted {
		return quorumStop
	}
	if r.next > roleUnpromoted {
		r.setNext(roleUnpromoted, "no-quorum-policy=demote")
	}
	return quorumIgnore
}

// the actions that change a resource's role.

func (c *cluster) startAction(r *resource, n *node, isOptional bool) *action {
	return c.action(r, "start", 0, n, isOptional)
}

func (c *cluster) stopAction(r *resource, n *node, isOptional bool) *action {
	return c.action(r, "stop", 0, n, isOptional)
}

func (c *cluster) promoteAction(r *resource, n *node, isOptional bool) *action {
	return c.action(r, "promote", 0, n, isOptional)
}

func (c *cluster) demoteAction(r *resource, n *node, isOptional bool) *action {
	return c.action(r, "demote", 0, n, isOptional)
}

// pseudoAction returns a collective's own action, a point in the order.
func (c *cluster) pseudoAction(r *resource, task string, isOptional, isRunnable bool) *action {
	a := c.action(r, task, 0, nil, isOptional)
	a.set(pseudo)
	if isRunnable {
		a.set(runnable)
	}
	return a
}
