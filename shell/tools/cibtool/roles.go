package cibtool

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// misplacedRoles tells of resources that are to have a role of promotable clones without being in one: the
// cluster would pass over the setting.
func misplacedRoles(doc *cib.Document) []string {
	var out []string
	for e := range doc.Section("resources").Descendants() {
		if e.Name != "nvpair" || e.Get("name") != "target-role" || e.Parent.Name != "meta_attributes" {
			continue
		}
		switch strings.ToLower(e.Get("value")) {
		case "promoted", "unpromoted", "master", "slave":
		default:
			continue
		}
		if resource := e.Parent.Parent; !promotable(resource) {
			out = append(out, fmt.Sprintf("line %d: target-role=%s of %s: only what is in a promotable clone has that role; write Started or Stopped",
				e.Line, e.Get("value"), resource.ID()))
		}
	}
	return out
}

// promotable says whether a resource is, or is in, something with promoted instances. A bundle may be one.
func promotable(resource *cib.Element) bool {
	for e := resource; e != nil; e = e.Parent {
		switch e.Name {
		case "master", "bundle":
			return true
		case "clone":
			return slices.ContainsFunc(slices.Collect(e.All("meta_attributes")), func(meta *cib.Element) bool {
				pair := meta.Pair("promotable")
				return pair != nil && cib.ParseBool(pair.Get("value"), true) || meta.Child("rule") != nil || meta.Get("id-ref") != ""
			})
		}
	}
	return false
}
