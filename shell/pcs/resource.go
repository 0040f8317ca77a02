package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

func resourceCommands() []command {
	return []command{
		{path: "resource", document: true, options: "f hide-inactive", run: showResources},
		{path: "resource status", syntax: "[ID] [--hide-inactive]", help: "Shows resources and where they run.", document: true, options: "f hide-inactive", run: showResources},
		{path: "resource config", syntax: "[ID]...", help: "Shows how resources are configured.", document: true, options: "f output-format", run: showResourceConfig},
		{path: "resource create", syntax: "ID [STANDARD:[PROVIDER:]]TYPE [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...]\n        [clone [ID] [OPTION=VALUE...] | promotable [ID] [OPTION=VALUE...] | --group ID [--before ID | --after ID] | bundle ID]\n        [--disabled] [--no-default-ops] [--wait[=SECONDS]]",
			help:     "Makes a resource.\nExample: pcs resource create AppIP IPaddr2 ip=192.0.2.4 op monitor interval=15s",
			document: true, options: "f before after group no-default-ops disabled wait agent-validation force", run: createResource},
		{path: "resource update", syntax: "ID [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...]", help: "Changes a resource; an empty value removes.", document: true, options: "f wait autodelete agent-validation force", run: updateResource},
		{path: "resource delete", syntax: "ID", help: "Deletes a resource, group, clone or bundle with all that is in it.", document: true, options: "f no-stop force", run: deleteResource},
		{path: "resource remove", document: true, options: "f no-stop force", run: deleteResource},
		{path: "resource enable", syntax: "ID...", help: "Lets resources run.", document: true, options: "f wait", run: func(s *session) error { return setTarget(s, "") }},
		{path: "resource disable", syntax: "ID...", help: "Stops resources and keeps them stopped.", document: true, options: "f wait safe brief simulate no-strict force", run: disable},
		{path: "resource safe-disable", syntax: "ID... [--brief] [--no-strict] [--simulate]", help: "Stops resources if no other ones would suffer.", document: true, options: "f wait brief simulate no-strict force", run: safeDisable},
		{path: "resource manage", syntax: "ID... [--monitor]", help: "Lets the cluster manage resources.", document: true, options: "f monitor", run: func(s *session) error { return setManaged(s, true) }},
		{path: "resource unmanage", syntax: "ID... [--monitor]", help: "Keeps the cluster's hands off resources.", document: true, options: "f monitor", run: func(s *session) error { return setManaged(s, false) }},
		{path: "resource meta", syntax: "ID OPTION=VALUE...", help: "Sets meta attributes; an empty value removes.", document: true, options: "f wait force", run: setMeta},
		{path: "resource utilization", syntax: "[ID [NAME=VALUE...]]", help: "Shows or sets what a resource uses of a node.", document: true, options: "f", run: setUtilization},
		{path: "resource clone", syntax: "ID [CLONE] [OPTION=VALUE...]", help: "Lets a resource or group run on several nodes.", document: true, options: "f wait force", run: func(s *session) error { return cloneResource(s, nil) }},
		{path: "resource promotable", syntax: "ID [CLONE] [OPTION=VALUE...]", help: "Makes a promotable clone.", document: true, options: "f wait force", run: func(s *session) error { return cloneResource(s, pairs{{"promotable", "true"}}) }},
		{path: "resource unclone", syntax: "ID", help: "Undoes a clone.", document: true, options: "f wait", run: uncloneResource},
	}
}

// isResource says whether e is something that constraints and commands call a resource.
func isResource(e *cib.Element) bool {
	if e == nil {
		return false
	}
	return slices.Contains([]string{"primitive", "group", "clone", "master", "bundle"}, e.Name)
}

func isClone(e *cib.Element) bool { return e != nil && (e.Name == "clone" || e.Name == "master") }

// inside returns the resource that a clone or bundle holds, or nil.
func inside(e *cib.Element) *cib.Element {
	for c := range e.Elements() {
		if c.Name == "primitive" || c.Name == "group" {
			return c
		}
	}
	return nil
}

// resource finds a resource of that id.
func (s *session) resource(id string) (*cib.Element, error) {
	if e := s.find(id); isResource(e) {
		return e, nil
	}
	return nil, fmt.Errorf("resource '%s' does not exist; 'pcs resource' lists them", id)
}

// primitives are the primitives of e, itself one or holding some.
func primitives(e *cib.Element) []*cib.Element {
	var out []*cib.Element
	for d := range e.Descendants() {
		if d.Name == "primitive" {
			out = append(out, d)
		}
	}
	return out
}

// named finds all resources called by id or by tag.
func (s *session) named(words []string, doing string) ([]*cib.Element, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("the resources to %s are missing", doing)
	}
	r := s.reports()
	var out []*cib.Element
	for _, id := range words {
		e := s.find(id)
		switch {
		case isResource(e):
			out = append(out, e)
		case e != nil && e.Name == "tag":
			for ref := range e.All("obj_ref") {
				if target := s.find(ref.ID()); isResource(target) {
					out = append(out, target)
				}
			}
		default:
			r.fail("resource or tag '%s' does not exist", id)
		}
	}
	return out, r.err()
}

