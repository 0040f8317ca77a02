package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
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

// attributes are those of a name at and below an element: of sets of a kind, as --set-name and --nvpair
// choose them; with the kind "" all there are.
func (c *call) attributes(e *cib.Element, kind, name string) []*cib.Element {
	var found []*cib.Element
	for set := range e.Descendants() {
		if kind != "" && (set.Name != kind || set.Parent != e || c.line.Has("set-name") && set.ID() != c.line.Get("set-name")) {
			continue
		}
		for nvpair := range set.All("nvpair") {
			if nvpair.Get("name") == name && (kind == "" || !c.line.Has("nvpair") || nvpair.ID() == c.line.Get("nvpair")) {
				found = append(found, nvpair)
			}
		}
	}
	return found
}

// only returns the attribute that is meant, nil when there is none. Several are listed, and ok is false.
func (c *call) only(found []*cib.Element) (nvpair *cib.Element, ok bool) {
	if len(found) == 0 {
		return nil, true
	}
	if len(found) == 1 {
		return found[0], true
	}
	c.say("Multiple attributes match name=%s\n", found[0].Get("name"))
	for _, nvpair := range found {
		c.say("  Value: %s \t(id=%s)\n", nvpair.Get("value"), nvpair.ID())
	}
	c.say("\n")
	return nil, false
}

// own is the attribute of a resource that the call is about, nil when it has none.
func (c *call) own(e *cib.Element, name string) (*cib.Element, error) {
	nvpair, ok := c.only(c.attributes(e, c.setName(), name))
	if !ok {
		return nil, &outcome{exit.Multiple, fmt.Sprintf("resource %q has several attributes %q; choose one with -s SET or -i ID", e.ID(), name)}
	}
	return nvpair, nil
}

func isClone(e *cib.Element) bool { return e != nil && (e.Name == "clone" || e.Name == "master") }

// impliedClone is what the cluster calls the clone that it makes of what runs in a bundle.
func impliedClone(bundle *cib.Element) string {
	for container := range bundle.Elements() {
		for _, name := range []string{"promoted-max", "masters"} {
			if n, err := strconv.Atoi(container.Get(name)); err == nil && n > 0 {
				return bundle.ID() + "-master"
			}
		}
	}
	return bundle.ID() + "-clone"
}

// targets returns the resources to act on: what is asked for a clone is done to its child, and the other way
// round, where the attribute already is; what is asked for a group is also done to members that have it. When a
// set or an attribute was chosen, it is one resource.
func (c *call) targets(e *cib.Element, name, verb string) []*cib.Element {
	if !c.line.Has("nvpair") && !c.line.Has("force") {
		c.only(c.attributes(collective(e), "", name)) // says that there are several, which may be meant
	}
	parameter := c.setName() == "instance_attributes" || verb == "delete" && c.setName() == "utilization"
	switch {
	case c.line.Has("force") || parameter:
	case isClone(e.Parent):
		if nvpair, ok := c.only(c.attributes(e, c.setName(), name)); nvpair == nil || !ok {
			c.say("Performing %s of '%s' on '%s', the parent of '%s'\n", verb, name, e.Parent.ID(), e.ID())
			return []*cib.Element{e.Parent}
		}
	case e.Parent != nil && e.Parent.Name == "bundle" && verb == "delete":
		if nvpair, ok := c.only(c.attributes(e, c.setName(), name)); nvpair == nil || !ok {
			c.say("Performing %s of '%s' on '%s', the parent of '%s'\n", verb, name, impliedClone(e.Parent), e.ID())
		}
	case isClone(e):
		if child := e.Child("primitive"); child != nil {
			if nvpair, _ := c.only(c.attributes(child, c.setName(), name)); nvpair != nil {
				c.say("A value for '%s' already exists in child '%s', performing %s on that instead of '%s'\n", name, child.ID(), verb, e.ID())
				return []*cib.Element{child}
			}
		}
	case e.Name == "group" && !c.line.Has("set-name") && !c.line.Has("nvpair"):
		var all []*cib.Element
		for child := range e.All("primitive") {
			if nvpair, _ := c.only(c.attributes(child, c.setName(), name)); nvpair != nil {
				all = append(all, child)
			}
		}
		return append(all, e)
	}
	return []*cib.Element{e}
}

