package scheduler

import "fmt"

// scoreLog collects the scores as they were when each resource was looked at.
type scoreLog struct{ lines []string }

func (c *cluster) logScores(phase string, r *resource) {
	if c.scores == nil {
		return
	}
	if r.is(orphan) {
		return
	}
	r.each(func(x *resource) {
		x.eachCandidate(func(n *node, w *candidate) {
			c.scores.lines = append(c.scores.lines, fmt.Sprintf("%s: %s allocation score on %s: %s", phase, x.id, n.name, scoreText(w.score)))
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
		if n := first(child.where(false)); n != nil {
			place = n.name
		}
		c.scores.lines = append(c.scores.lines, fmt.Sprintf("%s promotion score on %s: %s", child.id, place, scoreText(child.promotionScore)))
	}
}
