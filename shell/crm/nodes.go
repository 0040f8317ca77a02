package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// parseNode reads
//
//	node [$id=ID | ID:] NAME[:TYPE] [description=TEXT] [attributes LIST] [utilization LIST]
func parseNode(r *reader) (*cib.Element, error) {
	e := cib.NewElement("node")
	if name, value, ok := r.option(); ok && name == "$id" {
		r.next()
		e.Set("id", value)
	} else if text := r.peek(); strings.HasSuffix(text, ":") && len(text) > 1 {
		r.next()
		e.Set("id", strings.TrimSuffix(text, ":"))
	}
	text, err := r.take("the name of a node")
	if err != nil {
		return nil, err
	}
	name, kind, typed := strings.Cut(text, ":")
	if name == "" || strings.ContainsAny(text, "=/ ") {
		return nil, r.failBefore("the name of a node, or NAME:TYPE")
	}
	if typed && kind != "member" && kind != "normal" && kind != "ping" && kind != "remote" {
		return nil, r.failBefore("NAME:TYPE with type member, normal, ping or remote")
	}
	e.Set("uname", name)
	if typed {
		e.Set("type", kind)
	}
	for r.more() {
		if r.description(e) {
			continue
		}
		part := strings.ToLower(r.peek())
		switch _, _, pair := r.option(); {
		case r.oneOf("attributes", "utilization"):
			r.next()
		case pair:
			part = "attributes" // which goes without saying
		default:
			return nil, r.fail("attributes, utilization, NAME=VALUE or description=TEXT")
		}
		set, err := r.attributeList(partTags[part], "attributes", "utilization")
		if err != nil {
			return nil, err
		}
		e.Append(set)
	}
	if e.ID() == "" {
		e.Set("id", name)
	}
	return e, nil
}

// node formats a node; its id is shown when it is not the name.
func (f *formatter) node(e *cib.Element) []string {
	line := "node "
	if id := e.ID(); id != e.Get("uname") {
		line += id + ": "
	}
	line += e.Get("uname")
	if kind, ok := e.Lookup("type"); ok {
		line += ":" + kind
	}
	lines := []string{line}
	if description, ok := e.Lookup("description"); ok {
		lines = append(lines, "description="+quote(description))
	}
	for c := range e.Elements() {
		switch c.Name {
		case "instance_attributes":
			lines = append(lines, joinWords("attributes", f.attributeLine(c)))
		case "utilization":
			lines = append(lines, joinWords("utilization", f.attributeLine(c)))
		}
	}
	return lines
}
