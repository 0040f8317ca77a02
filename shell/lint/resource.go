package lint

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/executor/metadata"
)

var resourceChecks = []Check{
	{"unknown-agent", Error, "The resource cannot start.", unknownAgent},
	{"unknown-parameter", Error, "The agent never looks at it, so what it was meant to do is not done.", unknownParameter},
	{"missing-parameter", Error, "The agent refuses to start without it.", missingParameter},
	{"unknown-meta", Error, "A misspelled meta attribute does nothing, and nobody is told.", unknownMeta},
	{"bad-meta-value", Error, "A value that cannot be read counts as the default.", badMetaValue},
	{"empty-value", Note, "Agents differ in what they make of an empty value.", emptyValue},
	{"unmanaged", Warning, "The cluster neither starts nor recovers it.", unmanaged},
	{"disabled", Note, "It does not run, and does not come back by itself.", disabled},
	{"promoted-target-role", Error, "Only promotable clones have that role.", promotedTarget},
	{"no-stickiness", Note, "After a failed host returns, resources may move back to it, which is a second outage.", noStickiness},
	{"failures-never-expire", Note, "Once the threshold is reached, the resource stays away until somebody cleans up.", failuresNeverExpire},
	{"requires-nothing", Warning, "It starts without quorum and before lost hosts are fenced; two copies may run.", requiresNothing},
	{"secret-in-clear", Note, "Everyone who may read the configuration reads it, and so do logs and backups.", secretInClear},
	{"same-value", Error, "Both would fight for one thing.", sameValue},
	{"group-of-one", Note, "A group of one member only adds a name.", groupOfOne},
	{"empty-group", Error, "A group needs members; the document is not valid.", emptyGroup},
}

func unknownAgent(s *subject, report report) {
	for _, p := range s.primitives {
		if s.Agents != nil && s.agents[p] == nil && s.class(p, "class") != "" && !slices.Contains([]string{"systemd", "service", "lsb"}, s.class(p, "class")) {
			report(p, "install the package that brings "+s.agent(p)+", or correct the name", "agent %s of %s is not installed here", s.agent(p), p.ID())
		}
	}
}

// alwaysKnown are parameters that the cluster or the agents' shell library takes of any agent.
func alwaysKnown(class, name string) bool {
	switch class {
	case "ocf":
		return name == "trace_ra" || name == "trace_file" || strings.HasPrefix(name, "CRM_meta_")
	case "stonith":
		return strings.HasPrefix(name, "pcmk_") || slices.Contains([]string{"stonith-timeout", "priority", "provides"}, name)
	}
	return false
}

func unknownParameter(s *subject, report report) {
	for _, p := range s.primitives {
		agent := s.agents[p]
		if agent == nil || len(agent.Params) == 0 {
			continue
		}
		var known []string
		for _, k := range agent.Params {
			known = append(known, k.Name)
		}
		for set := range p.All("instance_attributes") {
			for nv := range set.All("nvpair") {
				if name := nv.Get("name"); name != "" && !slices.Contains(known, name) && !alwaysKnown(agent.Class, name) {
					report(nv, spelled(name, known), "%s: agent %s takes no parameter %s", p.ID(), s.agent(p), name)
				}
			}
		}
	}
}

func missingParameter(s *subject, report report) {
	for _, p := range s.primitives {
		agent := s.agents[p]
		if agent == nil {
			continue
		}
		for _, k := range agent.Params {
			if !k.Required || k.Deprecated || k.HasDefault && k.Default != "" || s.param(p, k.Name) != "" || s.replaced(p, agent, k) ||
				agent.Class == "stonith" && slices.Contains([]string{"port", "plug", "nodename", "action"}, k.Name) {
				continue
			}
			report(p, "set "+k.Name, "%s: agent %s needs parameter %s", p.ID(), s.agent(p), k.Name)
		}
	}
}

// replaced says whether a parameter is given under an older or newer name.
func (s *subject) replaced(p *cib.Element, agent *metadata.Agent, k metadata.Parameter) bool {
	if k.Obsoletes != "" && s.param(p, k.Obsoletes) != "" {
		return true
	}
	return slices.ContainsFunc(agent.Params, func(o metadata.Parameter) bool {
		return (o.Obsoletes == k.Name || slices.Contains(o.ReplacedBy, k.Name)) && s.param(p, o.Name) != ""
	})
}

