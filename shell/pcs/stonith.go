package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func stonithCommands() []command {
	return []command{
		{path: "stonith", document: true, options: "f hide-inactive", run: showFencing},
		{path: "stonith status", syntax: "[ID]", help: "Shows fence devices and where they run.", document: true, options: "f hide-inactive", run: showFencing},
		{path: "stonith config", syntax: "[ID]...", help: "Shows how fence devices are configured.", document: true, options: "f output-format", run: func(s *session) error { return showConfig(s, true) }},
		{path: "stonith create", syntax: "ID AGENT [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...] [--disabled]", help: "Makes a fence device.", document: true, options: "f before after group disabled wait agent-validation", run: createFencing},
		{path: "stonith update", syntax: "ID [OPTION=VALUE]... [op ACTION OPTION=VALUE...]... [meta OPTION=VALUE...]", help: "Changes a fence device.", document: true, options: "f agent-validation", run: updateFencing},
		{path: "stonith delete", syntax: "ID", help: "Deletes a fence device.", document: true, options: "f", run: deleteFencing},
		{path: "stonith remove", document: true, options: "f", run: deleteFencing},
		{path: "stonith enable", syntax: "ID...", help: "Lets fence devices be used.", document: true, options: "f wait", run: func(s *session) error { return setFencing(s, "") }},
		{path: "stonith disable", syntax: "ID...", help: "Keeps fence devices from being used.", document: true, options: "f wait", run: func(s *session) error { return setFencing(s, "Stopped") }},
		{path: "stonith meta", syntax: "ID OPTION=VALUE...", help: "Sets meta attributes.", document: true, options: "f wait", run: setMeta},
		{path: "stonith level", document: true, options: "f", run: showLevels},
		{path: "stonith level config", help: "Shows fencing levels.", document: true, options: "f", run: showLevels},
		{path: "stonith level add", syntax: "LEVEL TARGET DEVICE...", help: "Adds a fencing level.", document: true, options: "f", run: addLevel},
		{path: "stonith level clear", syntax: "[target TARGET | stonith DEVICE...]", help: "Removes fencing levels.", document: true, options: "f", run: clearLevels},
	}
}

func (s *session) fenceDevice(id string) (*cib.Element, error) {
	e := s.find(id)
	if e == nil || e.Name != "primitive" || e.Get("class") != "stonith" {
		return nil, fmt.Errorf("fence device '%s' does not exist", id)
	}
	return e, nil
}

func createFencing(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	c, err := s.parseCreation(s.args)
	if err != nil {
		return err
	}
	if c.wrap != "" || strings.Contains(s.args[1], ":") {
		return errors.New("a fence device takes an agent's plain name, such as fence_ipmilan, and cannot be cloned")
	}
	c.name = agentName{class: "stonith", kind: s.args[1]}
	if err := s.checkPlace(c); err != nil {
		return err
	}
	primitive, err := s.newPrimitive(c)
	if err != nil {
		return err
	}
	return s.place(c, primitive)
}

func updateFencing(s *session) error {
	if len(s.args) < 2 {
		return errUsage
	}
	if _, err := s.fenceDevice(s.args[0]); err != nil {
		return err
	}
	return updateResource(s)
}

func deleteFencing(s *session) error {
	if len(s.args) != 1 {
		return errUsage
	}
	e, err := s.fenceDevice(s.args[0])
	if err != nil {
		return err
	}
	return s.deleteTree(e)
}

func setFencing(s *session, role string) error {
	for _, id := range s.args {
		if _, err := s.fenceDevice(id); err != nil {
			return err
		}
	}
	return setTarget(s, role)
}

func splitDevices(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
func joinDevices(ids []string) string { return strings.Join(ids, ",") }

// levelTarget reads the target of a level: a node, regexp%PATTERN or attrib%NAME=VALUE.
func levelTarget(word string) pairs {
	if pattern, ok := strings.CutPrefix(word, "regexp%"); ok {
		return pairs{{"target-pattern", pattern}}
	}
	if rule, ok := strings.CutPrefix(word, "attrib%"); ok {
		name, value, _ := strings.Cut(rule, "=")
		return pairs{{"target-attribute", name}, {"target-value", value}}
	}
	return pairs{{"target", strings.TrimPrefix(word, "node%")}}
}

func hasTarget(level *cib.Element, target pairs) bool {
	for _, p := range target {
		if level.Get(p.name) != p.value {
			return false
		}
	}
	return true
}

func addLevel(s *session) error {
	if len(s.args) < 3 {
		return errUsage
	}
	index := strings.TrimLeft(s.args[0], "0")
	r := s.reports()
	if index == "" || strings.Trim(index, "0123456789") != "" {
		r.fail("'%s' is not a level; a whole number from 1 was expected", s.args[0])
	}
	target := levelTarget(s.args[1])
	devices := splitDevices(strings.Join(s.args[2:], ","))
	if target[0].name == "target" && !slices.Contains(s.nodeNames(), target[0].value) {
		r.check("node '%s' is not in the cluster", target[0].value)
	}
	for _, d := range devices {
		if err := checkID(d, "device id"); err != nil {
			r.add(err)
		} else if _, err := s.fenceDevice(d); err != nil {
			r.check("%v", err)
		}
	}
	if topology := s.doc.Section("fencing-topology"); topology != nil {
		for level := range topology.All("fencing-level") {
			if level.Get("index") == index && hasTarget(level, target) && slices.Equal(splitDevices(level.Get("devices")), devices) {
				r.fail("level %s of '%s' has these devices already", index, s.args[1])
			}
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	level := cib.NewElement("fencing-level", "index", index, "devices", joinDevices(devices))
	for _, p := range target {
		level.Set(p.name, p.value)
	}
	level.Set("id", s.freeID("fl-"+cleanID(target[len(target)-1].value)+"-"+index))
	if len(target) > 1 {
		level.Set("id", s.freeID(cleanID("fl-"+target[0].value+"-"+index)))
	}
	s.doc.EnsureSection("fencing-topology").Append(level)
	return nil
}

func clearLevels(s *session) error {
	topology := s.doc.Section("fencing-topology")
	if topology == nil {
		return nil
	}
	var words []string
	if len(s.args) > 1 {
		words = s.args[1:]
	}
	for level := range slices.Values(slices.Clone(topology.Children)) {
		if len(s.args) > 1 && s.args[0] == "target" && !hasTarget(level, levelTarget(words[0])) ||
			len(s.args) > 1 && s.args[0] == "stonith" && !slices.Equal(splitDevices(level.Get("devices")), splitDevices(strings.Join(words, ","))) {
			continue
		}
		level.Remove()
	}
	if topology.Child("fencing-level") == nil {
		topology.Remove()
	}
	return nil
}

func showLevels(s *session) error { return s.listLevels("") }

func (s *session) listLevels(indent string) error {
	topology := s.doc.Section("fencing-topology")
	if topology == nil {
		return nil
	}
	var targets []string
	lines := map[string][]string{}
	for level := range topology.All("fencing-level") {
		target := level.Get("target")
		if p := level.Get("target-pattern"); p != "" {
			target = p
		}
		if a := level.Get("target-attribute"); a != "" {
			target = a + "=" + level.Get("target-value")
		}
		if lines[target] == nil {
			targets = append(targets, target)
		}
		lines[target] = append(lines[target], fmt.Sprintf("Level %s - %s", level.Get("index"), level.Get("devices")))
	}
	for _, target := range targets {
		s.printf("%sTarget: %s\n", indent, target)
		slices.Sort(lines[target])
		for _, l := range lines[target] {
			s.printf("%s  %s\n", indent, l)
		}
	}
	return nil
}
