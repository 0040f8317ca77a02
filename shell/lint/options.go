package lint

import (
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/property"
)

var optionChecks = []Check{
	{"fencing-off", Warning, "Without fencing nobody can be sure that a lost host has stopped; two hosts may write to one disk.", fencingOff},
	{"quorum-ignored", Error, "Both sides of a split go on; only fencing decides which, and without it both start everything.", quorumIgnored},
	{"unknown-option", Error, "A misspelled option does nothing, and nobody is told.", unknownOption},
	{"bad-option-value", Error, "A value that cannot be read counts as the default.", badOptionValue},
	{"option-twice", Warning, "Only one of the two holds, and which one is not obvious.", optionTwice},
	{"maintenance-mode", Warning, "Nothing is monitored, restarted or moved.", optionOn("maintenance-mode", "the whole cluster is in maintenance mode", "set maintenance-mode=false when the work is done")},
	{"stop-all-resources", Warning, "Nothing runs.", optionOn("stop-all-resources", "all resources are told to stop", "remove stop-all-resources")},
	{"remove-after-stop", Warning, "It was never finished and forgets history that the cluster needs.", optionOn("remove-after-stop", "remove-after-stop is set", "remove it")},
	{"startup-fencing-off", Warning, "A host that was never seen may run resources, and they are started elsewhere all the same.", startupFencingOff},
	{"opt-in-nowhere", Warning, "With symmetric-cluster=false a resource runs only where a constraint allows it.", optInNowhere},
	{"suicide-without-fencing", Error, "A host fences itself through the same devices.", suicideWithoutFencing},
	{"acl-off", Warning, "Roles are configured, and every user of the cluster may do everything.", aclOff},
}

func fencingOff(s *subject, report report) {
	for _, name := range []string{"stonith-enabled", "fencing-enabled"} {
		if nv := s.options[name]; nv != nil && isFalse(nv.Get("value")) {
			report(nv, "configure a fence device for every host and set "+name+"=true", "fencing is off")
		}
	}
}

func quorumIgnored(s *subject, report report) {
	nv := s.options["no-quorum-policy"]
	if nv == nil || nv.Get("value") != "ignore" {
		return
	}
	if s.fencing() {
		report(nv, "use two_node (corosync.conf) or a quorum device and remove no-quorum-policy", "quorum is ignored")
		return
	}
	report(nv, "turn fencing on, and use two_node or a quorum device instead", "quorum is ignored and fencing is off")
}

func optionNames() []string {
	var names []string
	for _, o := range property.Cluster {
		names = append(names, o.Name)
		if o.Newer != "" {
			names = append(names, o.Newer)
		}
	}
	return names
}

func unknownOption(s *subject, report report) {
	s.eachOption(func(nv *cib.Element) {
		name := nv.Get("name")
		if _, ok := property.Find(name); !ok && name != "" && !strings.HasPrefix(name, "node-health-") {
			report(nv, spelled(name, optionNames()), "%s is not an option of the cluster", name)
		}
	})
}

// eachOption visits the cluster's options in the document's order.
func (s *subject) eachOption(visit func(nv *cib.Element)) {
	for set := range s.Document.Section("crm_config").All("cluster_property_set") {
		for nv := range set.All("nvpair") {
			visit(nv)
		}
	}
}

func badOptionValue(s *subject, report report) {
	s.eachOption(func(nv *cib.Element) {
		o, ok := property.Find(nv.Get("name"))
		if !ok || o.Status {
			return
		}
		if value := nv.Get("value"); !o.Accepts(value) {
			report(nv, "give it "+o.Wanted(), "%s=%s cannot be read", nv.Get("name"), value)
		}
	})
}

func optionTwice(s *subject, report report) {
	seen := map[string]bool{}
	s.eachOption(func(nv *cib.Element) {
		name := nv.Get("name")
		if set := nv.Parent; seen[name] && set.Child("rule") == nil {
			report(nv, "keep one of them", "%s is set twice", name)
		}
		seen[name] = true
	})
}

func optionOn(name, problem, fix string) func(*subject, report) {
	return func(s *subject, report report) {
		if nv := s.options[name]; nv != nil && cib.ParseBool(nv.Get("value"), false) {
			report(nv, fix, "%s", problem)
		}
	}
}

func startupFencingOff(s *subject, report report) {
	if nv := s.options["startup-fencing"]; nv != nil && isFalse(nv.Get("value")) && s.fencing() {
		report(nv, "remove startup-fencing", "hosts that were never seen are not fenced")
	}
}

func optInNowhere(s *subject, report report) {
	if !isFalse(s.option("symmetric-cluster")) {
		return
	}
	allowed := map[string]bool{}
	for c := range s.constraints.All("rsc_location") {
		for _, id := range s.located(c) {
			allowed[id] = true
		}
	}
	for e := range s.resources.Elements() {
		if !isResource(e) || e.Name == "template" || allowed[e.ID()] {
			continue
		}
		if !slices.ContainsFunc(descendants(e), func(d *cib.Element) bool { return allowed[d.ID()] }) {
			report(e, "add a location constraint for "+e.ID()+", or colocate it with something that has one", "%s may run nowhere", e.ID())
		}
	}
}

func descendants(e *cib.Element) []*cib.Element { return slices.Collect(e.Descendants()) }

func suicideWithoutFencing(s *subject, report report) {
	if nv := s.options["no-quorum-policy"]; nv != nil && (nv.Get("value") == "suicide" || nv.Get("value") == "fence") && !s.fencing() {
		report(nv, "turn fencing on, or use no-quorum-policy=stop", "no-quorum-policy=%s needs fencing, which is off", nv.Get("value"))
	}
}

func aclOff(s *subject, report report) {
	acls := s.Document.Section("acls")
	if acls.Child("acl_role") != nil && !cib.ParseBool(s.option("enable-acl"), false) {
		report(acls.Child("acl_role"), "set enable-acl=true", "access lists are configured and not in force")
	}
}
