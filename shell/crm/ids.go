package crm

import (
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// identifiers hands out the id attributes that the command language leaves out, in the
// pattern that the crm shell's users know: the parent's id, then what the element is.
type identifiers struct {
	used map[string]int // how many elements carry the id
}

func newIdentifiers(root *cib.Element) *identifiers {
	ids := &identifiers{used: map[string]int{}}
	ids.hold(root)
	return ids
}

// hold counts the ids in e as used.
func (ids *identifiers) hold(e *cib.Element) {
	for d := range e.Descendants() {
		if id, ok := identity(d); ok {
			ids.used[id]++
		}
	}
}

// release takes the ids in e back.
func (ids *identifiers) release(e *cib.Element) {
	for d := range e.Descendants() {
		if id, ok := identity(d); ok {
			if ids.used[id]--; ids.used[id] <= 0 {
				delete(ids.used, id)
			}
		}
	}
}

// identity returns the id that e is known by; elements whose id names another one have none.
func identity(e *cib.Element) (string, bool) {
	switch e.Name {
	case "resource_ref", "obj_ref", "role", "node_state", "transient_attributes", "lrm", "lrm_resource":
		return "", false
	}
	return e.Lookup("id")
}

// fresh returns the first of base, base-0, base-1, … that nobody has, and holds it.
func (ids *identifiers) fresh(base string) string {
	id := base
	for n := 0; ids.used[id] > 0; n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	ids.used[id]++
	return id
}

// fill gives every element below the object e the id that it lacks. e has its own.
func (ids *identifiers) fill(e *cib.Element) {
	switch e.Name {
	case "fencing-topology":
		for level := range e.All("fencing-level") {
			ids.give(level, "fencing")
		}
	case "node":
		ids.fillChildren(e, asID(e.Get("uname")))
	default:
		ids.fillChildren(e, e.ID())
	}
}

func (ids *identifiers) give(e *cib.Element, base string) {
	if _, ok := e.Lookup("id"); !ok {
		e.Set("id", ids.fresh(base))
	}
}

// fillChildren fills the elements below parent, whose ids start with prefix.
func (ids *identifiers) fillChildren(parent *cib.Element, prefix string) {
	count := map[string]int{}
	for c := range parent.Elements() {
		if _, ok := c.Lookup("id-ref"); ok && c.Name != "nvpair" || c.Name == memberTag {
			continue
		}
		n := count[c.Name]
		count[c.Name]++
		ids.fillOne(c, prefix, n)
	}
}

// fillOne gives c, the n-th of its name below its parent, its id, and goes on below it.
func (ids *identifiers) fillOne(c *cib.Element, prefix string, n int) {
	switch c.Name {
	case "primitive", "group", "clone", "master", "bundle", "template":
		return // an object of its own
	case "port-mapping", "storage-mapping":
		if c.ID() == "" {
			for n = 0; ids.used[prefix+"-"+strconv.Itoa(n)] > 0; n++ {
			}
			ids.give(c, prefix+"-"+strconv.Itoa(n))
		}
		return
	case "resource_ref", "obj_ref", "role", "docker", "podman", "rkt", "network", "storage":
		ids.fillChildren(c, prefix)
		return
	case "operations":
		if id := c.ID(); id != "" {
			prefix = id
		}
		ids.fillChildren(c, prefix)
		return
	case "select", "select_attributes", "select_nodes", "select_fencing", "select_resources":
		ids.fillChildren(c, prefix)
		return
	case "nvpair":
		if _, ok := c.Lookup("id-ref"); !ok {
			ids.give(c, prefix+"-"+asID(c.Get("name")))
		}
		return
	case "op":
		ids.give(c, prefix+"-"+asID(c.Get("name"))+"-"+asID(c.Get("interval")))
	case "expression", "date_expression", "rsc_expression", "op_expression":
		ids.give(c, prefix+"-expression")
	case "resource_set", "acl_permission", "attribute":
		ids.give(c, prefix+"-"+strconv.Itoa(n))
	case "recipient":
		ids.give(c, prefix+"-recipient-"+strconv.Itoa(n+1))
	default: // attribute sets, rule, date_spec, duration
		ids.give(c, prefix+"-"+c.Name)
	}
	ids.fillChildren(c, c.ID())
}

// asID makes text fit for an XML id.
func asID(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '_'
	}, text)
}

// validID says whether text can name an object: a letter or '_', then letters, digits, '-', '_' and '.'.
func validID(text string) bool {
	for i, c := range text {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return text != ""
}
