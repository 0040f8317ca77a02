package pcs

import (
	"maps"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// locationOwner names what a location constraint is about, as it is printed.
func locationOwner(c *cib.Element) string {
	if pattern, ok := c.Lookup("rsc-pattern"); ok {
		return "Resource pattern: " + pattern
	}
	return "Resource: " + c.Get("rsc")
}

// locationsOf are location constraints by what they are about, and these owners in the order in which they are shown.
func locationsOf(constraints []*cib.Element) (map[string][]*cib.Element, []string) {
	byOwner := map[string][]*cib.Element{}
	for _, c := range constraints {
		byOwner[locationOwner(c)] = append(byOwner[locationOwner(c)], c)
	}
	return byOwner, slices.SortedFunc(maps.Keys(byOwner), func(a, b string) int {
		if pa, pb := strings.HasPrefix(a, "Resource pattern"), strings.HasPrefix(b, "Resource pattern"); pa != pb {
			if pa {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

func (s *session) showLocations() {
	s.printf("Location Constraints:\n")
	byNode := len(s.args) > 0 && s.args[0] == "nodes"
	var only []string // the hosts or resources asked for
	if byNode || len(s.args) > 0 && s.args[0] == "resources" {
		only = s.args[1:]
	}
	var constraints []*cib.Element
	for c := range s.constraints().All("rsc_location") {
		if !byNode && len(only) > 0 && !slices.Contains(only, c.Get("rsc")) && !slices.Contains(only, "regexp%"+c.Get("rsc-pattern")) {
			continue
		}
		if !byNode && s.hides(c) {
			continue
		}
		constraints = append(constraints, c)
	}
	if byNode {
		s.showLocationsByNode(constraints, only)
		constraints = slices.DeleteFunc(constraints, func(c *cib.Element) bool { return c.Child("rule") == nil })
	}
	byOwner, owners := locationsOf(constraints)
	for _, owner := range owners {
		s.printf("  %s\n", owner)
		s.showWishes(slices.DeleteFunc(byOwner[owner], s.hides))
	}
}

// hides says whether a constraint is not listed, because its rules have expired.
func (s *session) hides(c *cib.Element) bool {
	return c.Child("rule") != nil && !s.opts.has("all") && !s.whole && s.allExpired(c)
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
	for _, c := range slices.SortedStableFunc(slices.Values(list), byID) {
		if c.Child("rule") == nil {
			continue
		}
		expired := ""
		if !s.whole && s.allExpired(c) {
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

func byID(a, b *cib.Element) int { return strings.Compare(a.ID(), b.ID()) }

func wishOptions(c *cib.Element) string {
	score := c.Get("score")
	if score == "" { // the rules say it
		score = "0"
	}
	text := " (score:" + score + ")"
	if role := c.Get("role"); role != "" {
		text += " (role:" + shownRole(role) + ")"
	}
	if d := c.Get("resource-discovery"); d != "" {
		text += " (resource-discovery=" + d + ")"
	}
	return text
}

// showLocationsByNode lists wishes under their hosts; rules, which name none, stand under one without a name.
func (s *session) showLocationsByNode(constraints []*cib.Element, only []string) {
	byNode := map[string][]*cib.Element{}
	for _, c := range constraints {
		if node := c.Get("node"); len(only) == 0 || slices.Contains(only, node) {
			byNode[node] = append(byNode[node], c)
		}
	}
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		s.printf("  Node: %s\n", node)
		for _, negative := range []bool{false, true} {
			title := map[bool]string{false: "Allowed to run:", true: "Not allowed to run:"}[negative]
			for _, c := range byNode[node] {
				if strings.HasPrefix(c.Get("score"), "-") != negative {
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
