package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func relationCommands() []command {
	return []command{
		{path: "resource relations", syntax: "RESOURCE [--full]", help: "Shows as a tree what a resource is tied to: by orders, and by the resources around and inside it.\nExample: pcs resource relations db --full",
			document: true, options: "f full", run: showRelations},
	}
}

// relationKind says how a relation ties resources together, in the word that is printed.
type relationKind string

const (
	tiedByOrder relationKind = "order"
	tiedBySet   relationKind = "order set"
	holds       relationKind = "inner resource(s)"
	isInside    relationKind = "outer resource"
)

// relation ties a resource to others.
type relation struct {
	kind    relationKind
	id      string // of the constraint, or of the resource that holds others
	details []string
	members []string // the resources it ties
}

func (r *relation) is(kind relationKind, id string) bool {
	return r != nil && r.kind == kind && r.id == id
}

// relationNode is one line of the tree: a resource, or a relation below one.
type relationNode struct {
	parent    *relationNode
	resource  string
	relation  *relation
	elsewhere bool // shown in full at another place, closer to the root
	children  []*relationNode
}

func (n *relationNode) key() string {
	if n.relation != nil {
		return string(n.relation.kind) + " " + n.relation.id
	}
	return n.resource
}

func showRelations(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	if e.Get("class") == "stonith" {
		s.deprecated("a fence device has no relations that this command shows; it will be refused some day")
	}
	root := &relationNode{resource: e.ID()}
	s.growRelations(root)
	s.writeRelation(root, "", "")
	return nil
}

// growRelations goes breadth first, so that each thing is shown in full where it is closest to the root.
func (s *session) growRelations(root *relationNode) {
	seen := map[string]bool{root.key(): true}
	for queue := []*relationNode{root}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.relation != nil {
			for _, id := range at.members() {
				at.children = append(at.children, &relationNode{parent: at, resource: id})
			}
		} else {
			at.children = s.relationsAround(at)
		}
		for _, child := range at.children {
			if child.elsewhere = seen[child.key()]; !child.elsewhere {
				seen[child.key()] = true
				queue = append(queue, child)
			}
		}
		slices.SortStableFunc(at.children, func(a, b *relationNode) int { return a.rank() - b.rank() })
	}
}

// rank puts what holds a resource and what it holds before its orders, though orders are followed first.
func (n *relationNode) rank() int {
	if n.relation == nil || n.relation.kind == holds || n.relation.kind == isInside {
		return 0
	}
	return 1
}

// members are the resources to show below a relation: all but the one above it and, when what
// holds others was reached from one that it holds, that one.
func (n *relationNode) members() []string {
	hidden := []string{n.parent.resource}
	if up := n.parent.parent; n.relation.kind == holds && up != nil && up.relation.is(isInside, n.relation.id) {
		hidden = append(hidden, up.parent.resource)
	}
	var out []string
	for _, id := range slices.Sorted(slices.Values(n.relation.members)) {
		if !slices.Contains(hidden, id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// relationsAround are the relations to show below a resource: not the one that led to it.
func (s *session) relationsAround(at *relationNode) []*relationNode {
	var out []*relationNode
	for _, r := range s.relationsOf(s.find(at.resource)) {
		child := &relationNode{parent: at, relation: r}
		led := at.parent != nil && (at.parent.key() == child.key() || r.kind == isInside && at.parent.relation.is(holds, r.id))
		if !led && len(child.members()) > 0 {
			out = append(out, child)
		}
	}
	return out
}

// relationsOf lists what ties e to others: orders, sets of orders, what holds it, what it holds.
func (s *session) relationsOf(e *cib.Element) []*relation {
	if e == nil {
		return nil
	}
	var out, orders, sets []*relation
	if isResource(e.Parent) {
		out = append(out, &relation{kind: isInside, id: e.Parent.ID(), members: []string{e.Parent.ID()}})
	}
	inner := &relation{kind: holds, id: e.ID()}
	for c := range e.Elements() {
		if isResource(c) {
			inner.members = append(inner.members, c.ID())
		}
	}
	if len(inner.members) > 1 {
		inner.details = []string{"members: " + strings.Join(inner.members, " ")}
	}
	out = append(out, inner)
	for c := range s.constraints().All("rsc_order") {
		r := orderRelation(c)
		if !slices.Contains(r.members, e.ID()) {
			continue
		}
		if r.kind == tiedBySet {
			sets = append(sets, r)
		} else {
			orders = append(orders, r)
		}
	}
	byID := func(a, b *relation) int { return strings.Compare(a.id, b.id) }
	slices.SortStableFunc(orders, byID)
	slices.SortStableFunc(sets, byID)
	return slices.Concat(orders, sets, out)
}

// orderRelation is what an order, or a set of orders, ties together.
func orderRelation(c *cib.Element) *relation {
	r := &relation{kind: tiedByOrder, id: c.ID()}
	var options pairs
	for _, name := range []string{"kind", "require-all", "score", "symmetrical"} {
		if v, ok := c.Lookup(name); ok {
			options = append(options, pair{name, v})
		}
	}
	if c.Child("resource_set") == nil {
		r.members = []string{c.Get("first"), c.Get("then")}
		action := func(name string) string {
			if v := c.Get(name); v != "" {
				return v
			}
			return "start"
		}
		r.details = append(r.details, fmt.Sprintf("%s %s then %s %s", action("first-action"), r.members[0], action("then-action"), r.members[1]))
	} else {
		r.kind = tiedBySet
	}
	if len(options) > 0 {
		r.details = append(r.details, showPairs(options))
	}
	for set := range c.All("resource_set") {
		var names []string
		for ref := range set.All("resource_ref") {
			names = append(names, ref.ID())
		}
		r.members = append(r.members, names...)
		line := "   set " + strings.Join(names, " ")
		var options pairs
		for _, a := range set.Attrs {
			if a.Name != "id" {
				options = append(options, pair{a.Name, a.Value})
			}
		}
		if len(options) > 0 {
			line += " (" + showPairs(options.sorted()) + ")"
		}
		r.details = append(r.details, line)
	}
	return r
}

func (s *session) writeRelation(n *relationNode, first, rest string) {
	title := n.resource
	switch full := s.opts.has("full"); {
	case n.relation != nil && full:
		title = fmt.Sprintf("%s (%s)", n.relation.kind, n.relation.id)
	case n.relation != nil:
		title = string(n.relation.kind)
	case full:
		e := s.find(n.resource)
		kind := e.Name
		if kind == "primitive" {
			kind = agentOf(e).String()
		}
		title += " (resource: " + kind + ")"
	}
	if n.elsewhere {
		s.printf("%s%s [displayed elsewhere]\n", first, title)
		return
	}
	s.printf("%s%s\n", first, title)
	if n.relation != nil {
		bar := "   "
		if len(n.children) > 0 {
			bar = "|  "
		}
		for _, line := range n.relation.details {
			s.printf("%s%s%s\n", rest, bar, line)
		}
	}
	for i, child := range n.children {
		if i == len(n.children)-1 {
			s.writeRelation(child, rest+"`- ", rest+"   ")
		} else {
			s.writeRelation(child, rest+"|- ", rest+"|  ")
		}
	}
}
