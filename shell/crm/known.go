package crm

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

// Names that have a meaning; others are most likely misspelled.
var (
	resourceMeta = strings.Fields(`allow-migrate allow-unhealthy-nodes container-attribute-target critical description
		failure-timeout is-managed interval-origin maintenance migration-threshold multiple-active priority
		remote-addr remote-allow-migrate remote-connect-timeout remote-node remote-port requires resource-stickiness
		restart-type target-role`)
	groupMeta = append(slices.Clone(resourceMeta), "container")
	cloneMeta = append(slices.Clone(resourceMeta), strings.Fields(`clone-max clone-min clone-node-max globally-unique
		interleave notify ordered promotable promoted-max promoted-node-max`)...)
	masterMeta      = append(slices.Clone(cloneMeta), "master-max", "master-node-max")
	operationNames  = append(slices.Clone(opAttributes), "start-delay", "timeout")
	clusterProperty = strings.Fields(`batch-limit cluster-delay cluster-infrastructure cluster-ipc-limit cluster-name
		cluster-recheck-interval concurrent-fencing dc-deadtime dc-version election-timeout enable-acl
		enable-startup-probes fence-reaction fencing-action fencing-enabled fencing-max-attempts fencing-reaction
		fencing-timeout fencing-watchdog-timeout have-watchdog join-finalization-timeout join-integration-timeout last-lrm-refresh
		load-threshold maintenance-mode migration-limit no-quorum-policy node-action-limit node-health-base
		node-health-green node-health-red node-health-strategy node-health-yellow node-pending-timeout
		pe-error-series-max pe-input-series-max pe-warn-series-max placement-strategy priority-fencing-delay
		remove-after-stop shutdown-escalation shutdown-lock shutdown-lock-limit start-failure-is-fatal startup-fencing
		stonith-action stonith-enabled stonith-max-attempts stonith-timeout stonith-watchdog-timeout stop-all-resources
		stop-orphan-actions stop-orphan-resources stop-removed-actions stop-removed-resources symmetric-cluster transition-delay`)
)

// knownNames lists the attributes that an object's own lists can have; nil when any can.
func knownNames(e *cib.Element) []string {
	switch kindOf(e).command {
	case "primitive", "rsc_template", "bundle":
		return resourceMeta
	case "group":
		return groupMeta
	case "clone":
		return cloneMeta
	case "ms":
		return masterMeta
	case "property":
		return clusterProperty
	case "rsc_defaults":
		return cloneMeta
	case "op_defaults":
		return operationNames
	}
	return nil
}

// checkNames finds meta attributes and properties that mean nothing.
func checkNames(e *cib.Element) []finding {
	known := knownNames(e)
	if known == nil {
		return nil
	}
	var found []finding
	lists := slices.Collect(e.All("meta_attributes"))
	if kindOf(e).attributes() {
		lists = []*cib.Element{e}
		if kindOf(e).command == "property" && e.ID() != propertiesID {
			return nil // sets of other names are other programs'
		}
	}
	for _, list := range lists {
		for pair := range list.All("nvpair") {
			if name := pair.Get("name"); name != "" && !slices.Contains(known, name) {
				found = append(found, finding{object: e.ID(), text: fmt.Sprintf("%s: unknown attribute '%s'", e.ID(), name)})
			}
		}
	}
	return found
}

// propertyDefaults are what the cluster takes when a property is not set.
var propertyDefaults = map[string]string{
	"batch-limit": "0", "cluster-delay": "60s", "cluster-infrastructure": "corosync", "cluster-recheck-interval": "15min",
	"concurrent-fencing": "true", "dc-deadtime": "20s", "election-timeout": "2min", "enable-acl": "false",
	"enable-startup-probes": "true", "fence-reaction": "stop", "have-watchdog": "false", "load-threshold": "80%",
	"maintenance-mode": "false", "migration-limit": "-1", "no-quorum-policy": "stop", "node-action-limit": "0",
	"node-health-strategy": "none", "placement-strategy": "default", "priority-fencing-delay": "0",
	"shutdown-escalation": "20min", "shutdown-lock": "false", "start-failure-is-fatal": "true", "startup-fencing": "true",
	"stonith-action": "reboot", "stonith-enabled": "true", "stonith-max-attempts": "10", "stonith-timeout": "60s",
	"stop-all-resources": "false", "stop-orphan-actions": "true", "stop-orphan-resources": "true", "symmetric-cluster": "true",
}

// runGetProperty prints properties: as they are set, or their defaults. With -t a truth value is
// printed as true or false.
func runGetProperty(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	texts := textsOf(words)
	truth := len(texts) > 0 && (texts[0] == "-t" || texts[0] == "--true")
	if truth {
		texts = texts[1:]
	}
	if len(texts) == 0 {
		s.columns(clusterProperty)
		return nil
	}
	for _, name := range texts {
		value := m.property(name)
		if value == "" {
			value = propertyDefaults[name]
		}
		if value == "" {
			return fmt.Errorf("get_property: %s is not set", name)
		}
		if truth {
			value = fmt.Sprint(cib.ParseBool(value, false))
		}
		s.printf("%s\n", value)
	}
	return nil
}