func setTarget(s *session, role string) error {
	list, err := s.named(s.args, map[bool]string{true: "enable", false: "disable"}[role == ""])
	if err != nil {
		return err
	}
	for _, e := range list {
		if role != "" {
			s.updateFirstSet(e, "meta_attributes", pairs{{"target-role", role}})
			continue
		}
		for _, target := range enabling(e) {
			s.updateSet(target, "meta_attributes", pairs{{"target-role", ""}})
		}
	}
	return nil
}

// enabling are the elements whose target-role keeps e from running.
func enabling(e *cib.Element) []*cib.Element {
	out := []*cib.Element{e}
	if isClone(e) {
		if in := inside(e); in != nil {
			out = append(out, in)
			if in.Name == "group" {
				return append(out, primitives(in)...)
			}
		}
	}
	if e.Name == "bundle" {
		return append(out, primitives(e)...)
	}
	if isClone(e.Parent) || e.Parent.Name == "bundle" {
		out = append(out, e.Parent)
	}
	return out
}

func setManaged(s *session, managed bool) error {
	list, err := s.named(s.args, map[bool]string{true: "manage", false: "unmanage"}[managed])
	if err != nil {
		return err
	}
	for _, e := range list {
		targets := append([]*cib.Element{e}, related(e)...)
		if !managed {
			targets = primitives(e)
			if e.Name == "bundle" {
				targets = append(targets, e)
			}
		}
		for _, target := range targets {
			s.updateFirstSet(target, "meta_attributes", pairs{{"is-managed", map[bool]string{true: "", false: "false"}[managed]}})
		}
		for _, p := range primitives(e) {
			s.setMonitors(p, managed)
		}
	}
	return nil
}

// related are what holds e and what it holds.
func related(e *cib.Element) []*cib.Element {
	var out []*cib.Element
	for d := range e.Descendants() {
		if d != e && isResource(d) {
			out = append(out, d)
		}
	}
	for p := e.Parent; isResource(p); p = p.Parent {
		out = append(out, p)
	}
	return out
}

func (s *session) setMonitors(p *cib.Element, managed bool) {
	var monitors, enabled int
	for op := range p.Child("operations").All("op") {
		if op.Get("name") != "monitor" {
			continue
		}
		monitors++
		if v, ok := op.Lookup("enabled"); !ok || cib.ParseBool(v, false) {
			enabled++
		}
		switch {
		case !s.opts.has("monitor"):
		case managed:
			op.Unset("enabled")
		default:
			op.Set("enabled", "false")
		}
	}
	if managed && !s.opts.has("monitor") && monitors > 0 && enabled == 0 {
		s.warn("no monitor of '%s' is enabled; --monitor enables them", p.ID())
	}
}

func setMeta(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	if e.Name == "bundle" {
		return fmt.Errorf("'%s' is a bundle; use 'pcs resource bundle update %s meta …'", e.ID(), e.ID())
	}
	changes, err := parsePairs(s.args[1:])
	if err != nil {
		return err
	}
	return s.changeMeta(e, changes)
}

func (s *session) changeMeta(e *cib.Element, changes pairs) error {
	r := s.reports()
	if node, ok := changes.get("remote-node"); ok && (node == "" || node != meta(e, "remote-node")) {
		r.check("this changes a guest node only in part; use 'pcs cluster node %s-guest'", map[bool]string{true: "add", false: "remove"}[node != ""])
	}
	if e.Name == "clone" {
		s.checkCloneMeta(r, e, changes)
	}
	if err := r.err(); err != nil {
		return err
	}
	if e.Name == "master" { // today's form of the same
		e.Name = "clone"
		if !changes.has("promotable") {
			changes = append(pairs{{"promotable", "true"}}, changes...)
		}
	}
	s.updateSet(e, "meta_attributes", changes)
	return nil
}

// checkCloneMeta refuses clone options that the class of the resource inside cannot have, and what cannot be judged because its agent
// is not installed. The agents of a group's members need not be, unless instances differ.
func (s *session) checkCloneMeta(r *reports, clone *cib.Element, changes pairs) {
	for _, p := range primitives(clone) {
		if p.Parent != nil && p.Parent.Name == "group" && !cib.ParseBool(changes.value("promotable"), false) && !cib.ParseBool(changes.value("globally-unique"), false) {
			break
		}
		if _, err := s.describe(agentOf(p)); err != nil {
			r.add(err)
			return
		}
	}
	for _, name := range []string{"globally-unique", "promotable"} {
		if !cib.ParseBool(changes.value(name), false) {
			continue
		}
		for _, p := range primitives(clone) {
			a := agentOf(p)
			if a.class != "ocf" {
				r.fail("clone option %s needs an ocf agent, but '%s' is %s", name, p.ID(), a)
				continue
			}
			if described, err := s.catalog().Describe(contextOf(), a.class, a.provider, a.kind); name == "promotable" && err == nil {
				checkPromotes(r, described)
			}
		}
	}
}

