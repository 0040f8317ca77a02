package scheduler

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scoreLog collects the scores as they were when each resource was looked at.
type scoreLog struct{ lines []Weighing }

// Weighing is one line of how places were weighed: a resource's score for a node or, with
// Capacity, what a node has room for or a resource takes of it.
type Weighing struct {
	Capacity bool
	Text     string
}

func (l *scoreLog) add(capacity bool, format string, args ...any) {
	l.lines = append(l.lines, Weighing{capacity, fmt.Sprintf(format, args...)})
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
		c.scores.add(true, "%s: %s capacity:%s", when, n.name, amounts(n.utilization))
	}
}

// logUse notes what a resource takes of a node's capacity.
func (c *cluster) logUse(r *resource, n *node) {
	if c.scores != nil && len(r.utilization) > 0 {
		c.scores.add(true, "pcmk__assign_resource: %s utilization on %s:%s", r.id, n.name, amounts(r.utilization))
	}
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
			c.scores.add(false, "%s: %s allocation score on %s: %s", phase, x.id, n.name, scoreText(w.score))
		})
	})
}

// logPromotions notes what promoting each of a clone's instances is worth.
func (c *cluster) logPromotions(r *resource) {
	if c.scores == nil {
		return
	}
	for _, child := range r.children {
		place := "none"
		if n := child.firstAssigned(); n != nil {
			place = n.name
		}
		c.scores.add(false, "%s promotion score on %s: %s", child.id, place, scoreText(child.promotionScore))
	}
}
