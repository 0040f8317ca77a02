package crm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// model is a document that is being worked on, with its objects by name. Its methods keep
// the document whole: members are in their containers, identifiers are unique, and
// constraints name something that exists.
type model struct {
	doc     *cib.Document
	base    *cib.Document // as it was loaded or last committed; never changed
	objects map[string]*cib.Element
	twins   map[string]*cib.Element // nodes that have the name of another object, as remote nodes have
	origin  map[string]string       // former name of an object that was renamed in this session
	born    map[string]int          // when an object came to stand at the top of its section, in this session
	births  int
	renewed bool // everything but the nodes has been replaced: nothing keeps its place
	ids     *identifiers
	refs    map[string]int // how many elements refer to an id by id-ref
	agents  agents
	notice  func(text string) // told of changes that were not asked for
}

// newModel starts working on doc, which it takes over.
func newModel(doc *cib.Document, agents agents, notice func(string)) *model {
	settle(doc)
	m := &model{base: doc.Clone(), agents: agents, notice: notice}
	m.adopt(doc)
	return m
}

// adopt makes doc the document, and its objects known.
func (m *model) adopt(doc *cib.Document) {
	m.doc, m.objects, m.born, m.births = doc, map[string]*cib.Element{}, map[string]int{}, 0
	m.twins, m.origin = map[string]*cib.Element{}, map[string]string{}
	m.ids, m.refs = newIdentifiers(doc.Configuration()), map[string]int{}
	m.countRefs(doc.Configuration(), 1)
	m.knowAll()
}

// objectsOf are the objects of a document that is only looked at, by name: completion asks for them at every key, and needs nothing else
// of a model.
func objectsOf(doc *cib.Document) map[string]*cib.Element {
	m := &model{doc: doc, objects: map[string]*cib.Element{}, twins: map[string]*cib.Element{}}
	m.knowAll()
	return m.objects
}

// knowAll enters the objects of the document.
func (m *model) knowAll() {
	for section := range m.doc.Configuration().Elements() {
		if section.Name == "fencing-topology" {
			m.objects[topologyID] = section
			continue
		}
		for e := range section.Elements() {
			m.know(e)
		}
	}
}

// copy returns an independent model of the same state.
func (m *model) copy() *model {
	c := &model{base: m.base, agents: m.agents, notice: m.notice}
	c.adopt(m.doc.Clone())
	c.born, c.origin, c.births, c.renewed = maps.Clone(m.born), maps.Clone(m.origin), m.births, m.renewed
	return c
}

func (m *model) countRefs(e *cib.Element, by int) {
	for d := range e.Descendants() {
		if ref, ok := d.Lookup("id-ref"); ok {
			m.refs[ref] += by
		}
	}
}

// know enters e and the resources in it as objects.
func (m *model) know(e *cib.Element) {
	if kindOf(e) == nil {
		return
	}
	m.enter(e)
	for c := range e.Elements() {
		if isResource(c) {
			m.know(c)
		}
	}
}

// enter makes e the object of its name; a node leaves the name to any other object.
func (m *model) enter(e *cib.Element) {
	name := m.nameOf(e)
	switch old := m.objects[name]; {
	case old == nil, (old.Name == "node") == (e.Name == "node"):
		m.objects[name] = e
	case e.Name == "node":
		m.twins[name] = e
	default:
		m.objects[name], m.twins[name] = e, old
	}
}

// bornAs is the name under which born knows e: a node can have that of a resource.
func (m *model) bornAs(e *cib.Element) string {
	if e.Name == "node" {
		return "node " + m.nameOf(e)
	}
	return m.nameOf(e)
}

// same is the object that has e's name, a node if e is one and else something else; nil when there is none.
func (m *model) same(e *cib.Element) *cib.Element {
	name := m.nameOf(e)
	if twin := m.twins[name]; twin != nil && e.Name == "node" {
		return twin
	}
	if old := m.objects[name]; old != nil && (old.Name == "node") == (e.Name == "node") {
		return old
	}
	return nil
}

func isResource(e *cib.Element) bool {
	if e == nil {
		return false
	}
	switch e.Name {
	case "primitive", "group", "clone", "master", "bundle":
		return true
	}
	return false
}

func isContainer(e *cib.Element) bool { return isResource(e) && e.Name != "primitive" }

// nameOf is the name of an object: a node's is its uname.
func (m *model) nameOf(e *cib.Element) string {
	if e.Name == "node" {
		return e.Get("uname")
	}
	return objectName(e)
}

// reference implements context.
func (m *model) reference(name, tag string) (string, error) {
	e := m.objects[name]
	if e == nil {
		return name, nil
	}
	if e.Name == tag {
		return name, nil
	}
	for c := range e.Elements() {
		if c.Name != tag {
			continue
		}
		if id := c.ID(); id != "" {
			return id, nil
		}
		if ref := c.Get("id-ref"); ref != "" {
			return ref, nil
		}
		if tag == "operations" {
			c.Set("id", m.ids.fresh(name+"-operations"))
			return c.ID(), nil
		}
	}
	return "", fmt.Errorf("%s has no such part to refer to", name)
}

