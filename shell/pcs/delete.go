package pcs

import (
	"fmt"
	"slices"

	"holdfast/cluster/cib"
)

func deleteResource(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	return s.deleteTree(e)
}

// deleteTree removes a resource with what it holds, the shells that it leaves empty, and what refers to any of them.
func (s *session) deleteTree(e *cib.Element) error {
	for p := e.Parent; isResource(p); p = p.Parent {
		if p.Name == "bundle" || p.Name == "group" && len(primitives(p)) > len(primitives(e)) {
			break
		}
		e = p
	}
	var gone []string
	for d := range e.Descendants() {
		if isResource(d) {
			gone = append(gone, d.ID())
		}
	}
	if err := s.refuseTagged(gone); err != nil {
		return err
	}
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			s.note("Deleting Resource - %s", d.ID())
			s.forgetGuest(d)
		}
	}
	for _, id := range gone {
		s.forgetResource(id, "")
		s.forgetLevels(id)
	}
	var ids []string
	for d := range e.Descendants() {
		if id := d.ID(); id != "" {
			ids = append(ids, id)
		}
	}
	s.forgetPermissions(ids)
	e.Remove()
	return nil
}

// refuseTagged keeps resources that tags name.
func (s *session) refuseTagged(ids []string) error {
	for tag := range s.doc.Section("tags").All("tag") {
		for ref := range tag.All("obj_ref") {
			if slices.Contains(ids, ref.ID()) {
				return fmt.Errorf("resource '%s' is in tag '%s'; take it out with 'pcs tag update %s remove %s'", ref.ID(), tag.ID(), tag.ID(), ref.ID())
			}
		}
	}
	return nil
}

// forgetResource removes the constraints of a resource. keep names a resource that
// takes its place; "" for none.
func (s *session) forgetResource(id, keep string) {
	constraints := s.doc.Section("constraints")
	for c := range slices.Values(slices.Clone(constraints.Children)) {
		if c.Kind != cib.ElementNode {
			continue
		}
		for _, attr := range []string{"rsc", "with-rsc", "first", "then"} {
			if v := c.Get(attr); v == id && keep != id {
				s.note("Removing Constraint - %s", c.ID())
				c.Remove()
				break
			}
		}
		s.forgetInSets(c, id)
	}
}

func (s *session) forgetInSets(c *cib.Element, id string) {
	var had bool
	for set := range slices.Values(slices.Clone(c.Children)) {
		if set.Name != "resource_set" {
			continue
		}
		for ref := range slices.Values(slices.Clone(set.Children)) {
			if ref.Name == "resource_ref" && ref.ID() == id {
				s.note("Removing %s from set %s", id, set.ID())
				ref.Remove()
				had = true
			}
		}
		if had && set.Child("resource_ref") == nil {
			s.note("Removing set %s", set.ID())
			set.Remove()
		}
	}
	if had && c.Child("resource_set") == nil && c.Parent != nil {
		s.note("Removing constraint %s", c.ID())
		c.Remove()
	}
}

// forgetGuest removes the location constraints of the guest node that a resource made.
func (s *session) forgetGuest(p *cib.Element) {
	node := meta(p, "remote-node")
	if agentOf(p) == (agentName{"ocf", "pacemaker", "remote"}) {
		node = p.ID()
	}
	if node == "" {
		return
	}
	for c := range slices.Values(slices.Clone(s.doc.Section("constraints").Children)) {
		if c.Name == "rsc_location" && c.Get("node") == node {
			s.note("Removing Constraint - %s", c.ID())
			c.Remove()
		}
	}
}

// forgetLevels takes a fence device out of the fencing levels.
func (s *session) forgetLevels(id string) {
	topology := s.doc.Section("fencing-topology")
	if topology == nil {
		return
	}
	for level := range slices.Values(slices.Clone(topology.Children)) {
		devices := splitDevices(level.Get("devices"))
		left := slices.DeleteFunc(slices.Clone(devices), func(d string) bool { return d == id })
		switch {
		case len(left) == len(devices):
		case len(left) == 0:
			level.Remove()
		default:
			level.Set("devices", joinDevices(left))
		}
	}
	if topology.Child("fencing-level") == nil {
		topology.Remove()
	}
}

// forgetPermissions removes access rules that name what is gone.
func (s *session) forgetPermissions(ids []string) {
	acls := s.doc.Section("acls")
	if acls == nil {
		return
	}
	var gone []*cib.Element
	for e := range acls.Descendants() {
		if e.Name == "acl_permission" && slices.Contains(ids, e.Get("reference")) {
			gone = append(gone, e)
		}
	}
	for _, e := range gone {
		e.Remove()
	}
}
