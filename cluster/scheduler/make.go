package scheduler

import (
	"strconv"
	"time"

	"holdfast/cluster/cib"
)

// Make decides what to do about the cluster that the document describes, as of now.
// The document is only read. The same document and time give the same plan.
func Make(doc *cib.Document, now time.Time) *Plan { return MakeParts(doc, now, WithGraph) }

// Parts are what a Plan may hold beside status and moves; each costs time.
type Parts uint8

const (
	// WithGraph is Plan.Graph. Without it the plan can still be drawn, but not carried out.
	WithGraph Parts = 1 << iota
	// WithScores is Plan.Scores, the scores as they were weighed: a fifth more time.
	WithScores
)

// MakeParts is Make for a caller who needs other parts of the plan.
func MakeParts(doc *cib.Document, now time.Time, parts Parts) *Plan {
	c := newCluster(doc, now)
	if parts&WithScores != 0 {
		c.scores = &scoreLog{}
	}
	plan := c.plan()
	if parts&WithGraph != 0 {
		plan.Graph = c.exportGraph()
	}
	return plan
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

	plan := &Plan{Status: status, Moves: c.summarize(), Scores: c.scores.weighings(), cluster: c}
	c.selectActions()
	plan.actions = c.actions
	return plan
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
