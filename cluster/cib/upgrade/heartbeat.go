package upgrade

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// setNames are the elements that hold options.
var setNames = []string{"cluster_property_set", "instance_attributes", "meta_attributes", "utilization"}

// isHeartbeat says whether a document that names no schema has something in it that only Heartbeat 2 wrote.
func isHeartbeat(root *cib.Element) bool {
	if root.Get("cib_feature_revision") != "" || root.Get("have_quorum") != "" {
		return true
	}
	for e := range root.Descendants() {
		switch e.Name {
		case "attributes":
			if e.Parent != nil && slices.Contains(setNames, e.Parent.Name) {
				return true
			}
		case "master_slave":
			return true
		case "rsc_colocation", "rsc_order":
			if e.Get("from") != "" {
				return true
			}
		}
	}
	return false
}

// heartbeat leads from Heartbeat 2 and the 0.6 schemas to 1.0.
func (u *upgrader) heartbeat() {
	u.heartbeatRoot()
	u.unwrap()
	for _, e := range all(u.doc.Root, "master_slave") {
		u.note(e, "element master_slave is called master now")
		e.Name = "master"
	}
	if config := u.doc.Section("crm_config"); config != nil {
		u.looseProperties(config)
		for _, set := range all(config, "cluster_property_set") {
			u.hyphenateOptions(set, properties)
		}
	}
	if resources := u.doc.Section("resources"); resources != nil {
		for _, rsc := range all(resources, "primitive", "group", "clone", "master") {
			u.heartbeatResource(rsc)
		}
	}
	u.heartbeatConstraints(u.doc.Root.Child("configuration"))
	u.capitalRoles()
}

// heartbeatRoot renames the root's attributes and leaves out what Heartbeat's membership noted there.
func (u *upgrader) heartbeatRoot() {
	root := u.doc.Root
	u.rename(root, "have_quorum", "have-quorum")
	u.rename(root, "dc_uuid", "dc-uuid")
	switch root.Get("have-quorum") {
	case "true":
		root.Set("have-quorum", "1")
	case "false":
		root.Set("have-quorum", "0")
	}
	for _, name := range []string{"num_peers", "cib_feature_revision", "generated", "ccm_transition", "ignore_dtd", "debug_source", "origin"} {
		if value, ok := root.Lookup(name); ok {
			root.Unset(name)
			u.note(root, "%s=%q left out: nothing reads it any more", name, value)
		}
	}
	if root.Get("crm_feature_set") == "" {
		root.Set("crm_feature_set", "1.0")
	}
}

// unwrap takes the options out of their <attributes>.
func (u *upgrader) unwrap() {
	for _, wrapper := range all(u.doc.Root, "attributes") {
		set := wrapper.Parent
		if set == nil || !slices.Contains(setNames, set.Name) {
			continue
		}
		u.note(set, "options stand in the set itself now, not in <attributes>")
		at := wrapper.Index()
		wrapper.Remove()
		for i, c := range wrapper.Children {
			set.InsertAt(at+i, c)
		}
	}
}

// looseProperties puts options that stand in <crm_config> itself into a set.
func (u *upgrader) looseProperties(config *cib.Element) {
	loose := pairs(config)
	if len(loose) == 0 {
		return
	}
	set := config.Child("cluster_property_set")
	if set == nil {
		set = config.Append(cib.NewElement("cluster_property_set", "id", u.freshID("cib-bootstrap-options")))
	}
	for _, pair := range loose {
		pair.Remove()
		set.Append(pair)
		u.note(pair, "moved into %s", label(set))
	}
}

// properties are the cluster properties of Heartbeat 2 and Pacemaker 1.0 that were once written with underscores.
var properties = []string{"batch_limit", "cluster_delay", "cluster_infrastructure", "cluster_recheck_interval", "dc_deadtime", "dc_version",
	"default_action_timeout", "default_failure_timeout", "default_migration_threshold", "default_resource_failure_stickiness",
	"default_resource_stickiness", "election_timeout", "expected_quorum_votes", "is_managed_default", "last_lrm_refresh",
	"maintenance_mode", "migration_limit", "no_quorum_policy", "node_health_green", "node_health_red", "node_health_strategy",
	"node_health_yellow", "notification_agent", "notification_recipient", "pe_error_series_max", "pe_input_series_max",
	"pe_warn_series_max", "remove_after_stop", "shutdown_escalation", "start_failure_is_fatal", "startup_fencing",
	"stonith_action", "stonith_enabled", "stonith_timeout", "stop_all_resources", "stop_orphan_actions",
	"stop_orphan_resources", "symmetric_cluster", "transition_idle_timeout"}

// hyphenateOptions writes the names of the known options with hyphens.
func (u *upgrader) hyphenateOptions(set *cib.Element, known []string) {
	for _, pair := range pairs(set) {
		if name := pair.Get("name"); strings.Contains(name, "_") && slices.Contains(known, name) {
			u.renameOption(pair, hyphenate(name))
		}
	}
}

func hyphenate(name string) string { return strings.ReplaceAll(name, "_", "-") }

// resourceOptions are the meta options that Heartbeat 2 read from a resource's
// instance attributes or from the resource itself; cloneOptions those of clones and groups beside.
var (
	resourceOptions = []string{"target_role", "is_managed", "resource_stickiness", "resource_failure_stickiness",
		"multiple_active", "migration_threshold", "failure_timeout", "restart_type", "allow_migrate", "priority"}
	cloneOptions = []string{"clone_max", "clone_node_max", "master_max", "master_node_max", "globally_unique",
		"notify", "ordered", "interleave", "collocated"}
)

