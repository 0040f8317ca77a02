package scheduler

import (
	"regexp"
	"strings"

	"holdfast/cluster/cib"
)

// unpackConstraints reads location, colocation, order and ticket constraints.
func (c *cluster) unpackConstraints() {
	c.indexHistoryNames()
	for e := range c.doc.Section("constraints").Elements() {
		if rule := e.Child("lifetime"); rule != nil && !c.ruleContext(nil).AllHold(rule) {
			continue
		}
		switch e.Name {
		case "rsc_location":
			c.unpackLocation(e)
		case "rsc_colocation":
			c.unpackColocation(e)
		case "rsc_order":
			c.unpackOrder(e)
		case "rsc_ticket":
			c.unpackTicketConstraint(e)
		}
	}
}

// constrained finds the resource that a constraint names. What history knows by another name
// than it is configured under, such as the primitive of an anonymous clone, may be meant by that
// name: then the constraint is about the outermost collective, and no single instance.
func (c *cluster) constrained(id string) *resource {
	if r := c.lookup[id]; r != nil {
		return r
	}
	if r := c.inHistory[id]; r != nil {
		return r.uber()
	}
	return nil
}

// indexHistoryNames remembers the names under which history knows resources, where they differ
// from the configured ones.
func (c *cluster) indexHistoryNames() {
	c.inHistory = map[string]*resource{}
	c.eachResource(func(r *resource) {
		if _, taken := c.inHistory[r.historyID]; r.historyID != "" && !taken {
			c.inHistory[r.historyID] = r
		}
	})
}

// expand replaces the name of a template or tag by the resources that it stands for.
func (c *cluster) expand(id string) []string {
	if c.constrained(id) != nil {
		return []string{id}
	}
	if derived, ok := c.templates[id]; ok {
		return derived
	}
	if tagged, ok := c.tags[id]; ok {
		var all []string
		for _, t := range tagged {
			all = append(all, c.expand(t)...)
		}
		return all
	}
	return nil
}

// collection reports whether a name stands for a template or tag.
func (c *cluster) collection(id string) bool {
	if c.constrained(id) != nil {
		return false
	}
	_, template := c.templates[id]
	_, tag := c.tags[id]
	return template || tag
}

// resourceSet is a <resource_set>, its members resolved.
type resourceSet struct {
	e          *cib.Element
	id         string
	members    []*resource
	sequential bool
	requireAll bool
	role       string
	action     string
	score      string
}

func (c *cluster) unpackSet(e *cib.Element) resourceSet {
	if e = c.resolved(e); e == nil {
		return resourceSet{}
	}
	s := resourceSet{
		e: e, id: e.ID(), role: e.Get("role"), action: e.Get("action"), score: e.Get("score"),
		sequential: cib.ParseBool(e.Get("sequential"), true), requireAll: cib.ParseBool(e.Get("require-all"), true),
	}
	for ref := range e.All("resource_ref") {
		for _, id := range c.expand(ref.ID()) {
			if r := c.constrained(id); r != nil {
				s.members = append(s.members, r)
			}
		}
	}
	return s
}

func (c *cluster) resolved(e *cib.Element) *cib.Element {
	if ref, ok := e.Lookup("id-ref"); ok {
		return c.byID(ref)
	}
	return e
}

// pairSets turns a constraint between a template or tag and something else into the sets
// that it stands for: members of either are in no order among themselves.
func (c *cluster) pairSet(id, role, action string) resourceSet {
	s := resourceSet{id: id, role: role, action: action, requireAll: true}
	for _, member := range c.expand(id) {
		if r := c.constrained(member); r != nil {
			s.members = append(s.members, r)
		}
	}
	return s
}

// patternMatches visits the top-level resources whose id matches a pattern, with what it captured.
func (c *cluster) patternMatches(pattern string, visit func(r *resource, captures []string)) {
	negate := strings.HasPrefix(pattern, "!")
	re, err := regexp.Compile(strings.TrimPrefix(pattern, "!"))
	if err != nil {
		return
	}
	for _, r := range c.resources {
		m := re.FindStringSubmatch(r.id)
		switch {
		case negate && m == nil:
			visit(r, nil)
		case !negate && m != nil:
			visit(r, m)
		}
	}
}
