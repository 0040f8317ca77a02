package pcs

import (
	"errors"
	"regexp"
	"slices"
	"sync"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
)

func propertyCommands() []command {
	set := orOfNode("=VALUE", func(s *session) error { return setProperties(s, false) })
	unset := orOfNode("", func(s *session) error { return setProperties(s, true) })
	return []command{
		{path: "property", document: true, options: "f all defaults", run: showProperties},
		{path: "property config", syntax: "[NAME | --all | --defaults]", help: "Shows the cluster's options.", document: true, options: "f all defaults", run: showProperties},
		{path: "property list", document: true, options: "f all defaults node", run: orOfNode("show", formerly("property config", showProperties))},
		{path: "property show", document: true, options: "f all defaults node", run: orOfNode("show", formerly("property config", showProperties))},
		{path: "property set", syntax: "NAME=VALUE...", help: "Sets options of the cluster; an empty value removes.", document: true, options: "f force node", run: set},
		{path: "property unset", syntax: "NAME...", help: "Removes options of the cluster.", document: true, options: "f force node", run: unset},
	}
}

// showProperties prints the options that are set; with --defaults what holds where nothing is set, with --all both,
// and of one named option whichever of the two holds.
func showProperties(s *session) error {
	all, defaults := s.opts.has("all"), s.opts.has("defaults")
	switch {
	case all && defaults:
		return errors.New("--all and --defaults exclude each other")
	case (all || defaults) && len(s.args) > 0:
		return errors.New("a property is named, or --all or --defaults is said, not both")
	case len(s.args) > 1:
		return usageError{"one property at a time is shown"}
	}
	shown := pairs{}
	if all || defaults || len(s.args) > 0 {
		for _, o := range property.Cluster {
			if settable(o) || o.Name == "have-watchdog" || o.Name == "cluster-name" {
				shown = shown.with(o.Name, o.Default)
			}
		}
	}
	if !defaults {
		for set := range s.doc.Section("crm_config").All("cluster_property_set") {
			for _, p := range values(set) {
				shown = shown.with(p.name, p.value)
			}
		}
	}
	s.printf("Cluster Properties:\n")
	for _, p := range shown.sorted() {
		if len(s.args) == 0 || p.name == s.args[0] {
			s.printf(" %s: %s\n", p.name, p.value)
		}
	}
	return nil
}

// settable says whether an option is the administrator's to set: some the cluster writes itself, and the cluster's
// name stands in corosync.conf.
func settable(o property.Option) bool {
	return !o.Status && o.Daemon != "" && o.Name != "cluster-name" && o.Name != "node-pending-timeout"
}

func setProperties(s *session, unset bool) error {
	if len(s.args) == 0 {
		return errUsage
	}
	words := slices.Clone(s.args)
	if unset {
		for i := range words {
			words[i] += "="
		}
	}
	changes, err := parsePairs(words)
	if err != nil {
		return err
	}
	config := s.doc.Section("crm_config")
	set := config.Child("cluster_property_set")
	if set == nil {
		set = cib.NewElement("cluster_property_set", "id", s.freeID("cib-bootstrap-options"))
		config.Append(set)
	}
	r := s.reports()
	for _, p := range changes {
		s.checkProperty(r, set, p)
	}
	if err := r.err(); err != nil {
		return err
	}
	for _, p := range changes {
		if p.value != "" && set.Pair(p.name) == nil {
			set.Append(cib.NewElement("nvpair", "id", s.freeID(set.ID()+"-"+propertyID(p.name)), "name", p.name, "value", p.value))
			continue
		}
		s.setValues(set, pairs{p})
	}
	return nil
}

// propertyID is the part of an id that comes from a property's name: pcs cuts it to twenty characters.
func propertyID(name string) string {
	id := pairID(name)
	return id[:min(len(id), 20)]
}

func (s *session) checkProperty(r *reports, set *cib.Element, p pair) {
	option, known := property.Find(p.name)
	switch {
	case known && !settable(option):
		r.fail("'%s' is not for the administrator to set: the cluster writes it, or it stands in corosync.conf", p.name)
	case p.value == "" && set.Pair(p.name) == nil:
		r.check("property '%s' is not set", p.name)
	case p.value == "":
	case !known:
		r.check("'%s' is not an option of the cluster; the options are %s", p.name, quoted(settableNames()))
	default:
		if expected := propertyExpects(option, p.value); expected != "" {
			r.either(p.name != "stonith-watchdog-timeout", "'%s' is not a value of %s, which takes %s", p.value, p.name, expected)
		}
	}
}

func settableNames() []string {
	var names []string
	for _, o := range property.Cluster {
		if settable(o) {
			names = append(names, o.Name)
		}
	}
	return names
}

// propertyForms are the texts that values of a kind match.
var propertyForms = sync.OnceValue(func() map[property.Kind]*regexp.Regexp {
	return map[property.Kind]*regexp.Regexp{
		property.Boolean:    regexp.MustCompile(`^(?i:0|1|false|n|no|off|on|true|y|yes)$`),
		property.Integer:    regexp.MustCompile(`^([+-]?\d+|[+-]?INFINITY)$`),
		property.Time:       regexp.MustCompile(`^\d+(s|sec|m|min|h|hr)?$`),
		property.Percentage: regexp.MustCompile(`^\d+%$`),
	}
})

// propertyExpects is "" when a value fits its option, and otherwise says what does.
func propertyExpects(o property.Option, value string) string {
	switch {
	case o.Kind == property.Select && o.Name != "fence-reaction": // pcs takes any reaction
		if !slices.Contains(o.Values, value) {
			return "one of " + quoted(o.Values)
		}
	case propertyForms()[o.Kind] != nil && !propertyForms()[o.Kind].MatchString(value):
		return map[property.Kind]string{
			property.Boolean:    "a boolean such as true or false",
			property.Integer:    "an integer, INFINITY or -INFINITY",
			property.Time:       "a time such as 30, 30s, 5min or 2h",
			property.Percentage: "a percentage such as 80%",
		}[o.Kind]
	}
	return ""
}
