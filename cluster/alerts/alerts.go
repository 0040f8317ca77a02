// Package alerts calls the alert agents that the document's alerts section configures, as
// Pacemaker calls them ("Alerts" in Pacemaker Explained, "Writing an Alert Agent" in
// Pacemaker Administration): for each occurrence once per recipient, with what happened in
// CRM_alert_* variables, the configured options as variables of their own names, and nothing on
// the command line.
//
// # Who calls
//
// The host that ran a resource's operation tells of it. Nodes that come and go, fencing and
// node attributes are told by every host of the cluster, so that a page gets out whichever of
// them is cut off; an agent that must act once compares CRM_alert_node with its own name. Remote and guest
// nodes are nodes, too: members tell when the cluster begins and ceases to speak with one, and of operations there; no agent is called there.
//
// # The core and the edge
//
// Read, Alert.Wants and Alert.Calls are pure: a document and an occurrence in, commands out.
// A Caller is the edge: it runs the commands, as user hacluster where that user exists, and ends
// those that exceed their time limit.
//
// # Order
//
// Calls for one recipient run one after another, in the order of their CRM_alert_node_sequence;
// different alerts and recipients run in parallel. (Pacemaker starts all at once and leaves the order to
// chance.) A recipient whose agent is so slow that more than queueKept calls wait loses the
// oldest, and the log says so. A cluster never waits for an alert agent.
//
// # Goroutines
//
// One per alert and recipient, while calls for it wait or run. Caller.Close waits for them.
package alerts

import (
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// The defaults of an alert's meta-attributes.
const (
	DefaultTimeout         = 30 * time.Second
	DefaultTimestampFormat = "%H:%M:%S.%06N"
)

// Kind classes occurrences; it is the value of CRM_alert_kind.
type Kind string

// The kinds of occurrence.
const (
	Node      Kind = "node"
	Fencing   Kind = "fencing"
	Resource  Kind = "resource"
	Attribute Kind = "attribute"
)

// Alert is one agent with one of its recipients.
type Alert struct {
	ID        string
	Path      string
	Recipient string // value of the recipient; "" when the alert has none
	Key       string // id of the recipient, or of the alert: what calls are ordered by
	Timeout   time.Duration
	Format    string // of CRM_alert_timestamp, strftime with %N
	Options   []Option

	kinds      []Kind   // selected; nil: the default
	attributes []string // selected; nil: every
}

// Option is an instance attribute of an alert, which its agent finds in its environment.
type Option struct{ Name, Value string }

// Read returns what the document's alerts section has called, one Alert for each recipient,
// in the document's order. Alerts whose meta-attribute enabled is false are left out.
func Read(doc *cib.Document, now time.Time) []Alert {
	var all []Alert
	for e := range doc.Section("alerts").All("alert") {
		base := Alert{ID: e.ID(), Path: e.Get("path"), Key: e.ID(), Timeout: DefaultTimeout, Format: DefaultTimestampFormat}
		enabled := base.settle(doc, e, now)
		base.selects(e.Child("select"))
		recipients := 0
		for r := range e.All("recipient") {
			recipients++
			one := base
			one.Options = slices.Clone(base.Options)
			one.Recipient, one.Key = r.Get("value"), r.ID()
			if one.settle(doc, r, now) && enabled {
				all = append(all, one)
			}
		}
		if recipients == 0 && enabled {
			all = append(all, base)
		}
	}
	return all
}

// settle takes over the options of an alert or recipient and says whether it is enabled.
func (a *Alert) settle(doc *cib.Document, e *cib.Element, now time.Time) (enabled bool) {
	enabled = true
	context := rule.Context{Now: now}
	seen := map[string]bool{}
	context.Pairs(e, "meta_attributes", "", doc.ByID, func(name, value string) {
		if seen[name] {
			return
		}
		seen[name] = true
		switch name {
		case "timeout":
			if limit, err := rule.ParseInterval(value); err == nil && limit > 0 {
				a.Timeout = limit
			}
		case "timestamp-format":
			a.Format = value
		case "enabled":
			enabled = cib.ParseBool(value, true)
		}
	})
	clear(seen)
	context.Pairs(e, "instance_attributes", "", doc.ByID, func(name, value string) {
		if seen[name] {
			return
		}
		seen[name] = true
		i := slices.IndexFunc(a.Options, func(o Option) bool { return o.Name == name })
		if i < 0 {
			a.Options = append(a.Options, Option{name, value})
			return
		}
		a.Options[i].Value = value
	})
	return enabled
}

// selects reads which kinds an alert wants; without a selection all but attributes.
func (a *Alert) selects(e *cib.Element) {
	if e == nil {
		a.kinds = []Kind{Node, Fencing, Resource}
		return
	}
	for child := range e.Elements() {
		switch child.Name {
		case "select_nodes":
			a.kinds = append(a.kinds, Node)
		case "select_fencing":
			a.kinds = append(a.kinds, Fencing)
		case "select_resources":
			a.kinds = append(a.kinds, Resource)
		case "select_attributes":
			a.kinds = append(a.kinds, Attribute)
			for name := range child.All("attribute") {
				a.attributes = append(a.attributes, name.Get("name"))
			}
		}
	}
}

// Wants says whether the alert is to be called for an occurrence.
func (a *Alert) Wants(o Occurrence) bool {
	if !slices.Contains(a.kinds, o.Kind) {
		return false
	}
	return o.Kind != Attribute || len(a.attributes) == 0 || slices.Contains(a.attributes, o.Name)
}
