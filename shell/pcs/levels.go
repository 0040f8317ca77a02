package pcs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

func levelCommands() []command {
	return []command{
		{path: "stonith level", document: true, options: "f", run: showLevels},
		{path: "stonith level config", help: "Shows fencing levels.", document: true, options: "f", run: showLevels},
		{path: "stonith level add", syntax: "LEVEL TARGET DEVICE...", help: "Adds a fencing level.", document: true, options: "f force", run: addLevel},
		{path: "stonith level delete", syntax: "LEVEL [target TARGET] [stonith DEVICE...]", help: "Removes a fencing level.", document: true, options: "f", run: deleteLevels},
		{path: "stonith level remove", document: true, options: "f", run: deleteLevels},
		{path: "stonith level clear", syntax: "[target TARGET | stonith DEVICE...]", help: "Removes fencing levels.", document: true, options: "f", run: clearLevels},
		{path: "stonith level verify", help: "Looks for devices and nodes of levels that do not exist.", document: true, options: "f", run: verifyLevels},
	}
}

// levelTarget reads the target of a level: NODE, node%NODE, regexp%PATTERN or attrib%NAME=VALUE.
func levelTarget(word string) (pairs, error) {
	kind, rest, ok := strings.Cut(word, "%")
	switch {
	case !ok:
		return pairs{{"target", word}}, nil
	case kind == "" || kind == "node":
		return pairs{{"target", rest}}, nil
	case kind == "regexp":
		return pairs{{"target-pattern", rest}}, nil
	case kind == "attrib":
		name, value, ok := strings.Cut(rest, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("'%s': attrib%%NAME=VALUE was expected", word)
		}
		return pairs{{"target-attribute", name}, {"target-value", value}}, nil
	}
	return nil, fmt.Errorf("'%s': a target is NODE, node%%NODE, regexp%%PATTERN or attrib%%NAME=VALUE, not %s%%…", word, kind)
}

func hasTarget(level *cib.Element, target pairs) bool {
	for _, p := range target {
		if level.Get(p.name) != p.value {
			return false
		}
	}
	return true
}

// levels are the fencing levels in the document's order.
func (s *session) levels() []*cib.Element {
	return slices.Collect(s.doc.Section("fencing-topology").All("fencing-level"))
}

