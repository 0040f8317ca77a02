package cib

import (
	"slices"
	"strconv"
	"strings"
)

// The checks of structure: a table of what Pacemaker's schemas say about the parts that people write by
// hand. It refuses what is certainly wrong and lets pass what it does not know, so that newer
// documents are not refused by an older table.

// objects are what may stand in a section, or in another object.
var objects = map[string][]string{
	"cib":              {"configuration", "status"},
	"configuration":    sections,
	"crm_config":       {"cluster_property_set"},
	"nodes":            {"node"},
	"resources":        {"primitive", "group", "clone", "master", "master_slave", "bundle", "template"},
	"constraints":      {"rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"},
	"rsc_defaults":     {"meta_attributes"},
	"op_defaults":      {"meta_attributes"},
	"fencing-topology": {"fencing-level"},
	"alerts":           {"alert"},
	"acls":             {"acl_target", "acl_group", "acl_role", "acl_user"},
	"tags":             {"tag"},
	"tag":              {"obj_ref"},
	"primitive":        parts,
	"template":         parts,
	"operations":       {"op"},
	"group":            {"primitive", "meta_attributes", "instance_attributes"},
	"clone":            {"primitive", "group", "meta_attributes", "instance_attributes"},
	"master":           {"primitive", "group", "meta_attributes", "instance_attributes"},

	"meta_attributes": pairs, "instance_attributes": pairs, "utilization": pairs, "cluster_property_set": pairs, "nvpair": {},
	"node": {"instance_attributes", "utilization"},
}

// pairs are what a set of attributes consists of.
var pairs = []string{"rule", "nvpair"}

// parts are what a primitive consists of.
var parts = []string{"meta_attributes", "instance_attributes", "operations", "utilization"}

// needs are the attributes without which an object means nothing.
var needs = map[string][]string{
	"primitive": {"id"}, "group": {"id"}, "clone": {"id"}, "master": {"id"}, "bundle": {"id"}, "template": {"id"}, "tag": {"id"},
	"rsc_location": {"id"}, "rsc_colocation": {"id"}, "rsc_order": {"id"}, "rsc_ticket": {"id", "ticket"}, "op": {"id", "name"},
	"node": {"id", "uname"}, "docker": {"image"}, "podman": {"image"}, "rkt": {"image"},
}

// choices are the attributes with a fixed set of values.
var choices = map[string]map[string][]string{
	"rsc_order": {
		"first-action": actions, "then-action": actions,
		"kind":        {"Optional", "Mandatory", "Serialize"},
		"symmetrical": booleans, "require-all": booleans,
	},
	"resource_set":   {"sequential": booleans, "require-all": booleans, "role": roles, "action": actions},
	"rsc_colocation": {"rsc-role": roles, "with-rsc-role": roles},
	"rsc_location":   {"role": roles, "resource-discovery": {"always", "never", "exclusive"}},
	"rsc_ticket":     {"rsc-role": roles, "loss-policy": {"stop", "demote", "fence", "freeze"}},
	"op": {
		"on-fail": {"ignore", "block", "stop", "restart", "standby", "fence", "restart-container", "demote"},
		"role":    roles,
	},
	"rule": {"boolean-op": {"and", "or"}}, // its role is text: the scheduler reads it in letters of either case
	"expression": {
		"operation": {"lt", "gt", "lte", "gte", "eq", "ne", "defined", "not_defined"},
		"type":      {"string", "integer", "number", "version"},
	},
}

var (
	actions  = []string{"start", "stop", "promote", "demote"}
	booleans = []string{"true", "false", "1", "0"}
	roles    = []string{"Stopped", "Started", "Master", "Slave", "Promoted", "Unpromoted"}
)

// newestMinor is the last minor version of each major version of the schema.
var newestMinor = map[int]int{0: 7, 1: 3, 2: 10, 3: 10, 4: 1}

// SchemaVersion takes a schema's name apart: pacemaker-3.9 is 3 and 9. ok is false for a
// name that no schema has; a document without a check ("", none, pacemaker-next) counts as major 99.
func SchemaVersion(name string) (major, minor int, ok bool) { return schemaVersion(name) }

// schemaVersion reads validate-with; ok is false for a schema that does not exist.
func schemaVersion(name string) (major, minor int, ok bool) {
	if name == "" || name == "none" || name == "pacemaker-next" || strings.HasPrefix(name, "transitional") {
		return 99, 0, true
	}
	number, isPacemaker := strings.CutPrefix(name, "pacemaker-")
	first, second, dotted := strings.Cut(number, ".")
	major, err1 := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(second)
	newest, known := newestMinor[major]
	return major, minor, isPacemaker && dotted && err1 == nil && err2 == nil && known && minor <= newest
}

func (d *Document) structure() []Problem {
	if d.Root.Name != "cib" {
		return []Problem{d.problem(d.Root, "expected <cib>")}
	}
	schema := d.Root.Get("validate-with")
	major, minor, ok := schemaVersion(schema)
	if !ok {
		return []Problem{d.problem(d.Root, "validate-with=%q names no schema; expected one such as %s", schema, NewestSchema)}
	}
	if major == 0 {
		return nil // Heartbeat's documents are checked after their upgrade
	}
	var problems []Problem
	if tags := d.Section("tags"); tags != nil && major == 1 && minor < 3 {
		problems = append(problems, d.problem(tags, "tags came with schema pacemaker-1.3, this document says %s; upgrade it first", schema))
	}
	for c := range d.Root.Elements() {
		if c.Name != "status" {
			problems = d.checkStructure(c, major, problems)
		}
	}
	return append(append(problems, d.misplaced(d.Root)...), d.strange(d.Root, major)...)
}

// checkStructure looks at an element and all below it; major is that of the document's schema.
func (d *Document) checkStructure(e *Element, major int, problems []Problem) []Problem {
	problems = append(append(problems, d.misplaced(e)...), d.checkElement(e, major)...)
	problems = append(problems, d.strange(e, major)...)
	if required := needs[e.Name]; required != nil && e.Parent != nil {
		for _, name := range required {
			if e.Get(name) == "" && e.Get("id-ref") == "" {
				problems = append(problems, d.problem(e, "attribute %s is missing", name))
			}
		}
	}
	for _, a := range e.Attrs {
		name, value := a.Name, a.Value
		if accepted := choices[e.Name][name]; accepted != nil && !slices.Contains(accepted, value) {
			problems = append(problems, d.problem(e, "%s=%q: expected %s", name, value, strings.Join(accepted, ", ")))
		}
	}
	for c := range e.Elements() {
		problems = d.checkStructure(c, major, problems)
	}
	return problems
}

// misplaced names the children that do not belong into an element.
func (d *Document) misplaced(e *Element) []Problem {
	accepted := objects[e.Name]
	if accepted == nil {
		return nil
	}
	var problems []Problem
	for c := range e.Elements() {
		if len(accepted) == 0 {
			problems = append(problems, d.problem(c, "does not belong into <%s>, which has nothing inside", e.Name))
			continue
		}
		if !slices.Contains(accepted, c.Name) {
			problems = append(problems, d.problem(c, "does not belong into <%s>; expected %s", e.Name, strings.Join(accepted, ", ")))
		}
	}
	return problems
}
