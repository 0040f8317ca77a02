package scheduler

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// exportGraph makes the transition's public form: the actions that happen, with what each
// waits for.
func (c *cluster) exportGraph() *Graph {
	c.tellLists()
	g := &Graph{Settings: c.graphSettings(), Actions: make([]*Action, 0, len(c.happening))}
	for _, a := range c.happening {
		x := c.export(a)
		for _, in := range slices.Backward(a.inputs) {
			if in.triggers {
				x.Inputs = append(x.Inputs, Input{Action: in.first.id})
			}
		}
		g.Actions = append(g.Actions, x)
	}
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

// displayKey is the action's key as the history knows the resource.
func (a *action) displayKey() string {
	r := a.rsc
	switch {
	case r == nil || r.historyID == "" || r.is(unique) || len(a.key) < len(r.id):
		return a.key
	case a.task == "notify":
		return notifyKey(r.historyID, a.extra.get("notify_type"), a.extra.get("notify_operation"))
	case a.task == "cancel":
		return operationKey(r.historyID, a.extra.get("operation"), a.interval)
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
			exportPromotable(&meta, c)
			if a.task == "notify" {
				meta = append(meta, c.clone.told...)
			}
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

// exportPromotable tells an agent that its instances can be promoted, and how many: Redis's sets no
// scores without. Agents of the distribution ask by the old names.
func exportPromotable(meta *paramList, c *resource) {
	if !c.is(promotable) {
		return
	}
	for _, prefix := range []string{"master", "promoted"} {
		meta.set(prefix+"_max", strconv.Itoa(c.clone.promotedMax))
		meta.set(prefix+"_node_max", strconv.Itoa(c.clone.promotedNodeMax))
	}
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
