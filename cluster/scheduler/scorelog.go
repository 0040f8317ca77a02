package scheduler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scoreLog collects the scores as they were when each resource was looked at.
type scoreLog struct{ lines []Weighing }

// Weighing is one line of how places were weighed: a resource's score for a node, what
// promoting an instance is worth or, with Capacity, what a node has room for (no Resource) or
// a resource takes of it.
type Weighing struct {
	Text     string // the whole line
	Capacity bool
	By       string // the step that weighed; Original or Remaining for what a node has room for; "" for a promotion
	Resource string
	Node     string // "" for an instance that is nowhere
	Score    string // "" with Capacity
	Amounts  map[string]int
}

// weighings are the lines in the order in which they were noted.
func (l *scoreLog) weighings() []Weighing {
	if l == nil {
		return nil
	}
	return l.lines
}

// logCapacity notes what all nodes have room for.
func (c *cluster) logCapacity(when string) {
	if c.scores == nil {
		return
	}
	for _, n := range c.byName {
		c.scores.lines = append(c.scores.lines, Weighing{
			Text:     when + ": " + n.name + " capacity:" + amounts(n.utilization),
			Capacity: true, By: when, Node: n.name, Amounts: maps.Clone(n.utilization),
		})
	}
}

// logUse notes what a resource takes of a node's capacity.
func (c *cluster) logUse(r *resource, n *node) {
	if c.scores == nil || len(r.utilization) == 0 {
		return
	}
	const by = "pcmk__assign_resource"
	c.scores.lines = append(c.scores.lines, Weighing{
		Text:     by + ": " + r.id + " utilization on " + n.name + ":" + amounts(r.utilization),
		Capacity: true, By: by, Resource: r.id, Node: n.name, Amounts: r.utilization,
	})
}

func amounts(of map[string]int) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(&b, " %s=%d", name, of[name])
	}
	return b.String()
}

func (c *cluster) logScores(phase string, r *resource) {
	if c.scores == nil {
		return
	}
	if r.is(orphan) {
		return
	}
	r.each(func(x *resource) {
		x.eachCandidate(func(n *node, w *candidate) {
			score := scoreText(w.score)
			c.scores.lines = append(c.scores.lines, Weighing{
				Text: phase + ": " + x.id + " allocation score on " + n.name + ": " + score,
				By:   phase, Resource: x.id, Node: n.name, Score: score,
			})
		})
	})
}

// logPromotions notes what promoting each of a clone's instances is worth.
func (c *cluster) logPromotions(r *resource) {
	if c.scores == nil {
		return
	}
	for _, child := range r.children {
		w := Weighing{Resource: child.id, Score: scoreText(child.promotionScore)}
		if n := child.firstAssigned(); n != nil {
			w.Node = n.name
		}
		w.Text = w.Resource + " promotion score on " + cmp.Or(w.Node, "none") + ": " + w.Score
		c.scores.lines = append(c.scores.lines, w)
	}
}