var (
	primitiveMeta = strings.Fields(`allow-migrate allow-unhealthy-nodes container-attribute-target critical description failure-timeout is-managed
		maintenance migration-threshold multiple-active priority remote-addr remote-allow-migrate remote-connect-timeout remote-node remote-port
		requires resource-stickiness restart-type target-role provides container interval-origin resource_stickiness is_managed target_role
		migration_threshold internal_rsc`)
	cloneMeta = append(slices.Clone(primitiveMeta), strings.Fields(`clone-max clone-min clone-node-max globally-unique interleave notify ordered
		promotable promoted-max promoted-node-max master-max master-node-max clone_max clone_node_max globally_unique master_max master_node_max`)...)
)

// eachMeta visits the meta attributes of resources; known are the names that mean something there.
func (s *subject) eachMeta(visit func(owner, nv *cib.Element, known []string)) {
	for e := range s.resources.Descendants() {
		if !isResource(e) {
			continue
		}
		known := primitiveMeta
		if t := top(e); t.Name == "clone" || t.Name == "master" {
			known = cloneMeta
		}
		for set := range e.All("meta_attributes") {
			for nv := range set.All("nvpair") {
				visit(e, nv, known)
			}
		}
	}
	for set := range s.Document.Section("rsc_defaults").All("meta_attributes") {
		for nv := range set.All("nvpair") {
			visit(set, nv, cloneMeta)
		}
	}
}

func unknownMeta(s *subject, report report) {
	s.eachMeta(func(owner, nv *cib.Element, known []string) {
		name := nv.Get("name")
		if slices.Contains(known, name) || name == "" || strings.HasPrefix(name, "#") {
			return
		}
		if slices.Contains(cloneMeta, name) {
			report(nv, "set it on the clone", "%s: %s means something on a clone only", owner.ID(), name)
			return
		}
		report(nv, spelled(name, cloneMeta), "%s: there is no meta attribute %s", owner.ID(), name)
	})
}

var metaValues = map[string][]string{
	"target-role":     {"Started", "Stopped", "Promoted", "Unpromoted", "Master", "Slave"},
	"multiple-active": {"block", "stop_only", "stop_start", "stop_unexpected"},
	"requires":        {"nothing", "quorum", "fencing", "unfencing"},
}

func badMetaValue(s *subject, report report) {
	s.eachMeta(func(owner, nv *cib.Element, _ []string) {
		name, value := nv.Get("name"), nv.Get("value")
		complain := func(want string) { report(nv, "give it "+want, "%s: %s=%s cannot be read", owner.ID(), name, value) }
		switch name {
		case "is-managed", "maintenance", "critical", "allow-migrate", "interleave", "notify", "promotable", "globally-unique":
			if !cib.ParseBool(value, false) && !isFalse(value) {
				complain("true or false")
			}
		case "resource-stickiness", "migration-threshold", "priority":
			if _, ok := rule.ParseScore(value); !ok {
				complain("a number or INFINITY")
			}
		case "clone-max", "clone-node-max", "promoted-max", "promoted-node-max", "clone-min":
			if n, err := strconv.Atoi(value); err != nil || n < 0 {
				complain("a number")
			}
		case "failure-timeout", "remote-connect-timeout":
			if _, ok := metadata.Duration(value); !ok && !strings.HasPrefix(value, "P") {
				complain("a time such as 10min")
			}
		case "target-role", "multiple-active", "requires":
			if !slices.ContainsFunc(metaValues[name], func(v string) bool { return strings.EqualFold(v, value) }) {
				complain("one of " + strings.Join(metaValues[name], ", "))
			}
		}
	})
}

func emptyValue(s *subject, report report) {
	for e := range s.resources.Descendants() {
		if v, ok := e.Lookup("value"); e.Name == "nvpair" && ok && v == "" {
			report(e, "give it a value or take it out", "%s has an empty value", e.Get("name"))
		}
	}
}

func unmanaged(s *subject, report report) {
	for e := range s.resources.Descendants() {
		for _, m := range []struct{ name, problem string }{{"is-managed", "is not managed"}, {"maintenance", "is in maintenance"}} {
			nv := s.pair(e, "meta_attributes", m.name)
			if isResource(e) && nv != nil && (m.name == "is-managed" && isFalse(nv.Get("value")) || m.name == "maintenance" && cib.ParseBool(nv.Get("value"), false)) {
				report(nv, "remove "+m.name+" when the work is done", "%s %s", e.ID(), m.problem)
			}
		}
	}
}

