package pcs

import (
	"errors"
	"fmt"
)

func defaultsCommands() []command {
	var out []command
	for _, family := range []string{"resource", "stonith"} {
		out = append(out, defaultsOf(family+" defaults", "rsc_defaults")...)
		out = append(out, defaultsOf(family+" op defaults", "op_defaults")...)
	}
	return out
}

func defaultsOf(path, section string) []command {
	show := func(s *session) error {
		if len(s.args) > 0 { // pcs 0.9 and 0.10: defaults NAME=VALUE
			s.deprecated("'pcs %s NAME=VALUE' is the old form of 'pcs %s update NAME=VALUE'", path, path)
			return updateDefaults(s, section)
		}
		return showDefaults(s, section)
	}
	return []command{
		{path: path, syntax: "[config]", help: "Shows defaults.", document: true, options: "f all full no-expire-check", run: show},
		{path: path + " config", document: true, options: "f all full no-expire-check", run: show},
		{path: path + " update", syntax: "[NAME=VALUE...]", help: "Sets defaults; an empty value removes.", document: true, options: "f", run: func(s *session) error { return updateDefaults(s, section) }},
		{path: path + " set create", syntax: "[OPTION=VALUE...] [meta NAME=VALUE...]", help: "Makes another set of defaults.", document: true, options: "f", run: func(s *session) error { return createDefaults(s, section) }},
		{path: path + " set update", syntax: "SET [meta NAME=VALUE...]", help: "Changes a set of defaults.", document: true, options: "f", run: func(s *session) error { return updateDefaultsSet(s, section) }},
		{path: path + " set delete", syntax: "SET...", help: "Removes sets of defaults.", document: true, options: "f", run: func(s *session) error { return deleteDefaults(s, section) }},
		{path: path + " set remove", document: true, options: "f", run: func(s *session) error { return deleteDefaults(s, section) }},
	}
}

func showDefaults(s *session, section string) error {
	var shown bool
	for set := range s.doc.Section(section).All("meta_attributes") {
		shown = true
		options := ""
		for _, a := range set.Attrs {
			if a.Name != "id" {
				options += " " + a.Name + "=" + a.Value
			}
		}
		s.printf("Meta Attrs: %s%s\n", set.ID(), options)
		for _, p := range values(set).sorted() {
			s.printf("  %s=%s\n", p.name, quoteBlank(p.value))
		}
		for rule := range set.All("rule") {
			s.showRule(rule, 1)
		}
	}
	if !shown {
		s.printf("No defaults set\n")
	}
	return nil
}

func updateDefaults(s *session, section string) error {
	changes, err := parsePairs(s.args)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return nil
	}
	s.warn("a resource that has a value of its own keeps it")
	owner := s.doc.Section(section)
	if owner != nil {
		var n int
		for range owner.All("meta_attributes") {
			n++
		}
		if n > 1 {
			return errors.New("there are several sets of defaults; name one with 'defaults set update SET'")
		}
		if n == 1 {
			s.setValues(owner.Child("meta_attributes"), changes)
			return nil
		}
	}
	if anySet(changes) {
		s.doc.EnsureSection(section).Append(s.newSet("meta_attributes", section+"-meta_attributes", changes.nonEmpty()))
	}
	return nil
}

func createDefaults(s *session, section string) error {
	parts := sections(s.args, "meta", "rule")
	optionWords, _ := gather(parts, "")
	metaWords, _ := gather(parts, "meta")
	ruleWords, withRule := gather(parts, "rule")
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	changes, err := parsePairs(metaWords)
	if err != nil {
		return err
	}
	id := options.value("id")
	if id != "" {
		if err := s.newID(id, "id"); err != nil {
			return err
		}
	} else {
		id = s.freeID(section + "-meta_attributes")
	}
	if score := options.value("score"); score != "" && !isScore(score) {
		return scoreError(score)
	}
	set := s.newSet("meta_attributes", id, changes.nonEmpty())
	for _, p := range options.without("id") {
		if p.name != "score" {
			return fmt.Errorf("'%s' is not an option of a set; options are 'id', 'score'", p.name)
		}
		set.Set(p.name, p.value)
	}
	if withRule {
		rule, err := s.newRule(ruleWords, id+"-rule", true)
		if err != nil {
			return err
		}
		set.InsertAt(0, rule)
	}
	s.doc.EnsureSection(section).Append(set)
	s.warn("a resource that has a value of its own keeps it")
	return nil
}

func updateDefaultsSet(s *session, section string) error {
	if len(s.args) == 0 {
		return errUsage
	}
	set := s.find(s.args[0])
	if set == nil || set.Parent != s.doc.Section(section) {
		return fmt.Errorf("set '%s' does not exist", s.args[0])
	}
	words, _ := gather(sections(s.args[1:], "meta"), "meta")
	changes, err := parsePairs(words)
	if err != nil {
		return err
	}
	s.setValues(set, changes)
	s.warn("a resource that has a value of its own keeps it")
	return nil
}

func deleteDefaults(s *session, section string) error {
	for _, id := range s.args {
		if set := s.find(id); set == nil || set.Parent == nil || set.Parent != s.doc.Section(section) {
			return fmt.Errorf("set '%s' does not exist", id)
		}
	}
	for _, id := range s.args {
		s.find(id).Remove()
	}
	return nil
}
