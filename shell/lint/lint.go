// Package lint reads a configuration as an experienced colleague would, and names what is wrong or risky in it: where it
// stands, why it matters, and what to do.
//
// A check is one function with a name. It looks at a subject (the document, prepared: nodes, resources, constraints) and
// reports findings. Checks are pure: the agents' meta-data come from what the caller passes, the time too. The document
// does not have to be valid; what a check needs and does not find, it passes over. The package starts no goroutine.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/spelling"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	Error   Level = "error"   // does not do what it says
	Warning Level = "warning" // works until the day it matters
	Note    Level = "note"    // worth knowing
)

// Finding is one thing that is wrong or risky.
type Finding struct {
	Check   string `json:"check"`
	Level   Level  `json:"level"`
	Line    int    `json:"line"` // 1-based, of the element in the file; 0 when the document came from elsewhere
	ID      string `json:"id"`   // of the element, "" when it has none
	Problem string `json:"problem"`
	Why     string `json:"why"`
	Fix     string `json:"fix"`
}

// Check is one rule.
type Check struct {
	Name  string
	Level Level
	Why   string // why it matters, a sentence
	look  func(*subject, report)
}

// report records a finding about an element: what to do, and what is wrong.
type report func(e *cib.Element, fix, problem string, args ...any)

// Agents describes resource and fence agents. An error means that the agent is not installed.
type Agents func(class, provider, kind string) (*metadata.Agent, error)

// Input is what is to be checked.
type Input struct {
	Document *cib.Document
	Agents   Agents // nil: agents are not known here, and checks that need them are left out
	Now      time.Time
}

// Checks lists every check, by topic.
func Checks() []Check {
	return slices.Concat(optionChecks, resourceChecks, operationChecks, cloneChecks, storageChecks, constraintChecks, conflictChecks, fencingChecks, otherChecks)
}

// Run makes all checks. Findings come in the order of their lines.
func Run(in Input) []Finding {
	s := prepare(in)
	var all []Finding
	for _, c := range Checks() {
		c.look(s, func(e *cib.Element, fix, problem string, args ...any) {
			f := Finding{Check: c.Name, Level: c.Level, Problem: fmt.Sprintf(problem, args...), Why: c.Why, Fix: fix}
			if e != nil {
				f.Line, f.ID = e.Line, e.ID()
			}
			all = append(all, f)
		})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return all
}

// subject is a document prepared for the checks.
type subject struct {
	Input
	resources   *cib.Element
	constraints *cib.Element
	nodes       []string // hosts and guest and remote nodes
	hosts       []*cib.Element
	primitives  []*cib.Element // outside of templates, in the document's order
	byID        map[string]*cib.Element
	options     map[string]*cib.Element // cluster options: nvpair by name
	agents      map[*cib.Element]*metadata.Agent
}

func prepare(in Input) *subject {
	s := &subject{Input: in, resources: in.Document.Section("resources"), constraints: in.Document.Section("constraints"),
		byID: map[string]*cib.Element{}, options: map[string]*cib.Element{}, agents: map[*cib.Element]*metadata.Agent{}}
	for e := range in.Document.Root.Descendants() {
		if id := e.ID(); id != "" && s.byID[id] == nil && e.Name != "obj_ref" && e.Name != "resource_ref" {
			s.byID[id] = e
		}
	}
	for n := range in.Document.Section("nodes").All("node") {
		s.hosts = append(s.hosts, n)
		s.nodes = append(s.nodes, n.Get("uname"))
	}
	for set := range in.Document.Section("crm_config").All("cluster_property_set") {
		for nv := range set.All("nvpair") {
			s.options[nv.Get("name")] = nv
		}
	}
	for e := range s.resources.Descendants() {
		if e.Name != "primitive" {
			continue
		}
		s.primitives = append(s.primitives, e)
		if guest := s.meta(e, "remote-node"); guest != "" {
			s.nodes = append(s.nodes, guest)
		}
		if s.agent(e) == "ocf:pacemaker:remote" {
			s.nodes = append(s.nodes, e.ID())
		}
		if in.Agents != nil {
			if agent, err := in.Agents(s.class(e, "class"), s.class(e, "provider"), s.class(e, "type")); err == nil {
				s.agents[e] = agent
			}
		}
	}
	return s
}

// class returns an attribute of a primitive, or of the template that it is made from.
func (s *subject) class(e *cib.Element, name string) string {
	if v := e.Get(name); v != "" {
		return v
	}
	if t := s.byID[e.Get("template")]; t != nil {
		return t.Get(name)
	}
	return ""
}

// agent names a primitive's agent, class:[provider:]type.
func (s *subject) agent(e *cib.Element) string {
	parts := []string{s.class(e, "class"), s.class(e, "provider"), s.class(e, "type")}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ":")
}

