package scheduler

import (
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// flags of a resource.
type resourceFlags uint32

const (
	orphan         resourceFlags = 1 << iota // active or remembered, but no longer configured
	managed                                  // the cluster may act on it
	blocked                                  // a failure forbids acting on it
	inMaintenance                            // maintenance mode, its own or its host's
	provisional                              // not yet assigned
	assigning                                // being assigned: guards against loops of colocations
	addingScores                             // its colocations' scores are being added: guard against loops
	failed                                   // must be recovered
	stopIfFailed                             // recovery needs a stop first
	failureIgnored                           // failed with on-fail=ignore
	startPending                             // a start is in progress
	allowMigrate
	notifies
	unique
	needsQuorum
	needsFencing
	needsUnfencing
	fenceDevice
	promotable
	stopUnexpected // multiple-active=stop_unexpected
	critical
	exclusiveDiscovery
	removedFiller // orphan kept below a clone
	reloading
	restarting     // being taken down where it is, and up again
	nestingAllowed // connection of a bundle, which may be on another host than its container
)

// candidate is one node in a resource's table of possible places.
type candidate struct {
	score    int
	count    int // instances of a clone placed there so far
	present  bool
	discover discovery
}

// discovery says whether a resource is probed on a node.
type discovery uint8

const (
	discoverAlways discovery = iota
	discoverNever
	discoverExclusive
)

// resource is a primitive, group, clone, bundle, or a part of one.
type resource struct {
	c         *cluster
	id        string
	historyID string // name under which the history knows it, when that differs
	variant   Variant
	xml       *cib.Element // its definition, template merged in
	agent     ResourceRef
	parent    *resource
	children  []*resource
	flags     resourceFlags

	meta       map[string]string
	paramCache map[*node]map[string]string

	priority, stickiness, migrationThreshold int
	failureTimeout, reconnectDelay           time.Duration
	multipleActive                           string
	allowed                                  []candidate // by node index
	running, known, dangling                 []*node
	role, next                               role
	nextReason                               string
	assigned                                 *node
	promotionScore                           int

	partialTarget, partialSource *node
	pendingTask                  string
	pendingNode                  *node
	lockNode                     *node
	lockTime                     time.Time

	container  *resource   // what must run for this one to run: a guest node's virtual machine, a replica's container
	fillers    []*resource // the opposite
	remoteHost bool        // is the connection to a remote or guest node
	remoteNode *node       // that node

	withThis, thisWith []*colocation
	locations          []*location
	tickets            []*ticketConstraint
	utilization        map[string]int
	actions            []*action // in order of creation
	operations         []*operation
	ref                *ResourceRef // see reference

	clone   *cloneData
	bundle  *bundleData
	replica *replica
	group   *groupData
}

type groupData struct{ ordered, colocated bool }

func (r *resource) is(f resourceFlags) bool  { return r.flags&f == f }
func (r *resource) any(f resourceFlags) bool { return r.flags&f != 0 }
func (r *resource) set(f resourceFlags)      { r.flags |= f }
func (r *resource) clear(f resourceFlags)    { r.flags &^= f }
func (r *resource) isPrimitive() bool        { return r.variant == PrimitiveResource }
func (r *resource) isClone() bool            { return r.variant == CloneResource }
func (r *resource) isBundle() bool           { return r.variant == BundleResource }
func (r *resource) isGroup() bool            { return r.variant == GroupResource }
func (r *resource) isAnonymousClone() bool   { return r.isClone() && !r.is(unique) }
func (r *resource) isUniqueClone() bool      { return r.isClone() && r.is(unique) }

// setTree sets flags on the resource and everything below it.
func (r *resource) setTree(f resourceFlags) { r.each(func(x *resource) { x.set(f) }) }

// each visits the resource and everything below it, parents first.
func (r *resource) each(visit func(*resource)) {
	visit(r)
	for _, child := range r.children {
		child.each(visit)
	}
}

// top returns the outermost resource that r is part of; a bundle counts only with
// includeBundle, else its contents stand for themselves.
func (r *resource) top(includeBundle bool) *resource {
	for r.parent != nil {
		if r.parent.isBundle() && !includeBundle {
			break
		}
		r = r.parent
	}
	return r
}

// uber is the outermost parent, not going beyond a clone into a bundle.
func (r *resource) uber() *resource { return r.top(false) }

// inBundle reports whether r is part of a bundle.
func (r *resource) inBundle() bool {
	return r.top(true).isBundle()
}

// at returns the candidate for a node; its present field is false when the node is none.
func (r *resource) at(n *node) *candidate {
	for len(r.allowed) <= n.index {
		r.allowed = append(r.allowed, candidate{})
	}
	return &r.allowed[n.index]
}

// lookAt is at without making room: nil when the node is no candidate.
func (r *resource) lookAt(n *node) *candidate {
	if n == nil || n.index >= len(r.allowed) || !r.allowed[n.index].present {
		return nil
	}
	return &r.allowed[n.index]
}

// admit makes a node a candidate, if it is none yet, with what the node itself is worth.
func (r *resource) admit(n *node) *candidate {
	w := r.at(n)
	if w.present {
		return w
	}
	w.present = true
	if n.excluded {
		w.score = -infinity
		if n.isGuest() {
			// Nobody but its own instance is looked for inside a bundle.
			w.discover = discoverNever
		}
	}
	return w
}

// eachCandidate visits the candidate nodes in order of name.
func (r *resource) eachCandidate(visit func(*node, *candidate)) {
	for _, n := range r.c.byName {
		if w := r.lookAt(n); w != nil {
			visit(n, w)
		}
	}
}

// hasNext changes what the resource shall be; reason is for people.
func (r *resource) setNext(to role, reason string) {
	r.next, r.nextReason = to, reason
}

// effectiveRole is what the resource is: of a collective, the highest of its parts.
func (r *resource) effectiveRole(current bool) role {
	if r.isPrimitive() {
		if current {
			return r.role
		}
		return r.next
	}
	highest := roleUnknown
	for _, child := range r.children {
		highest = max(highest, child.effectiveRole(current))
	}
	return highest
}

// active reports whether it is running: all of its parts, or any.
func (r *resource) active(all bool) bool {
	switch r.variant {
	case PrimitiveResource:
		for _, n := range r.running {
			if n.unclean {
				return true
			} else if !n.online && r.is(managed) {
				continue
			} else {
				return true
			}
		}
		return false
	case BundleResource:
		return r.bundleActive(all)
	}
	anyActive, anyInactive := false, false
	for _, child := range r.children {
		if child.active(all) {
			anyActive = true
		} else {
			anyInactive = true
		}
	}
	if all {
		return anyActive && !anyInactive
	}
	return anyActive
}

// currentNode is where the resource is active; of several, the best guess.
func (r *resource) currentNode() *node {
	n, _ := r.activeNode()
	return n
}

// activeNode returns the most useful of the nodes on which r is active, and their number.
// A clean online node goes before others; the source of a partial migration before all.
func (r *resource) activeNode() (best *node, count int) {
	preferFirst := false
	if r.partialTarget != nil && r.partialSource != nil {
		count = len(r.runningNodes())
		return r.partialSource, count
	}
	keep := func(n *node) {
		switch {
		case best == nil:
			best = n
		case preferFirst:
		case cleanOnline(n) && !cleanOnline(best):
			best = n
		}
	}
	nodes := r.runningNodes()
	for _, n := range nodes {
		keep(n)
	}
	return best, len(nodes)
}

func cleanOnline(n *node) bool { return n.online && !n.unclean }

// runningNodes are the nodes on which r or any part of it is active. For a bundle
// these are the hosts of its containers.
func (r *resource) runningNodes() []*node {
	return r.running
}

// knownOn reports whether the history tells r's state on the node.
func (r *resource) knownOn(n *node) bool { return slices.Contains(r.known, n) }

// where returns where r is active now (current), or shall be.
func (r *resource) where(current bool) []*node {
	if len(r.children) > 0 {
		var nodes []*node
		for _, child := range r.children {
			for _, n := range child.where(current) {
				if !slices.Contains(nodes, n) {
					nodes = append(nodes, n)
				}
			}
		}
		return nodes
	}
	if current {
		return r.running
	}
	if r.assigned != nil {
		return []*node{r.assigned}
	}
	return nil
}

// firstAssigned is the first of the nodes on which r shall be; nil when there is none.
func (r *resource) firstAssigned() *node {
	if len(r.children) == 0 {
		return r.assigned
	}
	for _, child := range r.children {
		if n := child.firstAssigned(); n != nil {
			return n
		}
	}
	return nil
}

// runningOn reports whether r is active on n: itself, and with strict false also by its host.
func (r *resource) runningOn(n *node) bool { return n != nil && slices.Contains(r.running, n) }

// metaValue returns a meta-attribute and whether it is set.
func (r *resource) metaValue(name string) (string, bool) {
	v, ok := r.meta[name]
	return v, ok
}

// stripInstance removes the instance number of a clone's instance: "web:1" is web.
func stripInstance(id string) string {
	i := len(id)
	for i > 0 && isDigit(id[i-1]) {
		i--
	}
	if i < len(id) && i > 1 && id[i-1] == ':' {
		return id[:i-1]
	}
	return id
}

// printName is the id people see: without the number for an anonymous clone's instances.
func (r *resource) printName() string {
	if r.is(unique) || r.variant != PrimitiveResource && r.variant != GroupResource {
		return r.id
	}
	if strings.IndexByte(r.id, ':') < 0 {
		return r.id
	}
	return stripInstance(r.id)
}
