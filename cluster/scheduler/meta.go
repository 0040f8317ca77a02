package scheduler

import (
	"maps"

	"holdfast/cluster/cib"
)

// unpackMeta collects the meta-attributes: the resource's own, then its parent's, then
// the defaults of all resources.
func (r *resource) unpackMeta() {
	r.meta = map[string]string{}
	add := func(name, value string) {
		if _, seen := r.meta[name]; !seen && value != "#default" {
			r.meta[name] = value
		}
	}
	ctx := r.ruleContext(nil)
	ctx.Pairs(r.xml, "meta_attributes", "", r.c.byID, add)
	if r.parent != nil {
		for name, value := range r.parent.meta {
			if name != "remote-node" {
				add(name, value)
			}
		}
	}
	if r.c.rscDefaults != nil {
		ctx.Pairs(r.c.rscDefaults, "meta_attributes", "", r.c.byID, add)
	}
	r.c.noteRecheck(ctx.NextChange)
}

// applyMeta turns meta-attributes into fields and flags.
func (r *resource) applyMeta() {
	m := r.meta
	flag := func(name string, fallback bool, f resourceFlags) {
		if cib.ParseBool(m[name], fallback) {
			r.set(f)
		} else {
			r.clear(f)
		}
	}
	r.priority = parseScore(m["priority"], 0)
	// An instance of a clone stays where it is unless something speaks against it.
	stickiness := 0
	if r.uber().isClone() {
		stickiness = 1
	}
	r.stickiness = parseScore(m["resource-stickiness"], stickiness)
	r.remoteHost = r.isPrimitive() && r.agent.Class == "ocf" && r.agent.Provider == "pacemaker" && r.agent.Type == "remote"
	flag("is-managed", true, managed)
	flag("notify", false, notifies)
	flag("critical", true, critical)
	// Connections to remote nodes move without disturbing what runs there.
	flag("allow-migrate", r.remoteHost && m["container"] == "", allowMigrate)
	if top := r.uber(); cib.ParseBool(m["globally-unique"], false) || !top.isClone() {
		r.set(unique)
	}
	if cib.ParseBool(m["maintenance"], false) {
		r.clear(managed)
		r.set(inMaintenance)
	}
	if r.c.options.maintenance {
		r.clear(managed)
		r.set(inMaintenance)
	}
	r.multipleActive = lower(m["multiple-active"])
	if r.multipleActive == "stop_unexpected" {
		r.set(stopUnexpected)
	}
	r.migrationThreshold = infinity
	if v, ok := m["migration-threshold"]; ok {
		if n := parseScore(v, infinity); n >= 0 {
			r.migrationThreshold = n
		}
	}
	if r.agent.Class == "stonith" {
		r.set(fenceDevice)
		r.c.haveFencing = true
	}
	if wanted, ok := r.targetRole(); ok {
		r.setNext(wanted, "target-role")
	}
	r.failureTimeout = timeSpan(m["failure-timeout"])
	r.applyRequires()
	if r.remoteHost {
		params := r.params(nil)
		r.reconnectDelay = timeSpan(params["reconnect_interval"])
		if r.reconnectDelay > 0 {
			r.failureTimeout = r.reconnectDelay
		}
	}
}

// applyRequires works out what must be true of the cluster before the resource may start.
func (r *resource) applyRequires() {
	requires, given := r.meta["requires"]
	requires = lower(requires)
	o := &r.c.options
	if !given || (requires != "nothing" && requires != "quorum" && requires != "fencing" && requires != "unfencing") {
		switch {
		case r.is(fenceDevice), r.remoteHost:
			requires = "quorum"
		case r.c.unfencing && r.isPrimitive():
			requires = "unfencing"
		case o.fencing:
			requires = "fencing"
		case o.quorumPolicy == quorumIgnore:
			requires = "nothing"
		default:
			requires = "quorum"
		}
	}
	if r.is(fenceDevice) && requires == "unfencing" || !o.fencing && (requires == "fencing" || requires == "unfencing") {
		requires = "quorum"
	}
	switch requires {
	case "quorum":
		r.set(needsQuorum)
	case "fencing":
		r.set(needsQuorum | needsFencing)
	case "unfencing":
		r.set(needsQuorum | needsFencing | needsUnfencing)
	}
}

// params returns the instance attributes as seen on a node (nil: anywhere). The address of a
// container without one of its own is its host, where it shall be or else is.
func (r *resource) params(n *node) map[string]string {
	params := r.configuredParams(n)
	if r.replica == nil || params["addr"] != hostAddress {
		return params
	}
	host := r.container.assigned
	if host == nil {
		host = r.container.currentNode()
	}
	if host == nil {
		return params
	}
	params = maps.Clone(params)
	params["addr"] = host.name
	return params
}

// configuredParams are the instance attributes as configured.
func (r *resource) configuredParams(n *node) map[string]string {
	key := n
	if !r.paramsDependOnNode() {
		key = nil
	}
	if p, ok := r.paramCache[key]; ok {
		return p
	}
	p := map[string]string{}
	add := func(name, value string) {
		if _, seen := p[name]; !seen {
			p[name] = value
		}
	}
	ctx := r.ruleContext(n)
	ctx.Pairs(r.xml, "instance_attributes", "", r.c.byID, add)
	if r.parent != nil {
		for name, value := range r.parent.params(n) {
			add(name, value)
		}
	}
	if r.c.rscDefaults != nil {
		ctx.Pairs(r.c.rscDefaults, "instance_attributes", "", r.c.byID, add)
	}
	if r.paramCache == nil {
		r.paramCache = map[*node]map[string]string{}
	}
	r.paramCache[key] = maps.Clone(p)
	return p
}

// paramsDependOnNode tells whether rules may make the attributes differ between nodes.
func (r *resource) paramsDependOnNode() bool {
	for x := r; x != nil; x = x.parent {
		for set := range x.xml.All("instance_attributes") {
			if set.Child("rule") != nil || set.Get("id-ref") != "" {
				return true
			}
		}
	}
	return false
}
