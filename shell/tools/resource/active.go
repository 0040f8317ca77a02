package resource

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// place is where an instance of a resource is active.
type place struct {
	node     string
	instance string // the id in the history, with a clone's number
	role     string // Started or Promoted
}

// resource finds a configured resource; an instance's number does not count.
func (c *call) resource(id string) *cib.Element {
	for _, try := range []string{id, instanceOf(id)} {
		for e := range c.doc.Section("resources").Descendants() {
			if e.ID() == try && slices.Contains([]string{"primitive", "group", "clone", "master", "bundle"}, e.Name) {
				return e
			}
		}
	}
	return nil
}

// instanceOf strips the number of a clone's instance.
func instanceOf(id string) string {
	base, number, ok := strings.Cut(id, ":")
	if _, err := strconv.Atoi(number); ok && err == nil {
		return base
	}
	return id
}

// primitives returns the primitives at and below a resource.
func primitives(e *cib.Element) []*cib.Element {
	var out []*cib.Element
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			out = append(out, d)
		}
	}
	return out
}

// active returns where a resource runs by the history in the status section. A group or clone is where any of its
// primitives is.
func (c *call) active(e *cib.Element) []place {
	wanted := map[string]bool{}
	for _, p := range primitives(e) {
		wanted[p.ID()] = true
	}
	var places []place
	for state := range c.doc.Section("status").All("node_state") {
		if !online(state) {
			continue
		}
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			if !wanted[instanceOf(rsc.ID())] {
				continue
			}
			if role := roleOf(rsc); role != "Stopped" {
				places = append(places, place{state.Get("uname"), rsc.ID(), role})
			}
		}
	}
	return places
}

func online(state *cib.Element) bool {
	member := state.Get("in_ccm")
	return member != "" && member != "false" && member != "0" && state.Get("crmd") != "offline" && state.Get("crmd") != "0"
}

// roleOf replays the results of a resource on one host, in the order of their call ids.
func roleOf(rsc *cib.Element) string {
	ops := slices.Collect(rsc.All("lrm_rsc_op"))
	slices.SortStableFunc(ops, func(a, b *cib.Element) int {
		x, _ := strconv.Atoi(a.Get("call-id"))
		y, _ := strconv.Atoi(b.Get("call-id"))
		return cmp.Compare(x, y)
	})
	role := "Stopped"
	for _, op := range ops {
		role = after(role, op)
	}
	return role
}

func after(role string, op *cib.Element) string {
	ok := op.Get("rc-code") == "0"
	switch op.Get("operation") {
	case "monitor":
		switch op.Get("rc-code") {
		case "0":
			if role == "Stopped" {
				return "Started"
			}
		case "7":
			return "Stopped"
		case "8", "9":
			return "Promoted"
		}
	case "start", "migrate_from", "demote":
		if ok || role == "Stopped" && op.Get("operation") == "start" {
			return "Started"
		}
	case "promote":
		if ok {
			return "Promoted"
		}
	case "stop", "migrate_to":
		if ok {
			return "Stopped"
		}
	}
	return role
}

// collective returns the clone, group or bundle that a resource is part of, or the resource itself.
func collective(e *cib.Element) *cib.Element {
	top := e
	for p := e.Parent; p != nil && p.Name != "resources"; p = p.Parent {
		top = p
	}
	return top
}

func element(name string) *cib.Element { return cib.NewElement(name) }

func textNode(text string) *cib.Element { return &cib.Element{Kind: cib.TextNode, Text: text} }
