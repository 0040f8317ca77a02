package scheduler

import (
	"slices"
	"strings"
)

// relation says how two actions depend on each other.
type relation uint32

const (
	orderOptional         relation = 1 << iota // if both happen, first goes first
	ifFirstUnmigratable                        // counts only when first is no live migration
	impliesFirst                               // if then is required, so is first when a part of it is
	impliesThen                                // if first is required, so is then
	promotedImpliesFirst                       // if then is required of a promoted resource, so is first
	unmigratableBlocks                         // first cannot run unless then can be migrated
	unrunnableFirstBlocks                      // if first cannot run, then cannot either
	nestedRemoteProbe                          // a probe behind a connection that is being set up
	impliesThenSameNode                        // impliesThen, for instances on first's node
	intermediateStop                           // a restart: then requires first, which must be done in between
	serializeOnly                              // not at the same time, in no particular order
	sameNodeOnly                               // counts only when both are on one node
	showsFirst                                 // if then is done, first appears in the graph
	showsThen                                  // if first is done, then appears in the graph
	asymmetric                                 // only for starting, not for stopping
	sameNodeOrTarget                           // counts when both concern one node: first may free capacity there
	atLeast                                    // then runs when enough of its inputs can
	requiredOnSameNode                         // counts when first is required on then's node
	guestAllowed                               // made by the scheduler: may relate a guest to its container
	cancelsFirst                               // if then is required, first is dropped
	firstElseThen                              // if first cannot run, then is done itself, not by a migration
)

// input is an edge of the order: a must precede the action that holds it as input.
type input struct {
	first, then *action
	kind        relation // what still counts
	asked       relation // what it was made with: an edge found not to count is not made again
	triggers    bool     // in the graph, first has to be done before then
}

// ordering is a constraint between actions, or between resources' actions of some task,
// which exist or not when the constraint is applied.
type ordering struct {
	first, then             *resource
	firstTask, thenTask     string // all actions of that task, "start", when no action is given
	firstAction, thenAction *action
	kind                    relation
}

// order remembers an ordering until all actions are known.
func (c *cluster) order(new ordering) {
	o := c.orderSlab.make(new)
	if o.first == nil && o.firstAction != nil {
		o.first = o.firstAction.rsc
	}
	if o.then == nil && o.thenAction != nil {
		o.then = o.thenAction.rsc
	}
	c.orders = append(c.orders, o)
	c.orderMigrations(o)
}

// orderMigrations lets an ordering of starts and stops count for the live migrations that
// may stand in for them.
func (c *cluster) orderMigrations(o *ordering) {
	first, then := o.first, o.then
	if first == nil || then == nil || first == then || isBelow(first, then) || isBelow(then, first) || !then.is(allowMigrate) {
		return
	}
	from, to := taskOfFirst(o), taskOfThen(o)
	flags := orderOptional
	add := func(firstTask, thenTask string) {
		c.orders = append(c.orders, c.orderSlab.make(ordering{
			first: first, then: then, firstTask: firstTask, thenTask: thenTask, kind: flags,
		}))
	}
	switch {
	case from == "start" && to == "start":
		if first.is(allowMigrate) {
			add("migrate_from", "migrate_to")
			flags |= ifFirstUnmigratable
		}
		add("start", "migrate_to")
	case from == "stop" && to == "stop":
		if first.is(allowMigrate) {
			flags |= ifFirstUnmigratable
		}
		add("stop", "migrate_to")
		if then.partialTarget != nil {
			add("stop", "migrate_from")
		}
	case from == "promote" && to == "start":
		add("promote", "migrate_to")
	case from == "demote" && to == "stop":
		add("demote", "migrate_to")
		if then.partialTarget != nil {
			add("demote", "migrate_from")
		}
	}
}

// orderTasks orders a task of one resource before a task of another.
func (c *cluster) orderTasks(first *resource, firstTask string, then *resource, thenTask string, kind relation) {
	c.order(ordering{first: first, firstTask: firstTask, then: then, thenTask: thenTask, kind: kind})
}

// link puts first before then, and reports whether that is new.
func (c *cluster) link(first, then *action, kind relation) bool {
	if kind == 0 || first == nil || then == nil || first == then {
		return false
	}
	// Look on the side with fewer edges.
	list := first.outputs
	if len(then.inputs) < len(list) {
		list = then.inputs
	}
	for _, in := range list {
		if in.first == first && in.then == then && in.asked&kind != 0 {
			return false
		}
	}
	in := c.inputSlab.make(input{first: first, then: then, kind: kind, asked: kind})
	first.outputs = append(first.outputs, in)
	then.inputs = append(then.inputs, in)
	return true
}

// applyOrderings turns the orderings into edges between the actions that there are.
func (c *cluster) applyOrderings() {
	for i := 0; i < len(c.orders); i++ {
		o := c.orders[i]
		switch {
		case o.first != nil:
			c.orderFirst(o)
		case o.then != nil:
			c.orderThen(o.firstAction, o)
		default:
			c.link(o.firstAction, o.thenAction, o.kind)
		}
	}
	c.blockDependents()
	c.orderProbes()
	c.propagate()
}

func (c *cluster) orderFirst(o *ordering) {
	if o.firstAction != nil {
		c.orderThen(o.firstAction, o)
		return
	}
	some := false
	for _, a := range slices.Backward(o.first.operation(o.firstTask, 0).actions) {
		c.orderThen(a, o)
		some = true
	}
	if some || o.first == o.then {
		return
	}
	switch {
	case o.firstTask == "stop" && o.first.effectiveRole(true) == roleStopped:
	case o.firstTask == "demote" && o.first.effectiveRole(true) == roleUnpromoted:
	default:
		c.orderThen(c.action(o.first, o.firstTask, 0, nil, true), o)
	}
}

func (c *cluster) orderThen(first *action, o *ordering) {
	if o.then == nil {
		c.link(first, o.thenAction, o.kind)
		return
	}
	kind := o.kind
	if first != nil && first.rsc == o.then && first.is(migrationGone) {
		kind &^= impliesThen
	}
	for _, a := range slices.Backward(o.thens()) {
		if first != nil {
			c.link(first, a, kind)
		} else if kind&impliesThen != 0 {
			a.clear(runnable)
		}
	}
}

// thens are the actions that an ordering with a resource on its later side is about.
func (o *ordering) thens() []*action {
	if o.thenAction == nil {
		return o.then.operation(o.thenTask, 0).actions
	}
	return []*action{o.thenAction}
}

// taskOfKey takes the task and interval out of an operation key.
func taskOfKey(key string) (string, int) {
	i := strings.LastIndexByte(key, '_')
	if i < 0 {
		return key, 0
	}
	interval := number(key[i+1:], 0)
	rest := key[:i]
	for _, known := range []string{"migrate_to", "migrate_from", "clear_failcount"} {
		if strings.HasSuffix(rest, "_"+known) {
			return known, interval
		}
	}
	for _, marker := range []string{"_pre_notify_", "_post_notify_", "_confirmed-pre_notify_", "_confirmed-post_notify_"} {
		if j := strings.LastIndex(rest, marker); j >= 0 {
			return rest[j+1:], interval
		}
	}
	if j := strings.LastIndexByte(rest, '_'); j >= 0 {
		return rest[j+1:], interval
	}
	return rest, interval
}
