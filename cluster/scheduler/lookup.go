package scheduler

import (
	"slices"
	"strconv"
)

// operation is something that may be done to a resource, once (interval 0) or every interval:
// what the configuration says of it, and the actions that do it, each on a node. A resource has
// few operations, and a probe or so for every node.
type operation struct {
	task     string
	interval int              // ms
	key      string           // how the history names it: AppIP_monitor_10000
	own      bool             // the key is not made of task and interval: a notification's
	config   *operationConfig // nil as long as nobody needed it
	actions  []*action        // in order of creation
}

// operationKey is how the history names an operation: AppIP_monitor_10000.
func operationKey(id, task string, interval int) string {
	return id + "_" + task + "_" + strconv.Itoa(interval)
}

// usualOperations is how many operations most resources have room for.
const usualOperations = 8

// operation returns the resource's operation of that task and interval.
func (r *resource) operation(task string, interval int) *operation {
	for _, o := range r.operations {
		if o.interval == interval && o.task == task && !o.own {
			return o
		}
	}
	return r.addOperation(operation{task: task, interval: interval, key: operationKey(r.id, task, interval)})
}

// operationUnder returns the resource's operation that has a key of its own.
func (r *resource) operationUnder(key, task string) *operation {
	for _, o := range r.operations {
		if o.key == key {
			return o
		}
	}
	return r.addOperation(operation{task: task, key: key, own: true})
}

func (r *resource) addOperation(o operation) *operation {
	if r.operations == nil {
		r.operations = r.c.operationLists.room(usualOperations)
	}
	r.operations = append(r.operations, r.c.operationSlab.make(o))
	return r.operations[len(r.operations)-1]
}

// usualActions is how many actions the operation may come to have: probes are for all nodes.
func (o *operation) usualActions(nodes int) int {
	if o.task == "monitor" && o.interval == 0 {
		return nodes
	}
	return 1
}

// on returns the operation's most recently made action on that node (any node when n is nil).
// An action without a node is taken for n's.
func (o *operation) on(n *node) *action {
	for _, a := range slices.Backward(o.actions) {
		switch {
		case n == nil, a.node == n:
			return a
		case a.node == nil:
			a.node = n
			return a
		}
	}
	return nil
}

// exactlyOn returns the operation's latest action on that node; with nil, one on none.
func (o *operation) exactlyOn(n *node) *action {
	for _, a := range slices.Backward(o.actions) {
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
