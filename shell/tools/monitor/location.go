package monitor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/scheduler"
)

// Location is what a location constraint says of one node.
type Location struct {
	ID       string // of the constraint, or of its rule that holds there
	Resource string
	Node     string
	Score    string
	Promoted bool // it is about the promoted role alone
}

// Locations returns what the location constraints say of nodes, as rules hold at that moment; the last constraint comes
// first, as Pacemaker lists them.
func Locations(doc *cib.Document, s *scheduler.Status, now time.Time) []Location {
	var all []Location
	for e := range doc.Section("constraints").All("rsc_location") {
		var here []Location
		if node := e.Get("node"); node != "" {
			here = append(here, Location{e.ID(), e.Get("rsc"), node, e.Get("score"), promotedRole(e)})
		}
		for r := range e.All("rule") {
			here = append(here, ruleLocations(e, r, s, now)...)
		}
		all = append(here, all...)
	}
	return all
}

// ruleLocations are the nodes for which a rule holds: by name, descending unless one of the rule's conditions is enough.
func ruleLocations(constraint, r *cib.Element, s *scheduler.Status, now time.Time) []Location {
	nodes := slices.Clone(s.Nodes)
	slices.SortStableFunc(nodes, func(a, b *scheduler.NodeStatus) int { return cmp.Compare(a.Name, b.Name) })
	if r.Get("boolean-op") != "or" {
		slices.Reverse(nodes)
	}
	var found []Location
	for _, n := range nodes {
		facts := &rule.Context{Now: now, Attribute: attributesOf(n)}
		if facts.Holds(r) {
			found = append(found, Location{r.ID(), constraint.Get("rsc"), n.Name, r.Get("score"), promotedRole(r) || promotedRole(constraint)})
		}
	}
	return found
}

func promotedRole(e *cib.Element) bool {
	return e.Get("role") == "Promoted" || e.Get("role") == "Master"
}

// attributesOf looks up what rules can ask of a node: its name and id, and its attributes.
// AttributesOf looks up what rules can ask of a host; nothing is known of one that does not exist.
func AttributesOf(s *scheduler.Status, node string) func(string) (string, bool) {
	for i := range s.Nodes {
		if s.Nodes[i].Name == node {
			return attributesOf(s.Nodes[i])
		}
	}
	return func(string) (string, bool) { return "", false }
}

func attributesOf(n *scheduler.NodeStatus) func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch name {
		case "#uname":
			return n.Name, true
		case "#id":
			return n.ID, true
		}
		for _, a := range n.Attributes {
			if a.Name == name {
				return a.Value, true
			}
		}
		return "", false
	}
}

// shownBans returns what keeps resources off nodes.
func (v *view) shownBans() []Location {
	whole := *v.s
	whole.Nodes = v.all
	return slices.DeleteFunc(Locations(v.doc, &whole, v.now), func(l Location) bool {
		return !strings.HasPrefix(l.Score, "-") || !strings.HasPrefix(l.ID, banPrefix(v.line)) ||
			v.line.Has("resource") && find(v.s.Resources, l.Resource) == nil
	})
}

func (v *view) bans() {
	line := v.titled("Negative Location Constraints")
	for _, l := range v.shownBans() {
		doing, node := "running", l.Node
		if l.Promoted {
			doing = "running in Promoted role"
		}
		for _, n := range v.all {
			if n.Name == node {
				node = v.nodeLabel(n)
			}
		}
		line("  * %s\tprevents %s from %s on %s\n", l.ID, l.Resource, doing, node)
	}
}

func (v *view) bansXML(list *cib.Element) {
	for _, l := range v.shownBans() {
		weight := l.Score
		if weight == "-INFINITY" {
			weight = "-1000000"
		}
		list.Append(cib.NewElement("ban", "id", l.ID, "resource", l.Resource, "node", l.Node, "weight", weight,
			"promoted-only", yes(l.Promoted), "master_only", yes(l.Promoted)))
	}
}
