package crm

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// resourceAttributes are the attributes by which constraints name resources.
var resourceAttributes = []string{"rsc", "with-rsc", "first", "then"}

// redirect makes the constraints on the resource from name the resource to.
func (m *model) redirect(from, to string) {
	for _, constraint := range m.constraints() {
		if renameIn(constraint, from, to) {
			m.renamed(constraint, from, to)
		}
	}
}

// renamed tells that a constraint names another resource now, and tidies it.
func (m *model) renamed(constraint *cib.Element, from, to string) {
	m.notice(fmt.Sprintf("modified %s:%s from %s to %s", kindName(constraint), constraint.ID(), from, to))
	if m.collapsed(constraint) {
		m.drop(constraint)
		return
	}
	m.simplify(constraint)
}

// renameAttributes replaces the resource from by to in the attributes of a constraint and says whether it was there.
func renameAttributes(constraint *cib.Element, from, to string) bool {
	found := false
	for _, name := range resourceAttributes {
		if constraint.Get(name) == from {
			constraint.Set(name, to)
			found = true
		}
	}
	return found
}

// renameIn replaces the resource from by to in a constraint and says whether it was there.
func renameIn(constraint *cib.Element, from, to string) bool {
	found := renameAttributes(constraint, from, to)
	for d := range constraint.Descendants() {
		if d.Name == "resource_ref" && d.ID() == from {
			d.Set("id", to)
			found = true
		}
	}
	if found {
		removeRepeated(constraint, to)
	}
	return found
}

// removeRepeated leaves the resource id once in the sets of a constraint, where it comes first.
func removeRepeated(constraint *cib.Element, id string) {
	seen := false
	for _, set := range slices.Collect(constraint.All("resource_set")) {
		for _, ref := range slices.Collect(set.All("resource_ref")) {
			if ref.ID() == id && seen {
				ref.Remove()
			}
			seen = seen || ref.ID() == id
		}
		if set.Child("resource_ref") == nil {
			set.Remove()
		}
	}
}

// pairNames are the attributes of a constraint between two resources, and what is said of each.
func pairNames(constraint *cib.Element) (names [2]string, detail string) {
	if constraint.Name == "rsc_order" {
		return [2]string{"first", "then"}, "action"
	}
	return [2]string{"rsc", "with-rsc"}, "role"
}

// simplify turns sets that name only two resources into attributes, unless one of them is enough.
// In a colocation the members of one set follow the first of them, so they change places.
func (m *model) simplify(constraint *cib.Element) {
	var refs []reference
	sets := slices.Collect(constraint.All("resource_set"))
	names, detail := pairNames(constraint)
	for _, set := range sets {
		for ref := range set.All("resource_ref") {
			refs = append(refs, reference{ref.ID(), set.Get(detail)})
		}
	}
	anyOne := func(set *cib.Element) bool { return set.Get("require-all") == "false" }
	switch {
	case constraint.Name == "rsc_location", constraint.Name == "rsc_ticket", slices.ContainsFunc(sets, anyOne):
		return
	case len(sets) == 1 && sets[0].Get("sequential") == "false":
		return
	case len(sets) == 1 && constraint.Name == "rsc_colocation":
		slices.Reverse(refs)
	}
	if len(refs) != 2 || len(sets) == 0 {
		return
	}
	for _, set := range sets {
		m.release(set)
		set.Remove()
	}
	for i, ref := range refs {
		constraint.Set(names[i], ref.resource)
		if ref.detail != "" {
			constraint.Set(names[i]+"-"+detail, ref.detail)
		}
	}
}

// collapsed says whether a constraint between two resources has become one about a single one.
func (m *model) collapsed(constraint *cib.Element) bool {
	ids := constrainedResources(constraint)
	slices.Sort(ids)
	pair := constraint.Name == "rsc_order" || constraint.Name == "rsc_colocation"
	return pair && len(slices.Compact(ids)) < 2
}

// drop takes an object out of the document without looking further.
func (m *model) drop(e *cib.Element) {
	name := m.nameOf(e)
	m.release(e)
	if m.twins[name] != e {
		delete(m.objects, name)
	}
	if twin := m.twins[name]; twin != nil {
		delete(m.twins, name)
		if twin != e {
			m.objects[name] = twin
		}
	}
	delete(m.born, m.bornAs(e))
	delete(m.origin, name)
	section := e.Parent
	e.Remove()
	if section != nil && section.Parent == m.doc.Configuration() && len(section.Children) == 0 && !slices.Contains(fixedSections, section.Name) {
		section.Remove()
	}
}

// unknownObject says that there is no object of that name.
func unknownObject(id string) error {
	return fmt.Errorf("there is no object %s; 'configure show' lists them", id)
}

// remove deletes objects: containers before their members, constraints that are left without
// a resource with them.
func (m *model) remove(names ...string) error {
	for _, name := range names {
		if m.objects[name] == nil {
			return unknownObject(name)
		}
	}
	order := slices.Clone(names)
	slices.SortStableFunc(order, func(a, b string) int { return depth(m.objects[a]) - depth(m.objects[b]) })
	for _, name := range order {
		if e := m.objects[name]; e != nil {
			m.removeOne(e)
		}
	}
	return nil
}

// depth is how many elements are above e.
func depth(e *cib.Element) int {
	n := 0
	for ; e != nil; e = e.Parent {
		n++
	}
	return n
}

func (m *model) removeOne(e *cib.Element) {
	container := e.Parent
	if isContainer(e) {
		if isContainer(container) {
			m.removeOne(container) // a clone without its group is nothing
		}
		m.dissolve(e)
		return
	}
	if isResource(e) && isContainer(container) {
		m.leave(e, container)
	}
	name := m.nameOf(e)
	m.drop(e)
	switch e.Name {
	case "primitive":
		m.forget(name)
	case "template":
		m.forgetTemplate(name)
	}
}

