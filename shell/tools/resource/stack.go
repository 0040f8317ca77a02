package resource

import (
	"cmp"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// stack prints constraints as a tree of what is colocated with what.
type stack struct {
	c         *call
	recursive bool
	out       *cib.Element // with --output-as=xml
	walking   map[string]bool
}

func (c *call) constraints() error {
	e := c.resource(c.id())
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
		node, score := e.Get("node"), e.Get("score")
		if e.Get("rsc") != id || node == "" {
			continue
		}
		if first {
			s.line(depth, "Locations:")
			first = false
		}
		s.line(depth+1, "Node "+node+" (score="+score+", id="+e.ID()+", rsc="+id+")")
		s.out.Append(cib.NewElement("rsc_location", "node", node, "rsc", id, "id", e.ID(), "score", score))
	}
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
