package pcs

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// showConstraints prints constraints of these kinds.
func showConstraints(s *session, kinds ...string) error {
	if len(s.args) > 0 && !slices.Equal(kinds, []string{"location"}) {
		return errUsage
	}
	for _, kind := range kinds {
		switch kind {
		case "location":
			s.showLocations()
		case "order":
			s.showPlain("Ordering Constraints:", "rsc_order", s.orderText)
		case "colocation":
			s.showPlain("Colocation Constraints:", "rsc_colocation", s.colocationText)
		case "ticket":
			s.showPlain("Ticket Constraints:", "rsc_ticket", s.ticketText)
		}
	}
	return nil
}

func (s *session) idText(e *cib.Element) string {
	if s.opts.has("full") {
		return " (id:" + e.ID() + ")"
	}
	return ""
}

func (s *session) showPlain(title, name string, text func(*cib.Element) string) {
	s.printf("%s\n", title)
	var sets []*cib.Element
	for c := range s.constraints().All(name) {
		if c.Child("resource_set") != nil {
			sets = append(sets, c)
			continue
		}
		s.printf("  %s%s\n", text(c), s.idText(c))
	}
	if len(sets) > 0 {
		s.printf("  Resource Sets:\n")
	}
	for _, c := range sets {
		s.printf("    %s%s\n", s.setText(c), s.idText(c))
	}
}

func (s *session) setText(c *cib.Element) string {
	var parts []string
	for set := range c.All("resource_set") {
		words := []string{"set"}
		for ref := range set.All("resource_ref") {
			words = append(words, ref.ID())
		}
		if o := attributesOf(set, "id"); len(o) > 0 {
			words = append(words, showPairs(o))
		}
		parts = append(parts, strings.Join(words, " ")+s.idText(set))
	}
	if o := attributesOf(c, "id"); len(o) > 0 {
		parts = append(parts, "setoptions "+showPairs(o))
	}
	return strings.Join(parts, " ")
}

// attributesOf are e's attributes in order of name, roles in today's spelling.
func attributesOf(e *cib.Element, without ...string) pairs {
	var out pairs
	if e == nil {
		return nil
	}
	for _, a := range e.Attrs {
		if slices.Contains(without, a.Name) {
			continue
		}
		value := a.Value
		if a.Name == "role" || strings.HasSuffix(a.Name, "-role") {
			value = shownRole(value)
		}
		out = append(out, pair{a.Name, value})
	}
	return out.sorted()
}

func (s *session) orderText(c *cib.Element) string {
	var words []string
	if a := c.Get("first-action"); a != "" {
		words = append(words, a)
	}
	words = append(words, c.Get("first"), "then")
	if a := c.Get("then-action"); a != "" {
		words = append(words, a)
	}
	words = append(words, c.Get("then"))
	switch kind, score := c.Get("kind"), c.Get("score"); {
	case kind != "":
		words = append(words, "(kind:"+kind+")")
	case score != "":
		words = append(words, "(score:"+score+")")
	default:
		words = append(words, "(kind:Mandatory)")
	}
	if c.Get("symmetrical") == "false" {
		words = append(words, "(non-symmetrical)")
	}
	if o := attributesOf(c, "id", "first", "then", "first-action", "then-action", "kind", "score", "symmetrical"); len(o) > 0 {
		words = append(words, "(Options: "+showPairs(o)+")")
	}
	return strings.Join(words, " ")
}

func (s *session) colocationText(c *cib.Element) string {
	score := c.Get("score")
	if score == "" {
		score = "INFINITY"
	}
	text := c.Get("rsc") + " with " + c.Get("with-rsc") + " (score:" + score + ")"
	var names []string
	for _, a := range c.Attrs {
		if !slices.Contains([]string{"id", "rsc", "with-rsc", "score"}, a.Name) {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		v := c.Get(n)
		if strings.HasSuffix(n, "-role") {
			v = shownRole(v)
		}
		text += " (" + n + ":" + v + ")"
	}
	return text
}

func (s *session) ticketText(c *cib.Element) string {
	var words []string
	if role := c.Get("rsc-role"); role != "" {
		words = append(words, shownRole(role))
	}
	words = append(words, c.Get("rsc"), showPairs(attributesOf(c, "id", "rsc", "rsc-role")))
	return strings.Join(words, " ")
}
