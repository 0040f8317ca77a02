package pcs

import (
	"slices"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// checkParameters compares the instance attributes of a new resource with what the agent takes.
func (s *session) checkParameters(r *reports, agent *metadata.Agent, name agentName, attrs pairs) {
	var empty []string
	for _, p := range attrs {
		if p.value == "" {
			empty = append(empty, p.name)
		}
	}
	if len(empty) > 0 {
		r.fail("%s without a value: %s", plural(len(empty), "an option", "options"), quoted(empty))
	}
	s.checkKnown(r, agent, name, attrs)
	_, required := parameters(agent)
	var missing []string
	for _, n := range required {
		if !slices.Contains(empty, n) && !given(agent, n, attrs) {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		r.check("agent '%s' needs %s", name, quoted(missing))
	}
	s.checkUnique(r, agent, name, attrs)
}

// checkKnown finds attributes that the agent does not take, and what a fence device should not be told.
func (s *session) checkKnown(r *reports, agent *metadata.Agent, name agentName, attrs pairs) {
	allowed, _ := parameters(agent)
	var unknown []string
	for _, p := range attrs {
		if !slices.Contains(allowed, p.name) {
			unknown = append(unknown, p.name)
		}
	}
	if len(unknown) > 0 {
		r.check("%s not known to agent '%s': %s; it takes %s", plural(len(unknown), "option is", "options are"), name, quoted(unknown), quoted(allowed))
	}
	if agent.Class == "stonith" && attrs.value("action") != "" {
		r.check("'action' would make the device do that whatever it is asked; set 'pcmk_off_action' or 'pcmk_reboot_action'")
	}
}

// given says whether a parameter has a value, under its own name, an older or a newer one.
func given(agent *metadata.Agent, name string, attrs pairs) bool {
	if attrs.value(name) != "" {
		return true
	}
	if p, _ := agent.Param(name); p.Obsoletes != "" && attrs.value(p.Obsoletes) != "" {
		return true
	}
	for _, other := range agent.Params {
		if (other.Obsoletes == name || slices.Contains(other.ReplacedBy, name)) && attrs.value(other.Name) != "" {
			return true
		}
	}
	return false
}

// checkChangedParameters checks changes to a resource's attributes: names and values that are new to it, and that
// nothing that the agent needs goes.
func (s *session) checkChangedParameters(r *reports, e *cib.Element, agent *metadata.Agent, changes pairs) {
	before := values(e.Child("instance_attributes"))
	after, fresh := slices.Clone(before), pairs{}
	for _, p := range changes {
		after = after.with(p.name, p.value)
		if p.value != "" || !before.has(p.name) {
			fresh = append(fresh, p)
		}
	}
	name := agentOf(e)
	s.checkKnown(r, agent, name, fresh)
	_, required := parameters(agent)
	var missing []string
	for _, n := range required {
		if given(agent, n, before) && !given(agent, n, after) {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		r.check("agent '%s' needs %s", name, quoted(missing))
	}
	s.checkUnique(r, agent, name, changes)
	s.checkAgentInput(r, agent, before, after.nonEmpty())
}

// checkUnique refuses a value that another resource of the same agent has, where the agent forbids it.
func (s *session) checkUnique(r *reports, agent *metadata.Agent, name agentName, attrs pairs) {
	for _, p := range attrs {
		parameter, ok := agent.Param(p.name)
		if !ok || p.value == "" || !parameter.Unique && parameter.UniqueGroup != p.name {
			continue
		}
		var users []string
		for e := range s.doc.Section("resources").Descendants() {
			if e.Name != "primitive" || slices.Contains(s.booked, e.ID()) || agentOf(e) != name {
				continue
			}
			for set := range e.All("instance_attributes") {
				if nv := set.Pair(p.name); nv != nil && nv.Get("value") == p.value {
					users = append(users, e.ID())
				}
			}
		}
		if len(users) > 0 {
			r.check("%s=%s is already used by %s; '%s' resources need different values", p.name, p.value, quoted(users), name)
		}
	}
}
