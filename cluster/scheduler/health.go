package scheduler

import (
	"strings"

	"holdfast/cluster/cib"
)

// applyHealth adds, for each node, what its health attributes (#health-…) are worth under
// the health strategy.
func (c *cluster) applyHealth() {
	switch c.options.healthStrategy {
	case "", "none":
		return
	}
	for _, n := range c.byName {
		score := c.healthScore(n)
		n.health = score
		if score == 0 {
			continue
		}
		for _, r := range c.resources {
			if cib.ParseBool(r.meta["allow-unhealthy-nodes"], false) {
				continue
			}
			l := &location{id: c.options.healthStrategy, rsc: r, nodes: []nodeScore{{n, score}}}
			c.addLocation(l)
		}
	}
}

func (c *cluster) healthScore(n *node) int {
	o := &c.options
	sum, worst, any := 0, 0, false
	if o.healthStrategy == "progressive" {
		sum = o.healthBase
	}
	for name, value := range n.attributes {
		if !strings.HasPrefix(name, "#health") {
			continue
		}
		score := o.colour(value)
		sum = addScores(sum, score)
		if !any || score < worst {
			worst = score
		}
		any = true
	}
	switch o.healthStrategy {
	case "migrate-on-red", "only-green", "custom", "progressive":
		return sum
	}
	return 0
}

func (o *options) colour(value string) int {
	red, yellow, green := o.healthRed, o.healthYellow, o.healthGreen
	switch o.healthStrategy {
	case "migrate-on-red":
		red, yellow, green = -infinity, 0, 0
	case "only-green":
		red, yellow, green = -infinity, -infinity, 0
	}
	switch lower(value) {
	case "red":
		return red
	case "yellow":
		return yellow
	case "green":
		return green
	}
	return parseScore(value, 0)
}

// nearestColour is the colour that a health attribute's value, itself a colour or a score, comes
// to. Where yellow is worth what green is, only the word tells them apart.
func (o *options) nearestColour(value string) string {
	switch text := lower(value); {
	case text == "red", text == "yellow":
		return text
	}
	score, yellow := o.colour(value), o.colour("yellow")
	switch {
	case score <= o.colour("red"):
		return "red"
	case score <= yellow && yellow != o.colour("green"):
		return "yellow"
	}
	return "green"
}
