package node

import (
	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
)

// tell turns the controller's note into an event and a line of the log.
func (n *Node) tell(note controller.Note) {
	event := client.Event{
		Subject: note.Subject, Action: note.Task, Interval: note.Interval, On: note.Host, Code: note.Code,
		Took: note.Took, Count: note.Count, Transition: note.Transition, Detail: note.Detail,
	}
	switch note.Kind {
	case controller.PlanMade:
		event.Kind = client.PlanMade
		n.log.Info("plan made", "transition", note.Transition, "actions", note.Count, "because", note.Detail)
	case controller.PlanDone:
		event.Kind = client.PlanDone
		n.log.Info("plan ended", "transition", note.Transition, "result", note.Detail, "took", note.Took)
	case controller.ActionStarted:
		event.Kind = client.ActionStarted
		n.log.Info("action started", "resource", note.Subject, "task", note.Task, "interval", note.Interval, "host", note.Host, "because", note.Detail)
	case controller.ActionFinished:
		event.Kind = client.ActionFinished
		n.log.Info("action finished", "resource", note.Subject, "task", note.Task, "interval", note.Interval, "host", note.Host, "code", note.Code, "took", note.Took, "reason", note.Detail)
	case controller.FenceStarted:
		event.Kind = client.FenceStarted
		n.log.Warn("fencing", "target", note.Subject, "action", note.Task, "because", note.Detail)
	case controller.FenceFinished:
		if note.Code == 0 {
			n.log.Warn("fenced", "target", note.Subject, "device", note.Detail, "took", note.Took)
			return // the committed entry is the event
		}
		event.Kind = client.Fenced
		n.log.Error("fencing failed", "target", note.Subject, "cause", note.Detail)
	case controller.WentIdle:
		event.Kind = client.Idle
		if !n.checked && n.alone == nil && serves(n.replica.Document()) {
			n.checked = true
			n.spawn(n.logReadiness)
		}
	case controller.HostJoined:
		n.log.Info("host synchronized", "host", note.Subject, "in-flight", note.Count)
		return
	case controller.Trouble:
		event.Kind = client.Problem
		n.log.Error("trouble", "subject", note.Subject, "host", note.Host, "cause", note.Detail)
	}
	n.events.add(event)
}

// name returns a host's uname, or its id when that is unknown.
func (n *Node) name(id core.HostID) string {
	for _, h := range n.configured() {
		if h.ID == id && h.Name != "" {
			return h.Name
		}
	}
	if id == 0 {
		return ""
	}
	return id32(id)
}

// serves tells whether a document has resources beside fence devices.
func serves(doc *cib.Document) bool {
	for e := range doc.Section("resources").Descendants() {
		if e.Name == "primitive" && e.Get("class") != "stonith" {
			return true
		}
	}
	return false
}
