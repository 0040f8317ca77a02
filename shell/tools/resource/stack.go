package resource

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/shell/tools/option"
)

// stack prints constraints as a tree of what is colocated with what.
type stack struct {
	c         *call
	recursive bool
	out       *cib.Element // with --output-as=xml
	walking   map[string]bool
}

// Constraints writes where a resource may run and what it is colocated with, as crm_resource --constraints does; rules
// are judged as of now.
func Constraints(doc *cib.Document, id string, now time.Time, w io.Writer) error {
	c := &call{what: "constraints", line: &option.Line{}, stdout: w, doc: doc, now: now, result: cib.NewElement("pacemaker-result")}
	if c.resource(id) == nil {
		return fmt.Errorf("resource %q: %w", id, cib.ErrNotFound)
	}
	return c.constraintsOf(c.resource(id))
}

func (c *call) constraints() error { return c.constraintsOf(c.resource(c.id())) }

func (c *call) constraintsOf(e *cib.Element) error {
	if !c.line.Has("force") {
		e = collective(e)
	}
	s := &stack{c: c, recursive: c.what == "stack" || c.line.Has("recursive")}
	s.out = c.result.Append(cib.NewElement("constraints"))
	s.locations(e.ID(), 0)
	for _, toward := range []bool{true, false} {
		s.walking = map[string]bool{}
		s.colocations(e.ID(), toward, 0)
	}
	return nil
}

func (s *stack) line(depth int, text string) {
	bullet := ""
	if depth > 0 {
		bullet = strings.Repeat("  ", depth) + "* "
	}
	s.c.say("%s%s\n", bullet, text)
}

func (s *stack) locations(id string, depth int) {
	first := true
	for e := range s.c.doc.Section("constraints").All("rsc_location") {
		if e.Get("rsc") != id {
			continue
		}
		for _, place := range s.c.places(e) {
			if first {
				s.line(depth, "Locations:")
				first = false
			}
			s.line(depth+1, "Node "+place.Get("node")+" (score="+place.Get("score")+", id="+place.ID()+", rsc="+id+")")
			s.out.Append(place)
		}
	}
}

// places are the nodes that a location constraint speaks of: the one that it names, or those for which
// its rules hold.
func (c *call) places(e *cib.Element) []*cib.Element {
	place := func(node, id, score string) *cib.Element {
		return cib.NewElement("rsc_location", "node", node, "rsc", e.Get("rsc"), "id", id, "score", score)
	}
	if node := e.Get("node"); node != "" {
		return []*cib.Element{place(node, e.ID(), e.Get("score"))}
	}
	var out []*cib.Element
	for r := range e.All("rule") {
		for n := range c.doc.Section("nodes").All("node") {
			facts := &rule.Context{Now: c.now, Attribute: c.attributesOf(n)}
			if facts.Holds(r) {
				out = append(out, place(n.Get("uname"), r.ID(), r.Get("score")))
			}
		}
	}
	return out
}

// attributesOf looks up what rules can ask of a node: its name, and its attributes, those that last until it
// leaves before the permanent ones.
func (c *call) attributesOf(n *cib.Element) func(string) (string, bool) {
	values := map[string]string{}
	take := func(owner *cib.Element) {
		for set := range owner.All("instance_attributes") {
			for pair := range set.All("nvpair") {
				values[pair.Get("name")] = pair.Get("value")
			}
		}
	}
	take(n)
	for state := range c.doc.Section("status").All("node_state") {
		if state.ID() == n.ID() {
			take(state.Child("transient_attributes"))
		}
	}
	values["#uname"], values["#id"] = n.Get("uname"), n.ID()
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// colocations prints who is colocated with a resource (toward), or with what it is colocated.
func (s *stack) colocations(id string, toward bool, depth int) {
	here, there, header := "rsc", "with-rsc", "Resources "+id+" is colocated with:"
	if toward {
		here, there, header = there, here, "Resources colocated with "+id+":"
	}
	var found []*cib.Element
	for e := range s.c.doc.Section("constraints").All("rsc_colocation") {
		if e.Get(here) == id {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return
	}
	slices.SortStableFunc(found, func(a, b *cib.Element) int { return cmp.Compare(a.Get(there), b.Get(there)) })
	s.walking[id] = true
	s.line(depth, header)
	for _, e := range found {
		other := e.Get(there)
		s.out.Append(cib.NewElement("rsc_colocation", "id", e.ID(), "rsc", e.Get("rsc"), "with-rsc", e.Get("with-rsc"), "score", e.Get("score")))
		if s.walking[other] {
			s.line(depth+1, other+" (id="+e.ID()+" - loop)")
			continue
		}
		role := ""
		if r := e.Get("with-rsc-role"); r != "" && !toward {
			role = ", needs role=" + r
		}
		s.line(depth+1, other+" (score="+e.Get("score")+role+", id="+e.ID()+")")
		s.locations(other, depth+2)
		if s.recursive {
			s.colocations(other, toward, depth+2)
		}
	}
}
