package pcs

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func showResourceConfig(s *session) error { return showConfig(s, false) }

// showFencingConfig prints fence devices and, as text, the levels.
func showFencingConfig(s *session) error {
	format := s.opts["output-format"]
	text := format == "" || format == "text"
	if !text {
		s.warn("fencing levels have the output format text alone")
	}
	if err := showConfig(s, true); err != nil || !text {
		return err
	}
	return s.showTopology()
}

// showConfig prints resources, or fence devices, in the format asked for.
func showConfig(s *session, fencing bool) error {
	format := s.opts["output-format"]
	if s.opts.has("output-format") && !slices.Contains([]string{"text", "json", "cmd"}, format) {
		return fmt.Errorf("--output-format %s: text, json or cmd was expected", format)
	}
	chosen, err := s.configured(fencing)
	if err != nil {
		return err
	}
	switch {
	case format == "json":
		return s.resourcesJSON(chosen)
	case format == "cmd" && len(chosen) > 0:
		return s.resourceCommandLines(chosen)
	}
	for _, e := range ordered(chosen) {
		s.showResource(e, 0)
	}
	return nil
}

// configured are the resources that a call names, sorted by id, or all of them in the document's order; fence devices are each for itself.
func (s *session) configured(fencing bool) ([]*cib.Element, error) {
	if len(s.args) == 0 {
		if fencing {
			return slices.DeleteFunc(primitives(s.doc.Section("resources")), func(e *cib.Element) bool { return e.Get("class") != "stonith" }), nil
		}
		return s.topResources(false), nil
	}
	var chosen []*cib.Element
	for _, id := range slices.Compact(slices.Sorted(slices.Values(s.args))) {
		e := s.find(id)
		if !isResource(e) || fencing != (e.Get("class") == "stonith") && (fencing || e.Parent.Name == "resources") {
			s.warn("'%s' does not exist", id)
			continue
		}
		chosen = append(chosen, e)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("none of these exists; 'pcs %s config' shows which there are", s.cmd.words()[0])
	}
	return chosen, nil
}

// topResources are the resources that no other holds: fence devices, or all others.
func (s *session) topResources(fencing bool) []*cib.Element {
	var out []*cib.Element
	for e := range s.doc.Section("resources").Elements() {
		if isResource(e) && (e.Get("class") == "stonith") == fencing {
			out = append(out, e)
		}
	}
	return out
}

// ordered are resources in the order in which pcs shows them: primitives, groups, clones, bundles.
func ordered(resources []*cib.Element) []*cib.Element {
	var out []*cib.Element
	for _, kind := range []string{"primitive", "group", "clone", "master", "bundle"} {
		for _, e := range resources {
			if e.Name == kind {
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
		s.showDescription(e, depth+1)
		s.showSets(e, depth+1, "instance_attributes", "Attributes")
		s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
		s.showSets(e, depth+1, "utilization", "Utilization")
		s.showOperations(e.Child("operations"), depth+1)
	case "group":
		s.line(depth, "Group: %s", e.ID())
		s.showDescription(e, depth+1)
		s.showSets(e, depth+1, "instance_attributes", "Attributes")
		s.showSets(e, depth+1, "meta_attributes", "Meta Attributes")
	case "clone", "master":
		s.line(depth, "Clone: %s", e.ID())
		s.showDescription(e, depth+1)
		s.showSets(e, depth+1, "instance_attributes", "Attributes")
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

func (s *session) showDescription(e *cib.Element, depth int) {
	if text := e.Get("description"); text != "" {
		s.line(depth, "Description: %s", text)
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
		s.line(depth+1, "%s=%s", quoteWord(p.name), quoteWord(p.value))
	}
}

// showSets shows the first set of a kind, as pcs does; all of them are in the JSON.
func (s *session) showSets(e *cib.Element, depth int, kind, label string) {
	if set := e.Child(kind); set.Child("nvpair") != nil {
		s.line(depth, "%s: %s", label, set.ID())
		for _, p := range values(set).sorted() {
			s.line(depth+1, "%s=%s", quoteWord(p.name), quoteWord(p.value))
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
		for _, p := range operationOptions(op) {
			s.line(depth+2, "%s=%s", quoteWord(p.name), quoteWord(p.value))
		}
	}
}

// operationOptions are what pcs shows of an operation beside its name and id: in this order, roles in today's spelling,
// and of its attributes the level of a monitor's check.
func operationOptions(op *cib.Element) pairs {
	var out pairs
	for _, name := range []string{"interval", "start-delay", "interval-origin", "timeout", "enabled", "record-pending", "role", "on-fail"} {
		value, ok := op.Lookup(name)
		switch {
		case !ok:
			continue
		case name == "enabled" || name == "record-pending":
			value = bit(value)
		case name == "role":
			value = shownRole(value)
		}
		out = append(out, pair{name, value})
	}
	for set := range op.All("instance_attributes") {
		if level := set.Pair("OCF_CHECK_LEVEL"); level != nil {
			out = append(out, pair{"OCF_CHECK_LEVEL", level.Get("value")})
		}
	}
	return out
}

// bit is a boolean as 1 or 0.
func bit(value string) string {
	if cib.ParseBool(value, false) {
		return "1"
	}
	return "0"
}

func (s *session) showBundle(e *cib.Element, depth int) {
	s.line(depth, "Bundle: %s", e.ID())
	s.showDescription(e, depth+1)
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
var bundleOrder = []string{"image", "replicas", "replicas-per-host", "promoted-max", "run-command", "ip-range-start", "port", "internal-port",
	"range", "source-dir", "source-dir-root", "target-dir", "control-port", "host-interface", "host-netmask", "add-host", "network", "options"}

// bundleOptions are the attributes of a bundle's part, in pcs's order.
func bundleOptions(e *cib.Element) pairs {
	var known, other pairs
	for _, a := range e.Attrs {
		switch {
		case a.Name == "id":
		case a.Name == "masters":
			known = append(known, pair{"promoted-max", a.Value})
		case slices.Contains(bundleOrder, a.Name):
			known = append(known, pair{a.Name, a.Value})
		default:
			other = append(other, pair{a.Name, a.Value})
		}
	}
	slices.SortStableFunc(known, func(a, b pair) int { return slices.Index(bundleOrder, a.name) - slices.Index(bundleOrder, b.name) })
	return append(known, other.sorted()...)
}
