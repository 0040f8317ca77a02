package controller

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
)

// history returns the edits that record a result as Pacemaker's controller does: an
// lrm_rsc_op under the host's node_state, and the fail count when it failed.
func (w *Worker) history(now time.Time, j *job, result executor.Result, o *Outcome) []Edit {
	r := j.request
	if r.Task == "notify" {
		return nil
	}
	fragment := cib.NewElement("cib")
	state := fragment.Append(cib.NewElement("status")).
		Append(cib.NewElement("node_state", "id", r.NodeID, "uname", r.Node))
	if w.remote(r) != "" {
		state.Set("remote_node", "true")
	}
	resource := state.Append(cib.NewElement("lrm", "id", r.NodeID)).Append(cib.NewElement("lrm_resources")).
		Append(cib.NewElement("lrm_resource", "id", r.ResourceID, "type", r.Operation.Agent.Type, "class", r.Operation.Agent.Class))
	if r.Operation.Agent.Provider != "" {
		resource.Set("provider", r.Operation.Agent.Provider)
	}
	bad := failedOperation(o)
	for _, id := range historyIDs(r, bad) {
		resource.Append(w.operation(now, id, j, result, o))
	}
	if bad && countsAsFailure(r) {
		w.countFailure(now, state, r)
	}
	return []Edit{MergeEdit(fragment)}
}

// historyIDs says under which ids a result is kept: the last one-shot operation, the
// last failed one, and each recurring one.
func historyIDs(r Request, failed bool) []string {
	last := r.ResourceID + "_last_0"
	switch {
	case failed && r.Operation.Interval > 0:
		return []string{r.ResourceID + "_last_failure_0"}
	case failed:
		return []string{r.ResourceID + "_last_failure_0", last}
	case r.Operation.Interval > 0:
		return []string{operationID(r.ResourceID, r.Task, r.Operation.Interval)}
	}
	return []string{last}
}

// operationID is the operation key: resource, task, interval in milliseconds.
func operationID(resource, task string, interval time.Duration) string {
	return resource + "_" + task + "_" + strconv.FormatInt(interval.Milliseconds(), 10)
}

// recordedTask is the task that history tells of: a reload that went well counts as a
// start with the new parameters.
func recordedTask(r Request, o *Outcome) string {
	if r.Task != "reload" && r.Task != "reload-agent" {
		return r.Task
	}
	if failedOperation(o) {
		return "monitor"
	}
	return "start"
}

// follow returns the moment to record for a result, in a second after the one of this operation's
// last other result: history counts seconds, the two have one call id, and whoever reads them could
// not tell which came last. A failure would be taken for mended by the success before it.
func (j *job) follow(at time.Time) time.Time {
	if !at.Equal(j.recorded) && at.Unix() <= j.recorded.Unix() {
		at = time.Unix(j.recorded.Unix()+1, 0)
	}
	j.recorded = at
	return at
}

// operation makes the lrm_rsc_op element.
func (w *Worker) operation(now time.Time, id string, j *job, result executor.Result, o *Outcome) *cib.Element {
	r := j.request
	interval := r.Operation.Interval
	changed := result.StartedAt
	if o.Repeat || changed.IsZero() {
		changed = now
	}
	changed = j.follow(changed)
	task := recordedTask(r, o)
	op := cib.NewElement("lrm_rsc_op",
		"id", id,
		"operation_key", operationID(r.ResourceID, task, interval),
		"operation", task,
		"crm-debug-origin", "holdfast",
		"crm_feature_set", cib.FeatureSet,
		"transition-key", r.Key,
		"transition-magic", fmt.Sprintf("%d:%d;%s", o.Status, o.Code, r.Key),
		"exit-reason", o.Reason,
		"on_node", w.cfg.Name,
		"call-id", strconv.Itoa(j.call),
		"rc-code", strconv.Itoa(o.Code),
		"op-status", strconv.Itoa(o.Status),
		"interval", strconv.FormatInt(interval.Milliseconds(), 10),
		"last-rc-change", strconv.FormatInt(changed.Unix(), 10),
		"exec-time", strconv.FormatInt(result.Ran.Milliseconds(), 10),
		"queue-time", strconv.FormatInt(result.Queued.Milliseconds(), 10),
		"op-digest", w.digest(r.Operation),
	)
	recordDefinition(op, r.Operation, result.Definition)
	for _, name := range []string{"migrate_source", "migrate_target"} {
		if value := r.Operation.Meta[name]; value != "" {
			op.Set(name, value)
		}
	}
	return op
}

