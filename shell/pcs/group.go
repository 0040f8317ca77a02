package pcs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func contextOf() context.Context { return context.Background() }

func groupCommands() []command {
	return []command{
		{path: "resource group list", help: "Lists groups and their members.", document: true, options: "f", run: listGroups},
		{path: "resource group add", syntax: "GROUP ID... [--before ID | --after ID]", help: "Puts resources into a group, made when missing.", document: true, options: "f before after wait", run: addToGroup},
		{path: "resource group remove", syntax: "GROUP [ID...]", help: "Takes resources out of a group, or all.", document: true, options: "f wait", run: ungroup},
		{path: "resource group delete", document: true, options: "f wait", run: ungroup},
		{path: "resource ungroup", document: true, options: "f wait", run: ungroup},
	}
}

func listGroups(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	for e := range s.doc.Section("resources").Descendants() {
		if e.Name == "group" {
			var ids []string
			for _, p := range primitives(e) {
				ids = append(ids, p.ID())
			}
			s.printf("%s: %s\n", e.ID(), strings.Join(ids, " "))
		}
	}
	return nil
}

func addToGroup(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	if s.opts.has("before") && s.opts.has("after") {
		return errors.New("--before and --after cannot be given together")
	}
	id, words := s.args[0], s.args[1:]
	group := s.find(id)
	r := s.reports()
	if group == nil {
		r.add(checkID(id, "group name"))
	} else if group.Name != "group" {
		r.fail("'%s' is a %s, not a group", id, group.Name)
		return r.err()
	}
	members := s.groupCandidates(r, group, words)
	for _, option := range []string{"before", "after"} {
		if other := s.opts[option]; other != "" && (group == nil || member(group, other) == nil || slices.Contains(words, other)) {
			r.fail("--%s %s: group '%s' has no such member", option, other, id)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	if group == nil {
		group = s.doc.Section("resources").Append(cib.NewElement("group", "id", id))
	}
	for _, m := range members {
		s.leaveParent(m)
	}
	s.putInGroup(group, members)
	return nil
}

// groupCandidates finds the resources that are to become members.
func (s *session) groupCandidates(r *reports, group *cib.Element, words []string) []*cib.Element {
	var out []*cib.Element
	for _, w := range words {
		e := s.find(w)
		switch {
		case e == nil:
			r.fail("resource '%s' does not exist", w)
		case e.Name != "primitive":
			r.fail("'%s' is a %s; only plain resources can be in a group", w, e.Name)
		case isClone(e.Parent) || e.Parent.Name == "bundle":
			r.fail("'%s' is in %s '%s'; only plain resources can be in a group", w, e.Parent.Name, e.Parent.ID())
		case slices.Contains(out, e):
			r.fail("resource '%s' is given twice", w)
		case group != nil && e.Parent == group && !s.opts.has("before") && !s.opts.has("after"):
			r.fail("resource '%s' is in group '%s' already", w, group.ID())
		default:
			out = append(out, e)
		}
	}
	return out
}

// leaveParent takes a resource out of where it is; a group left empty goes, with its clone.
func (s *session) leaveParent(e *cib.Element) {
	old := e.Parent
	e.Remove()
	if old.Name != "group" || inside(old) != nil {
		return
	}
	if isClone(old.Parent) {
		old.Parent.Remove()
		return
	}
	old.Remove()
}

func ungroup(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	group := s.find(s.args[0])
	if group == nil || group.Name != "group" {
		return fmt.Errorf("group '%s' does not exist", s.args[0])
	}
	members := primitives(group)
	if len(s.args) > 1 {
		members = nil
		for _, w := range s.args[1:] {
			m := member(group, w)
			if m == nil {
				return fmt.Errorf("resource '%s' is not in group '%s'", w, group.ID())
			}
			members = append(members, m)
		}
	}
	all := len(members) == len(primitives(group))
	if all && isClone(group.Parent) {
		if len(members) > 1 {
			return fmt.Errorf("group '%s' is cloned; leave one resource in it or undo the clone first", group.ID())
		}
		m := members[0]
		m.Remove()
		group.ReplaceWith(m)
		s.forgetResource(group.ID(), "")
		return nil
	}
	for _, m := range members {
		m.Remove()
		s.doc.Section("resources").Append(m)
	}
	if all {
		s.forgetResource(group.ID(), "")
		s.forgetInTags(group.ID())
		group.Remove()
	}
	return nil
}