func addLevel(s *session) error {
	if len(s.args) < 3 {
		return errUsage
	}
	r := s.reports()
	number, err := strconv.Atoi(s.args[0])
	if err != nil || number < 1 || s.args[0][0] == '+' {
		r.fail("'%s' is not a level; a whole number from 1 was expected", s.args[0])
	}
	index := strconv.Itoa(number)
	target, err := levelTarget(s.args[1])
	if err != nil {
		return err
	}
	devices := s.devicesOlder(s.args[2:])
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
	for _, level := range s.levels() {
		if level.Get("index") == index && hasTarget(level, target) && slices.Equal(splitDevices(level.Get("devices")), devices) {
			r.fail("level %s of '%s' has these devices already", index, s.args[1])
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	level := cib.NewElement("fencing-level", "index", index, "devices", joinDevices(devices))
	for _, p := range target {
		level.Set(p.name, p.value)
	}
	level.Set("id", s.freeID(cleanID("fl-"+target[0].value+"-"+index)))
	s.doc.EnsureSection("fencing-topology").Append(level)
	return nil
}

// levelWords reads [target TARGET] [stonith DEVICE…].
func (s *session) levelWords(words []string) (target pairs, devices []string, err error) {
	parts := sections(words, "target", "stonith")
	var empty []string
	for _, part := range parts[1:] {
		if len(part.words) == 0 {
			empty = append(empty, "'"+part.keyword+"'")
		}
	}
	if len(empty) > 0 {
		return nil, nil, fmt.Errorf("a value is missing after %s", strings.Join(empty, " and "))
	}
	given, _ := gather(parts, "target")
	if len(given) > 1 {
		return nil, nil, fmt.Errorf("%s: one target was expected", quoted(given))
	}
	if len(given) == 1 {
		if target, err = levelTarget(given[0]); err != nil {
			return nil, nil, err
		}
	}
	devices, _ = gather(parts, "stonith")
	for _, d := range devices {
		if err := checkID(d, "device id"); err != nil {
			return nil, nil, err
		}
	}
	return target, devices, nil
}

// dropLevels removes the levels that fit; an empty index, target or list of devices fits all.
func (s *session) dropLevels(index string, target pairs, devices []string) bool {
	found := false
	for _, level := range s.levels() {
		if (index == "" || level.Get("index") == index) && hasTarget(level, target) &&
			(len(devices) == 0 || slices.Equal(splitDevices(level.Get("devices")), devices)) {
			level.Remove()
			found = true
		}
	}
	return found
}

func deleteLevels(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	index, words := s.args[0], s.args[1:]
	if number, err := strconv.Atoi(index); err != nil || number < 1 {
		return fmt.Errorf("'%s' is not a level; a whole number from 1 was expected", index)
	}
	index = strings.TrimLeft(index, "0")
	if len(words) > 0 && words[0] != "target" && words[0] != "stonith" {
		return s.deleteLevelsOldForm(index, words)
	}
	target, devices, err := s.levelWords(words)
	if err != nil {
		return err
	}
	if !s.dropLevels(index, target, devices) {
		return fmt.Errorf("there is no such fencing level %s", strings.Join(s.args, " "))
	}
	return nil
}

// deleteLevelsOldForm is delete LEVEL [TARGET] [DEVICE…]: the first word is a target if a level
// has it, else a device.
func (s *session) deleteLevelsOldForm(index string, words []string) error {
	s.deprecated("name the parts: level delete LEVEL [target TARGET] [stonith DEVICE...]")
	target, err := levelTarget(words[0])
	if err != nil {
		return err
	}
	rest := s.devicesOlder(words[1:])
	if s.dropLevels(index, target, rest) || s.dropLevels(index, nil, splitDevices(strings.Join(words, ","))) {
		return nil
	}
	return fmt.Errorf("there is no such fencing level %s", strings.Join(s.args, " "))
}

func clearLevels(s *session) error {
	var target pairs
	var devices []string
	if len(s.args) > 0 && s.args[0] != "target" && s.args[0] != "stonith" {
		return s.clearLevelsOldForm()
	}
	if slices.Contains(s.args, "target") && slices.Contains(s.args, "stonith") {
		return errors.New("'target' and 'stonith' exclude each other")
	}
	target, devices, err := s.levelWords(s.args)
	if err != nil {
		return err
	}
	if !s.dropLevels("", target, devices) && len(s.args) > 0 {
		return fmt.Errorf("there is no fencing level with %s", strings.Join(s.args, " "))
	}
	return nil
}

// clearLevelsOldForm is clear TARGET, or clear DEVICE[,DEVICE]….
func (s *session) clearLevelsOldForm() error {
	if len(s.args) != 1 {
		return errUsage
	}
	s.deprecated("name the part: level clear [target TARGET | stonith DEVICE...]")
	target, err := levelTarget(s.args[0])
	if err != nil {
		return err
	}
	s.dropLevels("", target, nil)
	s.dropLevels("", nil, splitDevices(s.args[0]))
	return nil
}

func verifyLevels(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	r := s.reports()
	names := s.nodeNames()
	for _, level := range s.levels() {
		for _, d := range splitDevices(level.Get("devices")) {
			if _, err := s.fenceDevice(d); err != nil {
				r.fail("level %s: %v", level.Get("index"), err)
			}
		}
		if target := level.Get("target"); target != "" && !slices.Contains(names, target) {
			r.fail("level %s: node '%s' is not in the cluster", level.Get("index"), target)
		}
	}
	return r.err()
}

func showLevels(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	return s.listLevels("")
}

// listLevels prints levels by target: nodes, then patterns, then attributes.
func (s *session) listLevels(indent string) error {
	for _, kind := range []string{"target", "target-pattern", "target-attribute"} {
		lines := map[string][]*cib.Element{}
		var targets []string
		for _, level := range s.levels() {
			target := level.Get(kind)
			if target == "" {
				continue
			}
			switch kind {
			case "target-pattern":
				target = " (regexp): " + target
			case "target-attribute":
				target = ": " + target + "=" + level.Get("target-value")
			default:
				target = ": " + target
			}
			targets = append(targets, target)
			lines[target] = append(lines[target], level)
		}
		slices.Sort(targets)
		for _, target := range slices.Compact(targets) {
			s.printf("%sTarget%s\n", indent, target)
			slices.SortStableFunc(lines[target], func(a, b *cib.Element) int { return atoi(a.Get("index")) - atoi(b.Get("index")) })
			for _, level := range lines[target] {
				s.printf("%s  Level %s - %s\n", indent, level.Get("index"), level.Get("devices"))
			}
		}
	}
	return nil
}

func atoi(text string) int { n, _ := strconv.Atoi(text); return n }