// recordDefinition adds the digests by which the scheduler tells a change that the agent takes
// over while it runs (its names are not in op-force-restart) from one that needs a restart, and a
// document with masked secrets from a changed one.
func recordDefinition(op *cib.Element, o executor.Operation, d *executor.Definition) {
	if d == nil {
		return
	}
	if d.Reloads && o.Interval == 0 {
		kept := map[string]string{}
		for _, name := range d.Restart {
			if value, ok := o.Params[name]; ok {
				kept[name] = value
			}
		}
		op.Set("op-force-restart", listed(d.Restart))
		op.Set("op-restart-digest", ParameterDigest(kept, 0, ""))
	}
	if len(d.Private) > 0 {
		open := maps.Clone(o.Params)
		for _, name := range d.Private {
			delete(open, name)
		}
		op.Set("op-secure-params", listed(d.Private))
		op.Set("op-secure-digest", ParameterDigest(open, 0, ""))
	}
}

// listed writes names as Pacemaker lists parameters: each with a blank on both sides.
func listed(names []string) string {
	var out strings.Builder
	for _, name := range names {
		out.WriteString(" " + name + " ")
	}
	return out.String()
}

func (w *Worker) digest(op executor.Operation) string {
	if w.cfg.Digest != nil {
		return w.cfg.Digest(op.Params, op.Interval, op.Meta["timeout"])
	}
	return ParameterDigest(op.Params, op.Interval, op.Meta["timeout"])
}

// ParameterDigest is Pacemaker's digest of an operation's parameters: MD5 over a
// <parameters> element with the parameters as attributes, sorted by name; a recurring
// operation's time limit counts as one.
func ParameterDigest(params map[string]string, interval time.Duration, timeout string) string {
	element := cib.NewElement("parameters")
	for _, name := range sortedKeys(params) {
		if !strings.HasPrefix(name, "CRM_meta_") {
			element.Set(name, params[name])
		}
	}
	if interval > 0 && timeout != "" {
		element.Set("CRM_meta_timeout", timeout)
		slices.SortFunc(element.Attrs, func(a, b cib.Attr) int { return strings.Compare(a.Name, b.Name) })
	}
	sum := md5.Sum([]byte(" " + element.String()))
	return hex.EncodeToString(sum[:])
}

// failedOperation tells whether a result counts as a failure: the operation could not
// be carried out, or the agent's answer is not the one that the plan expected.
func failedOperation(o *Outcome) bool {
	switch executor.Status(o.Status) {
	case executor.Done:
		return o.Code != o.Target
	case executor.Cancelled:
		return false
	}
	return true
}

// countsAsFailure leaves out probes: finding a resource active where it was not expected
// is not its failure.
func countsAsFailure(r Request) bool {
	return r.Operation.Interval > 0 || r.Task != "monitor"
}

// countFailure adds the raised fail count and the time of the failure to the host's
// transient attributes.
func (w *Worker) countFailure(now time.Time, state *cib.Element, r Request) {
	name := r.ResourceID + "#" + r.Task + "_" + strconv.FormatInt(r.Operation.Interval.Milliseconds(), 10)
	count := "fail-count-" + name
	set := transientSet(state, r.NodeID)
	present := TransientAttribute(w.cfg.Document(), r.NodeID, count)
	appendAttribute(set, r.NodeID, count, raised(present, r.FailOffset))
	appendAttribute(set, r.NodeID, "last-failure-"+name, strconv.FormatInt(now.Unix(), 10))
}

