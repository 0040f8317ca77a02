package upgrade

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// madeBy begins the ids of elements that the step from 2.x to 3.0 makes, as Pacemaker's do.
const madeBy = "_2TO3_"

// defaults leads from 2.x to 3.0.
func (u *upgrader) defaults() {
	references := u.references()
	if config := u.doc.Section("crm_config"); config != nil {
		for _, set := range all(config, "cluster_property_set") {
			u.clusterProperties(set)
		}
	}
	if nodes := u.doc.Section("nodes"); nodes != nil {
		for node := range nodes.All("node") {
			if node.Get("type") == "normal" {
				node.Set("type", "member")
				u.note(node, "type normal is called member now")
			}
		}
	}
	if resources := u.doc.Section("resources"); resources != nil {
		for _, rsc := range all(resources, "primitive", "template") {
			u.resource(rsc)
		}
	}
	u.keepReferences(references)
}

// movedProperties became defaults of resources or operations.
var movedProperties = map[string]struct{ section, set, name string }{
	"default-resource-stickiness": {"rsc_defaults", "rsc-defaults", "resource-stickiness"},
	"is-managed-default":          {"rsc_defaults", "rsc-defaults", "is-managed"},
	"default-action-timeout":      {"op_defaults", "op-defaults", "timeout"},
}

// hyphenatedProperties were still read with underscores until 2.x.
var hyphenatedProperties = []string{"cluster_recheck_interval", "dc_deadtime", "default_action_timeout", "default_migration_threshold",
	"default_resource_failure_stickiness", "default_resource_stickiness", "election_timeout", "expected_quorum_votes",
	"is_managed_default", "no_quorum_policy", "notification_agent", "notification_recipient", "remove_after_stop",
	"shutdown_escalation", "startup_fencing", "stonith_action", "stonith_enabled", "stop_orphan_actions",
	"stop_orphan_resources", "symmetric_cluster"}

// formerStacks are values of cluster-infrastructure below Corosync 2.
var formerStacks = []string{"heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman"}

// withoutSuccessor says why a property is gone.
var withoutSuccessor = map[string]string{
	"default-resource-failure-stickiness": "set migration-threshold in the resource defaults",
	"default-migration-threshold":         "set migration-threshold in the resource defaults",
	"expected-quorum-votes":               "the membership layer counts the votes",
	"notification-agent":                  "configure an alert",
	"notification-recipient":              "configure an alert",
}

func (u *upgrader) clusterProperties(set *cib.Element) {
	u.hyphenateOptions(set, hyphenatedProperties)
	for _, pair := range pairs(set) {
		name := pair.Get("name")
		why, gone := withoutSuccessor[name]
		switch moved, ok := movedProperties[name]; {
		case ok:
			u.moveToDefaults(pair, set, moved.section, moved.set, moved.name)
		case gone:
			pair.Remove()
			u.lose(pair, "property %s=%q left out: %s instead", name, pair.Get("value"), why)
		case name == "cluster-infrastructure" && slices.Contains(formerStacks, pair.Get("value")):
			pair.Remove()
			u.lose(pair, "property %s=%q left out: that stack is no more", name, pair.Get("value"))
		default:
			continue
		}
		dropEmpty(set)
	}
}

// moveToDefaults takes a property to the defaults, unless they say something else already. A property
// that holds under a rule keeps the rule.
func (u *upgrader) moveToDefaults(pair, from *cib.Element, section, setName, name string) {
	pair.Remove()
	home := u.doc.EnsureSection(section)
	rule := from.Child("rule")
	var target *cib.Element
	for set := range home.All("meta_attributes") {
		if set.Get("id-ref") == "" && set.Child("rule") == nil && rule == nil {
			target = set
			break
		}
	}
	if target == nil {
		target = home.Append(cib.NewElement("meta_attributes", "id", u.freshID(madeBy+"-"+setName)))
		if rule != nil {
			u.copyRule(rule, target)
		}
	}
	if there := target.Pair(name); there != nil {
		u.lose(pair, "property %s=%q left out: %s says %s=%q", pair.Get("name"), pair.Get("value"), section, name, there.Get("value"))
		return
	}
	u.note(pair, "property %s moved to %s as %s", pair.Get("name"), section, name)
	pair.Set("name", name)
	target.Append(pair)
}

// copyRule puts a copy of a rule, under ids of its own, in front of a set's options.
func (u *upgrader) copyRule(rule, set *cib.Element) {
	again := set.InsertAt(0, rule.Clone())
	for e := range again.Descendants() {
		if e.ID() != "" {
			e.Set("id", u.freshID(madeBy+e.ID()))
		}
	}
}

// resource upgrades a primitive or template.
func (u *upgrader) resource(rsc *cib.Element) {
	for _, set := range slices.Collect(rsc.All("instance_attributes")) {
		u.fencingParameters(set)
	}
	for _, set := range slices.Collect(rsc.All("meta_attributes")) {
		u.metaOptions(set)
	}
	meta := u.requiresHome(rsc)
	for _, op := range all(rsc.Child("operations"), "op") {
		u.operation(op, meta)
	}
}

