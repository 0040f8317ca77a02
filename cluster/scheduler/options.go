package scheduler

import (
	"time"

	"holdfast/cluster/cib/rule"

	"holdfast/cluster/cib"
)

// quorumPolicy says what becomes of resources in a partition without quorum.
type quorumPolicy uint8

const (
	quorumStop quorumPolicy = iota
	quorumFreeze
	quorumIgnore
	quorumDemote
	quorumFence
)

var quorumPolicyNames = [...]string{"stop", "freeze", "ignore", "demote", "fence"}

// placement strategies
const (
	placeDefault = iota
	placeUtilization
	placeMinimal
	placeBalanced
)

// options are the cluster's options, each with its default.
type options struct {
	symmetric, fencing, startupFencing, concurrentFencing bool
	stopAll, stopOrphans, cancelOrphans, removeAfterStop  bool
	maintenance, startFailureFatal, probes, shutdownLock  bool
	quorate, haveWatchdog                                 bool
	quorumPolicy                                          quorumPolicy
	placement                                             int
	fencingAction                                         string
	fencingTimeout, watchdogTimeout, priorityFencingDelay time.Duration
	shutdownLockLimit, nodePendingTimeout, clusterDelay   time.Duration
	batchLimit, migrationLimit                            int
	clusterName, siteName, dcID                           string
	healthStrategy                                        string
	healthBase, healthRed, healthYellow, healthGreen      int
	transitionTimeoutText, fencingTimeoutText, batchText  string
	migrationText                                         string
	values                                                map[string]string
}

// get returns the value of an option under any of its names.
func (o *options) get(names ...string) (string, bool) {
	for _, name := range names {
		if v, ok := o.values[name]; ok {
			return v, true
		}
	}
	return "", false
}

func (o *options) flag(fallback bool, names ...string) bool {
	v, _ := o.get(names...)
	return cib.ParseBool(v, fallback)
}

func (o *options) text(fallback string, names ...string) string {
	if v, ok := o.get(names...); ok {
		return v
	}
	return fallback
}

func (o *options) span(fallback string, names ...string) time.Duration {
	d, err := rule.ParseInterval(o.text(fallback, names...))
	if err != nil {
		d, _ = rule.ParseInterval(fallback)
	}
	return d
}

func (o *options) number(fallback int, names ...string) int {
	v, _ := o.get(names...)
	return parseScore(v, fallback)
}

// unpackOptions reads the cluster's options.
func (c *cluster) unpackOptions() {
	o := &c.options
	o.values = map[string]string{}
	if section := c.doc.Section("crm_config"); section != nil {
		c.ruleContext(nil).Pairs(section, "cluster_property_set", "cib-bootstrap-options", c.byID, func(name, value string) {
			if _, seen := o.values[name]; !seen {
				o.values[name] = value
			}
		})
	}
	root := c.doc.Root
	o.quorate = cib.ParseBool(root.Get("have-quorum"), false)
	o.dcID = root.Get("dc-uuid")
	o.symmetric = o.flag(true, "symmetric-cluster", "symmetric_cluster")
	o.stopAll = o.flag(false, "stop-all-resources")
	o.stopOrphans = o.flag(true, "stop-removed-resources", "stop-orphan-resources", "stop_orphan_resources")
	o.cancelOrphans = o.flag(true, "cancel-removed-actions", "stop-orphan-actions", "stop_orphan_actions")
	o.removeAfterStop = o.flag(false, "remove-after-stop", "remove_after_stop")
	o.maintenance = o.flag(false, "maintenance-mode")
	o.startFailureFatal = o.flag(true, "start-failure-is-fatal")
	o.probes = o.flag(true, "enable-startup-probes")
	o.shutdownLock = o.flag(false, "shutdown-lock")
	o.shutdownLockLimit = o.span("0", "shutdown-lock-limit")
	o.nodePendingTimeout = o.span("0", "node-pending-timeout")
	o.clusterDelay = o.span("60s", "cluster-delay", "transition_idle_timeout")
	o.transitionTimeoutText = o.text("60s", "cluster-delay")
	o.batchLimit = o.number(0, "batch-limit")
	o.batchText, _ = o.get("batch-limit")
	o.migrationLimit = o.number(-1, "migration-limit")
	o.migrationText, _ = o.get("migration-limit")
	o.clusterName = o.text("", "cluster-name")
	o.siteName = o.text("", "site-name")
	c.unpackFencing()
	o.unpackQuorumPolicy()
	o.unpackHealth()
	switch lower(o.text("default", "placement-strategy")) {
	case "utilization":
		o.placement = placeUtilization
	case "minimal":
		o.placement = placeMinimal
	case "balanced":
		o.placement = placeBalanced
	}
}

func (c *cluster) unpackFencing() {
	o := &c.options
	o.fencing = o.flag(true, "fencing-enabled", "stonith-enabled", "stonith_enabled")
	o.startupFencing = o.flag(true, "startup-fencing", "startup_fencing")
	o.concurrentFencing = o.flag(true, "concurrent-fencing")
	o.haveWatchdog = o.flag(false, "have-watchdog")
	c.haveFencing = c.haveFencing || o.haveWatchdog // a watchdog fences, if stonith-watchdog-timeout lets it
	o.watchdogTimeout = o.span("0", "fencing-watchdog-timeout", "stonith-watchdog-timeout")
	o.fencingTimeout = o.span("60s", "fencing-timeout", "stonith-timeout")
	o.fencingTimeoutText = o.text("60s", "fencing-timeout", "stonith-timeout")
	o.priorityFencingDelay = o.span("0", "priority-fencing-delay")
	o.fencingAction = o.text("reboot", "fencing-action", "stonith-action", "stonith_action")
	if o.fencingAction == "poweroff" {
		o.fencingAction = "off"
	}
}

func (o *options) unpackQuorumPolicy() {
	switch lower(o.text("stop", "no-quorum-policy", "no_quorum_policy")) {
	case "freeze":
		o.quorumPolicy = quorumFreeze
	case "ignore":
		o.quorumPolicy = quorumIgnore
	case "demote":
		o.quorumPolicy = quorumDemote
	case "suicide", "fence":
		o.quorumPolicy = quorumStop
		if o.fencing && (o.quorate || o.panicWithoutQuorum()) {
			o.quorumPolicy = quorumFence
		}
	}
}

// panicWithoutQuorum tells whether this partition had quorum before it lost it. Hosts that
// never had it must not be fenced for its lack, or a cluster could never form.
func (o *options) panicWithoutQuorum() bool {
	return cib.ParseBool(o.values["\x00no-quorum-panic"], false)
}

func (o *options) unpackHealth() {
	o.healthStrategy = lower(o.text("none", "node-health-strategy"))
	o.healthBase = o.number(0, "node-health-base")
	o.healthGreen = o.number(0, "node-health-green")
	o.healthYellow = o.number(0, "node-health-yellow")
	o.healthRed = o.number(-infinity, "node-health-red")
}