// raised adds offset to a fail count, in Pacemaker's arithmetic of scores.
func raised(present, offset string) string {
	const infinity = 1000000
	if strings.TrimPrefix(offset, "+") == "INFINITY" || present == "INFINITY" {
		return "INFINITY"
	}
	n, _ := strconv.Atoi(present)
	add, err := strconv.Atoi(offset)
	if err != nil || add <= 0 {
		add = 1
	}
	if n += add; n >= infinity {
		return "INFINITY"
	}
	return strconv.Itoa(n)
}

// TransientAttribute returns a transient attribute of the host of that id, "" when it has none.
func TransientAttribute(doc *cib.Document, nodeID, name string) string {
	for state := range doc.Section("status").All("node_state") {
		if state.ID() != nodeID {
			continue
		}
		for attributes := range state.All("transient_attributes") {
			if pair := attributes.PairIn("instance_attributes", name); pair != nil {
				return pair.Get("value")
			}
		}
	}
	return ""
}

// transientSet adds what holds transient attributes to a node_state, under Pacemaker's ids.
func transientSet(state *cib.Element, nodeID string) *cib.Element {
	return state.Append(cib.NewElement("transient_attributes", "id", nodeID)).
		Append(cib.NewElement("instance_attributes", "id", "status-"+nodeID))
}

// appendAttribute adds an nvpair with Pacemaker's id for it.
func appendAttribute(set *cib.Element, nodeID, name, value string) {
	id := "status-" + nodeID + "-" + strings.ReplaceAll(name, "#", ".")
	set.Append(cib.NewElement("nvpair", "id", id, "name", name, "value", value))
}

// AttributeEdits are the edits that give a host's transient attribute a value, or
// remove it when value is nil.
func AttributeEdits(nodeID, uname, name string, value *string) []Edit {
	if value == nil {
		return []Edit{{Delete: "/cib/status/node_state[@id='" + nodeID +
			"']/transient_attributes/instance_attributes/nvpair[@name='" + name + "']"}}
	}
	fragment := cib.NewElement("cib")
	state := fragment.Append(cib.NewElement("status")).Append(cib.NewElement("node_state", "id", nodeID, "uname", uname))
	appendAttribute(transientSet(state, nodeID), nodeID, name, *value)
	return []Edit{MergeEdit(fragment)}
}

// resourcePath finds a resource's history on the request's host.
func resourcePath(r Request) string {
	return "/cib/status/node_state[@id='" + r.NodeID + "']/lrm/lrm_resources/lrm_resource[@id='" + r.ResourceID + "']"
}

// historyPath finds one kept result.
func historyPath(r Request, id string) string {
	return resourcePath(r) + "/lrm_rsc_op[@id='" + id + "']"
}

// FakeFailure are the edits that make the cluster believe that a monitor of a resource
// failed on a host: a failed operation beside the history that is there.
func FakeFailure(doc *cib.Document, nodeID, uname, resource string, now time.Time) ([]Edit, error) {
	state := doc.Section("status")
	for e := range state.Descendants() {
		if e.Name != "lrm_resource" || e.ID() != resource || e.Parent.Parent.Parent.ID() != nodeID {
			continue
		}
		calls := 0
		for op := range e.All("lrm_rsc_op") {
			n, _ := strconv.Atoi(op.Get("call-id"))
			calls = max(calls, n)
		}
		name, _, _ := strings.Cut(resource, ":")
		w := &Worker{cfg: WorkerConfig{Name: uname, Document: func() *cib.Document { return doc }}}
		r := Request{Key: "0:0:0:fail-asked-for", Node: uname, NodeID: nodeID, Task: "asyncmon", ResourceID: resource, Operation: executor.Operation{
			Resource: name, Action: "asyncmon", Agent: executor.Agent{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")},
		}}
		o := &Outcome{Code: 1, Reason: "Simulated failure"}
		return w.history(now, &job{request: r, call: calls + 1}, executor.Result{Code: 1, StartedAt: now}, o), nil
	}
	return nil, fmt.Errorf("fail %s on %s: it is not active there", resource, uname)
}
