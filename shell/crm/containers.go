package crm

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// memberTag stands, in an element that a command was parsed into, for a resource that
// lives elsewhere in the document; the model puts the resource in its place.
const memberTag = "crm-member"

func member(id string) *cib.Element { return cib.NewElement(memberTag, "ref", id) }

// members lists the ids of e's member resources, placeholders or real.
func members(e *cib.Element) []string {
	var ids []string
	for c := range e.Elements() {
		switch c.Name {
		case memberTag:
			ids = append(ids, c.Get("ref"))
		case "primitive", "group":
			ids = append(ids, c.ID())
		}
	}
	return ids
}

// skeleton is a copy of e with its member resources replaced by placeholders.
func skeleton(e *cib.Element) *cib.Element {
	c := *e
	c.Parent, c.Attrs, c.Children = nil, slices.Clone(e.Attrs), nil
	for _, child := range e.Children {
		if child.Name == "primitive" || child.Name == "group" {
			c.Append(member(child.ID()))
			continue
		}
		c.Append(child.Clone())
	}
	return &c
}

// parseGroup reads: group ID RESOURCE… [description=TEXT] [params LIST] [meta LIST]
func parseGroup(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	group := cib.NewElement("group", "id", id)
	var refs []string
	for r.more() && !r.oneOf("params", "meta") && !strings.Contains(r.peek(), "=") {
		if slices.Contains(refs, r.peek()) {
			return nil, r.fail("each resource once in group " + id)
		}
		refs = append(refs, r.next())
	}
	if len(refs) == 0 {
		return nil, r.fail("the resources of the group")
	}
	if err := r.containerParts(group); err != nil {
		return nil, err
	}
	for _, ref := range refs {
		group.Append(member(ref))
	}
	return group, nil
}

// containerParts reads description, params and meta.
func (r *reader) containerParts(e *cib.Element) error {
	for first := true; r.more(); first = false {
		if r.description(e) {
			continue
		}
		part := "params"
		switch {
		case r.oneOf("params", "meta"):
			part = r.keyword()
		case !first:
			return r.fail("params, meta or description=TEXT")
		}
		at := r.at
		set, err := r.attributeList(partTags[part], "params", "meta")
		if err != nil {
			return err
		}
		if r.at == at && r.more() && !r.oneOf("params", "meta") {
			return r.fail("NAME=VALUE")
		}
		e.Append(set)
	}
	return nil
}

// parseClone reads: clone ID RESOURCE [description=TEXT] [params LIST] [meta LIST]
func parseClone(r *reader) (*cib.Element, error) { return r.cloneLike("clone") }

// parseMaster reads ms, the old form of a promotable clone.
func parseMaster(r *reader) (*cib.Element, error) { return r.cloneLike("master") }

func (r *reader) cloneLike(tag string) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	child, err := r.take("the resource to clone")
	if err != nil {
		return nil, err
	}
	clone := cib.NewElement(tag, "id", id)
	if err := r.containerParts(clone); err != nil {
		return nil, err
	}
	clone.Append(member(child))
	return clone, nil
}

// container formats a group or a clone.
func (f *formatter) container(e *cib.Element) []string {
	command := e.Name
	if command == "master" {
		command = "ms"
	}
	lines := []string{command + " " + f.name(e) + " " + strings.Join(members(e), " ")}
	return append(lines, f.parts(e)...)
}

// Words that start a part of a bundle.
var bundleParts = []string{"docker", "podman", "rkt", "network", "storage", "primitive", "meta", "params"}

// parseBundle reads
//
//	bundle ID docker|podman|rkt OPTION=VALUE… [network OPTION=VALUE… port-mapping OPTION=VALUE…]
//	  [storage storage-mapping OPTION=VALUE…] [primitive ID] [meta LIST]
func parseBundle(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	bundle := cib.NewElement("bundle", "id", id)
	if !r.oneOf("docker", "podman", "rkt") {
		return nil, r.fail("docker, podman or rkt")
	}
	for r.more() {
		if err := r.bundlePart(bundle); err != nil {
			return nil, err
		}
	}
	return bundle, nil
}

func (r *reader) bundlePart(bundle *cib.Element) error {
	if r.description(bundle) {
		return nil
	}
	part := strings.ToLower(r.peek())
	switch {
	case r.oneOf("docker", "podman", "rkt"):
		r.next()
		return r.options(bundle.Append(cib.NewElement(part)))
	case r.oneOf("network", "storage"):
		r.next()
		e := bundle.Append(cib.NewElement(part))
		if err := r.options(e); err != nil {
			return err
		}
		for r.oneOf("port-mapping", "storage-mapping") {
			if err := r.options(e.Append(cib.NewElement(r.keyword()))); err != nil {
				return err
			}
		}
	case r.bare("primitive"):
		r.next()
		id, err := r.take("the resource to run in the bundle")
		if err != nil {
			return err
		}
		bundle.Append(member(id))
	case r.oneOf("meta", "params"):
		r.next()
		set, err := r.attributeList(partTags[part], bundleParts...)
		if err != nil {
			return err
		}
		bundle.Append(set)
	default:
		return r.fail(strings.Join(bundleParts, ", "))
	}
	return nil
}

// options reads NAME=VALUE words as attributes of e.
func (r *reader) options(e *cib.Element) error {
	for r.more() {
		name, value, ok := r.option()
		if !ok {
			return nil
		}
		if name = strings.TrimPrefix(name, "$"); name == "" {
			return r.fail("OPTION=VALUE")
		}
		r.next()
		e.Set(name, value)
	}
	return nil
}

// bundle formats a bundle.
func (f *formatter) bundle(e *cib.Element) []string {
	lines := []string{"bundle " + f.name(e)}
	if description, ok := e.Lookup("description"); ok {
		lines = append(lines, "description="+quote(description))
	}
	for c := range e.Elements() {
		switch c.Name {
		case "docker", "podman", "rkt", "network", "storage":
			line := c.Name + optionsText(c)
			for mapping := range c.Elements() {
				line += " " + mapping.Name + optionsText(mapping)
			}
			lines = append(lines, line)
		case "primitive":
			lines = append(lines, "primitive "+c.ID())
		case memberTag:
			lines = append(lines, "primitive "+c.Get("ref"))
		case "meta_attributes":
			lines = append(lines, joinWords("meta", f.attributeLine(c)))
		case "instance_attributes":
			lines = append(lines, joinWords("params", f.attributeLine(c)))
		}
	}
	return lines
}

func optionsText(e *cib.Element) string {
	text := ""
	for _, a := range e.Attrs {
		text += " " + a.Name + "=" + quote(a.Value)
	}
	return text
}
