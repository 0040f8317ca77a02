package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/exit"
)

// setName is the element that holds the kind of attribute the call is about.
func (c *call) setName() string {
	switch {
	case c.line.Has("meta"):
		return "meta_attributes"
	case c.line.Has("utilization"):
		return "utilization"
	}
	return "instance_attributes"
}

// matching returns the attributes of that name at and below a resource; with several it lists them.
func (c *call) matching(e *cib.Element, name string) []*cib.Element {
	var found []*cib.Element
	for set := range e.Descendants() {
		if set.Name != c.setName() || c.line.Has("set-name") && set.ID() != c.line.Get("set-name") {
			continue
		}
		for nvpair := range set.All("nvpair") {
			if nvpair.Get("name") == name && (!c.line.Has("nvpair") || nvpair.ID() == c.line.Get("nvpair")) {
				found = append(found, nvpair)
			}
		}
	}
	if len(found) > 1 {
		c.say("Multiple attributes match name=%s\n", name)
		for _, nvpair := range found {
			c.say("  Value: %s \t(id=%s)\n", nvpair.Get("value"), nvpair.ID())
		}
		c.say("\n")
	}
	return found
}

// holder returns the resource that an attribute belongs to.
func holder(nvpair *cib.Element) *cib.Element { return nvpair.Parent.Parent }

// targets returns the resources to act on: what is asked for a clone is done to its child, and the other way
// round, where the attribute already is; what is asked for a group is also done to members that have it.
func (c *call) targets(e *cib.Element, name, verb string) []*cib.Element {
	if c.line.Has("force") {
		return []*cib.Element{e}
	}
	isClone := e.Name == "clone" || e.Name == "master"
	if parent := e.Parent; parent != nil && (parent.Name == "clone" || parent.Name == "master") {
		if found := c.matching(parent, name); len(found) == 1 && holder(found[0]) == parent || len(found) == 0 && verb == "update" && c.setName() != "instance_attributes" {
			c.say("Performing %s of '%s' on '%s', the parent of '%s'\n", verb, name, parent.ID(), e.ID())
			return []*cib.Element{parent}
		}
		return []*cib.Element{e}
	}
	if isClone {
		c.matching(e, name)
		for child := range e.Elements() {
			if child.Name != "primitive" && child.Name != "group" {
				continue
			}
			if found := child.PairIn(c.setName(), name); found != nil {
				c.say("A value for '%s' already exists in child '%s', performing %s on that instead of '%s'\n", name, child.ID(), verb, e.ID())
				return []*cib.Element{child}
			}
		}
	}
	if e.Name == "group" && verb == "update" && c.setName() == "meta_attributes" {
		var all []*cib.Element
		for child := range e.All("primitive") {
			if child.PairIn(c.setName(), name) != nil {
				all = append(all, child)
			}
		}
		return append(all, e)
	}
	return []*cib.Element{e}
}

func (c *call) setParameter() error {
	name, value := c.line.Get("set-parameter"), c.line.Get("parameter-value")
	for _, e := range c.targets(c.resource(c.id()), name, "update") {
		setID, id, made := "", "", ""
		if found := e.PairIn(c.setName(), name); found != nil && !c.line.Has("set-name") && !c.line.Has("nvpair") {
			setID, id = found.Parent.ID(), found.ID()
		} else {
			setID = cmp.Or(c.line.Get("set-name"), e.ID()+"-"+c.setName())
			id = cmp.Or(c.line.Get("nvpair"), setID+"-"+name)
			made = " set=" + setID
		}
		update := cib.NewElement(e.Name, "id", e.ID())
		update.Append(cib.NewElement(c.setName(), "id", setID)).
			Append(cib.NewElement("nvpair", "id", id, "name", name, "value", value))
		if err := c.apply(cib.Request{Op: cib.OpModify, Section: "resources", Input: update}); err != nil {
			return err
		}
		if made != "" && c.line.Has("nvpair") { // what was given is not told
			id = "(null)"
		}
		c.say("Set '%s' option: id=%s%s name=%s value=%s\n", e.ID(), id, made, name, value)
	}
	return nil
}

func (c *call) deleteParameter() error {
	name := c.line.Get("delete-parameter")
	e := c.targets(c.resource(c.id()), name, "delete")[0]
	for set := range e.All(c.setName()) {
		if c.line.Has("set-name") && set.ID() != c.line.Get("set-name") {
			continue
		}
		for nvpair := range set.All("nvpair") {
			if nvpair.Get("name") != name || c.line.Has("nvpair") && nvpair.ID() != c.line.Get("nvpair") {
				continue
			}
			err := c.apply(cib.Request{Op: cib.OpDelete, Section: "resources", Input: cib.NewElement("nvpair", "id", nvpair.ID())})
			if err == nil {
				c.say("Deleted '%s' option: id=%s name=%s\n", e.ID(), nvpair.ID(), name)
			}
			return err
		}
	}
	return nil
}

