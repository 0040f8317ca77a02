package pcs

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// showConstraints prints constraints of these kinds.
func showConstraints(s *session, kinds ...string) error {
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
	kind := c.Get("kind")
	switch {
	case kind != "":
	case c.Get("score") == "" || strings.TrimPrefix(c.Get("score"), "+") != "0":
		kind = "Mandatory"
	default:
		kind = "Optional"
	}
	words = append(words, "(kind:"+kind+")")
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

// locationOwner names what a location constraint is about, as it is printed.
func locationOwner(c *cib.Element) string {
	if pattern, ok := c.Lookup("rsc-pattern"); ok {
		return "Resource pattern: " + pattern
	}
	return "Resource: " + c.Get("rsc")
}

func (s *session) showLocations() {
	s.printf("Location Constraints:\n")
	words := s.args
	if len(words) > 0 && words[0] == "nodes" {
		s.showLocationsByNode(words[1:])
		return
	}
	if len(words) > 0 && words[0] == "resources" {
		words = words[1:]
	}
	byOwner := map[string][]*cib.Element{}
	var owners []string
	for c := range s.constraints().All("rsc_location") {
		owner := locationOwner(c)
		if len(words) > 0 && !slices.Contains(words, c.Get("rsc")) && !slices.Contains(words, "regexp%"+c.Get("rsc-pattern")) {
			continue
		}
		if c.Child("rule") != nil && !s.opts.has("all") && s.allExpired(c) {
			continue
		}
		if byOwner[owner] == nil {
			owners = append(owners, owner)
		}
		byOwner[owner] = append(byOwner[owner], c)
	}
	slices.SortStableFunc(owners, func(a, b string) int {
		if pa, pb := strings.HasPrefix(a, "Resource pattern"), strings.HasPrefix(b, "Resource pattern"); pa != pb {
			if pa {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, owner := range owners {
		s.printf("  %s\n", owner)
		s.showWishes(byOwner[owner])
	}
}

func (s *session) showWishes(list []*cib.Element) {
	for _, negative := range []bool{false, true} {
		title := map[bool]string{false: "Enabled on:", true: "Disabled on:"}[negative]
		for _, c := range list {
			if c.Child("rule") != nil || strings.HasPrefix(c.Get("score"), "-") != negative {
				continue
			}
			if title != "" {
				s.printf("    %s\n", title)
				title = ""
			}
			s.printf("      Node: %s%s%s\n", c.Get("node"), wishOptions(c), s.idText(c))
		}
	}
	for _, c := range list {
		if c.Child("rule") == nil {
			continue
		}
		expired := ""
		if s.allExpired(c) {
			expired = " (expired)"
		}
		options := ""
		if d := c.Get("resource-discovery"); d != "" {
			options = " (resource-discovery=" + d + ")"
		}
		s.printf("    Constraint%s: %s%s\n", expired, c.ID(), options)
		for rule := range c.All("rule") {
			s.showRule(rule, 3)
		}
	}
}

func wishOptions(c *cib.Element) string {
	text := " (score:" + c.Get("score") + ")"
	if role := c.Get("role"); role != "" {
		text += " (role:" + shownRole(role) + ")"
	}
	if d := c.Get("resource-discovery"); d != "" {
		text += " (resource-discovery=" + d + ")"
	}
	return text
}

func (s *session) showLocationsByNode(only []string) {
	var nodes []string
	for c := range s.constraints().All("rsc_location") {
		if n := c.Get("node"); n != "" && !slices.Contains(nodes, n) && (len(only) == 0 || slices.Contains(only, n)) {
			nodes = append(nodes, n)
		}
	}
	slices.Sort(nodes)
	for _, node := range nodes {
		s.printf("  Node: %s\n", node)
		for _, negative := range []bool{false, true} {
			title := map[bool]string{false: "Allowed to run:", true: "Not allowed to run:"}[negative]
			for c := range s.constraints().All("rsc_location") {
				if c.Get("node") != node || strings.HasPrefix(c.Get("score"), "-") != negative {
					continue
				}
				if title != "" {
					s.printf("    %s\n", title)
					title = ""
				}
				s.printf("      %s%s%s\n", locationOwner(c), wishOptions(c), s.idText(c))
			}
		}
	}
}
