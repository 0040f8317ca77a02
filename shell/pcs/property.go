package pcs

import (
	"slices"

	"holdfast/cluster/cib"
)

func propertyCommands() []command {
	set := func(s *session) error { return setProperties(s, false) }
	unset := func(s *session) error { return setProperties(s, true) }
	return []command{
		{path: "property", document: true, options: "f all defaults", run: showProperties},
		{path: "property config", syntax: "[NAME]", help: "Shows the cluster's options.", document: true, options: "f all defaults", run: showProperties},
		{path: "property list", document: true, options: "f all defaults", run: showProperties},
		{path: "property show", document: true, options: "f all defaults", run: showProperties},
		{path: "property set", syntax: "NAME=VALUE...", help: "Sets options of the cluster; an empty value removes.", document: true, options: "f", run: set},
		{path: "property unset", syntax: "NAME...", help: "Removes options of the cluster.", document: true, options: "f", run: unset},
	}
}

func showProperties(s *session) error {
	s.printf("Cluster Properties:\n")
	for set := range s.doc.Section("crm_config").All("cluster_property_set") {
		for _, p := range values(set).sorted() {
			if len(s.args) == 0 || slices.Contains(s.args, p.name) {
				s.printf(" %s: %s\n", p.name, p.value)
			}
		}
	}
	return nil
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
		if p.value == "" && findPair(set, p.name) == nil {
			r.check("property '%s' is not set", p.name)
		}
		if p.value != "" && !slices.Contains(knownProperties, p.name) {
			r.check("'%s' is not an option of the cluster", p.name)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	s.setValues(set, changes)
	return nil
}

// knownProperties are the options of the cluster that Pacemaker documents.
var knownProperties = []string{
	"batch-limit", "cluster-delay", "cluster-infrastructure", "cluster-ipc-limit", "cluster-name", "cluster-recheck-interval",
	"concurrent-fencing", "dc-deadtime", "dc-version", "election-timeout", "enable-acl", "enable-startup-probes", "fence-reaction",
	"have-watchdog", "join-finalization-timeout", "join-integration-timeout", "last-lrm-refresh", "load-threshold", "maintenance-mode",
	"migration-limit", "no-quorum-policy", "node-action-limit", "node-health-base", "node-health-green", "node-health-red", "node-health-strategy",
	"node-health-yellow", "pe-error-series-max", "pe-input-series-max", "pe-warn-series-max", "placement-strategy", "priority-fencing-delay",
	"remove-after-stop", "shutdown-escalation", "shutdown-lock", "shutdown-lock-limit", "start-failure-is-fatal", "startup-fencing",
	"stonith-action", "stonith-enabled", "stonith-max-attempts", "stonith-timeout", "stonith-watchdog-timeout", "stop-all-resources",
	"stop-orphan-actions", "stop-orphan-resources", "symmetric-cluster", "transition-delay", "node-pending-timeout",
	"fencing-enabled", "fencing-action", "fencing-timeout", "fencing-max-attempts", "fencing-watchdog-timeout", "fencing-reaction",
	"hostlist", "cluster-ipc-limit", "default-resource-stickiness", "is-managed-default", "default-action-timeout",
}
