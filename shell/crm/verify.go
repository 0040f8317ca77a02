package crm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
	"holdfast/cluster/executor/metadata"
)

// finding is one thing that a check found.
type finding struct {
	text    string
	object  string // "" for the whole configuration
	fatal   bool   // the configuration must not be committed
	warning bool   // it is told as a warning, fatal as it is
	// meanwhile says what a running cluster does as long as this is so, where that harms nothing: there
	// it is a warning, because commands are typed one after another. "": it is never just that.
	meanwhile string
}

// check looks at the whole document as the cluster would take it. What is against the schema is all that
// it tells, where something is: the cluster would not look further either.
func (m *model) check() []finding {
	found := m.checkSchema()
	if len(found) > 0 {
		return found
	}
	for _, p := range property.Unreadable(m.doc) {
		found = append(found, finding{fatal: true, text: p.Element + ": " + p.Text})
	}
	warn := func(text string) { found = append(found, finding{text: text}) }
	fencing := cib.ParseBool(m.property("stonith-enabled", "fencing-enabled"), true)
	if !fencing {
		warn("(unpack_config) \twarning: Blind faith: not fencing unseen nodes")
	}
	if m.doc.Root.Get("have-quorum") != "1" && m.property("no-quorum-policy") != "ignore" {
		warn("(cluster_status) \twarning: Fencing and resource management disabled due to lack of quorum")
	}
	if fencing && !m.hasFencing() {
		found = append(found, finding{fatal: true,
			meanwhile: "no fence device is configured, so the cluster starts nothing yet: configure one (a primitive of class stonith), or 'crm configure property stonith-enabled=false'",
			text:      "no stonith resource is defined and stonith-enabled is not false, so nothing would be started: define one or set the property"})
	}
	for _, p := range slices.Concat(property.UnreadableMeta(m.doc), property.UnreadableConstraints(m.doc)) {
		found = append(found, finding{fatal: true, text: p.Element + ": " + p.Text})
	}
	return append(found, m.checkReferences()...)
}

// checkSchema finds what no document may have: whatever the user's preferences, the cluster would refuse it.
func (m *model) checkSchema() []finding {
	var found []finding
	for _, p := range m.result().Validate() {
		found = append(found, finding{fatal: true, text: p.Element + ": " + p.Text})
	}
	return found
}

// property returns the value of a cluster property by any of its names, "" when it has none or only under a rule.
func (m *model) property(names ...string) string {
	section := m.doc.Section("crm_config")
	if section == nil {
		return ""
	}
	for set := range section.All("cluster_property_set") {
		if set.Child("rule") != nil {
			continue
		}
		for pair := range set.All("nvpair") {
			if slices.Contains(names, pair.Get("name")) {
				return pair.Get("value")
			}
		}
	}
	return ""
}

func (m *model) hasFencing() bool {
	for _, e := range m.objects {
		if e.Name == "primitive" && (e.Get("class") == "stonith" || m.templateOf(e).Get("class") == "stonith") {
			return true
		}
	}
	return false
}

// templateOf returns the template that a primitive is made from, or the primitive.
func (m *model) templateOf(e *cib.Element) *cib.Element {
	if t := m.objects[e.Get("template")]; t != nil && t.Name == "template" {
		return t
	}
	return e
}

// hasResources tells whether there is anything to run: templates alone are not.
func (m *model) hasResources() bool {
	section := m.doc.Section("resources")
	return section != nil && slices.ContainsFunc(slices.Collect(section.Elements()), isResource)
}

// live tells whether the session works on a running cluster.
func (s *session) live() bool {
	from, err := s.source()
	return err == nil && from.Live()
}

