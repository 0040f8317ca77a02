package node

import (
	"slices"
	"time"

	"holdfast/cluster/alerts"
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
)

// present tells whether a view is of this daemon's own time: what the log tells of the time
// before, or while this host was away, is history and no news.
func (n *Node) present(v core.View) bool {
	i := slices.Index(v.Members, n.settings.Self)
	return i >= 0 && i < len(v.Boots) && v.Boots[i] == n.boot
}

// alert has the alert agents called that the document has for an occurrence.
func (n *Node) alert(o alerts.Occurrence) {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	n.caller.Tell(n.replica.Document(), o)
}

// alertMembers tells of the nodes that came and went with a view.
func (n *Node) alertMembers(v core.View) {
	before := n.membersTold
	n.membersTold = v.Members
	for _, id := range v.Members {
		if !slices.Contains(before, id) {
			n.alert(alerts.Occurrence{Kind: alerts.Node, Node: n.name(id), NodeID: id32(id), Description: "member"})
		}
	}
	for _, id := range before {
		if !slices.Contains(v.Members, id) {
			n.alert(alerts.Occurrence{Kind: alerts.Node, Node: n.name(id), NodeID: id32(id), Description: "lost"})
		}
	}
}

// alertEntry tells of the committed entries that every host tells of.
func (n *Node) alertEntry(e *controller.Entry) {
	if f := e.Fencing; e.Kind == controller.FencingEntry && f.State != controller.FencingPending {
		code := 0
		if f.State == controller.FencingFailed {
			code = 1
		}
		n.alert(alerts.Occurrence{
			Kind: alerts.Fencing, Node: f.Target, Task: f.Action, Code: code,
			Description: alerts.FencingDescription(f.Action, f.Target, f.Delegate, f.Client, f.Origin, f.Reason),
		})
	}
	if len(e.Edits) == 0 || n.replica.Document().Section("alerts").Child("alert") == nil {
		return // the usual case costs nothing
	}
	for _, c := range controller.RemoteChanges(e) {
		if n.remotesTold[c.Name] == c.Up {
			continue // fenced after it was lost, connected from elsewhere
		}
		n.remotesTold[c.Name] = c.Up
		state := map[bool]string{true: "member", false: "lost"}[c.Up]
		n.alert(alerts.Occurrence{Kind: alerts.Node, Node: c.Name, NodeID: "0", Description: state})
	}
	for _, c := range controller.AttributeChanges(e) {
		name := c.NodeID // of a remote node, that is its name
		for _, h := range n.configured() {
			if id32(h.ID) == c.NodeID {
				name = h.Name
			}
		}
		n.alert(alerts.Occurrence{Kind: alerts.Attribute, Node: name, NodeID: c.NodeID, Name: c.Name, Value: c.Value})
	}
}

// alertResults tells of operations that ended on this host.
func (n *Node) alertResults(entries []*controller.Entry) {
	for _, e := range entries {
		if o := e.Result; e.Kind == controller.ResultEntry {
			n.alert(alerts.Occurrence{
				Kind: alerts.Resource, Node: o.Node, Resource: o.Resource, Task: o.Task, Interval: o.Interval,
				Code: o.Code, Status: o.Status, Target: o.Target, Took: o.Took,
			})
		}
	}
}
