package controller

import (
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// Pending is an operation that was asked for and has no result yet.
type Pending struct {
	NodeID   string        `json:"node_id"`
	Resource string        `json:"resource"`
	Class    string        `json:"class"`
	Provider string        `json:"provider,omitempty"`
	Type     string        `json:"type"`
	Task     string        `json:"task"`
	Interval time.Duration `json:"interval,omitempty"`
	Key      string        `json:"key"`
	Since    time.Time     `json:"since"`
}

// Pending returns the operations in flight in this leader's transition, in the order of their keys.
func (c *Controller) Pending() []Pending {
	if c.transition == nil {
		return nil
	}
	var all []Pending
	for _, key := range sortedKeys(c.transition.inFlight) {
		r := c.transition.inFlight[key]
		a := r.action
		if a.Resource == nil {
			continue
		}
		switch a.Task {
		case "start", "stop", "monitor", "promote", "demote", "migrate_to", "migrate_from", "reload-agent":
			all = append(all, Pending{
				NodeID: a.NodeID, Resource: a.Resource.ID, Class: a.Resource.Class, Provider: a.Resource.Provider, Type: a.Resource.Type,
				Task: a.Task, Interval: a.Interval, Key: key, Since: r.since,
			})
		}
	}
	return all
}

// MarkPending shows operations in flight in a copy of the document, as Pacemaker records them: a
// history entry with op-status -1. The log does not carry them: they would cost every action an
// entry of its own, and matter to people only.
func MarkPending(doc *cib.Document, all []Pending) {
	for _, p := range all {
		history := lrmResource(doc, p)
		if history == nil {
			continue
		}
		id := p.Resource + "_last_0"
		if p.Interval > 0 {
			id = operationID(p.Resource, p.Task, p.Interval)
		}
		op := cib.NewElement("lrm_rsc_op", "id", id, "operation_key", operationID(p.Resource, p.Task, p.Interval), "operation", p.Task,
			"crm-debug-origin", "holdfast", "crm_feature_set", cib.FeatureSet, "transition-key", p.Key, "transition-magic", "-1:193;"+p.Key,
			"call-id", "-1", "rc-code", "193", "op-status", "-1", "interval", strconv.FormatInt(p.Interval.Milliseconds(), 10),
			"last-rc-change", strconv.FormatInt(p.Since.Unix(), 10), "exec-time", "0", "queue-time", "0")
		for old := range history.All("lrm_rsc_op") {
			if old.ID() == id {
				old.Attrs = op.Attrs
				op = nil
				break
			}
		}
		if op != nil {
			history.Append(op)
		}
	}
}

// lrmResource finds or makes the place for a resource's history; nil when the host has no state.
func lrmResource(doc *cib.Document, p Pending) *cib.Element {
	for state := range doc.Section("status").All("node_state") {
		if state.ID() != p.NodeID {
			continue
		}
		lrm := childOr(state, "lrm", "id", p.NodeID)
		resources := childOr(lrm, "lrm_resources")
		for e := range resources.All("lrm_resource") {
			if e.ID() == p.Resource {
				return e
			}
		}
		e := resources.Append(cib.NewElement("lrm_resource", "id", p.Resource, "type", p.Type, "class", p.Class))
		if p.Provider != "" {
			e.Set("provider", p.Provider)
		}
		return e
	}
	return nil
}

// childOr returns the child of that name, which is made when it is missing.
func childOr(e *cib.Element, name string, attributes ...string) *cib.Element {
	if child := e.Child(name); child != nil {
		return child
	}
	return e.Append(cib.NewElement(name, attributes...))
}
