package cibtool

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
)

// Problems lists what keeps a document from being used: a structure that is not its schema's, references to
// what is not there, options of the cluster that cannot be read, and fencing that is asked for without a device. Each is a sentence with its line.
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
	for _, p := range slices.Concat(property.Unreadable(doc), property.UnreadableMeta(doc), property.UnreadableConstraints(doc)) {
		out = append(out, p.String())
	}
	out = append(append(out, misplacedRoles(doc)...), outdated(doc)...)
	return append(out, missingFencing(doc)...)
}

// missingFencing says that nothing would be started, because fencing is on and no device is there for it.
func missingFencing(doc *cib.Document) []string {
	on, watchdog, devices := true, false, false
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
			devices = devices || e.Get("class") == "stonith"
		}
	}
	if !on || devices || watchdog {
		return nil
	}
	return []string{"fencing is on (stonith-enabled) and there is no fence device, so no resource would be started; make one, or switch fencing off"}
}
