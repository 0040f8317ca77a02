package scheduler

import (
	"iter"
	"maps"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// onFail is what follows when an operation fails, mildest first: of several failures
// the greatest counts.
type onFail uint8

const (
	failIgnore onFail = iota
	failDemote
	failRestart
	failResetRemote
	failRestartContainer
	failBan
	failBlock
	failStop
	failStandby
	failFence
)

// operationConfig is an operation as configured: its own settings over the defaults.
type operationConfig struct {
	config   *cib.Element // nil when only defaults apply
	meta     map[string]string
	timeout  time.Duration
	onFail   onFail
	failRole role
	enabled  bool

	forExport paramList         // see exported
	params    map[string]string // instance attributes of its own, over the resource's
}

const defaultTimeout = 20 * time.Second

// configOf returns the configuration of an operation of r.
func (r *resource) configOf(task string, interval int) *operationConfig {
	known := r.operation(task, interval)
	if known.config != nil {
		return known.config
	}
	// Instances of a clone that differ in nothing but number could share this; resources
	// keep their own because rules may look at them.
	o := &operationConfig{config: r.findOperation(task, interval, true)}
	known.config = o
	o.unpackMeta(r, task, interval)
	o.unpackFailure(r, task, interval)
	return o
}

// configuredOps yields the <op> elements of a resource: its own, or those of the
// <operations> elsewhere that it refers to.
func (r *resource) configuredOps() iter.Seq[*cib.Element] {
	return func(yield func(*cib.Element) bool) {
		for ops := range r.xml.All("operations") {
			for op := range r.c.resolved(ops).All("op") {
				if !yield(op) {
					return
				}
			}
		}
	}
}

// findOperation finds the <op> for a task and interval in ms.
func (r *resource) findOperation(task string, interval int, includeDisabled bool) *cib.Element {
	for op := range r.configuredOps() {
		if op.Get("name") != task || intervalOf(op) != interval {
			continue
		}
		if includeDisabled || cib.ParseBool(op.Get("enabled"), true) {
			return op
		}
	}
	if task == "migrate_to" || task == "migrate_from" {
		return r.findOperation("migrate", interval, includeDisabled)
	}
	return nil
}

// intervalOf returns the interval of an <op> in ms.
func intervalOf(op *cib.Element) int {
	return int(timeSpan(op.Get("interval")) / time.Millisecond)
}

// timeSpan is the length of time that a text tells: 0 when it tells none.
func timeSpan(text string) time.Duration {
	if text == "" {
		return 0 // most often; an error would be made only to be dropped
	}
	d, _ := rule.ParseInterval(text)
	return d
}

func (o *operationConfig) unpackMeta(r *resource, task string, interval int) {
	o.meta = map[string]string{}
	add := func(name, value string) {
		if _, seen := o.meta[name]; !seen {
			o.meta[name] = value
		}
	}
	ctx := r.ruleContext(nil)
	ctx.Operation = &rule.Operation{Name: task, Interval: time.Duration(interval) * time.Millisecond}
	isProbe := task == "monitor" && interval == 0
	if o.config != nil {
		for _, a := range o.config.Attrs {
			if a.Name != "id" && a.Name != "description" {
				add(a.Name, a.Value)
			}
		}
		ctx.Pairs(o.config, "meta_attributes", "", r.c.byID, add)
		ctx.Pairs(o.config, "instance_attributes", "", r.c.byID, func(name, value string) {
			add(name, value)
			o.addParam(name, value)
		})
	}
	_, own := o.meta["timeout"]
	if r.c.opDefaults != nil {
		ctx.Pairs(r.c.opDefaults, "meta_attributes", "", r.c.byID, add)
	}
	if isProbe && !own {
		delete(o.meta, "timeout")
		if text := r.probeTimeout(); text != "" {
			o.meta["timeout"] = text
		} else if r.c.opDefaults != nil {
			ctx.Pairs(r.c.opDefaults, "meta_attributes", "", r.c.byID, add)
		}
	}
	o.timeout = defaultTimeout
	if d := timeSpan(o.meta["timeout"]); d > 0 {
		o.timeout = d
	}
	o.enabled = cib.ParseBool(o.meta["enabled"], true)
	r.c.noteRecheck(ctx.NextChange)
}

// addParam adds an instance attribute, such as OCF_CHECK_LEVEL; the first of a name counts.
func (o *operationConfig) addParam(name, value string) {
	if o.params == nil {
		o.params = map[string]string{}
	}
	if _, seen := o.params[name]; !seen {
		o.params[name] = value
	}
}

// withParams is the resource's instance attributes with the operation's own over them.
func (o *operationConfig) withParams(params map[string]string) map[string]string {
	if o == nil || len(o.params) == 0 {
		return params
	}
	all := maps.Clone(params)
	maps.Copy(all, o.params)
	return all
}

// probeTimeout is the timeout of the most frequent recurring monitor.
func (r *resource) probeTimeout() string {
	best, text := -1, ""
	for op := range r.configuredOps() {
		if op.Get("name") != "monitor" || !cib.ParseBool(op.Get("enabled"), true) {
			continue
		}
		if ms := intervalOf(op); ms > 0 && (best < 0 || ms < best) {
			best, text = ms, op.Get("timeout")
			if text == "" {
				text = metaOf(op, "timeout")
			}
		}
	}
	return text
}

func metaOf(e *cib.Element, name string) string {
	return e.PairIn("meta_attributes", name).Get("value")
}

func (o *operationConfig) unpackFailure(r *resource, task string, interval int) {
	text := lower(o.meta["on-fail"])
	o.failRole = roleUnknown
	isProbe := task == "monitor" && interval == 0
	if text == "demote" && !r.demoteAllowed(o, task, interval) {
		text = ""
	}
	switch text {
	case "block":
		o.onFail = failBlock
	case "fence":
		o.onFail = failFence
		if !r.c.options.fencing {
			o.onFail = failStop
		}
	case "standby":
		o.onFail = failStandby
	case "ignore", "nothing":
		o.onFail = failIgnore
	case "migrate":
		o.onFail = failBan
	case "stop":
		o.onFail = failStop
	case "restart":
		o.onFail = failRestart
	case "demote":
		o.onFail = failDemote
	case "restart-container":
		o.onFail = failRestart
		if r.container != nil || r.inBundle() {
			o.onFail = failRestartContainer
		}
	default:
		text = ""
	}
	if text == "" {
		o.onFail = r.defaultOnFail(task)
	}
	if r.remoteHost && r.container == nil && !isProbe && task != "start" && (text == "" || o.onFail != failBlock) && !(task == "stop" && text != "") {
		o.onFail = failResetRemote
		if !r.is(managed) {
			o.onFail = failStop
		}
	}
	o.failRole = o.roleAfter(r, task)
}

// defaultOnFail: what is in a container recovers with it, failed stops included.
func (r *resource) defaultOnFail(task string) onFail {
	switch {
	case r.container != nil:
		return failRestartContainer
	case task == "stop" && r.c.options.fencing:
		return failFence
	case task == "stop":
		return failBlock
	}
	return failRestart
}

// demoteAllowed: on-fail=demote is for promote and for recurring monitors of the promoted role.
func (r *resource) demoteAllowed(o *operationConfig, task string, interval int) bool {
	return task == "promote" || task == "monitor" && interval > 0 && parseRole(o.meta["role"]) == rolePromoted
}

func (o *operationConfig) roleAfter(r *resource, task string) role {
	switch {
	case o.onFail == failStop:
		return roleStopped
	case o.onFail == failResetRemote && r.reconnectDelay > 0:
		return roleStopped
	case task == "promote":
		return roleUnpromoted
	}
	return roleStarted
}
