package scheduler

import (
	"maps"
	"slices"
	"strings"
)

// Unfencing is switching a host on, at its fence device, before it may use what the device
// guards: an "on" action, once after the host joined, and again when the device changes.

// detectUnfencing looks for anything that provides or requires unfencing: it is then the
// default of every resource, whichever order they stand in.
func (c *cluster) detectUnfencing() {
	for set := range c.doc.Section("resources").Descendants() {
		if set.Name != "meta_attributes" {
			continue
		}
		for pair := range set.All("nvpair") {
			name := pair.Get("name")
			if pair.Get("value") == "unfencing" && (name == "provides" || name == "requires") {
				c.unfencing = true
				return
			}
		}
	}
}

// isUnfencingDevice reports whether the fence device must also switch hosts on (provides
// unfencing), which its meta-attribute says.
func (r *resource) isUnfencingDevice() bool {
	return r.is(fenceDevice) && (lower(r.meta["provides"]) == "unfencing" || lower(r.meta["requires"]) == "unfencing")
}

// unfencingConstraints: a resource that needs unfencing starts after its host was switched on.
func (c *cluster) unfencingConstraints(r *resource) {
	r.eachCandidate(func(n *node, _ *candidate) {
		unfence := c.fenceAction(n, "on", true, "", false)
		c.order(ordering{first: r, firstTask: "stop", thenAction: unfence, kind: orderOptional | sameNodeOnly})
		c.order(ordering{firstAction: unfence, then: r, thenTask: "start", kind: impliesThenSameNode | sameNodeOnly})
	})
}

// orderVersusUnfencing orders an action after its host's unfencing. That makes none required
// where it was done before, else every new resource would have its host unfenced anew.
func (c *cluster) orderVersusUnfencing(r *resource, n *node, a *action, kind relation) {
	if !c.unfencing || !c.options.fencing || n == nil || !r.any(needsUnfencing|fenceDevice) {
		return
	}
	c.link(c.fenceAction(n, "on", true, "", false), a, kind)
	if !nodeUnfenced(n) {
		c.unfenceAgain(r, n, "required by "+r.id+" "+a.task)
	}
}

// unfenceAgain has a host switched on for the sake of r, for that reason.
func (c *cluster) unfenceAgain(r *resource, n *node, reason string) {
	if c.unfencing && r.is(fenceDevice) || r.is(needsUnfencing) {
		if n.online && !n.unclean && !n.shutdown {
			c.fenceAction(n, "on", false, reason, false)
		}
	}
}

// nodeUnfenced reports whether the node was switched on by a fence device since it joined.
func nodeUnfenced(n *node) bool {
	v := n.attributes["#node-unfenced"]
	return v != "" && v != "0"
}

// unfencingDevices are the fence devices that provide unfencing, the last one first.
func (c *cluster) unfencingDevices() []*resource {
	var devices []*resource
	c.eachResource(func(r *resource) {
		if r.isPrimitive() && r.isUnfencingDevice() {
			devices = append(devices, r)
		}
	})
	slices.Reverse(devices)
	return devices
}

// addDigests tells the fencing what the unfencing devices' parameters are now, to be remembered
// as attributes of the node, and reports whether those it was switched on with were others.
func (c *cluster) addDigests(fence *action) (changed bool) {
	var all, secure strings.Builder
	for _, r := range c.unfencingDevices() {
		forAll, forSecure := r.unfencingMarks(fence.node)
		all.WriteString(forAll)
		secure.WriteString(forSecure)
		known, seen := fence.node.attribute("#digests-all")
		knownSecure, _ := fence.node.attribute("#digests-secure")
		changed = changed || seen && !strings.Contains(known, forAll) && !strings.Contains(knownSecure, forSecure)
	}
	fence.setExtra("digests_all", all.String())
	fence.setExtra("digests_secure", secure.String())
	return changed
}

// unfencingMarks are what a node that the fence device switched on remembers of its parameters.
func (r *resource) unfencingMarks(n *node) (all, secure string) {
	params := r.params(n)
	prefix := r.id + ":" + r.agent.Type + ":"
	return prefix + digest(params, 0) + ",", prefix + digest(openParameters(params), 0) + ","
}

// openParameters are those of a fence device that are the agent's, and no secrets.
func openParameters(params map[string]string) map[string]string {
	open := maps.Clone(params)
	maps.DeleteFunc(open, func(name, _ string) bool {
		switch name {
		case "passwd", "password", "user", "provides", "stonith-timeout":
			return true
		}
		return strings.HasPrefix(name, "pcmk_")
	})
	return open
}
