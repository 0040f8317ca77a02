package cib

import (
	"fmt"
	"iter"
)

// Problem is one thing wrong with a document.
type Problem struct {
	File    string
	Line    int    // 0 when the element was made in memory
	Element string // its name, with its id where it has one
	Text    string // what is wrong and what is accepted
}

func (p Problem) String() string {
	where := p.File
	if where == "" {
		where = "document"
	}
	if p.Line > 0 {
		where += fmt.Sprintf(":%d", p.Line)
	}
	return fmt.Sprintf("%s: %s: %s", where, p.Element, p.Text)
}

func (d *Document) problem(e *Element, format string, args ...any) Problem {
	name := "<" + e.Name + ">"
	if id := e.ID(); id != "" {
		name = fmt.Sprintf("<%s id=%q>", e.Name, id)
	}
	return Problem{File: d.File, Line: e.Line, Element: name, Text: fmt.Sprintf(format, args...)}
}

// Validate checks a document's structure: which elements and attributes stand where under its
// validate-with, ids that are missing or given twice, references to what is not there.
// validate-with="none" asks for no check of structure.
func (d *Document) Validate() []Problem {
	problems := d.duplicates()
	if d.Root.Get("validate-with") == "none" {
		return problems
	}
	return append(append(problems, d.structure()...), d.dangling()...)
}

// references are the attributes whose value is the id of an element of the configuration.
var references = []string{"rsc", "with-rsc", "first", "then", "template", "reference", "id-ref"}

// dangling finds references to ids that nothing in the configuration has.
func (d *Document) dangling() []Problem {
	owned := map[string]bool{}
	for e := range d.configured() {
		// The ids of hosts and of users are names, to which nothing refers as an id.
		if !sharedIDs[e.Name] && e.Name != "node" && e.Name != "acl_target" {
			owned[e.ID()] = true
		}
	}
	var problems []Problem
	for e := range d.configured() {
		// Tags may name anything, hosts too.
		if sharedIDs[e.Name] && e.Name != "obj_ref" && !owned[e.ID()] {
			problems = append(problems, d.problem(e, "there is no object %s for it to refer to", e.ID()))
		}
		for _, name := range references {
			if id, ok := e.Lookup(name); ok && !owned[id] {
				problems = append(problems, d.problem(e, "%s=%q names no object of the configuration", name, id))
			}
		}
	}
	return problems
}

// configured yields the elements below <configuration>.
func (d *Document) configured() iter.Seq[*Element] {
	if configuration := d.Root.Child("configuration"); configuration != nil {
		return configuration.Descendants()
	}
	return func(func(*Element) bool) {}
}

// duplicates finds ids given twice outside <status>.
func (d *Document) duplicates() []Problem {
	var problems []Problem
	seen := map[string]*Element{}
	for section := range d.Root.Elements() {
		if section.Name == "status" {
			continue
		}
		for e := range section.Descendants() {
			id, ok := e.Lookup("id")
			if !ok || e.Parent != nil && sharedIDs[e.Name] {
				continue
			}
			if e.Name == "node" || e.Name == "acl_target" {
				id = e.Name + " " + id // a host may be named as a resource is: its remote connection; a user as anything
			}
			if first := seen[id]; first != nil {
				problems = append(problems, d.problem(e, "the id is taken by <%s> of line %d; ids are unique", first.Name, first.Line))
				continue
			}
			seen[id] = e
		}
	}
	return problems
}

// sharedIDs are elements whose id names another object.
var sharedIDs = map[string]bool{"resource_ref": true, "obj_ref": true, "role_ref": true, "role": true}