// checkPromotes refuses promotable clones of agents that do not promote. Agents of OCF 1.0 often leave out what they can.
func checkPromotes(r *reports, agent *metadata.Agent) {
	if agent.OCF != "" && agent.OCF != "1.0" && !(agent.Supports("promote") && agent.Supports("demote")) {
		r.check("clone option promotable needs an agent that promotes, and '%s' does not", agent.Title())
	}
}

func setUtilization(s *session) error {
	if len(s.args) == 0 {
		s.printf("Resource Utilization:\n")
		for _, p := range primitives(s.doc.Section("resources")) {
			if set := p.Child("utilization"); set != nil {
				s.printf(" %s: %s\n", p.ID(), showPairs(values(set).sorted()))
			}
		}
		return nil
	}
	e := s.find(s.args[0])
	if e == nil || e.Name != "primitive" {
		return fmt.Errorf("'%s' is not a resource; utilization belongs to one", s.args[0])
	}
	if len(s.args) == 1 {
		s.printf("Resource Utilization:\n %s: %s\n", e.ID(), showPairs(values(e.Child("utilization")).sorted()))
		return nil
	}
	changes, err := parsePairs(s.args[1:])
	if err != nil {
		return err
	}
	return s.changeUtilization(e, changes)
}

func (s *session) changeUtilization(e *cib.Element, changes pairs) error {
	for _, p := range changes {
		if p.value != "" && (!isScore(p.value) || strings.Contains(strings.ToLower(p.value), "inf")) {
			return fmt.Errorf("%s='%s': utilization is a whole number", p.name, p.value)
		}
	}
	s.updateSet(e, "utilization", changes)
	return nil
}

func cloneResource(s *session, extra pairs) error {
	if len(s.args) == 0 {
		return errUsage
	}
	e := s.find(s.args[0])
	if e == nil || e.Name != "primitive" && e.Name != "group" {
		return fmt.Errorf("'%s' is not a resource or group", s.args[0])
	}
	if e.Name == "primitive" && e.Get("class") == "stonith" {
		if err := s.forceable("'%s' is a fence device, which every host can use wherever it runs; there is no need to clone it", e.ID()); err != nil {
			return err
		}
	}
	if isClone(e.Parent) || e.Parent.Name == "group" && isClone(e.Parent.Parent) {
		return fmt.Errorf("'%s' is cloned already", e.ID())
	}
	if e.Parent.Name == "bundle" {
		return fmt.Errorf("'%s' is in a bundle, it cannot be cloned", e.ID())
	}
	c := &creation{wrap: "clone"}
	if err := c.parseWrap(slices.DeleteFunc(slices.Clone(s.args[1:]), func(w string) bool { return w == "meta" })); err != nil {
		return err
	}
	if len(extra) > 0 && c.wrapSet.has("promotable") {
		return errors.New("'promotable' stands both as keyword and as option; keep one")
	}
	if c.wrapID != "" {
		if err := s.newID(c.wrapID, "clone name"); err != nil {
			return err
		}
	}
	set := append(extra, c.wrapSet.nonEmpty()...)
	r := s.reports()
	s.checkCloneMeta(r, e, set)
	if err := r.err(); err != nil {
		return err
	}
	old := e.Parent
	e.Remove()
	if old.Name == "group" && inside(old) == nil {
		old.Remove()
	}
	clone := s.newClone(e, c.wrapID, set)
	s.doc.Section("resources").Append(clone)
	s.renameInConstraints(e.ID(), clone.ID())
	return nil
}

// renameInConstraints lets simple constraints of one resource mean another.
func (s *session) renameInConstraints(from, to string) {
	for c := range s.doc.Section("constraints").Elements() {
		if c.Name == "rsc_ticket" { // pcs leaves tickets to the resource inside
			continue
		}
		for _, attr := range []string{"rsc", "with-rsc", "first", "then"} {
			if c.Get(attr) == from {
				c.Set(attr, to)
			}
		}
	}
}

func uncloneResource(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.resource(s.args[0])
	if err != nil {
		return err
	}
	resources := s.doc.Section("resources")
	clone := e
	for clone != nil && isResource(clone) && !isClone(clone) {
		clone = clone.Parent
	}
	if !isClone(clone) {
		return fmt.Errorf("'%s' is not a clone", e.ID())
	}
	if e.Parent.Name == "group" { // one member leaves the cloned group
		group := e.Parent
		e.Remove()
		resources.Append(e)
		if inside(group) == nil {
			s.forgetResource(clone.ID(), "")
			s.forgetInTags(clone.ID())
			clone.Remove()
		}
		return nil
	}
	in := inside(clone)
	in.Remove()
	s.forgetResource(clone.ID(), "")
	s.forgetInTags(clone.ID())
	clone.ReplaceWith(in)
	in.Remove()
	resources.Append(in)
	return nil
}