func (c *call) getParameter() error {
	name := c.line.Get("get-parameter")
	e := c.resource(c.id())
	value, ok := c.effective(e, name)
	if _, cloned := c.inClone(e); !ok && cloned && name == "resource-stickiness" && c.line.Has("meta") {
		value, ok = "1", true // so that instances do not change hosts for nothing
	}
	if !ok {
		return &outcome{exit.OK, fmt.Sprintf("resource %q has no attribute %q", c.id(), name)}
	}
	list := c.result.Append(cib.NewElement("list", "name", "attributes", "count", "1"))
	list.Append(cib.NewElement("item", "name", name)).Append(textNode(value))
	c.say("%s\n", value)
	return nil
}

// effective returns the value that the cluster works with: the resource's own, its template's, and for meta
// attributes that of what it is part of and the cluster's default.
func (c *call) effective(e *cib.Element, name string) (string, bool) {
	for r := e; r != nil && r.Name != "resources"; r = r.Parent {
		if v, ok := c.inSets(r, name); ok {
			return v, true
		}
		if t := r.Get("template"); t != "" {
			if template := c.doc.ByID(t); template != nil {
				if v, ok := c.inSets(template, name); ok {
					return v, true
				}
			}
		}
		if c.setName() != "meta_attributes" {
			return "", false
		}
	}
	if defaults := c.doc.Section("rsc_defaults"); defaults != nil {
		return c.inSets(defaults, name)
	}
	return "", false
}

// inSets looks through an element's sets, the highest score first; sets by reference count.
func (c *call) inSets(e *cib.Element, name string) (string, bool) {
	sets := slices.Collect(e.All(c.setName()))
	score := func(set *cib.Element) int {
		n, _ := strconv.Atoi(set.Get("score"))
		if set.Get("score") == "INFINITY" {
			n = 1_000_000
		}
		return n
	}
	slices.SortStableFunc(sets, func(a, b *cib.Element) int { return cmp.Compare(score(b), score(a)) })
	for _, set := range sets {
		if ref := set.Get("id-ref"); ref != "" {
			if set = c.doc.ByID(ref); set == nil {
				continue
			}
		}
		for nvpair := range set.All("nvpair") {
			if ref := nvpair.Get("id-ref"); ref != "" {
				if nvpair = c.doc.ByID(ref); nvpair == nil {
					continue
				}
			}
			if nvpair.Get("name") == name {
				return nvpair.Get("value"), true
			}
		}
	}
	return "", false
}

// getProperty prints an attribute of the resource's element, such as its class; one that is not there prints nothing.
func (c *call) getProperty() error {
	name := c.line.Get("get-property")
	if value, ok := c.resource(c.id()).Lookup(name); ok {
		list := c.result.Append(cib.NewElement("list", "name", "properties", "count", "1"))
		list.Append(cib.NewElement("item", "name", name)).Append(textNode(value))
		c.say("%s\n", value)
	}
	return nil
}

func (c *call) setProperty() error {
	e, kind := c.resource(c.id()), c.line.Get("resource-type")
	switch {
	case kind == "":
		return &outcome{exit.NoSuch, "--set-property needs the resource's element: give -t primitive, group, clone or bundle"}
	case !c.line.Has("parameter-value"):
		return &outcome{exit.NoSuch, "--set-property needs a value; give one with -v VALUE"}
	case e.Name != kind:
		return fmt.Errorf("%s %q: %w: it is a %s", kind, c.id(), cib.ErrNotFound, e.Name)
	}
	update := cib.NewElement(kind, "id", e.ID(), c.line.Get("set-property"), c.line.Get("parameter-value"))
	return c.apply(cib.Request{Op: cib.OpModify, Section: "resources", Input: update})
}

func (c *call) remove() error {
	kind := c.line.Get("resource-type")
	if kind == "" {
		return &outcome{exit.NoSuch, "--delete needs the resource's element: give -t primitive, group, clone or bundle"}
	}
	if c.resource(c.id()) == nil {
		return fmt.Errorf("resource %q: %w; crm_resource -l lists them", c.id(), cib.ErrNotFound)
	}
	return c.apply(cib.Request{Op: cib.OpDelete, Section: "resources", Input: cib.NewElement(kind, "id", c.id())})
}