// checkReferences finds constraints on what is no resource, and on instances.
func (m *model) checkReferences() []finding {
	var found []finding
	for _, constraint := range m.constraints() {
		if rsc, with := constraint.Get("rsc"), constraint.Get("with-rsc"); constraint.Name == "rsc_colocation" && m.several(rsc) && m.several(with) {
			found = append(found, finding{fatal: true, object: constraint.ID(),
				text: fmt.Sprintf("%s: %s and %s are both tags or templates, and the cluster ignores such a colocation: name a resource, or use a resource set", constraint.ID(), rsc, with)})
		}
		for _, id := range constrainedResources(constraint) {
			e := m.objects[id]
			if e == nil { // of validate-with="none"
				continue
			}
			if !isResource(e) && e.Name != "tag" && e.Name != "template" {
				found = append(found, finding{fatal: true, object: constraint.ID(),
					text: fmt.Sprintf("%s: there is no resource, tag or template %s", constraint.ID(), id)})
				continue
			}
			for _, member := range m.tagged(e) {
				if outer := m.instantiated(member); outer != nil {
					found = append(found, finding{fatal: true, object: constraint.ID(),
						text: fmt.Sprintf("%s: %s has instances, being in %s %s; constrain that", constraint.ID(), member.ID(), kindName(outer), outer.ID())})
				}
			}
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int { return strings.Compare(a.object, b.object) })
	return found
}

// several says whether an id stands for any number of resources: it is a tag's or a template's.
func (m *model) several(id string) bool {
	e := m.objects[id]
	return e != nil && (e.Name == "tag" || e.Name == "template")
}

// tagged lists the resources that a tag stands for, or the resource itself.
func (m *model) tagged(e *cib.Element) []*cib.Element {
	if e.Name != "tag" {
		return []*cib.Element{e}
	}
	var list []*cib.Element
	for ref := range e.All("obj_ref") {
		if r := m.objects[ref.ID()]; isResource(r) {
			list = append(list, r)
		}
	}
	return list
}

// instantiated is the clone or bundle that makes several of a resource, nil when there is none.
func (m *model) instantiated(e *cib.Element) *cib.Element {
	for p := e.Parent; p != nil; p = p.Parent {
		if p.Name == "clone" || p.Name == "master" || p.Name == "bundle" {
			return p
		}
	}
	return nil
}

// constrainedResources lists what a constraint names as resources.
func constrainedResources(constraint *cib.Element) []string {
	var ids []string
	for _, name := range resourceAttributes {
		if id, ok := constraint.Lookup(name); ok {
			ids = append(ids, id)
		}
	}
	for set := range constraint.All("resource_set") {
		for ref := range set.All("resource_ref") {
			ids = append(ids, ref.ID())
		}
	}
	return ids
}

// checkObjects looks at single objects: those of that name, in the order of their names.
func (m *model) checkObjects(names []string, strict bool) []finding {
	found := m.checkUnique(names)
	names = slices.Clone(names)
	slices.Sort(names)
	for _, name := range names {
		e := m.objects[name]
		if e == nil {
			continue
		}
		switch e.Name {
		case "primitive":
			found = append(found, m.checkPrimitive(e, strict)...)
		case "template":
			_, missing := m.agentOf(e, strict)
			found = append(found, missing...)
		case "rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket":
			found = append(found, m.checkConstraint(e)...)
		case "fencing-topology":
			found = append(found, m.checkTopology(e)...)
		}
		found = append(found, checkNames(e)...)
	}
	return found
}

func (m *model) checkConstraint(e *cib.Element) []finding {
	var found []finding
	warn := func(format string, args ...any) {
		found = append(found, finding{object: e.ID(), text: e.ID() + ": " + fmt.Sprintf(format, args...)})
	}
	for _, id := range constrainedResources(e) {
		r := m.objects[id]
		switch {
		case r == nil:
			warn("resource %s does not exist", id)
		case r.Parent == nil:
		case r.Parent.Name == "group" && e.Name == "rsc_colocation":
			warn("resource %s is grouped, constraints should apply to the group", id)
		case isContainer(r.Parent) && r.Parent.Name != "group":
			warn("resource %s ambiguous, apply constraints to container", id)
		}
	}
	if node, ok := e.Lookup("node"); ok && len(m.nodeNames(nil)) > 0 && m.objects[node] == nil {
		warn("referenced node %s does not exist", node)
	}
	return found
}

func (m *model) checkTopology(e *cib.Element) []finding {
	var found []finding
	nodes := m.nodeNames(nil)
	for level := range e.All("fencing-level") {
		if target := level.Get("target"); target != "" && !slices.Contains(nodes, target) {
			found = append(found, finding{text: fmt.Sprintf("%s: target %s not a node", topologyID, target)})
		}
		for _, id := range strings.Split(level.Get("devices"), ",") {
			switch device := m.objects[id]; {
			case device == nil || device.Name != "primitive":
				found = append(found, finding{text: fmt.Sprintf("%s: resource %s does not exist", topologyID, id)})
			case m.templateOf(device).Get("class") != "stonith":
				found = append(found, finding{text: fmt.Sprintf("%s: %s not a stonith resource", topologyID, id)})
			}
		}
	}
	return found
}

// agentOf asks the agent of a primitive or a template about itself; nil when it cannot be asked, with what is wrong
// about that.
func (m *model) agentOf(e *cib.Element, strict bool) (*agentInfo, []finding) {
	agent := m.templateOf(e)
	class, kind := agent.Get("class"), agent.Get("type")
	if class == "" || class == "stonith" && metadata.Unanswering(kind) {
		return nil, nil
	}
	info, err := m.agents.describe(class, agent.Get("provider"), kind)
	if err != nil {
		// Elsewhere it may be there; -F commits nevertheless.
		known := slices.Contains([]string{"ocf", "stonith", "lsb", "systemd", "service"}, class)
		return nil, []finding{{object: e.ID(), text: err.Error(), fatal: strict && (errors.Is(err, metadata.ErrNotInstalled) || !known)}}
	}
	return info, nil
}

// checkPrimitive compares a primitive with what its agent says about itself.
func (m *model) checkPrimitive(e *cib.Element, strict bool) []finding {
	info, missing := m.agentOf(e, strict)
	agent := m.templateOf(e)
	class, kind := agent.Get("class"), agent.Get("type")
	if info == nil || class != "ocf" && class != "stonith" {
		return missing // units and init scripts take whatever they are given
	}
	var found []finding
	given := map[string]bool{}
	for _, source := range []*cib.Element{agent, e} {
		for set := range source.All("instance_attributes") {
			if set.Get("id-ref") != "" {
				return m.checkOperations(e, info)
			}
			for pair := range set.All("nvpair") {
				given[m.pairName(pair)] = true
			}
		}
	}
	for _, name := range sortedKeys(given) {
		if _, known := info.params[name]; !known && !commonParameter(class, name) {
			found = append(found, finding{object: e.ID(), fatal: strict, text: fmt.Sprintf("%s: parameter \"%s\" is not known", e.ID(), name)})
		}
	}
	if _, plugin := metadata.Plugin(class, kind); class == "stonith" && !plugin {
		return append(found, m.checkOperations(e, info)...) // they name as required what has two names, or a default
	}
	for _, name := range sortedKeys(info.params) {
		if info.params[name] && !given[name] {
			found = append(found, finding{object: e.ID(), fatal: strict, text: fmt.Sprintf("%s: required parameter \"%s\" not defined", e.ID(), name)})
		}
	}
	return append(found, m.checkOperations(e, info)...)
}

// commonParameter tells whether all agents of a class take a parameter, whatever they say about themselves.
func commonParameter(class, name string) bool {
	if class == "stonith" {
		_, known := property.Device(name)
		return known && name != "priority" && name != "stonith-timeout"
	}
	return strings.HasPrefix(name, "OCF_") || name == "trace_ra" || name == "trace_file"
}

// pairName is the name of an attribute, looked up when the pair refers to another.
func (m *model) pairName(pair *cib.Element) string {
	name, ok := pair.Lookup("name")
	if ref := pair.Get("id-ref"); !ok && ref != "" {
		if target := m.doc.ByID(ref); target != nil {
			return target.Get("name")
		}
		return ref
	}
	return name
}

func sortedKeys(of map[string]bool) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// tell prints findings, the first about the whole as a warning, and says whether none is fatal.
func (s *session) tell(found []finding) bool {
	live := slices.ContainsFunc(found, func(f finding) bool { return f.meanwhile != "" }) && s.live()
	good, warned := true, false
	for _, f := range found {
		if live && f.meanwhile != "" {
			f.text, f.fatal = f.meanwhile, false
		}
		good = good && !f.fatal
		switch {
		case f.warning:
			s.warn("%s", f.text)
		case f.fatal, strings.HasSuffix(f.text, "is not known"), strings.HasSuffix(f.text, "not defined"),
			strings.Contains(f.text, "got no meta-data"), f.object == "" && warned && strings.HasPrefix(f.text, "("):
			s.error("%s", f.text)
		default:
			s.warn("%s", f.text)
		}
		warned = warned || f.object == ""
	}
	return good
}