// fencingParameters renames what the fencer reads among a device's parameters.
func (u *upgrader) fencingParameters(set *cib.Element) {
	for _, pair := range pairs(set) {
		name := pair.Get("name")
		switch name {
		case "pcmk_arg_map":
			pair.Remove()
			if argument, only := strings.CutSuffix(pair.Get("value"), ":uname"); only && !strings.ContainsAny(argument, ":;, ") &&
				set.Pair("pcmk_host_argument") == nil {
				pair.Set("name", "pcmk_host_argument")
				pair.Set("value", argument)
				set.Append(pair)
				u.note(pair, "parameter pcmk_arg_map became pcmk_host_argument=%q", argument)
				continue
			}
			u.lose(pair, "parameter pcmk_arg_map=%q left out: set pcmk_host_argument and the parameters themselves", pair.Get("value"))
			dropEmpty(set)
		case "pcmk_list_cmd", "pcmk_monitor_cmd", "pcmk_off_cmd", "pcmk_on_cmd", "pcmk_reboot_cmd", "pcmk_status_cmd":
			u.renameOption(pair, strings.TrimSuffix(name, "_cmd")+"_action")
		}
	}
}

// metaOptions leaves out what has no successor. A resource that was to run isolated is
// stopped rather than run without its wrapper.
func (u *upgrader) metaOptions(set *cib.Element) {
	isolated := false
	for _, pair := range pairs(set) {
		switch name := pair.Get("name"); name {
		case "resource_failure_stickiness", "resource-failure-stickiness":
			pair.Remove()
			u.lose(pair, "option %s=%q left out: set migration-threshold instead", name, pair.Get("value"))
		case "isolation", "isolation-host", "isolation-instance", "isolation-wrapper":
			u.lose(pair, "option %s=%q left out and the resource stopped: isolation is done by bundles now", name, pair.Get("value"))
			if isolated {
				pair.Remove()
				break
			}
			isolated = true
			if role := set.Pair("target-role"); role != nil {
				role.Remove()
			}
			pair.Set("name", "target-role")
			pair.Set("value", "Stopped")
		}
	}
	dropEmpty(set)
}

// operationOptions were once read from an operation's instance attributes.
var operationOptions = []string{"enabled", "interval-origin", "on-fail", "record-pending", "role", "start-delay", "timeout"}

// operation moves options out of the parameters, and "requires" to the resource.
func (u *upgrader) operation(op *cib.Element, requires func(op *cib.Element, value string)) {
	decides := op.Get("name") == "start" || op.Get("name") == "promote"
	take := func(e *cib.Element, value string) {
		if decides {
			u.note(e, "requires=%q moved to the resource's meta attributes", value)
			requires(op, value)
			return
		}
		u.lose(e, "requires=%q left out: it says something at start and promote only", value)
	}
	if value, ok := op.Lookup("requires"); ok {
		op.Unset("requires")
		take(op, value)
	}
	meta := u.metaOf(op, madeBy+op.ID()+"-meta")
	for _, set := range slices.Concat(slices.Collect(op.All("meta_attributes")), slices.Collect(op.All("instance_attributes"))) {
		for _, pair := range pairs(set) {
			name := pair.Get("name")
			switch {
			case name == "requires":
				pair.Remove()
				take(pair, pair.Get("value"))
			case set.Name == "instance_attributes" && slices.Contains(operationOptions, name):
				pair.Remove()
				u.moveOption(pair, meta)
			default:
				continue
			}
			dropEmpty(set)
		}
	}
}

// moveOption takes an option to a set that is made when something comes into it.
func (u *upgrader) moveOption(pair *cib.Element, home func() *cib.Element) {
	name := pair.Get("name")
	set := home()
	if there := set.Pair(name); there != nil {
		u.lose(pair, "option %s=%q left out: %s says %q", name, pair.Get("value"), label(set), there.Get("value"))
		return
	}
	u.note(pair, "option %s moved from the parameters to the meta attributes", name)
	set.Append(pair)
}

// requiresHome gives the function that notes "requires" at a resource: the first one said counts.
func (u *upgrader) requiresHome(rsc *cib.Element) func(op *cib.Element, value string) {
	return func(op *cib.Element, value string) {
		for set := range rsc.All("meta_attributes") {
			if set.Get("id-ref") == "" && set.Pair("requires") != nil {
				return
			}
		}
		wanted := madeBy + rsc.ID() + "-meta"
		var home *cib.Element
		for set := range rsc.All("meta_attributes") {
			if set.ID() == wanted {
				home = set
			}
		}
		if home == nil {
			home = rsc.Append(cib.NewElement("meta_attributes", "id", u.freshID(wanted)))
		}
		home.Append(cib.NewElement("nvpair", "id", u.freshID(madeBy+op.ID()+"-meta-requires"), "name", "requires", "value", value))
	}
}
