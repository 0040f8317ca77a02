package controller

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// stopTime is what hosts that were lost get for stopping what they run, before it is started
// elsewhere, where no fencing sees to that: if they live, they have lost the quorum at the
// same moment, give or take a heartbeat. It is no promise: a service that takes longer to stop runs
// twice for so long, as the document says that it may.
const stopTime = 250 * time.Millisecond

// letStop puts the next plan off when hosts that were there are lost, and only they themselves
// can stop what they run.
func (c *Controller) letStop(now time.Time, before []core.HostID) {
	lost := slices.ContainsFunc(c.view.Lost, func(id core.HostID) bool { return slices.Contains(before, id) })
	if doc := c.cfg.Document(); lost && !FencingEnabled(doc) && stopsWithoutQuorum(doc) {
		c.notBefore = now.Add(stopTime)
	}
}

// FencingEnabled tells whether a document wants lost hosts to be fenced.
func FencingEnabled(doc *cib.Document) bool {
	return cib.ParseBool(doc.Property("fencing-enabled", "stonith-enabled"), true)
}

func stopsWithoutQuorum(doc *cib.Document) bool {
	return strings.EqualFold(cmp.Or(doc.Property("no-quorum-policy"), "stop"), "stop")
}
