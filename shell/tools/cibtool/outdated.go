package cibtool

import (
	"fmt"

	"holdfast/cluster/cib"
)

// outdated names what still has its effect but is going to be removed from the configuration's language, and operations that are
// there twice, of which one counts. crm_verify does not call a document with these valid.
func outdated(doc *cib.Document) []string {
	var out []string
	for e := range doc.Configuration().Descendants() {
		switch e.Name {
		case "rsc_order":
			if e.Get("score") != "" {
				out = append(out, fmt.Sprintf("line %d: order '%s' has a score; write kind=Optional or kind=Mandatory", e.Line, e.ID()))
			}
		case "nvpair":
			if advice := outdatedOption(e); advice != "" {
				out = append(out, fmt.Sprintf("line %d: %s=%s is going to be removed; %s", e.Line, e.Get("name"), e.Get("value"), advice))
			}
		case "operations":
			out = append(out, repeated(e)...)
		}
	}
	return out
}

// outdatedOption says what to do about an option or a meta attribute that is outdated; "" is nothing.
func outdatedOption(e *cib.Element) string {
	name, value := e.Get("name"), e.Get("value")
	switch e.Parent.Name {
	case "cluster_property_set":
		switch {
		case name == "stonith-action" && value == "poweroff":
			return "write off"
		case name == "remove-after-stop" && cib.ParseBool(value, false):
			return "leave it out"
		case name == "default-action-timeout":
			return "write timeout among op_defaults"
		}
	case "meta_attributes":
		if name == "restart-type" {
			return "write an order of kind Mandatory"
		}
	}
	return ""
}

// repeated names the operations of a resource that have the name and the interval of one before them.
func repeated(operations *cib.Element) []string {
	var out []string
	seen := map[[2]string]string{}
	for op := range operations.All("op") {
		key := [2]string{op.Get("name"), op.Get("interval")}
		if first, ok := seen[key]; ok {
			out = append(out, fmt.Sprintf("line %d: operation '%s' has the name and the interval of '%s'; give it another interval", op.Line, op.ID(), first))
			continue
		}
		seen[key] = op.ID()
	}
	return out
}