func (s *subject) isFencing(e *cib.Element) bool { return s.class(e, "class") == "stonith" }

// pair finds a name in sets of one kind that belong to an element or its template.
func (s *subject) pair(e *cib.Element, kind, name string) *cib.Element {
	for _, owner := range []*cib.Element{e, s.byID[e.Get("template")]} {
		if pair := owner.PairIn(kind, name); pair != nil {
			return pair
		}
	}
	return nil
}

func (s *subject) param(e *cib.Element, name string) string {
	return s.pair(e, "instance_attributes", name).Get("value")
}

// meta returns a meta attribute of the element itself.
func (s *subject) meta(e *cib.Element, name string) string {
	return s.pair(e, "meta_attributes", name).Get("value")
}

// inherited returns a meta attribute of the element, of what holds it, or the default for resources.
func (s *subject) inherited(e *cib.Element, name string) string {
	for p := e; p != nil && p.Name != "resources"; p = p.Parent {
		if v := s.meta(p, name); v != "" {
			return v
		}
	}
	return s.fallback("rsc_defaults", name)
}

// fallback returns a default from rsc_defaults or op_defaults.
func (s *subject) fallback(section, name string) string {
	for set := range s.Document.Section(section).All("meta_attributes") {
		if pair := set.Pair(name); pair != nil && set.Child("rule") == nil {
			return pair.Get("value")
		}
	}
	return ""
}

// option returns a cluster option under either of its names, "" when it is not set.
func (s *subject) option(names ...string) string {
	for _, n := range names {
		if nv := s.options[n]; nv != nil {
			return nv.Get("value")
		}
	}
	return ""
}

func (s *subject) fencing() bool { return !isFalse(s.option("stonith-enabled", "fencing-enabled")) }

// operations are a primitive's op elements; its template's where it has none of that name.
func (s *subject) operations(e *cib.Element) []*cib.Element {
	var ops []*cib.Element
	for _, owner := range []*cib.Element{e, s.byID[e.Get("template")]} {
		if owner != nil {
			ops = slices.AppendSeq(ops, owner.Child("operations").All("op"))
		}
	}
	return ops
}

// top is the outermost resource that holds e.
func top(e *cib.Element) *cib.Element {
	for e.Parent != nil && e.Parent.Name != "resources" {
		e = e.Parent
	}
	return e
}

// clone is the clone around e, nil when there is none.
func clone(e *cib.Element) *cib.Element {
	if t := top(e); t.Name == "clone" || t.Name == "master" {
		return t
	}
	return nil
}

func (s *subject) promotable(e *cib.Element) bool {
	c := clone(e)
	return c != nil && (c.Name == "master" || cib.ParseBool(s.meta(c, "promotable"), false)) || top(e).Name == "bundle"
}

func isFalse(v string) bool {
	return !cib.ParseBool(v, true)
}

func isResource(e *cib.Element) bool {
	return e != nil && slices.Contains([]string{"primitive", "group", "clone", "master", "bundle", "template"}, e.Name)
}

// nearest returns the known name that a misspelled one most likely means, "" when none is near.
func nearest(name string, known []string) string {
	return spelling.Nearest(name, known, max(2, len(name)/4))
}

// spelled is the advice for an unknown name.
func spelled(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return "write " + n
	}
	return "take it out, or look for its name in the manual"
}
