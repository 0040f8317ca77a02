package crm

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// parseTopology reads
//
//	fencing_topology DEVICES…                  the same levels for every node
//	fencing_topology TARGET DEVICES… …         TARGET is NODE:, pattern:REGEX or attr:NAME=VALUE
//
// where DEVICES is DEVICE[,DEVICE…], the devices of one level.
func parseTopology(r *reader) (*cib.Element, error) {
	e := cib.NewElement("fencing-topology")
	var common []string
	var target func() *cib.Element
	index := map[string]int{}
	for r.more() {
		text := r.peek()
		if make := topologyTarget(text); make != nil {
			if len(common) > 0 {
				return nil, r.fail("no target, since the levels before have none")
			}
			target = make
			r.next()
			continue
		}
		if strings.Contains(text, "=") || text == "" {
			return nil, r.fail("DEVICE[,DEVICE…] or a target: NODE:, pattern:REGEX, attr:NAME=VALUE")
		}
		r.next()
		if target == nil {
			common = append(common, text)
			continue
		}
		level := target()
		key := level.String()
		index[key]++
		addLevel(e, level, index[key], text)
	}
	for _, node := range r.context.nodeNames(common) {
		for i, devices := range common {
			addLevel(e, cib.NewElement("fencing-level", "target", node), i+1, devices)
		}
	}
	if len(e.Children) == 0 {
		return nil, r.fail("the devices of a level")
	}
	return e, nil
}

func addLevel(topology, level *cib.Element, index int, devices string) {
	target, late := level.Lookup("target")
	attrs := level.Attrs
	level.Attrs = nil
	if late {
		level.Set("target", target)
		attrs = nil
	}
	level.Set("index", strconv.Itoa(index))
	level.Set("devices", devices)
	level.Attrs = append(level.Attrs, attrs...)
	topology.Append(level)
}

// topologyTarget returns what makes a level for the target that text names, nil when it names none.
func topologyTarget(text string) func() *cib.Element {
	if pattern, ok := strings.CutPrefix(text, "pattern:"); ok {
		return func() *cib.Element { return cib.NewElement("fencing-level", "target-pattern", pattern) }
	}
	if attribute, ok := strings.CutPrefix(text, "attr:"); ok {
		if name, value, ok := strings.Cut(attribute, "="); ok {
			return func() *cib.Element {
				return cib.NewElement("fencing-level", "target-attribute", name, "target-value", value)
			}
		}
	}
	if node, ok := strings.CutSuffix(text, ":"); ok && node != "" {
		return func() *cib.Element { return cib.NewElement("fencing-level", "target", node) }
	}
	return nil
}

func targetText(level *cib.Element) string {
	if pattern, ok := level.Lookup("target-pattern"); ok {
		return "pattern:" + pattern
	}
	if name, ok := level.Lookup("target-attribute"); ok {
		return "attr:" + name + "=" + level.Get("target-value")
	}
	return level.Get("target") + ":"
}

// topology formats the fencing levels: by target, or once when all nodes have the same.
func (f *formatter) topology(e *cib.Element) []string {
	levels := map[string][]string{}
	var targets []string
	for level := range e.All("fencing-level") {
		target := targetText(level)
		if levels[target] == nil {
			targets = append(targets, target)
		}
		levels[target] = append(levels[target], level.Get("devices"))
	}
	if common := f.commonLevels(targets, levels); common != nil {
		return []string{"fencing_topology " + strings.Join(common, " ")}
	}
	lines := []string{"fencing_topology"}
	for _, target := range targets {
		lines = append(lines, quoteTarget(target)+" "+strings.Join(levels[target], " "))
	}
	return lines
}

func quoteTarget(target string) string {
	if strings.ContainsAny(target, " \t\"'\\#") {
		return quote(target)
	}
	return target
}

// commonLevels returns the levels that every node has, nil when they differ.
func (f *formatter) commonLevels(targets []string, levels map[string][]string) []string {
	nodes := f.context.nodeNames(nil)
	if len(nodes) == 0 || len(nodes) != len(targets) {
		return nil
	}
	for i, node := range nodes {
		if targets[i] != node+":" || !slices.Equal(levels[node+":"], levels[targets[0]]) {
			return nil
		}
	}
	return levels[targets[0]]
}

// parseTag reads: tag ID[:] OBJECT…
func parseTag(r *reader) (*cib.Element, error) {
	text, err := r.take("an identifier")
	if err != nil {
		return nil, err
	}
	id := strings.TrimSuffix(text, ":")
	if !validID(id) {
		return nil, r.failBefore("an identifier: a letter or '_', then letters, digits, '-', '_' and '.'")
	}
	e := cib.NewElement("tag", "id", id)
	for r.more() {
		if !validID(r.peek()) {
			return nil, r.fail("the id of an object")
		}
		e.Append(cib.NewElement("obj_ref", "id", r.next()))
	}
	if len(e.Children) == 0 {
		return nil, r.fail("the id of an object")
	}
	return e, nil
}

func (f *formatter) tag(e *cib.Element) []string {
	line := "tag " + f.name(e)
	for ref := range e.All("obj_ref") {
		line += " " + ref.ID()
	}
	return []string{line}
}
