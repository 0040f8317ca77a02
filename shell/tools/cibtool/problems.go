package cibtool

import (
	"fmt"
	"strings"

	"holdfast/cluster/cib"
)

// Problems lists what keeps a document from being used: a structure that is not its schema's, references to
// what is not there, and fencing that is asked for without a device. Each is a sentence with its line.
func Problems(doc *cib.Document) []string {
	var out []string
	for _, p := range doc.Validate() {
		out = append(out, p.String())
	}
	if doc.Root.Get("validate-with") == "none" {
		return out
	}
	for _, name := range []string{"configuration", "status"} {
		if doc.Root.Child(name) == nil {
			out = append(out, fmt.Sprintf("line %d: <cib> has no <%s>", doc.Root.Line, name))
		}
	}
	return append(append(out, danglingReferences(doc)...), missingFencing(doc)...)
}

// references are the attributes that name another object by its id, by element.
var references = map[string][]string{
	"rsc_location": {"rsc"}, "rsc_colocation": {"rsc", "with-rsc"}, "rsc_order": {"first", "then"}, "rsc_ticket": {"rsc"},
	"resource_ref": {"id"}, "resource_set": {"id-ref"}, "primitive": {"template"}, "rule": {"id-ref"}, "nvpair": {"id-ref"},
	"instance_attributes": {"id-ref"}, "meta_attributes": {"id-ref"}, "utilization": {"id-ref"}, "operations": {"id-ref"},
}

func danglingReferences(doc *cib.Document) []string {
	ids := map[string]bool{}
	for e := range doc.Configuration().Descendants() {
		if e.Name != "resource_ref" && e.Name != "obj_ref" {
			ids[e.ID()] = true
		}
	}
	var out []string
	for e := range doc.Configuration().Descendants() {
		for _, name := range references[e.Name] {
			if to, ok := e.Lookup(name); ok && !ids[to] {
				out = append(out, fmt.Sprintf("line %d: <%s id=%q>: %s names %q, which does not exist", e.Line, e.Name, e.ID(), name, to))
			}
		}
	}
	return out
}

// missingFencing says that nothing would be started, because fencing is on and no device is there for it.
func missingFencing(doc *cib.Document) []string {
	on, watchdog, resources, devices := true, false, false, false
	for e := range doc.Configuration().Descendants() {
		switch e.Name {
		case "nvpair":
			if e.Parent.Name != "cluster_property_set" {
				continue
			}
			value := strings.ToLower(e.Get("value"))
			switch e.Get("name") {
			case "stonith-enabled", "fencing-enabled":
				on = cib.ParseBool(value, true)
			case "stonith-watchdog-timeout", "fencing-watchdog-timeout":
				watchdog = strings.Trim(value, "0smn") != ""
			}
		case "primitive":
			resources = true
			devices = devices || e.Get("class") == "stonith"
		}
	}
	if !on || devices || watchdog || !resources {
		return nil
	}
	return []string{"fencing is on (stonith-enabled) and there is no fence device, so no resource would be started; make one, or switch fencing off"}
}