func disabled(s *subject, report report) {
	s.eachMeta(func(owner, nv *cib.Element, _ []string) {
		if nv.Get("name") == "target-role" && strings.EqualFold(nv.Get("value"), "stopped") {
			report(nv, "remove target-role to let it run", "%s is switched off", owner.ID())
		}
	})
}

func promotedTarget(s *subject, report report) {
	s.eachMeta(func(owner, nv *cib.Element, _ []string) {
		role := strings.ToLower(nv.Get("value"))
		if nv.Get("name") == "target-role" && isResource(owner) && slices.Contains([]string{"master", "promoted", "slave", "unpromoted"}, role) && !s.promotable(owner) {
			report(nv, "use target-role=Started", "%s can be neither promoted nor unpromoted", owner.ID())
		}
	})
}

func noStickiness(s *subject, report report) {
	if len(s.hosts) < 2 || s.fallback("rsc_defaults", "resource-stickiness") != "" || s.option("default-resource-stickiness") != "" {
		return
	}
	for _, p := range s.primitives {
		if !s.isFencing(p) && clone(p) == nil && s.inherited(p, "resource-stickiness") == "" {
			report(p, "set resource-stickiness in rsc_defaults, 100 say", "%s prefers no place to the one it is at", p.ID())
			return
		}
	}
}

func failuresNeverExpire(s *subject, report report) {
	for _, p := range s.primitives {
		t := s.inherited(p, "migration-threshold")
		if t != "" && t != "0" && t != "INFINITY" && s.inherited(p, "failure-timeout") == "" {
			report(p, "set failure-timeout, 10min say", "%s has a migration-threshold and its failures never expire", p.ID())
		}
	}
}

func requiresNothing(s *subject, report report) {
	s.eachMeta(func(owner, nv *cib.Element, _ []string) {
		e := s.byID[owner.ID()]
		if nv.Get("name") == "requires" && nv.Get("value") == "nothing" && e != nil && !(e.Name == "primitive" && s.isFencing(e)) {
			report(nv, "remove requires", "%s needs neither quorum nor fencing", owner.ID())
		}
	})
}

func secretInClear(s *subject, report report) {
	for _, p := range s.primitives {
		for set := range p.All("instance_attributes") {
			for nv := range set.All("nvpair") {
				name := strings.ToLower(nv.Get("name"))
				if strings.Contains(name, "passw") && !strings.Contains(name, "script") && !strings.Contains(name, "file") && nv.Get("value") != "" {
					report(nv, "let the agent read it from a file: passwd_script, a credentials file, or the lrm's secrets", "%s: %s stands in the configuration", p.ID(), nv.Get("name"))
				}
			}
		}
	}
}

// exclusive are parameters that two resources of one type cannot share.
var exclusive = map[string][]string{"IPaddr2": {"ip"}, "IPaddr": {"ip"}, "address": {"ip"}, "ip": {"ip"}, "Filesystem": {"directory", "device"}, "Route": {"destination"}, "LVM-activate": {"vgname"}}

func sameValue(s *subject, report report) {
	seen := map[string]*cib.Element{}
	for _, p := range s.primitives {
		for _, name := range exclusive[s.class(p, "type")] {
			value := s.param(p, name)
			key := s.class(p, "type") + " " + name + " " + value
			if other := seen[key]; value != "" && other != nil && s.param(p, "lv_activation_mode")+s.param(p, "lvname") == s.param(other, "lv_activation_mode")+s.param(other, "lvname") {
				report(p, "give them different values, or remove one", "%s and %s have the same %s, %s", other.ID(), p.ID(), name, value)
			}
			seen[key] = p
		}
	}
}

func groupOfOne(s *subject, report report) {
	for e := range s.resources.Descendants() {
		if e.Name == "group" && len(slices.Collect(e.All("primitive"))) == 1 {
			report(e, "take the group away, or say in its description what will join it", "group %s has one member", e.ID())
		}
	}
}

func emptyGroup(s *subject, report report) {
	for e := range s.resources.Descendants() {
		if (e.Name == "group" || e.Name == "clone" || e.Name == "master") && e.Child("primitive") == nil && e.Child("group") == nil {
			report(e, "remove it", "%s %s holds nothing", e.Name, e.ID())
		}
	}
}
