package cib

import (
	"regexp"
	"slices"
	"strings"
)

// What the schemas ask of single elements beyond their place and their attributes' choices.

// classes are the kinds of agents.
var classes = []string{"ocf", "lsb", "heartbeat", "stonith", "upstart", "service", "systemd", "nagios"}

// deviceList is what the devices of a fencing level look like.
var deviceList = regexp.MustCompile(`^[a-zA-Z0-9_.-]+(,[a-zA-Z0-9_.-]+)*$`)

// checkElement looks at an element by what its kind asks for; major is that of the document's schema.
func (d *Document) checkElement(e *Element, major int) []Problem {
	switch e.Name {
	case "primitive", "template":
		return d.checkAgent(e)
	case "rsc_colocation", "rsc_location":
		return d.checkScore(e, major)
	case "fencing-level":
		if devices := e.Get("devices"); !deviceList.MatchString(devices) {
			return []Problem{d.problem(e, "devices=%q: expected ids of fence devices, separated by commas", devices)}
		}
	}
	return nil
}

// checkAgent wants an agent named in full, unless a template names it.
func (d *Document) checkAgent(e *Element) []Problem {
	class, given := e.Lookup("class")
	_, templated := e.Lookup("template")
	switch {
	case !given && templated && e.Name == "primitive":
		return nil
	case !given:
		return []Problem{d.problem(e, "attribute class is missing; expected one of %s, or a template", strings.Join(classes, ", "))}
	case !slices.Contains(classes, class):
		return []Problem{d.problem(e, "class=%q: expected %s", class, strings.Join(classes, ", "))}
	}
	needed := []string{"type"}
	if class == "ocf" {
		needed = append(needed, "provider")
	}
	for _, name := range needed {
		if _, given := e.Lookup(name); !given {
			return []Problem{d.problem(e, "attribute %s is missing beside class=%q", name, class)}
		}
	}
	return nil
}

// checkScore refuses scores that are taken from a node attribute, which ended with schema pacemaker-3.0, and
// node attributes of colocations of sets.
func (d *Document) checkScore(e *Element, major int) []Problem {
	if major < 3 {
		return nil
	}
	if _, given := e.Lookup("score-attribute"); given {
		return []Problem{d.problem(e, "score-attribute is for rules; expected a score: a number or INFINITY")}
	}
	if _, given := e.Lookup("node-attribute"); given && e.Name == "rsc_colocation" && e.Child("resource_set") != nil {
		return []Problem{d.problem(e, "node-attribute is for two resources, not for resource sets")}
	}
	return nil
}
