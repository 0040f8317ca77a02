package scheduler

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
	needs    requirement
	extra    paramList // CRM_meta_* beyond the operation's configuration
	reason   string
	priority int
	inputs   []*input // what must come first
	outputs  []*input // what comes after: the same values, seen from the other side
	required int32    // with minRunnable: how many inputs must be runnable
	ready    int32
	walk     int32 // the last restart walk that passed
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
	if a.extra == nil && a.rsc != nil {
		a.extra = a.rsc.c.extraSlab.room(1) // most have one at most
	}
	a.extra.set(name, value)
}

// action returns the resource's action of that task, made when there is none yet. An
// action that somebody requires stays required.
func (c *cluster) action(r *resource, task string, interval int, n *node, isOptional bool) *action {
	return c.actionFor(r.operation(task, interval), r, n, isOptional)
}

// keyedAction is action under a key of its own: a notification's.
func (c *cluster) keyedAction(r *resource, key, task string, n *node, isOptional bool) *action {
	return c.actionFor(r.operationUnder(key, task), r, n, isOptional)
}

func (c *cluster) actionFor(o *operation, r *resource, n *node, isOptional bool) *action {
	task, interval := o.task, o.interval
	a := o.on(n)
	if a == nil {
		a = c.newAction(r, o.key, task, n, isOptional)
		a.interval = interval
		a.params = r.configOf(task, interval)
		a.needs = r.requirementOf(task)
		if o.actions == nil {
			o.actions = c.listSlab.room(o.usualActions(len(c.nodes)))
		}
		o.actions = append(o.actions, a)
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
			r.actions = c.listSlab.room(len(c.nodes) + 4) // a probe on each node, and the start
		}
		r.actions = append(r.actions, a)
	}
	return a
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