// agentHome implements context.
func (m *model) agentHome(agent string) (class, provider string) {
	return "ocf", m.agents.provider(agent)
}

// nodeNames implements context.
func (m *model) nodeNames([]string) []string {
	var names []string
	if nodes := m.doc.Section("nodes"); nodes != nil {
		for node := range nodes.All("node") {
			names = append(names, node.Get("uname"))
		}
	}
	return names
}

// isReferenced implements context.
func (m *model) isReferenced(id string) bool { return m.refs[id] > 0 }

// all lists the objects in the order of show.
func (m *model) all() []*cib.Element {
	list := make([]*cib.Element, 0, len(m.objects))
	for _, e := range m.objects {
		list = append(list, e)
	}
	for _, e := range m.twins {
		list = append(list, e)
	}
	ranks := map[*cib.Element]int{}
	for _, e := range list {
		ranks[e] = kindOf(e).rank()
	}
	slices.SortFunc(list, func(a, b *cib.Element) int {
		if d := ranks[a] - ranks[b]; d != 0 {
			return d
		}
		return strings.Compare(objectName(a), objectName(b))
	})
	return list
}

// constraints lists the constraints in the order of the document.
func (m *model) constraints() []*cib.Element {
	section := m.doc.Section("constraints")
	if section == nil {
		return nil
	}
	return slices.Collect(section.Elements())
}

// define enters a new object, or adds to a set of attributes or a node that is there already.
func (m *model) define(k *kind, e *cib.Element) error {
	if err := m.checkID(k, e); err != nil {
		return err
	}
	old := m.same(e)
	switch {
	case old == nil:
		return m.insert(k, e)
	case kindOf(old) != k:
		return fmt.Errorf("%s %s: %s is the id of a %s already; choose another", k.command, m.nameOf(e), m.nameOf(e), kindOf(old).command)
	case k.attributes() && e.Child("rule") != nil:
		e.Set("id", m.ids.fresh(m.nameOf(e))) // a rule is for a whole set: it needs one of its own
		m.ids.used[e.ID()]--
		return m.insert(k, e)
	case k.attributes(), k.command == "node":
		m.merge(old, e)
		return nil
	case k.command == topologyID:
		return errors.New("fencing_topology: there is one already; change it with edit, or delete it first")
	}
	return fmt.Errorf("%s %s: it exists already; change it with edit, set or modgroup, or delete it first", k.command, m.nameOf(e))
}

// checkID refuses an id that an element has that is no object.
func (m *model) checkID(k *kind, e *cib.Element) error {
	name := m.nameOf(e)
	if k.command != topologyID && k.command != "node" && m.objects[name] == nil && m.ids.used[name] > 0 {
		return fmt.Errorf("%s %s: another part of the configuration has the id %s; choose another", k.command, name, name)
	}
	return nil
}

// insert puts a new object in its section, and its members into it.
func (m *model) insert(k *kind, e *cib.Element) error {
	if err := m.checkMembers(e); err != nil {
		return err
	}
	parent := m.doc.Configuration()
	if k.section != "" {
		parent = m.doc.EnsureSection(k.section)
	}
	m.claim(e)
	place := m.takeMembers(e)
	if place < 0 || place > len(parent.Children) {
		place = len(parent.Children)
	}
	parent.InsertAt(place, e)
	m.births++
	m.born[m.bornAs(e)] = m.births
	m.know(e)
	return nil
}

// claim makes the ids in e known and gives those that are missing.
func (m *model) claim(e *cib.Element) {
	m.ids.hold(e)
	m.ids.fill(e)
	m.countRefs(e, 1)
}

// release forgets the ids in e.
func (m *model) release(e *cib.Element) {
	m.ids.release(e)
	m.countRefs(e, -1)
}

// checkMembers says what is wrong with the members that e names.
func (m *model) checkMembers(e *cib.Element) error {
	for c := range e.All(memberTag) {
		id := c.Get("ref")
		child := m.objects[id]
		switch {
		case child == nil || kindOf(child).section != "resources":
			return &missingError{e.ID(), id}
		case e.Name == "bundle" && child.Name != "primitive",
			e.Name == "group" && child.Name != "primitive":
			return fmt.Errorf("%s %s: %s is a %s; only primitives can be its members", kindName(e), e.ID(), id, kindName(child))
		case !(child.Name == "primitive" || child.Name == "group"):
			return fmt.Errorf("%s %s: %s is a %s; only a primitive or a group can be cloned", kindName(e), e.ID(), id, kindName(child))
		case isContainer(child.Parent) && child.Parent.ID() != e.ID():
			return fmt.Errorf("%s %s: %s is in %s %s already", kindName(e), e.ID(), id, kindName(child.Parent), child.Parent.ID())
		}
	}
	return nil
}

// missingError says that a container names a resource that does not exist.
type missingError struct{ container, member string }

