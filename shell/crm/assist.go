package crm

import (
	"fmt"
	"strings"

	"holdfast/cluster/cib"
)

// assistLevel holds commands that make several objects at once.
func assistLevel() *level {
	return &level{name: "assist", summary: "helpers that make several objects at once", leave: leaveConfigure, commands: []*command{
		{name: "weak-bond", usage: "RESOURCE RESOURCE…", summary: "keep resources on one node without making them depend on each other",
			example: "weak-bond web db", run: weakBond, words: completeResources},
		{name: "template", usage: "PRIMITIVE PRIMITIVE…", summary: "make a template of what primitives of one agent have in common",
			example: "template web1 web2", run: commonTemplate, words: completeResources},
	}}
}

// numbered returns the first of base-1, base-2, … that no object is named by.
func (m *model) numbered(base string) string {
	for n := 1; ; n++ {
		if id := fmt.Sprintf("%s-%d", base, n); m.ids.used[id] == 0 {
			return id
		}
	}
}

// weakBond makes a resource that does nothing and puts the others where it is.
func weakBond(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 2 {
		return usageError("expected at least two resources")
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	for _, rsc := range texts {
		if e := m.objects[rsc]; e == nil || !isResource(e) {
			return fmt.Errorf("weak-bond: there is no resource %s", rsc)
		}
	}
	constraint, dummy := m.numbered("place-constraint"), m.numbered("place-dummy")
	text := fmt.Sprintf("primitive %s Dummy\ncolocation %s inf: ( %s ) %s\n", dummy, constraint, strings.Join(texts, " "), dummy)
	if err := m.load("weak-bond", text, loadUpdate, nil); err != nil {
		return err
	}
	s.info("made the colocation %s with the resource %s", constraint, dummy)
	return nil
}

// commonTemplate makes a template of the agent that primitives share; each keeps what it has of its own.
func commonTemplate(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) == 0 {
		return usageError("expected primitives")
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	first := m.objects[texts[0]]
	for _, id := range texts {
		e := m.objects[id]
		if e == nil || e.Name != "primitive" || e.Get("template") != "" || agentText(e) != agentText(first) {
			return fmt.Errorf("template: %s is no primitive of the agent of %s", id, texts[0])
		}
	}
	template := cib.NewElement("template", "id", m.numbered("template-"+asID(strings.ToLower(first.Get("type")))), "class", first.Get("class"))
	if provider := first.Get("provider"); provider != "" {
		template.Set("provider", provider)
	}
	template.Set("type", first.Get("type"))
	if err := m.define(kindOfCommand("rsc_template"), template); err != nil {
		return err
	}
	for _, id := range texts {
		e := m.objects[id]
		for _, name := range []string{"class", "provider", "type"} {
			e.Unset(name)
		}
		e.Set("template", template.ID())
	}
	s.info("made the template %s", template.ID())
	return nil
}
