package resource

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/monitor"
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
	for _, l := range monitor.Locations(s.c.doc, s.c.observed(), s.c.now) {
		if l.Resource != id {
			continue
		}
		if first {
			s.line(depth, "Locations:")
			first = false
		}
		s.line(depth+1, "Node "+l.Node+" (score="+l.Score+", id="+l.ID+", rsc="+id+")")
		s.out.Append(cib.NewElement("rsc_location", "node", l.Node, "rsc", id, "id", l.ID, "score", l.Score))
	}
}

// colocations prints who is colocated with a resource (toward), or with what it is colocated.
func (s *stack) colocations(id string, toward bool, depth int) {
	s.walking[id] = true
	header := "Resources " + id + " is colocated with:"
	if toward {
		header = "Resources colocated with " + id + ":"
	}
	found := slices.DeleteFunc(colocationsOf(s.c.doc), func(p colocation) bool { return p.end(!toward) != id })
	if len(found) == 0 {
		return
	}
	slices.SortStableFunc(found, func(a, b colocation) int { return cmp.Compare(a.end(toward), b.end(toward)) })
	s.line(depth, header)
	for _, p := range found {
		other := p.end(toward)
		s.out.Append(p.element())
		if s.walking[other] {
			s.line(depth+1, other+" (id="+p.id+" - loop)")
			continue
		}
		role := ""
		if p.withRole != "" && !toward {
			role = ", needs role=" + p.withRole
		}
		s.line(depth+1, other+" (score="+p.score+role+", id="+p.id+")")
		s.locations(other, depth+2)
		if s.recursive {
			s.colocations(other, toward, depth+2)
		}
	}
}
