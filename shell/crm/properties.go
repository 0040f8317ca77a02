package crm

import (
	"strings"

	"holdfast/cluster/cib"
)

// parseProperty reads: property [$id=ID | ID:] [rule …] NAME=VALUE…
func parseProperty(r *reader) (*cib.Element, error) {
	return r.propertySet("cluster_property_set", propertiesID)
}

// propertiesID is the set that the cluster's own properties are in.
const propertiesID = "cib-bootstrap-options"

// parseResourceDefaults reads rsc_defaults, with the grammar of property.
func parseResourceDefaults(r *reader) (*cib.Element, error) {
	return r.propertySet("meta_attributes", "rsc-options")
}

// parseOperationDefaults reads op_defaults, with the grammar of property.
func parseOperationDefaults(r *reader) (*cib.Element, error) {
	return r.propertySet("meta_attributes", "op-options")
}

func (r *reader) propertySet(tag, id string) (*cib.Element, error) {
	if r.at == len(r.words) {
		return nil, r.fail("NAME=VALUE")
	}
	if text := r.peek(); strings.HasSuffix(text, ":") && validID(strings.TrimSuffix(text, ":")) {
		r.next()
		id = strings.TrimSuffix(text, ":")
	}
	set, err := r.attributeList(tag)
	if err != nil {
		return nil, err
	}
	if set.ID() == "" {
		set.Attrs = append([]cib.Attr{{Name: "id", Value: id}}, set.Attrs...)
	}
	for pair := range set.All("nvpair") {
		if value, ok := pair.Lookup("value"); pair.Get("id-ref") == "" && (!ok || value == "") {
			r.at = r.wordOf(pair.Get("name"))
			return nil, r.fail("NAME=VALUE with a value")
		}
	}
	return set, r.end()
}

// wordOf is the position of the word that starts with name, or the end.
func (r *reader) wordOf(name string) int {
	for i, w := range r.words {
		if w.text == name || strings.HasPrefix(w.text, name+"=") {
			return i
		}
	}
	return len(r.words)
}

// propertySet formats a set of properties or defaults, an attribute a line.
func (f *formatter) propertySet(command string) func(*cib.Element) []string {
	return func(e *cib.Element) []string {
		lines := []string{command + " " + e.ID() + ":"}
		saved := f.hideID
		f.hideID = e.ID()
		head, rules, pairs := f.attributeSet(e)
		f.hideID = saved
		return append(append(append(lines, head...), rules...), pairs...)
	}
}
