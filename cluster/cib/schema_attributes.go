package cib

import (
	"slices"
	"strings"
)

// known are the attributes that the schemas pacemaker-3.x give the elements of a configuration, newest
// included; an element that is not here may have any. checkScore says why score-attribute is refused.
var known = knownAttributes(map[string]string{
	"acl_group":            "id name",
	"acl_permission":       "attribute description id kind object-type reference xpath",
	"acl_role":             "description id",
	"acl_target":           "id name",
	"acls":                 "",
	"alert":                "description id path",
	"alerts":               "",
	"attribute":            "id name",
	"bundle":               "description id",
	"cib":                  "admin_epoch cib-last-written crm_feature_set dc-uuid epoch execution-date have-quorum no-quorum-panic num_updates remote-clear-port remote-tls-port update-client update-origin update-user validate-with",
	"clone":                "description id",
	"cluster_property_set": "id id-ref score",
	"configuration":        "",
	"constraints":          "",
	"crm_config":           "",
	"date_expression":      "end id operation start",
	"date_spec":            "hours id minutes monthdays months moon seconds weekdays weeks weekyears yeardays years yearsdays",
	"docker":               "image masters network options promoted-max replicas replicas-per-host run-command",
	"duration":             "days hours id minutes monthdays months moon seconds weekdays weeks weekyears years yearsdays",
	"expression":           "attribute id operation type value value-source",
	"fencing-level":        "devices id index target target-attribute target-pattern target-value",
	"fencing-topology":     "",
	"group":                "description id",
	"instance_attributes":  "id id-ref score",
	"master":               "description id",
	"meta_attributes":      "id id-ref score",
	"network":              "add-host control-port host-interface host-netmask ip-range-start",
	"node":                 "description id score type uname",
	"nodes":                "",
	"nvpair":               "id id-ref name value",
	"obj_ref":              "id",
	"op":                   "description enabled id interval interval-origin name on-fail record-pending role start-delay timeout",
	"op_defaults":          "",
	"op_expression":        "id interval name",
	"operations":           "id id-ref",
	"podman":               "image masters network options promoted-max replicas replicas-per-host run-command",
	"port-mapping":         "id internal-port port range",
	"primitive":            "class description id provider template type",
	"recipient":            "description id value",
	"resource_ref":         "id",
	"resource_set":         "action id id-ref kind ordering require-all role score sequential",
	"resources":            "",
	"rkt":                  "image masters network options promoted-max replicas replicas-per-host run-command",
	"role":                 "id",
	"rsc_colocation":       "id influence node-attribute rsc rsc-role score score-attribute with-rsc with-rsc-role",
	"rsc_defaults":         "",
	"rsc_expression":       "class id provider type",
	"rsc_location":         "id node resource-discovery role rsc rsc-pattern score score-attribute",
	"rsc_order":            "first first-action id kind require-all score symmetrical then then-action",
	"rsc_ticket":           "id loss-policy rsc rsc-role ticket",
	"rule":                 "boolean-op id id-ref role score score-attribute",
	"storage":              "",
	"storage-mapping":      "id options source-dir source-dir-root target-dir",
	"tag":                  "id",
	"tags":                 "",
	"template":             "class description id provider type",
	"utilization":          "id id-ref score",
})

func knownAttributes(table map[string]string) map[string][]string {
	known := make(map[string][]string, len(table))
	for element, names := range table {
		known[element] = strings.Fields(names)
	}
	return known
}

// strange names the attributes that an element cannot have under a schema of that major version.
func (d *Document) strange(e *Element, major int) []Problem {
	names, listed := known[e.Name]
	if major != 3 || !listed {
		return nil
	}
	var problems []Problem
	for _, a := range e.Attrs {
		if !slices.Contains(names, a.Name) && !strings.Contains(a.Name, ":") { // foreign names belong to others
			problems = append(problems, d.problem(e, "has no attribute %s; expected %s", a.Name, strings.Join(names, ", ")))
		}
	}
	return problems
}