// forgetTemplate deletes the primitives that are nothing without their template.
func (m *model) forgetTemplate(id string) {
	for _, e := range m.all() {
		if e.Name == "primitive" && e.Get("template") == id && m.objects[e.ID()] == e {
			m.notice(fmt.Sprintf("hanging primitive:%s deleted", e.ID()))
			m.removeOne(e)
		}
	}
	m.forget(id)
}

// dissolve deletes a container; its members stay, and the first of them inherits the constraints on it, except those
// with resource sets: the set is one of several, and goes on without the container, as in crmsh.
func (m *model) dissolve(e *cib.Element) {
	ids := members(e)
	for _, constraint := range m.constraints() {
		if len(ids) > 0 && renameAttributes(constraint, e.ID(), ids[0]) {
			m.renamed(constraint, e.ID(), ids[0])
			continue
		}
		m.forgetIn(constraint, e.ID())
	}
	m.untag(e.ID())
	for _, id := range ids {
		m.free(m.objects[id], e)
	}
	m.drop(e)
}

// leave takes a primitive out of its container; an empty container goes, too.
func (m *model) leave(e, container *cib.Element) {
	if len(members(container)) > 1 {
		return
	}
	if above := container.Parent; isContainer(above) {
		m.removeOne(above)
	}
	m.dissolve(container)
}

// forget deletes what names a resource that is gone.
func (m *model) forget(id string) {
	for _, constraint := range m.constraints() {
		m.forgetIn(constraint, id)
	}
	m.untag(id)
}

// forgetIn takes a resource that is gone out of a constraint, and deletes that if nothing is left of it.
func (m *model) forgetIn(constraint *cib.Element, id string) {
	switch {
	case !removeFrom(constraint, id):
	case hanging(constraint):
		m.notice(fmt.Sprintf("hanging %s:%s deleted", kindName(constraint), constraint.ID()))
		m.drop(constraint)
	default:
		m.simplify(constraint)
		m.notice(fmt.Sprintf("constraint %s:%s updated", kindName(constraint), constraint.ID()))
	}
}

// untag takes id out of all tags.
func (m *model) untag(id string) {
	tags := m.doc.Section("tags")
	if tags == nil {
		return
	}
	for _, tag := range slices.Collect(tags.All("tag")) {
		for _, ref := range slices.Collect(tag.All("obj_ref")) {
			if ref.ID() == id {
				ref.Remove()
			}
		}
		if tag.Child("obj_ref") == nil {
			m.notice(fmt.Sprintf("hanging tag:%s deleted", tag.ID()))
			m.drop(tag)
		}
	}
}

// removeFrom takes the resource id out of a constraint and says whether it was there.
func removeFrom(constraint *cib.Element, id string) bool {
	found := false
	for _, name := range resourceAttributes {
		if constraint.Get(name) == id {
			constraint.Unset(name)
			found = true
		}
	}
	for _, set := range slices.Collect(constraint.All("resource_set")) {
		for _, ref := range slices.Collect(set.All("resource_ref")) {
			if ref.ID() == id {
				ref.Remove()
				found = true
			}
		}
		if set.Child("resource_ref") == nil {
			set.Remove()
		}
	}
	return found
}

// hanging says whether a constraint that lost a resource constrains nothing any more.
func hanging(constraint *cib.Element) bool {
	refs := 0
	for set := range constraint.All("resource_set") {
		refs += len(slices.Collect(set.All("resource_ref")))
	}
	switch constraint.Name {
	case "rsc_order", "rsc_colocation":
		return refs < 2
	}
	return refs == 0
}

// rename gives an object another name, everywhere it is named.
func (m *model) rename(from, to string) error {
	e := m.objects[from]
	if e == nil {
		return unknownObject(from)
	}
	k := kindOf(e)
	if k.command == "node" || k.command == topologyID {
		return fmt.Errorf("%s %s cannot be renamed", k.command, from)
	}
	if !validID(to) {
		return fmt.Errorf("rename %s: %q is no identifier: a letter or '_', then letters, digits, '-', '_' and '.'", from, to)
	}
	if m.objects[to] != nil || m.ids.used[to] > 0 {
		return fmt.Errorf("rename %s: the id %s is taken; choose another", from, to)
	}
	m.ids.used[to]++
	if m.ids.used[from]--; m.ids.used[from] <= 0 {
		delete(m.ids.used, from)
	}
	e.Set("id", to)
	delete(m.objects, from)
	m.objects[to] = e
	m.origin[to] = from
	if first := m.origin[from]; first != "" {
		m.origin[to] = first
		delete(m.origin, from)
	}
	if n, ok := m.born[from]; ok {
		m.born[to] = n
		delete(m.born, from)
	}
	m.renameReferences(k, from, to)
	return nil
}

func (m *model) renameReferences(k *kind, from, to string) {
	if k.section == "resources" {
		m.redirect(from, to)
	}
	for d := range m.doc.Configuration().Descendants() {
		switch {
		case d.Name == "obj_ref" && d.ID() == from, d.Name == "role" && d.ID() == from && k.command == "role":
			d.Set("id", to)
		case d.Name == "primitive" && k.command == "rsc_template" && d.Get("template") == from:
			d.Set("template", to)
		case d.Name == "fencing-level":
			devices := strings.Split(d.Get("devices"), ",")
			for i := range devices {
				if devices[i] == from {
					devices[i] = to
				}
			}
			d.Set("devices", strings.Join(devices, ","))
		}
	}
}
