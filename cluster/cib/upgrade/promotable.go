package upgrade

import (
	"holdfast/cluster/cib"
)

// promotable leads from 3.x to 4.0.
func (u *upgrader) promotable() {
	if config := u.doc.Section("crm_config"); config != nil {
		for _, set := range all(config, "cluster_property_set") {
			u.lastProperties(set)
		}
	}
	if resources := u.doc.Section("resources"); resources != nil {
		u.formerClasses(resources)
		for _, e := range all(resources, "master") {
			u.master(e)
		}
		for _, set := range all(resources, "meta_attributes") {
			for _, pair := range pairs(set) {
				u.roleOption(pair)
			}
		}
		for _, op := range all(resources, "op") {
			u.roleAttributes(op, "role")
		}
	}
	for _, name := range []string{"rsc_defaults", "op_defaults"} {
		for _, pair := range all(u.doc.Section(name), "nvpair") {
			u.roleOption(pair)
		}
	}
	if constraints := u.doc.Section("constraints"); constraints != nil {
		u.lifetimes(constraints)
		for _, e := range all(constraints, "rsc_location", "rsc_colocation", "rsc_ticket", "resource_set", "rule") {
			u.roleAttributes(e, "role", "rsc-role", "with-rsc-role")
		}
	}
}

// lastProperties renames the properties whose former names schema 4.0 no longer has.
func (u *upgrader) lastProperties(set *cib.Element) {
	renamed := map[string]string{"crmd-finalization-timeout": "join-finalization-timeout", "crmd-integration-timeout": "join-integration-timeout",
		"crmd-transition-delay": "transition-delay"}
	for _, pair := range pairs(set) {
		name := pair.Get("name")
		if to := renamed[name]; to != "" && set.Pair(to) == nil {
			u.renameOption(pair, to)
		}
		if name == "stonith-action" && pair.Get("value") == "poweroff" {
			pair.Set("value", "off")
			u.note(pair, "value poweroff is called off now")
		}
		if name == "remove-after-stop" {
			pair.Remove()
			u.lose(pair, "property %s=%q left out: resources stay known to their host until cleaned up", name, pair.Get("value"))
			dropEmpty(set)
		}
	}
}

// formerClasses removes the resources that nothing can run any more, with what named them.
func (u *upgrader) formerClasses(resources *cib.Element) {
	for _, e := range all(resources, "primitive", "template") {
		if class := e.Get("class"); class == "nagios" || class == "upstart" {
			e.Remove()
			u.lose(e, "resource left out: class %s is no more", class)
		}
	}
	for _, e := range all(resources, "group", "clone", "master") {
		if len(all(e, "primitive")) == 0 && e.Parent != nil {
			e.Remove()
			u.lose(e, "left out: nothing is left in it")
		}
	}
}

// master turns a <master> into a clone that can be promoted.
func (u *upgrader) master(e *cib.Element) {
	e.Name = "clone"
	u.note(e, "element master became a clone with promotable=true")
	set := u.metaOf(e, e.ID()+"-meta_attributes")()
	if there := set.Pair("promotable"); there != nil {
		there.Set("value", "true")
		return
	}
	set.Append(cib.NewElement("nvpair", "id", u.freshID(set.ID()+"-promotable"), "name", "promotable", "value", "true"))
}

// promotedNames are the words that replaced those of master and slave.
var promotedNames = map[string]string{"Master": "Promoted", "Slave": "Unpromoted", "master": "Promoted", "slave": "Unpromoted"}

func (u *upgrader) roleOption(pair *cib.Element) {
	switch name := pair.Get("name"); name {
	case "master-max", "master-node-max":
		to := map[string]string{"master-max": "promoted-max", "master-node-max": "promoted-node-max"}[name]
		if pair.Parent != nil && pair.Parent.Pair(to) == nil {
			u.renameOption(pair, to)
		}
	case "target-role", "role":
		u.roleAttributes(pair, "value")
	}
}

func (u *upgrader) roleAttributes(e *cib.Element, names ...string) {
	for _, name := range names {
		if role := promotedNames[e.Get(name)]; role != "" {
			u.note(e, "role %s is called %s now", e.Get(name), role)
			e.Set(name, role)
		}
	}
}

// lifetimes put the rules that limit a location into the constraint itself.
func (u *upgrader) lifetimes(constraints *cib.Element) {
	for _, e := range all(constraints, "lifetime") {
		owner := e.Parent
		if owner.Name != "rsc_location" || owner.Child("rule") != nil {
			u.note(owner, "its lifetime stays, which schema 4.0 has at no constraint: limit a location by a rule instead")
			continue
		}
		at := e.Index()
		e.Remove()
		home := owner
		if node, ok := owner.Lookup("node"); ok {
			home = u.locationRule(owner, node, at)
			at = len(home.Children)
		}
		for i, c := range e.Children {
			home.InsertAt(at+i, c)
		}
		u.note(owner, "the rules of its lifetime stand in the constraint itself now")
	}
}

// locationRule says by a rule what owner said by node and score, and adds that the rules put into it hold too.
func (u *upgrader) locationRule(owner *cib.Element, node string, at int) *cib.Element {
	id := u.freshID(owner.ID() + "-rule")
	rule := owner.InsertAt(at, cib.NewElement("rule", "id", id, "boolean-op", "and"))
	if score := owner.Get("score"); score != "" {
		rule.Set("score", score)
	}
	rule.Append(cib.NewElement("expression", "id", u.freshID(id+"-node"), "attribute", "#uname", "operation", "eq", "value", node))
	owner.Unset("node")
	owner.Unset("score")
	return rule
}
