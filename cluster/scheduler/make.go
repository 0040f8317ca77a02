package scheduler

import (
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// Make decides what to do about the cluster that the document describes, as of now.
// The document is only read. The same document and time give the same plan.
func Make(doc *cib.Document, now time.Time) *Plan { return newCluster(doc, now).plan() }

// MakeWithScores is Make, and the plan keeps the scores as they were weighed, which costs
// a fifth more.
func MakeWithScores(doc *cib.Document, now time.Time) *Plan {
	c := newCluster(doc, now)
	c.scores = &scoreLog{}
	return c.plan()
}

// Observe reads the cluster's state without deciding anything.
func Observe(doc *cib.Document, now time.Time) *Status {
	c := newCluster(doc, now)
	c.observe()
	return c.status()
}

// observe reads configuration and status.
func (c *cluster) observe() {
	c.unpackOptions()
	c.unpackNodes()
	c.unpackResources()
	c.findDC()
	c.unpackStatus()
	c.count()
}

// plan runs the phases, in the order in which they build on each other.
func (c *cluster) plan() *Plan {
	c.observe()
	status := c.status()

	c.applyHealth()
	c.unpackConstraints()
	c.applyShutdownLocks()
	c.applyLocations()
	c.applyStickiness()
	c.applyFailures()
	c.createInternalConstraints()
	c.checkParameters()

	c.logCapacity("Original")
	c.assignResources()
	c.logCapacity("Remaining")

	c.createAllActions()
	c.orderRemoteActions()
	c.scheduleFencing()
	c.applyOrderings()

	return &Plan{
		Status: status, Moves: c.summarize(), Graph: c.createGraph(), Scores: c.scores.weighings(),
		actions: c.actions, cluster: c,
	}
}

func (c *cluster) applyFailures() {
	for _, n := range c.byName {
		failures := n.hasFailures()
		for _, r := range c.resources {
			if failures {
				c.applyThresholds(r, n)
			}
			r.applyExclusiveDiscovery(n)
		}
	}
}

// applyExclusiveDiscovery keeps a resource from nodes on which it is not looked for.
func (r *resource) applyExclusiveDiscovery(n *node) {
	top := r.uber()
	if !r.is(exclusiveDiscovery) && !top.is(exclusiveDiscovery) {
		return
	}
	for _, child := range r.children {
		child.applyExclusiveDiscovery(n)
	}
	if w := r.lookAt(n); w != nil && w.discover != discoverExclusive {
		w.score = -infinity
	}
}

func (c *cluster) createAllActions() {
	c.scheduleProbes()
	for _, r := range c.resources {
		if r.is(orphan) && c.options.stopOrphans {
			c.clearOrphanedFailures(r)
		}
	}
	for _, r := range c.resources {
		c.createActions(r)
	}
}

// findDC marks the host that leads, which rules can ask for.
func (c *cluster) findDC() {
	if n := c.nodeIDs[c.options.dcID]; n != nil {
		n.dc, c.dc = true, n
	}
	for _, n := range c.nodes {
		n.attributes["#is_dc"] = strconv.FormatBool(n.dc)
	}
}

// count counts resource instances for the summary's first line.
func (c *cluster) count() {
	for _, r := range c.resources {
		c.countBelow(r)
	}
}

func (c *cluster) countBelow(r *resource) {
	if len(r.children) > 0 {
		for _, child := range r.children {
			c.countBelow(child)
		}
		return
	}
	if r.is(orphan) && len(r.running) == 0 {
		return
	}
	c.instances++
	if wanted := parseRole(r.meta["target-role"]); wanted == roleStopped {
		c.disabled++
	}
	if r.is(blocked) {
		c.blocked++
	}
}