func (c *call) setParameter() error {
	name := c.line.Get("set-parameter")
	e := c.resource(c.id())
	for _, target := range c.targets(e, name, "update") {
		if err := c.setOf(target, name); err != nil {
			return err
		}
	}
	if c.line.Has("recursive") && c.setName() == "meta_attributes" {
		return c.setOfDependents(e, name, map[string]bool{e.ID(): true})
	}
	return nil
}

// setOf sets the attribute of one resource.
func (c *call) setOf(e *cib.Element, name string) error {
	found, err := c.own(e, name)
	if err != nil {
		return err
	}
	value, setID := c.line.Get("parameter-value"), c.line.Get("set-name")
	var update *cib.Element
	told, id := "", ""
	if found != nil {
		told, id = found.ID(), found.ID()
		update = cib.NewElement("nvpair", "id", id, "name", name, "value", value)
	} else {
		setID = cmp.Or(setID, e.ID()+"-"+c.setName())
		told = setID + "-" + name
		id = cmp.Or(c.line.Get("nvpair"), told)
		if c.line.Has("nvpair") { // what was given is not told
			told = "(null)"
		}
		update = cib.NewElement(e.Name, "id", e.ID())
		update.Append(cib.NewElement(c.setName(), "id", setID)).Append(cib.NewElement("nvpair", "id", id, "name", name, "value", value))
	}
	if err := c.apply(cib.Request{Op: cib.OpModify, Section: "resources", Input: update}); err != nil {
		return err
	}
	c.say("Set '%s' option: id=%s%s name=%s value=%s\n", e.ID(), told, inSet(setID), name, value)
	return nil
}

func inSet(id string) string {
	if id == "" {
		return ""
	}
	return " set=" + id
}

// setOfDependents sets the attribute also of resources that want to be with one, and of those that want to be with them.
func (c *call) setOfDependents(e *cib.Element, name string, done map[string]bool) error {
	for constraint := range c.doc.Section("constraints").All("rsc_colocation") {
		score, _ := rule.ParseScore(constraint.Get("score"))
		dependent := c.resource(constraint.Get("rsc"))
		if score <= 0 || constraint.Get("with-rsc") != e.ID() || dependent == nil || done[dependent.ID()] {
			continue
		}
		done[dependent.ID()] = true
		for _, target := range c.targets(dependent, name, "update") {
			if err := c.setOf(target, name); err != nil {
				return err
			}
		}
		if err := c.setOfDependents(dependent, name, done); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) deleteParameter() error {
	name := c.line.Get("delete-parameter")
	for _, e := range c.targets(c.resource(c.id()), name, "delete") {
		nvpair, err := c.own(e, name)
		if err != nil {
			return err
		}
		if nvpair == nil {
			continue
		}
		if err := c.apply(cib.Request{Op: cib.OpDelete, Section: "resources", Input: cib.NewElement("nvpair", "id", nvpair.ID())}); err != nil {
			return err
		}
		c.say("Deleted '%s' option: id=%s%s name=%s\n", e.ID(), nvpair.ID(), inSet(c.line.Get("set-name")), name)
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
	for _, set := range bySetScore(slices.Collect(e.All(c.setName()))) {
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

// bySetScore orders sets of attributes: the first that has one says what it is.
func bySetScore(sets []*cib.Element) []*cib.Element {
	score := func(set *cib.Element) int { n, _ := rule.ParseScore(set.Get("score")); return n }
	slices.SortStableFunc(sets, func(a, b *cib.Element) int { return cmp.Compare(score(b), score(a)) })
	return sets
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
