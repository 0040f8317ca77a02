package crm

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// selection picks the objects that the words of show, edit and filter mean: ids and patterns,
// type:KIND, tag:TAG, related:ID, changed. No word means all.
func (m *model) selection(words []string) ([]*cib.Element, error) {
	if len(words) == 0 {
		return m.all(), nil
	}
	chosen := map[string]bool{}
	for _, w := range words {
		names, err := m.selected(w)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			chosen[name] = true
		}
	}
	var list []*cib.Element
	for _, e := range m.all() {
		if chosen[m.nameOf(e)] {
			list = append(list, e)
		}
	}
	return list, nil
}

func (m *model) selected(w string) ([]string, error) {
	what, value, _ := strings.Cut(w, ":")
	var names []string
	switch {
	case w == "changed":
		return m.changedObjects(), nil
	case what == "type" && value != "":
		k := kindOfCommand(value)
		if k == nil {
			return nil, softError{fmt.Errorf("type:%s: there is no such kind of object", value)}
		}
		for name, e := range m.objects {
			if kindOf(e) == k {
				names = append(names, name)
			}
		}
		return names, nil
	case what == "tag" && value != "":
		tag := m.objects[value]
		if tag == nil || tag.Name != "tag" {
			return nil, softError{fmt.Errorf("tag:%s: there is no such tag", value)}
		}
		for ref := range tag.All("obj_ref") {
			names = append(names, ref.ID())
		}
		return names, nil
	case what == "related" && value != "":
		return m.related(value)
	case m.objects[w] != nil:
		return []string{w}, nil
	case strings.ContainsAny(w, "*?["):
		for name := range m.objects {
			if ok, err := path.Match(w, name); err == nil && ok {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			return names, nil
		}
	}
	return nil, fmt.Errorf("object %s does not exist", w)
}

// related lists an object and those that name it, or the primitives of an agent.
func (m *model) related(name string) ([]string, error) {
	var names []string
	for other, o := range m.objects {
		if (o.Get("type") == name || agentName(o.Get("class"), o.Get("provider"), o.Get("type")) == name) && (o.Name == "primitive" || o.Name == "template") {
			names = append(names, other)
		}
	}
	e := m.objects[name]
	switch {
	case e == nil && len(names) == 0:
		return nil, softError{fmt.Errorf("related:%s: there is no such object or agent", name)}
	case e == nil:
		return names, nil
	}
	names = append(names, name)
	for other, o := range m.objects {
		refers := slices.Contains(constrainedResources(o), name) || slices.Contains(members(o), name) ||
			o.Get("template") == name || o.Get("node") == name
		for ref := range o.All("obj_ref") {
			refers = refers || ref.ID() == name
		}
		if refers {
			names = append(names, other)
		}
	}
	return names, nil
}

// withoutXML are the words after xml, which asks for the document's own form.
func withoutXML(words []string) (rest []string, asked bool) {
	if len(words) > 0 && words[0] == "xml" {
		return words[1:], true
	}
	return words, false
}

func runShow(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	texts, asXML := withoutXML(textsOf(words))
	secrets := []string{"passw*"}
	texts = slices.DeleteFunc(texts, func(w string) bool {
		pattern, ok := strings.CutPrefix(w, "obscure:")
		if ok {
			secrets = append(secrets, pattern)
		}
		return ok
	})
	list, err := m.selection(texts)
	if err != nil {
		return err
	}
	m, list = m.hiding(secrets, list)
	if asXML {
		s.printf("<?xml version=\"1.0\" ?>\n%s\n", withoutDefaults(m.extract(list, len(texts) == 0)).String())
		return nil
	}
	s.printf("%s", m.text(list, s.options.yes("sort-elements")))
	return nil
}

// hidden stands in the place of a value that show keeps to itself.
const hidden = "******"

// hiding returns the model and the objects of list with the values hidden whose names match one of the patterns; the
// same ones where there are none.
func (m *model) hiding(patterns []string, list []*cib.Element) (*model, []*cib.Element) {
	secret := func(e *cib.Element) bool {
		return e.Name == "nvpair" && slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, e.Get("name")); return ok && err == nil })
	}
	if !slices.ContainsFunc(slices.Collect(m.doc.Configuration().Descendants()), secret) {
		return m, list
	}
	doc := m.doc.Clone()
	for e := range doc.Configuration().Descendants() {
		if secret(e) {
			e.Set("value", hidden)
		}
	}
	shown := newModel(doc, m.agents, func(string) {})
	masked := make([]*cib.Element, 0, len(list))
	for _, e := range list {
		if same := shown.same(e); same != nil {
			masked = append(masked, same)
		}
	}
	return shown, masked
}

// text formats objects as commands, a line each.
func (m *model) text(list []*cib.Element, sorted bool) string {
	f := &formatter{context: m}
	if !sorted {
		list = slices.Clone(list)
		place := m.places()
		slices.SortStableFunc(list, func(a, b *cib.Element) int {
			if d := kindOf(a).rank() - kindOf(b).rank(); d != 0 {
				return d
			}
			return place[a] - place[b]
		})
	}
	var b strings.Builder
	for _, e := range list {
		for _, line := range f.object(e) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func (m *model) places() map[*cib.Element]int {
	place := map[*cib.Element]int{}
	for e := range m.doc.Configuration().Descendants() {
		place[e] = len(place)
	}
	return place
}

// extract is a document's root with the objects of list and what they stand in; whole keeps
// everything of the configuration.
func (m *model) extract(list []*cib.Element, whole bool) *cib.Element {
	root := cib.NewElement("cib")
	root.Attrs = slices.Clone(m.doc.Root.Attrs)
	configuration := root.Append(cib.NewElement("configuration"))
	keep := map[*cib.Element]bool{}
	for _, e := range list {
		for isContainer(e.Parent) {
			e = e.Parent
		}
		keep[e] = true
	}
	for section := range m.doc.Configuration().Elements() {
		if whole || keep[section] {
			configuration.Append(section.Clone())
			continue
		}
		copied := cib.NewElement(section.Name, flatten(section.Attrs)...)
		for e := range section.Elements() {
			if keep[e] {
				copied.Append(e.Clone())
			}
		}
		if len(copied.Children) > 0 || slices.Contains(fixedSections, section.Name) {
			configuration.Append(copied)
		}
	}
	return root
}

// fixedSections are in every document.
var fixedSections = []string{"crm_config", "nodes", "resources", "constraints"}

func flatten(attrs []cib.Attr) []string {
	var pairs []string
	for _, a := range attrs {
		pairs = append(pairs, a.Name, a.Value)
	}
	return pairs
}
