package scheduler

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// createGraph selects the actions that really happen, with what each waits for, resource by
// resource.
func (c *cluster) createGraph() *Graph {
	g := &Graph{Settings: c.graphSettings()}
	c.merged = make([]*input, c.nextAction)
	for _, r := range c.resources {
		c.graphResource(g, r)
	}
	for _, a := range slices.Backward(c.actions) {
		c.graphAction(g, a)
	}
	c.merged = nil
	return g
}

func (c *cluster) graphSettings() GraphSettings {
	o := &c.options
	return GraphSettings{
		BatchLimit: o.batchLimit, MigrationLimit: o.migrationLimit, ClusterDelay: o.clusterDelay,
		FencingTimeout: o.fencingTimeout, StopOffset: "INFINITY", StartOffset: o.startOffset(), RecheckAt: c.recheck,
	}
}

func (o *options) startOffset() string {
	if o.startFailureFatal {
		return "INFINITY"
	}
	return "1"
}

func (c *cluster) graphResource(g *Graph, r *resource) {
	switch r.variant {
	case BundleResource:
		// Its own actions are with the cluster's, after those of all resources.
		if r.bundle.inner != nil {
			c.graphResource(g, r.bundle.inner)
		}
		for _, p := range r.bundle.replicas {
			for _, x := range []*resource{p.ip, p.container, p.connection} {
				if x != nil {
					c.graphResource(g, x)
				}
			}
		}
	case CloneResource:
		for _, a := range slices.Backward(slices.Clone(r.actions)) {
			r.actionFlags(a, nil)
		}
		c.createNotifications(r)
		for _, child := range r.children {
			c.graphResource(g, child)
		}
		c.graphOwn(g, r)
	default:
		c.graphOwn(g, r)
		for _, child := range r.children {
			c.graphResource(g, child)
		}
	}
}

func (c *cluster) graphOwn(g *Graph, r *resource) {
	for _, a := range slices.Backward(r.actions) {
		c.graphAction(g, a)
	}
}

// belongsInGraph decides whether an action happens.
func (a *action) belongsInGraph() bool {
	switch {
	case !a.is(runnable), a.is(optional) && !a.is(printAlways):
		return false
	case a.rsc != nil && !a.rsc.is(managed) && a.task != "monitor" && a.interval == 0:
		return false
	case a.is(pseudo), a.task == "stonith", a.task == "do_shutdown":
		return true
	case a.node == nil:
		return false
	case a.is(onDC), a.node.isGuest() && !a.node.needsReset:
		return true
	}
	return a.node.online && !a.node.unclean
}

func (c *cluster) graphAction(g *Graph, a *action) {
	c.mergeInputs(a)
	if a.is(inGraph) || !a.belongsInGraph() {
		return
	}
	a.set(inGraph)
	a.number = len(g.Actions)
	g.Actions = append(g.Actions, c.export(a))
	slices.SortStableFunc(a.inputs, func(x, y *input) int { return y.first.id - x.first.id })
	last := g.Actions[a.number]
	for _, in := range a.inputs {
		if in.counts() {
			in.triggers = true
			last.Inputs = append(last.Inputs, Input{Action: in.first.id})
		}
	}
	slices.SortFunc(last.Inputs, func(x, y Input) int { return x.Action - y.Action })
}

// mergeInputs joins edges between the same two actions.
func (c *cluster) mergeInputs(a *action) {
	for len(c.merged) < c.nextAction { // notifications were made
		c.merged = append(c.merged, nil)
	}
	kept := a.inputs[:0]
	for _, in := range a.inputs {
		if have := c.merged[in.first.id]; have != nil {
			have.kind |= in.kind
			continue
		}
		c.merged[in.first.id] = in
		kept = append(kept, in)
	}
	for _, in := range kept {
		c.merged[in.first.id] = nil
	}
	clear(a.inputs[len(kept):])
	a.inputs = kept
}

// counts decides whether an edge makes its action wait.
func (in *input) counts() bool {
	first, then := in.first, in.then
	switch {
	case in.kind == 0:
		return false
	case !first.is(runnable) && in.kind&^(showsThen|showsFirst|orderOptional) == 0:
		return false
	case !first.is(runnable) && in.kind&atLeast != 0:
		return false
	case in.kind&unmigratableBlocks != 0 && !first.is(runnable):
		return false
	case in.kind&ifFirstUnmigratable != 0 && first.is(migratable):
		return false
	case in.kind == orderOptional && first.is(migratable) && first.task == "stop" && first.interval == 0:
		return false // the end of a live migration, which disturbs nothing
	case in.kind == sameNodeOrTarget:
		target := then.node
		if then.rsc != nil && then.task == "migrate_to" {
			target = then.rsc.assigned
		}
		if first.node != target || first.is(optional) {
			in.kind = 0
			return false
		}
	case in.kind == requiredOnSameNode:
		if first.node != nil && then.node != nil && first.node != then.node || first.is(optional) {
			in.kind = 0
			return false
		}
	case first.rsc != nil && first.rsc != then.rsc && first.rsc.is(failed) && !first.rsc.is(managed) &&
		first.task == "stop" && then.rsc != nil && then.rsc.isClone():
		return false
	}
	if first.is(optional) && !first.is(printAlways) && !first.is(inGraph) && !first.belongsInGraph() {
		return false
	}
	return true
}

