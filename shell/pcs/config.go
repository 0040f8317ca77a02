package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func showResourceConfig(s *session) error { return showConfig(s, false) }

// showConfig prints resources, or fence devices, as text.
func showConfig(s *session, fencing bool) error {
	format := s.opts["output-format"]
	if s.opts.has("output-format") && format != "text" && format != "json" {
		return fmt.Errorf("--output-format %s: text or json was expected", format)
	}
	ordered := ordered(s.doc.Section("resources"), fencing)
	if len(s.args) > 0 {
		r := s.reports()
		ordered = nil
		for _, id := range s.args {
			e := s.find(id)
			if !isResource(e) || (e.Get("class") == "stonith") != fencing {
				r.fail("'%s' does not exist", id)
				continue
			}
			ordered = append(ordered, e)
		}
		if err := r.err(); err != nil && len(ordered) == 0 {
			return err
		}
	}
	if format == "json" {
		if fencing && len(s.args) == 0 { // those in groups, too
			ordered = slices.DeleteFunc(primitives(s.doc.Section("resources")), func(e *cib.Element) bool { return e.Get("class") != "stonith" })
		}
		return s.resourcesJSON(ordered)
	}
	for _, e := range ordered {
		s.showResource(e, 0)
	}
	return nil
}

// ordered are the top resources in the order that pcs shows them: primitives, groups, clones, bundles.
func ordered(resources *cib.Element, fencing bool) []*cib.Element {
	var out []*cib.Element
	for _, kinds := range [][]string{{"primitive"}, {"group"}, {"clone"}, {"master"}, {"bundle"}} {
		for e := range resources.Elements() {
			if slices.Contains(kinds, e.Name) && (e.Get("class") == "stonith") == fencing {
				out = append(out, e)
			}
		}
	}
	return out
}

func (s *session) line(depth int, format string, args ...any) {
	s.printf("%s"+format+"\n", append([]any{strings.Repeat("  ", depth)}, args...)...)
}

func (s *session) showResource(e *cib.Element, depth int) {
	switch e.Name {
	case "primitive":
		name := agentOf(e)
		provider := ""
		if name.provider != "" {
			provider = " provider=" + name.provider
		}
		s.line(depth, "Resource: %s (class=%s%s type=%s)", e.ID(), name.class, provider, name.kind)
		s.showSets(e, depth+1, "instance_attributes", "Attributes")
		s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
		s.showSets(e, depth+1, "utilization", "Utilization")
		s.showOperations(e.Child("operations"), depth+1)
	case "group":
		s.line(depth, "Group: %s", e.ID())
		s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
	case "clone", "master":
		s.line(depth, "Clone: %s", e.ID())
		if e.Name == "master" {
			s.showMasterMeta(e, depth+1)
		} else {
			s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
		}
	case "bundle":
		s.showBundle(e, depth)
	}
	if e.Name != "primitive" {
		for c := range e.Elements() {
			if c.Name == "primitive" || c.Name == "group" {
				s.showResource(c, depth+1)
			}
		}
	}
}

func (s *session) showMasterMeta(e *cib.Element, depth int) {
	all := pairs{{"promotable", "true"}}
	label := "Meta Attributes:"
	if set := e.Child("meta_attributes"); set != nil {
		label += " " + set.ID()
		all = append(values(set), all...)
	}
	s.line(depth, "%s", label)
	for _, p := range all.sorted() {
		s.line(depth+1, "%s=%s", p.name, quoteBlank(p.value))
	}
}

func (s *session) showSets(e *cib.Element, depth int, kind, label string) {
	for set := range e.All(kind) {
		s.line(depth, "%s: %s", label, set.ID())
		for _, p := range values(set).sorted() {
			s.line(depth+1, "%s=%s", p.name, quoteBlank(p.value))
		}
		for rule := range set.All("rule") {
			s.showRule(rule, depth+1)
		}
	}
}

func (s *session) showOperations(list *cib.Element, depth int) {
	if list.Child("op") == nil {
		return
	}
	s.line(depth, "Operations:")
	for op := range list.All("op") {
		s.line(depth+1, "%s: %s", op.Get("name"), op.ID())
		for _, name := range []string{"interval", "timeout", "description", "start-delay", "interval-origin", "role", "on-fail", "record-pending", "enabled"} {
			if v := op.Get(name); v != "" {
				if name == "role" {
					v = shownRole(v)
				}
				s.line(depth+2, "%s=%s", name, quoteBlank(v))
			}
		}
		for set := range op.All("instance_attributes") {
			for _, p := range values(set).sorted() {
				s.line(depth+2, "%s=%s", p.name, quoteBlank(p.value))
			}
		}
	}
}

func (s *session) showBundle(e *cib.Element, depth int) {
	s.line(depth, "Bundle: %s", e.ID())
	show := func(label string, c *cib.Element, at int) {
		text := showPairs(bundleOptions(c))
		if c.ID() != "" {
			text += " (" + c.ID() + ")"
		}
		s.line(at, "%s%s", label, text)
	}
	for _, kind := range []pair{{"docker", "Docker: "}, {"podman", "Podman: "}, {"rkt", "Rkt: "}} {
		if c := e.Child(kind.name); c != nil {
			show(kind.value, c, depth+1)
		}
	}
	if c := e.Child("network"); c != nil {
		if len(c.Attrs) > 0 {
			show("Network: ", c, depth+1)
		}
		if c.Child("port-mapping") != nil {
			s.line(depth+1, "Port Mapping:")
		}
		for m := range c.All("port-mapping") {
			show("", m, depth+2)
		}
	}
	if c := e.Child("storage"); c.Child("storage-mapping") != nil {
		s.line(depth+1, "Storage Mapping:")
		for m := range c.All("storage-mapping") {
			show("", m, depth+2)
		}
	}
	s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
}

// bundleOrder is the order in which pcs names the options of a bundle's parts.
var bundleOrder = []string{"image", "replicas", "replicas-per-host", "masters", "promoted-max", "run-command", "ip-range-start", "port", "internal-port",
	"range", "source-dir", "source-dir-root", "target-dir", "control-port", "host-interface", "host-netmask", "network", "options"}

// bundleOptions are the attributes of a bundle's part, in pcs's order.
func bundleOptions(e *cib.Element) pairs {
	var known, other pairs
	for _, a := range e.Attrs {
		switch {
		case a.Name == "id":
		case slices.Contains(bundleOrder, a.Name):
			known = append(known, pair{a.Name, a.Value})
		default:
			other = append(other, pair{a.Name, a.Value})
		}
	}
	slices.SortStableFunc(known, func(a, b pair) int { return slices.Index(bundleOrder, a.name) - slices.Index(bundleOrder, b.name) })
	return append(known, other.sorted()...)
}
