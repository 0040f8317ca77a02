package scheduler

import "holdfast/cluster/cib"

// canBePromoted reports whether agents of the standard (ocf, systemd, lsb, ...) know a
// promoted role.
func canBePromoted(standard string) bool { return standard == "ocf" }

// canBeUnique reports whether agents of the standard can tell the instances of a clone apart.
// A fence device has nothing to tell apart, but is let be.
func canBeUnique(standard string) bool { return standard == "ocf" || standard == "stonith" }

// allUnique reports whether all that a clone has instances of, a primitive or a group's
// members, can be a unique clone's.
func (c *cluster) allUnique(template *cib.Element) bool {
	if template.Name == "primitive" {
		full := c.expandTemplate(template)
		return full == nil || canBeUnique(full.Get("class"))
	}
	for member := range template.All("primitive") {
		if !c.allUnique(member) {
			return false
		}
	}
	return true
}
