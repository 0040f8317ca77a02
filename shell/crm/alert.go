package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// Words that start a part of an alert.
var alertParts = []string{"attributes", "meta", "select", "to", "{", "}"}

// Sets of events that an alert can select, and their elements.
var alertSelections = map[string]string{
	"nodes":      "select_nodes",
	"fencing":    "select_fencing",
	"resources":  "select_resources",
	"attributes": "select_attributes",
}

// parseAlert reads
//
//	alert ID PATH [description=TEXT] [attributes LIST] [meta LIST]
//	  [select [nodes|fencing|resources|attributes { NAME… }]…]
//	  [to [{] RECIPIENT [attributes LIST] [meta LIST] [}]]…
func parseAlert(r *reader) (*cib.Element, error) {
	id, err := r.objectID()
	if err != nil {
		return nil, err
	}
	path, err := r.take("the path of a program")
	if err != nil {
		return nil, err
	}
	alert := cib.NewElement("alert", "id", id, "path", path)
	for r.more() {
		if err := r.alertPart(alert); err != nil {
			return nil, err
		}
	}
	return alert, nil
}

func (r *reader) alertPart(alert *cib.Element) error {
	switch {
	case r.description(alert):
		return nil
	case r.oneOf("attributes", "meta"):
		return r.alertList(alert)
	case r.bare("select"):
		r.next()
		return r.selection(alert.Append(cib.NewElement("select")))
	case r.bare("to"):
		r.next()
		return r.recipient(alert)
	}
	return r.fail("attributes, meta, select, to or description=TEXT")
}

func (r *reader) alertList(e *cib.Element) error {
	set, err := r.attributeList(partTags[r.keyword()], alertParts...)
	if err == nil {
		e.Append(set)
	}
	return err
}

func (r *reader) selection(e *cib.Element) error {
	for r.oneOf("nodes", "fencing", "resources", "attributes") {
		if r.at+1 < len(r.words) && strings.Contains(r.words[r.at+1].text, "=") {
			break // the alert's own attributes follow
		}
		name := r.keyword()
		chosen := e.Append(cib.NewElement(alertSelections[name]))
		if name != "attributes" || !r.bare("{") {
			continue
		}
		r.next()
		for !r.bare("}") {
			attribute, err := r.take("the name of a node attribute, or }")
			if err != nil {
				return err
			}
			chosen.Append(cib.NewElement("attribute", "name", attribute))
		}
		r.next()
	}
	if len(e.Children) == 0 {
		return r.fail("nodes, fencing, resources or attributes")
	}
	return nil
}

func (r *reader) recipient(alert *cib.Element) error {
	braced := r.bare("{")
	if braced {
		r.next()
	}
	value, err := r.take("a recipient")
	if err != nil {
		return err
	}
	recipient := alert.Append(cib.NewElement("recipient"))
	if id, ok := strings.CutPrefix(value, "$id="); ok {
		recipient.Set("id", id)
		if value, err = r.take("a recipient"); err != nil {
			return err
		}
	}
	recipient.Set("value", value)
	r.description(recipient)
	for r.oneOf("attributes", "meta") {
		if err := r.alertList(recipient); err != nil {
			return err
		}
	}
	if !braced {
		return nil
	}
	if !r.bare("}") {
		return r.fail("attributes, meta or }")
	}
	r.next()
	return nil
}

// alert formats an alert.
func (f *formatter) alert(e *cib.Element) []string {
	lines := []string{"alert " + f.name(e) + " " + quote(e.Get("path"))}
	if description, ok := e.Lookup("description"); ok {
		lines = append(lines, "description="+quote(description))
	}
	for c := range e.Elements() {
		switch c.Name {
		case "instance_attributes", "meta_attributes":
			lines = append(lines, f.alertList(c))
		case "select":
			lines = append(lines, selectionText(c))
		case "recipient":
			line := "to " + quote(c.Get("value"))
			if description, ok := c.Lookup("description"); ok {
				line += " description=" + quote(description)
			}
			for set := range c.Elements() {
				line += " " + f.alertList(set)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func (f *formatter) alertList(set *cib.Element) string {
	word := "attributes"
	if set.Name == "meta_attributes" {
		word = "meta"
	}
	return joinWords(word, f.attributeLine(set))
}

func selectionText(e *cib.Element) string {
	line := "select"
	for c := range e.Elements() {
		line += " " + strings.TrimPrefix(c.Name, "select_")
		if c.Name != "select_attributes" || c.Child("attribute") == nil {
			continue
		}
		line += " {"
		for attribute := range c.All("attribute") {
			line += " " + quote(attribute.Get("name"))
		}
		line += " }"
	}
	return line
}