// displayKey is the action's key as the history knows the resource.
func (a *action) displayKey() string {
	r := a.rsc
	switch {
	case r == nil || r.historyID == "" || r.is(unique) || len(a.key) < len(r.id):
		return a.key
	case a.task == "notify":
		return notifyKeyOfInstance(r.historyID, a.extra.get("notify_type"), a.extra.get("notify_operation"))
	case a.task == "cancel":
		return operationKey(r.historyID, a.target, a.interval)
	}
	return operationKey(r.historyID, a.task, a.interval)
}

// export turns an action into its public form.
func (c *cluster) export(a *action) *Action {
	x := c.exportSlab.make(Action{
		ID: a.id, Task: a.task, Key: a.announcedKey(), Interval: time.Duration(a.interval) * time.Millisecond,
		Priority: a.priority, Reason: a.reason, Timeout: defaultTimeout,
	})
	switch {
	case a.task == "stonith" && !a.is(pseudo):
		x.Kind = Fencing
	case a.is(pseudo):
		x.Kind = Pseudo
	case a.rsc == nil || a.task == "clear_failcount" || a.task == "delete" || a.task == "lrm_delete":
		x.Kind = HostTask
	default:
		x.Kind = Agent
	}
	if a.node != nil {
		x.Node, x.NodeID = a.node.name, a.node.id
		if a.node.isRemote() && x.Kind != Fencing {
			x.Router = routerOf(a)
		}
	}
	if a.rsc != nil {
		x.CanFail = a.is(canFail)
		if a.rsc.isPrimitive() {
			x.Resource = a.rsc.reference()
			if x.Kind == Agent {
				x.Params = sortedParams(a.params.withParams(a.rsc.params(a.node)))
			}
		}
		if a.params != nil {
			x.Timeout = a.params.timeout
		}
	}
	x.Meta = a.exportMeta()
	return x
}

func (a *action) exportMeta() []Param {
	var meta paramList
	if a.rsc != nil && a.params != nil {
		configured := a.params.exported()
		meta = append(make(paramList, 0, len(configured)+len(a.extra)+4), configured...)
		if a.interval > 0 {
			meta.set("interval", strconv.Itoa(a.interval))
		}
		if c := a.rsc.uber(); c.isClone() && a.rsc != c {
			meta.set("clone", strconv.Itoa(instanceNumberOf(a.rsc.id)))
			meta.set("clone_max", strconv.Itoa(c.clone.max))
			meta.set("clone_node_max", strconv.Itoa(c.clone.nodeMax))
			meta.set("globally_unique", strconv.FormatBool(c.is(unique)))
			meta.set("notify", strconv.FormatBool(c.is(notifies)))
		}
	}
	for _, x := range a.extra {
		meta.set(metaName(x.Name), x.Value)
	}
	if a.node != nil && a.task != "stonith" {
		meta.set("on_node", a.node.name)
		meta.set("on_node_uuid", a.node.id)
	}
	sortParams(meta)
	return meta
}

// exported are the settings of the operation that its actions carry, made once for all nodes.
func (o *operationConfig) exported() paramList {
	if o.forExport == nil {
		for name, value := range o.meta {
			if name != "interval" {
				o.forExport.set(metaName(name), value)
			}
		}
		o.forExport.set("timeout", strconv.FormatInt(o.timeout.Milliseconds(), 10))
		sortParams(o.forExport)
	}
	return o.forExport
}

// paramList is a short map that costs one allocation.
type paramList []Param

func (l paramList) get(name string) string {
	for i := range l {
		if l[i].Name == name {
			return l[i].Value
		}
	}
	return ""
}

func (l *paramList) set(name, value string) {
	for i := range *l {
		if (*l)[i].Name == name {
			(*l)[i].Value = value
			return
		}
	}
	*l = append(*l, Param{name, value})
}

func sortParams(list []Param) {
	slices.SortFunc(list, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
}

func metaName(name string) string { return replaceAll(name, "-", "_") }

func sortedParams(m map[string]string) []Param {
	params := make([]Param, 0, len(m))
	for name, value := range m {
		params = append(params, Param{name, value})
	}
	sortParams(params)
	return params
}

// reference names the resource in actions; it is made once for all of them.
func (r *resource) reference() *ResourceRef {
	if r.ref != nil {
		return r.ref
	}
	ref := r.agent
	plain := stripInstance(r.id)
	switch {
	case r.is(unique) || plain == r.id:
		ref.ID = r.id
	default:
		ref.ID, ref.LongID = plain, r.id
		if r.historyID != "" && r.historyID != plain {
			ref.LongID = r.historyID
		}
	}
	r.ref = &ref
	return r.ref
}

// routerOf is the cluster host through which a remote node is reached for an action: where
// its connection will be, or, for what precedes its move, where it is.
func routerOf(a *action) string {
	r := a.node.remote
	if r == nil {
		return ""
	}
	began, ended := r.currentNode(), r.assigned
	if began != nil && ended == nil {
		return began.name
	}
	if began != nil && ended != nil && began != ended {
		switch a.task {
		case "stop", "demote", "migrate_to", "cancel":
			return began.name
		}
	}
	if ended != nil {
		return ended.name
	}
	return ""
}