func (e *missingError) Error() string {
	return fmt.Sprintf("%s: there is no resource %s; define it first", e.container, e.member)
}

func kindName(e *cib.Element) string { return kindOf(e).command }

// takeMembers moves the members that e names into it, and the constraints on them to e. It
// returns where the first of them stood in its section, -1 when it has none there.
func (m *model) takeMembers(e *cib.Element) int {
	place := -1
	for i, c := range slices.Clone(e.Children) {
		if c.Name != memberTag {
			continue
		}
		child := m.objects[c.Get("ref")]
		if child.Parent.Name == "resources" {
			if at := child.Index(); place < 0 || at < place {
				place = at
			}
			child.Remove()
		} else {
			child.Remove()
		}
		e.Children[i] = child
		child.Parent = e
		delete(m.born, child.ID())
		m.redirect(child.ID(), e.ID())
	}
	return place
}

// update puts e in the place of old, the object of the same name. Parts that are the same keep
// their ids; members that are gone stand on their own again.
func (m *model) update(old, e *cib.Element) error {
	if err := m.checkMembers(e); err != nil {
		return err
	}
	m.releaseOwn(old)
	inheritIDs(old, e)
	keep := members(e)
	for _, id := range members(old) {
		if !slices.Contains(keep, id) {
			m.free(m.objects[id], old)
		}
	}
	old.ReplaceWith(e)
	m.claim(e)
	m.takeMembersAgain(e)
	m.enter(e)
	return nil
}

// releaseOwn forgets the ids of e but not those of its members.
func (m *model) releaseOwn(e *cib.Element) {
	m.release(skeleton(e))
}

// takeMembersAgain is takeMembers for an object that stays where it is. Constraints stay as they are, too: on a
// member they mean something, and whoever changes a container has seen them.
func (m *model) takeMembersAgain(e *cib.Element) {
	for i, c := range slices.Clone(e.Children) {
		if c.Name != memberTag {
			continue
		}
		child := m.objects[c.Get("ref")]
		child.Remove()
		e.Children[i], child.Parent = child, e
		delete(m.born, child.ID())
	}
}

// free makes a member of container stand in the section again, at the container's place.
func (m *model) free(child, container *cib.Element) {
	top := container
	for top.Parent != nil && top.Parent.Name != "resources" {
		top = top.Parent
	}
	child.Remove()
	if at := top.Index(); at >= 0 {
		top.Parent.InsertAt(at, child)
	} else {
		m.doc.EnsureSection("resources").Append(child)
	}
	m.births++
	m.born[child.ID()] = m.births
}

// inheritIDs gives the parts of to the ids that the same parts of from have.
func inheritIDs(from, to *cib.Element) {
	same := map[*cib.Element]*cib.Element{}
	taken := map[*cib.Element]bool{}
	match := func(alike func(o, c *cib.Element) bool) {
		for c := range to.Elements() {
			for o := range from.Elements() {
				if same[c] == nil && !taken[o] && o.Name == c.Name && alike(o, c) {
					same[c], taken[o] = o, true
				}
			}
		}
	}
	match(func(o, c *cib.Element) bool { return sameElement(canonical(o, false), canonical(c, false)) })
	match(func(o, c *cib.Element) bool { return partKey(o) == partKey(c) })
	for c := range to.Elements() {
		o := same[c]
		if o == nil {
			continue
		}
		if id, ok := o.Lookup("id"); ok && c.Get("id") == "" && c.Get("id-ref") == "" && !isResource(o) {
			c.Set("id", id)
		}
		inheritIDs(o, c)
	}
}

// partKey tells parts of the same name from each other.
func partKey(e *cib.Element) string {
	switch e.Name {
	case "nvpair":
		return e.Get("name")
	case "op":
		return e.Get("name") + " " + e.Get("interval") + " " + e.Get("role")
	case "expression":
		return e.Get("attribute") + " " + e.Get("operation")
	case "date_expression":
		return e.Get("operation")
	case "fencing-level":
		return targetText(e) + e.Get("index")
	case "resource_set", "rule":
		return "" // by position
	}
	return ""
}

// merge adds the attributes of e to old.
func (m *model) merge(old, e *cib.Element) {
	m.release(old)
	for _, a := range e.Attrs {
		if a.Name != "id" {
			old.Set(a.Name, a.Value)
		}
	}
	for _, c := range e.Children {
		if c.Name == "nvpair" && c.Get("id-ref") == "" {
			mergePair(old, c)
			continue
		}
		c.Parent = nil
		if set := old.Child(c.Name); set != nil && c.Name != "rule" && c.Kind == cib.ElementNode && len(c.Attrs) == 0 {
			for pair := range c.All("nvpair") {
				mergePair(set, pair)
			}
			continue
		}
		old.Append(c)
	}
	m.claim(old)
}

func mergePair(set, pair *cib.Element) {
	if old := set.Pair(pair.Get("name")); old != nil {
		old.Set("value", pair.Get("value"))
		return
	}
	set.Append(pair.Clone())
}
