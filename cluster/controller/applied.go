package controller

import (
	"fmt"
	"slices"
	"time"
)

// applied takes a committed entry in. Only what the plan did not expect asks for another.
func (c *Controller) applied(now time.Time, e *Entry) {
	if e.Kind == ResultEntry {
		c.remember(e.Result.Key)
	}
	if id, ok := c.hostNamed(e.Target); ok && e.Kind == FencedEntry && len(e.Edits) > 0 && !slices.Contains(c.view.Members, id) {
		c.witnessed(id)
	}
	if !c.leading {
		return
	}
	if e.Kind == HostsEntry && e.Host == c.cfg.Self && e.Boot == c.cfg.Boot && e.Seq == c.hostWrite {
		c.hostWrite = 0
	}
	if e.Key != "" && c.transition != nil {
		if r := c.transition.inFlight[e.Key]; r != nil {
			delete(c.transition.inFlight, e.Key)
			c.transition.finish(r.action.ID, true)
		}
	}
	switch e.Kind {
	case ResultEntry:
		c.result(now, e)
	case ChangeEntry:
		c.forgive()
		c.outside("the configuration changed: " + e.Cause)
	case AttributeEntry:
		c.outside("a node attribute changed: " + e.Cause)
	case ForgetEntry:
		c.outside("history was forgotten: " + e.Cause)
	case FencedEntry:
		if e.Key == "" || c.transition == nil {
			c.outside("host " + e.Target + " was fenced")
		}
		c.outdate()
	}
}

// outside asks for a plan because the world changed, which also ends the suspicion
// that plans follow each other for nothing.
func (c *Controller) outside(why string) {
	c.inARow = 0
	c.markDirty(why)
}

// result takes a worker's result in.
func (c *Controller) result(now time.Time, e *Entry) {
	o := e.Result
	var r *running
	if c.transition != nil && !o.Repeat {
		r = c.transition.inFlight[o.Key]
	}
	if r == nil {
		c.outside(fmt.Sprintf("%s of %s on %s reported %d", o.Task, o.Resource, o.Node, o.Code))
		return
	}
	delete(c.transition.inFlight, o.Key)
	// What a notification returns is logged and has no bearing on what follows: Pacemaker Explained, "Clone Notifications".
	ok := o.OK() || r.action.CanFail || r.action.Task == "notify"
	c.note(Note{Kind: ActionFinished, Transition: c.transition.number, Subject: o.Resource, Task: o.Task, Interval: o.Interval,
		Host: o.Node, Code: o.Code, Took: o.Took, Detail: o.Reason})
	c.transition.finish(r.action.ID, ok)
	if !ok {
		c.markDirty(fmt.Sprintf("%s of %s on %s: expected %d, got %d", o.Task, o.Resource, o.Node, o.Target, o.Code))
	}
}

// recentKept bounds the results that are remembered.
const recentKept = 8192

// remember notes that a result came through the log, whoever led then: a host whose
// answer to Sync comes later may still count the operation among those in flight.
func (c *Controller) remember(key string) {
	for _, m := range c.members {
		delete(m.inFlight, key)
	}
	if c.recent[key] {
		return
	}
	c.recent[key] = true
	c.recentKeys = append(c.recentKeys, key)
	if len(c.recentKeys) > recentKept {
		delete(c.recent, c.recentKeys[0])
		c.recentKeys = c.recentKeys[1:]
	}
}