// heartbeatResource moves what is Pacemaker's, not the agent's, to meta attributes.
func (u *upgrader) heartbeatResource(rsc *cib.Element) {
	known := resourceOptions
	if rsc.Name != "primitive" {
		known = slices.Concat(resourceOptions, cloneOptions)
	}
	meta := u.metaOf(rsc, rsc.ID()+"-meta_attributes")
	for set := range rsc.All("meta_attributes") {
		u.hyphenateOptions(set, slices.Concat(resourceOptions, cloneOptions))
	}
	for _, set := range slices.Collect(rsc.All("instance_attributes")) {
		for _, pair := range pairs(set) {
			name := strings.ReplaceAll(pair.Get("name"), "-", "_")
			if !slices.Contains(known, name) {
				continue
			}
			pair.Remove()
			u.note(pair, "option %s moved from the agent's parameters to the meta attributes as %s", pair.Get("name"), hyphenate(name))
			pair.Set("name", hyphenate(name))
			meta().Append(pair)
			dropEmpty(set)
		}
	}
	for _, name := range known {
		value, ok := rsc.Lookup(name)
		if !ok {
			continue
		}
		rsc.Unset(name)
		set := meta()
		if set.Pair(hyphenate(name)) == nil {
			set.Append(cib.NewElement("nvpair", "id", u.freshID(set.ID()+"-"+hyphenate(name)), "name", hyphenate(name), "value", value))
		}
		u.note(rsc, "attribute %s moved to the meta attributes as %s", name, hyphenate(name))
	}
	for _, op := range all(rsc.Child("operations"), "op") {
		for _, name := range []string{"on_fail", "start_delay", "interval_origin", "record_pending"} {
			u.rename(op, name, hyphenate(name))
		}
		u.rename(op, "prereq", "requires")
		if op.Get("disabled") != "" {
			u.invertDisabled(op)
		}
	}
}

// metaOf gives a resource's meta attributes, made when first asked for.
func (u *upgrader) metaOf(owner *cib.Element, id string) func() *cib.Element {
	return func() *cib.Element {
		for set := range owner.All("meta_attributes") {
			if set.Child("rule") == nil && set.Get("id-ref") == "" {
				return set
			}
		}
		set := cib.NewElement("meta_attributes", "id", u.freshID(id))
		if owner.Child("primitive") != nil || owner.Child("group") != nil {
			return owner.InsertAt(0, set) // what a resource holds comes last
		}
		return owner.Append(set)
	}
}

func (u *upgrader) invertDisabled(op *cib.Element) {
	enabled := strconv.FormatBool(!cib.ParseBool(op.Get("disabled"), false))
	op.Unset("disabled")
	op.Set("enabled", enabled)
	u.note(op, "attribute disabled became enabled=%q", enabled)
}

// heartbeatConstraints turns "from" and "to" into the names that say who follows whom.
func (u *upgrader) heartbeatConstraints(constraints *cib.Element) {
	for _, e := range all(constraints, "rsc_colocation") {
		u.rename(e, "from", "rsc")
		u.rename(e, "to", "with-rsc")
		u.rename(e, "from_role", "rsc-role")
		u.rename(e, "to_role", "with-rsc-role")
		u.rename(e, "node_attribute", "node-attribute")
	}
	for _, e := range all(constraints, "rsc_order") {
		u.heartbeatOrder(e)
	}
	for _, e := range all(constraints, "rule", "rsc_colocation", "rsc_location") {
		for _, name := range []string{"score_attribute", "score_attribute_mangle", "boolean_op"} {
			u.rename(e, name, hyphenate(name))
		}
	}
}

// heartbeatOrder reads "from ACTION after to ACTION"; after is the default.
func (u *upgrader) heartbeatOrder(e *cib.Element) {
	if e.Get("from") == "" && e.Get("to") == "" {
		return
	}
	direction := e.Get("type")
	e.Unset("type")
	from, to := "then", "first"
	if direction == "before" {
		from, to = "first", "then"
	}
	action, toAction := e.Get("action"), e.Get("to_action")
	if action != "" && toAction == "" {
		e.Set("to_action", action)
	}
	u.rename(e, "from", from)
	u.rename(e, "to", to)
	u.rename(e, "action", from+"-action")
	u.rename(e, "to_action", to+"-action")
}

// capitalRoles writes roles as they are written since 1.0.
func (u *upgrader) capitalRoles() {
	capital := map[string]string{"started": "Started", "stopped": "Stopped", "master": "Master", "slave": "Slave"}
	adjust := func(e *cib.Element, name string) {
		if role := capital[e.Get(name)]; role != "" {
			u.note(e, "role %s is written %s now", e.Get(name), role)
			e.Set(name, role)
		}
	}
	for e := range u.doc.Root.Child("configuration").Descendants() {
		switch e.Name {
		case "op", "rule", "rsc_location":
			adjust(e, "role")
		case "rsc_colocation":
			adjust(e, "rsc-role")
			adjust(e, "with-rsc-role")
		case "nvpair":
			if e.Get("name") == "target-role" && e.Parent.Name == "meta_attributes" {
				adjust(e, "value")
			}
		}
	}
}
