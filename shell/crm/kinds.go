package crm

import "holdfast/cluster/cib"

// kind is one kind of configuration object: its command, its element, how a command's
// words become the element and how the element becomes text.
type kind struct {
	command string
	tag     string // name of the object's element
	section string // section of the document that it lives in
	parse   func(*reader) (*cib.Element, error)
	lines   func(*formatter, *cib.Element) []string
}

// kinds is in the order in which show lists objects.
var kinds = []*kind{
	{"node", "node", "nodes", parseNode, (*formatter).node},
	{"rsc_template", "template", "resources", parseTemplate, (*formatter).primitive},
	{"primitive", "primitive", "resources", parsePrimitive, (*formatter).primitive},
	{"bundle", "bundle", "resources", parseBundle, (*formatter).bundle},
	{"group", "group", "resources", parseGroup, (*formatter).container},
	{"ms", "master", "resources", parseMaster, (*formatter).container},
	{"clone", "clone", "resources", parseClone, (*formatter).container},
	{"tag", "tag", "tags", parseTag, (*formatter).tag},
	{"colocation", "rsc_colocation", "constraints", parseColocation, (*formatter).colocation},
	{"location", "rsc_location", "constraints", parseLocation, (*formatter).location},
	{"order", "rsc_order", "constraints", parseOrder, (*formatter).order},
	{"fencing_topology", "fencing-topology", "", parseTopology, (*formatter).topology},
	{"rsc_ticket", "rsc_ticket", "constraints", parseTicket, (*formatter).ticket},
	{"property", "cluster_property_set", "crm_config", parseProperty, propertyLines("property")},
	{"rsc_defaults", "meta_attributes", "rsc_defaults", parseResourceDefaults, propertyLines("rsc_defaults")},
	{"op_defaults", "meta_attributes", "op_defaults", parseOperationDefaults, propertyLines("op_defaults")},
	{"role", "acl_role", "acls", parseRole, (*formatter).role},
	{"acl_target", "acl_target", "acls", parseTarget, (*formatter).target},
	{"alert", "alert", "alerts", parseAlert, (*formatter).alert},
}

func propertyLines(command string) func(*formatter, *cib.Element) []string {
	return func(f *formatter, e *cib.Element) []string { return f.propertySet(command)(e) }
}

// topologyID is the name by which the fencing levels are one object.
const topologyID = "fencing_topology"

// rank is k's place in show; locations, colocations and orders share one, so that they stand by their ids.
func (k *kind) rank() int {
	command := k.command
	if command == "location" || command == "order" {
		command = "colocation"
	}
	for i, other := range kinds {
		if other.command == command {
			return i
		}
	}
	return len(kinds)
}

// attributes says whether objects of the kind are sets of attributes, which a second command
// adds to instead of defining again.
func (k *kind) attributes() bool {
	switch k.command {
	case "property", "rsc_defaults", "op_defaults":
		return true
	}
	return false
}

func kindOfCommand(command string) *kind {
	switch command {
	case "master":
		command = "ms"
	case "collocation":
		command = "colocation"
	}
	for _, k := range kinds {
		if k.command == command {
			return k
		}
	}
	return nil
}

// kindOf returns the kind of an object's element, nil when it is no object.
func kindOf(e *cib.Element) *kind {
	if e == nil {
		return nil
	}
	section := ""
	if e.Parent != nil {
		section = e.Parent.Name
	}
	for _, k := range kinds {
		if k.tag == e.Name && (e.Name != "meta_attributes" || k.section == section) {
			return k
		}
	}
	return nil
}

// objectName is the id under which e is known.
func objectName(e *cib.Element) string {
	if e.Name == "fencing-topology" {
		return topologyID
	}
	return e.ID()
}
