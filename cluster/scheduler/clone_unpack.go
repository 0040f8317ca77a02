package scheduler

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
)

// cloneData is what a clone has beyond other resources.
type cloneData struct {
	max, nodeMax                 int // instances in all, and on one node
	promotedMax, promotedNodeMax int
	ordered, interleave          bool
	min                          int // clone-min: instances to be up before dependents may start
	total                        int // instances made so far, also for what the history shows beyond max
	template                     *cib.Element
	mergedPromotion              bool
	choosingRoles                bool // places are known, roles are being chosen or known
	startNotify, stopNotify      *notification
	promoteNotify, demoteNotify  *notification
	told                         paramList // what each notification tells
}

func (r *resource) unpackClone() bool {
	m := r.meta
	d := &cloneData{promotedMax: 0}
	r.clone = d
	for e := range r.xml.Elements() {
		if e.Name == "primitive" || e.Name == "group" {
			d.template = e
			break
		}
	}
	if d.template == nil {
		return false
	}
	if cib.ParseBool(m["promotable"], false) || r.xml.Name == "master" {
		r.set(promotable)
		d.promotedMax = metaNumber(m, 1, "promoted-max", "master-max")
		d.promotedNodeMax = metaNumber(m, 1, "promoted-node-max", "master-node-max")
	}
	d.nodeMax = metaNumber(m, 1, "clone-node-max")
	d.max = metaNumber(m, max(1, len(r.c.nodes)), "clone-max")
	d.min = metaNumber(m, 0, "clone-min")
	d.ordered = cib.ParseBool(m["ordered"], false)
	d.interleave = cib.ParseBool(m["interleave"], false)
	r.settleUniqueness()
	for range min(d.max, r.c.usefulInstances(d.nodeMax)) {
		if r.addInstance() == nil {
			return false
		}
	}
	if d.max <= 0 {
		// One instance remains as a place to look things up in.
		if child := r.addInstance(); child != nil {
			child.setTree(orphan)
		}
	}
	return true
}

// usefulInstances bounds how many instances are made when so many may be on a node: those that no
// node can hold only make the plan slower. A hundred are made all the same, since the plan shows
// those that find no place.
func (c *cluster) usefulInstances(onNode int) int {
	return max(100, min(onNode, infinity)*len(c.nodes))
}

// settleUniqueness decides whether the clone's instances differ from each other. Those of
// agents that cannot tell them apart do not, whatever is configured.
func (r *resource) settleUniqueness() {
	d := r.clone
	switch {
	case !cib.ParseBool(r.meta["globally-unique"], d.nodeMax > 1):
		r.clear(unique)
		d.nodeMax = min(d.nodeMax, 1)
	case r.c.allUnique(d.template):
		r.set(unique)
	default:
		r.clear(unique)
		d.nodeMax = 1
		d.max = min(d.max, len(r.c.nodes))
	}
	r.meta["globally-unique"] = strconv.FormatBool(r.is(unique))
}

func metaNumber(m map[string]string, fallback int, names ...string) int {
	for _, name := range names {
		if v, ok := m[name]; ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= 0 {
				return n
			}
			return parseScore(v, fallback)
		}
	}
	return fallback
}

// addInstance makes the clone's next instance.
func (r *resource) addInstance() *resource {
	child := r.c.unpackResource(r.clone.template, r)
	if child == nil {
		return nil
	}
	r.clone.total++
	child.each(func(x *resource) {
		if r.is(unique) {
			x.set(unique)
		}
	})
	r.children = append(r.children, child)
	return child
}

// addOrphanInstance makes one more instance for something active that no configured
// instance can stand for, and returns the part of it that the history's name means. The
// states of hosts are known by now: those that are down or leaving are no place for it.
func (r *resource) addOrphanInstance(name string) *resource {
	top := r.addInstance()
	if top == nil {
		return nil
	}
	top.setTree(orphan)
	top.each(func(x *resource) {
		for _, n := range r.c.nodes {
			if w := x.lookAt(n); w != nil && !n.isRemote() && (!n.online || n.unclean || n.shutdown) {
				w.score = -infinity
			}
		}
	})
	return top.part(name)
}

// part finds the primitive of that name (without instance number) in r.
func (r *resource) part(name string) *resource {
	var found *resource
	r.each(func(x *resource) {
		if found == nil && x.isPrimitive() && (x.id == name || stripInstance(x.id) == name) {
			found = x
		}
	})
	return found
}

// findInstance returns the instance of an anonymous clone that stands for what the
// history of a node calls name.
func (r *resource) findInstance(name string, n *node) *resource {
	var found, spare *resource
	skipSpare := false
	for _, child := range r.children {
		if found != nil {
			break
		}
		places := child.places()
		switch {
		case len(places) > 0:
			if places[0] != n {
				continue
			}
			if found = child.part(name); found != nil && len(found.running) > 0 {
				skipSpare, found = true, nil
			}
		case !skipSpare && spare == nil && !child.is(orphan):
			spare = child.part(name)
			if spare != nil && spare.pendingNode != nil && spare.pendingNode != n {
				spare = nil
			}
		}
	}
	if found == nil && !skipSpare {
		found = spare
	}
	// An instance that fencing need not precede must not use up a number for a node that
	// is down: it can start elsewhere at once.
	if found != nil && !found.is(needsFencing) && (!n.online || n.unclean) && !n.isGuest() && !r.everywhere() {
		found = nil
	}
	if found == nil {
		found = r.addOrphanInstance(name)
	}
	return found
}

// everywhere reports whether the clone has an instance for each node.
func (r *resource) everywhere() bool { return r.clone.max == len(r.c.nodes) }

// places are the nodes on which r, or a part of it, is active or has an operation pending.
func (r *resource) places() []*node {
	nodes := r.where(true)
	r.each(func(x *resource) {
		if x.pendingNode != nil && !slices.Contains(nodes, x.pendingNode) {
			nodes = append(nodes, x.pendingNode)
		}
	})
	return nodes
}
