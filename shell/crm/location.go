package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// parseLocation reads
//
//	location ID {RESOURCE|/PATTERN/|{ RESOURCE… }} [role=ROLE] [resource-discovery=WHEN]
//	  {SCORE: NODE | RULE…}
func parseLocation(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	e := cib.NewElement("rsc_location", "id", id)
	if err := r.locationResource(e); err != nil {
		return nil, err
	}
	for {
		name, value, ok := r.option()
		if name = strings.TrimPrefix(name, "$"); !ok || name != "role" && name != "resource-discovery" {
			break
		}
		r.next()
		e.Set(name, value)
	}
	if !r.bare("rule") {
		score, ok := r.score()
		if !ok {
			return nil, r.fail("SCORE: NODE or rule …")
		}
		setScore(e, score)
		node, err := r.take("the name of a node")
		if err != nil {
			return nil, err
		}
		e.Set("node", node)
		return e, r.end()
	}
	for r.bare("rule") {
		rule, err := r.rule()
		if err != nil {
			return nil, err
		}
		e.Append(rule)
	}
	return e, r.end()
}

func (r *reader) locationResource(e *cib.Element) error {
	text, err := r.take("a resource, /PATTERN/ or { RESOURCE… }")
	if err != nil {
		return err
	}
	if text != "{" {
		pattern, ok := strings.CutPrefix(text, "/")
		if !ok {
			if !validID(text) {
				return r.failBefore("a resource, /PATTERN/ or { RESOURCE… }")
			}
			e.Set("rsc", text)
			return nil
		}
		if pattern, ok = strings.CutSuffix(pattern, "/"); !ok || pattern == "" {
			return r.failBefore("a pattern between slashes: /PATTERN/")
		}
		e.Set("rsc-pattern", pattern)
		return nil
	}
	pair, sets, err := r.resources("role")
	if err != nil {
		return err
	}
	if !r.bare("}") {
		return r.fail("a resource, or } after the last one")
	}
	r.next()
	c := collector{detail: "role", sets: sets}
	for _, ref := range pair {
		c.add(ref)
	}
	for _, set := range c.sets {
		e.Append(set)
	}
	if len(c.sets) == 0 {
		return r.failBefore("at least one resource between the braces")
	}
	return nil
}

// location formats a location constraint.
func (f *formatter) location(e *cib.Element) []string {
	head := "location " + f.name(e) + " "
	switch {
	case e.Child("resource_set") != nil:
		head += "{ " + setsText(e, "role") + " }"
	case e.Get("rsc-pattern") != "":
		head += "/" + e.Get("rsc-pattern") + "/"
	default:
		head += e.Get("rsc")
	}
	for _, name := range []string{"role", "resource-discovery"} {
		if value, ok := e.Lookup(name); ok {
			head += " " + name + "=" + quote(value)
		}
	}
	if node, ok := e.Lookup("node"); ok {
		return []string{head + " " + scoreText(e) + ": " + node}
	}
	lines := []string{head}
	for rule := range e.All("rule") {
		lines = append(lines, f.rule(rule))
	}
	return lines
}
