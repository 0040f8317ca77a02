package controller

import (
	"slices"

	"holdfast/cluster/messaging/core"
)

// A log that loses to another takes with it whom it had in its views. Such a host may be cut off by now and run what it was given
// there, while the log that won tells of its death before that. So a host whose log lost remembers whom it saw on that side, each
// leader asks for them, and they are unclean until they are back or fenced.

// strayed takes in that groups which this host was in lost to another. The view of the group that won may be known here already, or follow.
func (c *Controller) strayed(lost []core.Ballot) {
	for id, group := range c.groups {
		if _, witnessed := c.gone[id]; id != c.cfg.Self && slices.Contains(lost, group) && !witnessed {
			c.strays[id] = true
		}
	}
}

// Strays are the hosts that this one saw in views of a log that lost, and of whose end it does not know.
func (c *Controller) Strays() []core.HostID {
	return slices.DeleteFunc(sortedHosts(c.strays), func(id core.HostID) bool { return slices.Contains(c.view.Members, id) })
}

// learnStrays takes another host's strays over.
func (c *Controller) learnStrays(ids []core.HostID) {
	for _, id := range ids {
		if !slices.Contains(c.view.Members, id) {
			c.strays[id] = true
		}
	}
}
