package scheduler

import (
	"holdfast/cluster/cib"
)

// location is a preference of a resource for nodes.
type location struct {
	id       string
	rsc      *resource
	role     role // counts only for that role; roleUnknown for any
	nodes    []nodeScore
	discover discovery
}

type nodeScore struct {
	n     *node
	score int
}

func (l *location) scoreOn(n *node) (int, bool) {
	for _, s := range l.nodes {
		if s.n == n {
			return s.score, true
		}
	}
	return 0, false
}

func (c *cluster) unpackLocation(e *cib.Element) {
	hasSet := false
	for setElement := range e.All("resource_set") {
		hasSet = true
		set := c.unpackSet(setElement)
		for _, r := range set.members {
			role := set.role
			if role == "" {
				role = e.Get("role")
			}
			score := set.score
			if score == "" {
				score = e.Get("score")
			}
			c.locate(e, r, nil, role, score)
		}
	}
	if hasSet {
		return
	}
	if id, ok := e.Lookup("rsc"); ok {
		for _, member := range c.expand(id) {
			if r := c.constrained(member); r != nil {
				c.locate(e, r, nil, e.Get("role"), e.Get("score"))
			}
		}
	}
	if pattern, ok := e.Lookup("rsc-pattern"); ok {
		c.patternMatches(pattern, func(r *resource, captures []string) {
			c.locate(e, r, captures, e.Get("role"), e.Get("score"))
		})
	}
}

func (c *cluster) locate(e *cib.Element, r *resource, captures []string, role, score string) {
	discover := discoverAlways
	switch e.Get("resource-discovery") {
	case "never":
		discover = discoverNever
	case "exclusive":
		discover = discoverExclusive
	}
	if name, ok := e.Lookup("node"); ok && score != "" {
		n := c.nodeNamed(name)
		if n == nil {
			return
		}
		l := &location{id: e.ID(), rsc: r, role: locationRole(role), discover: discover}
		l.nodes = []nodeScore{{n, parseScore(score, 0)}}
		c.addLocation(l)
		return
	}
	for ruleElement := range e.All("rule") {
		if ruleElement = c.resolved(ruleElement); ruleElement != nil {
			c.locateByRule(e, ruleElement, &location{id: e.ID(), rsc: r, discover: discover}, captures)
		}
	}
}

// locationRole: only the promoted role makes a difference. Whatever is promoted was unpromoted
// before, so what is said about the other roles holds for every one.
func locationRole(text string) role {
	if r := parseRole(text); r == rolePromoted {
		return r
	}
	return roleUnknown
}

func (c *cluster) locateByRule(e, r *cib.Element, l *location, captures []string) {
	l.role = locationRole(r.Get("role"))
	fixed, hasScore := r.Lookup("score")
	attribute := r.Get("score-attribute")
	for _, n := range c.byName {
		ctx := c.ruleContext(n)
		ctx.Captures = captures
		ctx.Param = func(name string) (string, bool) { v, ok := l.rsc.params(n)[name]; return v, ok }
		ctx.Meta = l.rsc.metaValue
		if l.role != roleUnknown {
			ctx.Role = l.role.String()
		}
		holds := ctx.Holds(r)
		c.noteRecheck(ctx.NextChange)
		if !holds {
			continue
		}
		score := infinity
		switch {
		case hasScore:
			score = parseScore(fixed, 0)
		case attribute != "":
			value, found := n.attribute(expandCaptures(attribute, captures))
			if !found {
				score = -infinity
				continue
			}
			score = parseScore(value, 0)
		}
		l.nodes = append(l.nodes, nodeScore{n, score})
	}
	if len(l.nodes) > 0 {
		c.addLocation(l)
	}
}

func expandCaptures(name string, captures []string) string {
	for i := range min(len(captures), 10) {
		name = replaceAll(name, "%"+string(rune('0'+i)), captures[i])
	}
	return name
}

func replaceAll(s, old, by string) string {
	for i := 0; i+len(old) <= len(s); i++ {
		if s[i:i+len(old)] == old {
			return s[:i] + by + replaceAll(s[i+len(old):], old, by)
		}
	}
	return s
}

func (c *cluster) addLocation(l *location) {
	c.locations = append(c.locations, l)
	l.rsc.locations = append(l.rsc.locations, l)
}

// applyLocations adds the scores of all location constraints.
func (c *cluster) applyLocations() {
	for _, l := range c.locations {
		l.rsc.applyLocation(l, l.nodes)
	}
}

func (r *resource) applyLocation(l *location, nodes []nodeScore) {
	r.applyLocationHere(l, nodes)
	switch r.variant {
	case GroupResource:
		// The first member's preference takes the others of a colocated group along.
		for i, member := range r.children {
			if i == 1 && r.group.colocated {
				zeroed := make([]nodeScore, len(nodes))
				for j, s := range nodes {
					zeroed[j] = nodeScore{s.n, 0}
				}
				nodes = zeroed
			}
			member.applyLocation(l, nodes)
		}
	case CloneResource:
		for _, child := range r.children {
			child.applyLocation(l, nodes)
		}
	case BundleResource:
		for _, p := range r.bundle.replicas {
			p.container.applyLocation(l, nodes)
			if p.ip != nil {
				p.ip.applyLocation(l, nodes)
			}
		}
		if inner := r.bundle.inner; inner != nil && l.role == rolePromoted {
			inner.applyLocation(l, nodes)
			inner.locations = append(inner.locations, l)
		}
	}
}

func (r *resource) applyLocationHere(l *location, nodes []nodeScore) {
	if l.role == rolePromoted && r.next != rolePromoted {
		return
	}
	for _, s := range nodes {
		if w := r.lookAt(s.n); w != nil {
			w.score = addScores(w.score, s.score)
		} else {
			r.admit(s.n).score = s.score
		}
		w := r.at(s.n)
		if w.discover < l.discover {
			if l.discover == discoverExclusive {
				r.set(exclusiveDiscovery)
			}
			w.discover = l.discover
		}
	}
}

// applyStickiness makes resources prefer to stay where they are.
func (c *cluster) applyStickiness() {
	for _, r := range c.resources {
		c.stick(r)
	}
}

func (c *cluster) stick(r *resource) {
	for _, child := range r.children {
		c.stick(child)
	}
	if len(r.children) > 0 || !r.is(managed) || r.stickiness < 1 || len(r.running) != 1 {
		return // negative stickiness counts as none
	}
	n := r.running[0]
	// In an asymmetric cluster only a node that is explicitly allowed is worth staying on.
	if !c.options.symmetric && r.lookAt(n) == nil {
		return
	}
	c.ban(r, n, r.stickiness, "stickiness")
}
