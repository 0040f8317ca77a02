package crm

import (
	"slices"

	"holdfast/cluster/cib"
)

// changed says whether the configuration differs from what was loaded.
func (m *model) changed() bool {
	return !sameElement(m.base.Configuration(), m.doc.Configuration())
}

// result is the document to store: what was there before keeps its place in each section,
// what is new follows in the order in which it was made.
func (m *model) result() *cib.Document {
	doc := m.doc.Clone()
	configuration := doc.Configuration()
	for section := range m.base.Configuration().Elements() {
		if section.Name != "fencing-topology" {
			configuration.Ensure(section.Name)
		}
	}
	arrange(configuration, m.base.Configuration(), func(e *cib.Element) string { return e.Name }, nil)
	for section := range configuration.Elements() {
		before := m.base.Configuration().Child(section.Name)
		name := func(e *cib.Element) string {
			if first := m.origin[m.nameOf(e)]; first != "" && e.Name != "node" {
				return first
			}
			return m.bornAs(e)
		}
		if section.Name == "fencing-topology" {
			continue
		}
		if m.renewed && section.Name != "nodes" {
			before = nil
		}
		arrange(section, before, name, m.born)
	}
	return doc
}

// arrange sorts the children of e: first those that before has, in its order, then the
// others by birth.
func arrange(e, before *cib.Element, name func(*cib.Element) string, born map[string]int) {
	place := map[string]int{}
	if before != nil {
		for c := range before.Elements() {
			place[name(c)] = len(place) + 1
		}
	}
	position := func(c *cib.Element) int {
		if at, ok := place[name(c)]; ok && c.Kind == cib.ElementNode {
			return at
		}
		return len(place) + 1 + born[name(c)]
	}
	slices.SortStableFunc(e.Children, func(a, b *cib.Element) int { return position(a) - position(b) })
}

// transplant makes the configuration of doc the one of changed, and leaves the rest of doc.
func transplant(doc, changed *cib.Document) {
	doc.Configuration().ReplaceWith(changed.Configuration().Clone())
}

// committed makes the present state the one that later changes are compared with.
func (m *model) committed(doc *cib.Document) {
	m.base = doc.Clone()
	m.adopt(doc)
}
