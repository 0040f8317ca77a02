package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
)

const relocatePrefix = "pcs-relocate-"

func relocateCommands() []command {
	return []command{
		{path: "resource relocate show", help: "Shows resources, and which would run elsewhere if they did not stick to where they are.", document: true, run: showRelocation},
		{path: "resource relocate dry-run", syntax: "[RESOURCE...]", help: "Says what 'relocate run' would do.", document: true, options: "f", run: func(s *session) error { _, err := s.relocate(); return err }},
		{path: "resource relocate run", syntax: "[RESOURCE...]", help: "Moves resources to where they would run if they did not stick to where they are.", document: true, run: runRelocation},
		{path: "resource relocate clear", help: "Removes constraints that a 'relocate run' left when it was interrupted.", document: true, options: "f", run: clearRelocations},
	}
}

// unstuck is a copy of the document in which no resource sticks to where it is.
func unstuck(doc *cib.Document) *cib.Document {
	copied := doc.Clone()
	for e := range copied.Configuration().Descendants() {
		if e.Name == "nvpair" && e.Get("name") == "resource-stickiness" {
			e.Set("value", "0")
		}
	}
	return copied
}

// better lists the moves to other nodes that resources would make without stickiness: those
// named, or all of them.
func (s *session) better(ids []string) []scheduler.Move {
	plan := scheduler.Make(unstuck(s.doc), s.now)
	return slices.DeleteFunc(slices.Clone(plan.Moves), func(m scheduler.Move) bool {
		if m.Resource == "" || m.Target == "" || m.From == m.To || !slices.Contains([]string{"Move", "Migrate", "Promote"}, m.Verb) {
			return true
		}
		e := s.topOf(m.Resource)
		return e == nil || len(ids) > 0 && !slices.Contains(ids, e.ID()) && !slices.Contains(ids, m.Resource)
	})
}

// topOf is the configured resource that an instance belongs to, the outermost one.
func (s *session) topOf(instance string) *cib.Element {
	id, _, _ := strings.Cut(instance, ":")
	e := s.find(id)
	if !isResource(e) {
		return nil
	}
	for isResource(e.Parent) {
		e = e.Parent
	}
	return e
}

func showRelocation(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	text, err := monitor.Show([]string{"--one-shot", "--inactive", "--exclude=all", "--include=nodes,resources"}, s.doc, s.now)
	if err != nil {
		return err
	}
	s.printf("Current cluster status:\n%s\n", strings.TrimRight(text, "\n"))
	s.printf("\nTransition Summary:\n")
	for _, m := range s.better(nil) {
		s.printf("  * %s\n", m.Text)
	}
	return nil
}

// relocate says which resources go where and returns the constraints that move them.
func (s *session) relocate() ([]*cib.Element, error) {
	for _, id := range s.args {
		if _, err := s.resource(id); err != nil {
			return nil, err
		}
	}
	var out []*cib.Element
	for _, m := range s.better(s.args) {
		e, role := s.topOf(m.Resource), "Started"
		if m.Verb == "Promote" || strings.HasPrefix(m.To, "Promoted") {
			role = "Promoted"
		}
		if e.Name == "bundle" || isClone(e) && role == "Started" {
			continue // its instances are where they can be
		}
		id := relocatePrefix + e.ID()
		if slices.ContainsFunc(out, func(c *cib.Element) bool { return c.ID() == id }) {
			continue
		}
		s.note("Creating location constraint: %s prefers %s=INFINITY%s", e.ID(), m.Target, map[bool]string{true: " role=Promoted"}[role == "Promoted"])
		out = append(out, cib.NewElement("rsc_location", "id", id, "rsc", e.ID(), "node", m.Target, "score", "INFINITY", "role", role))
	}
	if len(out) == 0 {
		s.note("no resource would run elsewhere")
	}
	return out, nil
}

func clearRelocations(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	s.clearRelocation()
	return nil
}

// clearRelocation removes what moved resources and says whether there was anything.
func (s *session) clearRelocation() {
	for _, c := range slices.Clone(s.constraints().Children) {
		if c.Name == "rsc_location" && strings.HasPrefix(c.ID(), relocatePrefix) {
			s.note("Removing constraint: %s", c.ID())
			c.Remove()
		}
	}
}

func runRelocation(s *session) error {
	s.clearRelocation()
	moving, err := s.relocate()
	if err != nil || len(moving) == 0 {
		return err
	}
	for _, c := range moving {
		s.constraints().Append(c)
	}
	s.note("Waiting for resources to move...")
	if err := s.settle(); err != nil {
		return fmt.Errorf("wait for resources to move: %w; 'pcs resource relocate clear' removes the constraints", err)
	}
	s.clearRelocation()
	return nil
}
