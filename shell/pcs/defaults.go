package pcs

import (
	"errors"
	"fmt"
	"maps"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
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
		{path: path + " update", syntax: "[NAME=VALUE...]", help: "Sets defaults; an empty value removes.", document: true, options: "f force", run: func(s *session) error { return updateDefaults(s, section) }},
		{path: path + " set create", syntax: "[OPTION=VALUE...] [meta NAME=VALUE...]", help: "Makes another set of defaults.", document: true, options: "f force", run: func(s *session) error { return createDefaults(s, section) }},
		{path: path + " set update", syntax: "SET [meta NAME=VALUE...]", help: "Changes a set of defaults.", document: true, options: "f", run: func(s *session) error { return updateDefaultsSet(s, section) }},
		{path: path + " set delete", syntax: "SET...", help: "Removes sets of defaults.", document: true, options: "f", run: func(s *session) error { return deleteDefaults(s, section) }},
		{path: path + " set remove", document: true, options: "f", run: func(s *session) error { return deleteDefaults(s, section) }},
	}
}

func showDefaults(s *session, section string) error {
	var shown bool
	for set := range s.doc.Section(section).All("meta_attributes") {
		shown = true
		if s.phase(set) != " (expired)" || s.opts.has("all") || s.opts.has("no-expire-check") {
			s.showDefaultSet(set, 0)
		}
	}
	if !shown {
		s.printf("No defaults set\n")
	}
	return nil
}

// showDefaultsInFull prints defaults as a part of the whole configuration: with ids, and as if nothing ever expired.
func showDefaultsInFull(s *session, section string) error {
	whole := *s
	whole.opts = maps.Clone(s.opts)
	whole.opts["full"], whole.opts["no-expire-check"] = "", ""
	return showDefaults(&whole, section)
}

func (s *session) showDefaultSet(set *cib.Element, depth int) {
	options := ""
	for _, p := range attributesOf(set, "id") {
		options += " " + p.name + "=" + p.value
	}
	s.line(depth, "Meta Attrs%s: %s%s", s.phase(set), set.ID(), options)
	for _, p := range values(set).sorted() {
		s.line(depth+1, "%s=%s", quoteWord(p.name), quoteWord(p.value))
	}
	for rule := range set.All("rule") {
		s.showRuleAs(rule, depth+1, s.phase)
	}
}

// phase is what is said after the title of a set or rule of defaults whose only date has passed or is still to come.
// Of several dates nothing is said, nor of one that comes back every year.
func (s *session) phase(e *cib.Element) string {
	if s.opts.has("no-expire-check") {
		return ""
	}
	phase, known := s.phaseOfOnlyDate(e)
	switch {
	case !known:
	case phase == rule.Expired:
		return " (expired)"
	case phase == rule.NotYet:
		return " (not yet in effect)"
	}
	return ""
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
	if err := onceEach(parts); err != nil {
		return err
	}
	optionWords, _ := gather(parts, "")
	metaWords, _ := gather(parts, "meta")
	ruleWords, _ := gather(parts, "rule")
	options, err := parsePairs(optionWords)
	if err != nil {
		return err
	}
	changes, err := parsePairs(metaWords)
	if err != nil {
		return err
	}
	id := options.value("id")
	if options.has("id") {
		if err := s.newID(id, "id"); err != nil {
			return err
		}
	} else {
		id = s.freeID(section + "-meta_attributes")
	}
	if score, ok := options.get("score"); ok && !isScore(score) {
		return scoreError(score)
	}
	set := s.newSet("meta_attributes", id, changes.nonEmpty())
	for _, p := range options.without("id") {
		if p.name != "score" {
			return fmt.Errorf("'%s' is not an option of a set; options are 'id', 'score'", p.name)
		}
		set.Set(p.name, p.value)
	}
	rule, err := s.newDefaultsRule(ruleWords, id+"-rule", section == "op_defaults")
	if err != nil {
		return err
	}
	if rule != nil {
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
	parts := sections(s.args[1:], "meta")
	if len(parts[0].words) > 0 {
		return usageError{fmt.Sprintf("'%s' stands where 'meta' was expected", parts[0].words[0])}
	}
	words, _ := gather(parts, "meta")
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
		if set := s.find(id); set != nil { // an id may be given twice
			set.Remove()
		}
	}
	return nil
}
