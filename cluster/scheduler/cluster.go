package scheduler

import (
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// cluster is the working data of one run: everything the phases share. It is made,
// filled phase by phase, read out into a Plan, and dropped.
type cluster struct {
	doc     *cib.Document
	now     time.Time
	options options

	nodes     []*node // by index
	byName    []*node // by name; the order in which hosts are looked at
	nodeIDs   map[string]*node
	nodeNames map[string]*node

	resources []*resource // top-level resources, by descending priority, then in document order
	lookup    map[string]*resource
	inHistory map[string]*resource // see indexHistoryNames
	templates map[string][]string  // resource ids derived from each template
	tags      map[string][]string

	tickets     map[string]*ticket
	ticketNames []string // sorted

	colocations []*colocation
	locations   []*location
	orders      []*ordering

	actions    []*action // by id
	singletons map[string]*action
	nextAction int
	happening  []*action // those of the transition graph, in its order

	walks          restartWalks
	merged         []*input // by the id of the first action, the edge from it that stays; empty between uses
	actionSlab     slab[action]
	inputSlab      slab[input]
	edgeSlab       slab[*input] // lists of edges, as long as they are short
	listSlab       slab[*action]
	operationSlab  slab[operation]
	extraSlab      slab[Param]
	operationLists slab[*operation]
	orderSlab      slab[ordering]
	exportSlab     slab[Action]

	failedOps   []Failure
	stopNeeded  []*resource             // containers to be stopped because the connection into them failed
	elements    map[string]*cib.Element // by id, filled on first use
	opDefaults  *cib.Element
	rscDefaults *cib.Element

	hasRemotes, unfencing bool
	updates               int             // of actions done so far; see maxUpdates
	forcedRestart         map[string]bool // recurring operations that must run anew because their failure expired
	haveFencing           bool            // there is a device to fence with
	recheck               time.Time
	certainUntil          time.Time // before it, time alone changes nothing; zero: never
	watch                 func(time.Time)
	scores                *scoreLog
	bans                  []ban // what failures, stickiness and the like added to scores
	dc                    *node

	instances, disabled, blocked int
}

func newCluster(doc *cib.Document, now time.Time) *cluster {
	c := &cluster{
		doc: doc, now: now,
		nodeIDs: map[string]*node{}, nodeNames: map[string]*node{},
		lookup: map[string]*resource{}, templates: map[string][]string{}, tags: map[string][]string{},
		tickets: map[string]*ticket{}, singletons: map[string]*action{},
		nextAction: 1,
	}
	c.watch = c.holdsUntil
	c.rscDefaults, c.opDefaults = doc.Section("rsc_defaults"), doc.Section("op_defaults")
	return c
}

// byID finds the element of an id-ref.
func (c *cluster) byID(id string) *cib.Element {
	if c.elements == nil {
		c.elements = map[string]*cib.Element{}
		for e := range c.doc.Root.Child("configuration").Descendants() {
			if v, ok := e.Lookup("id"); ok {
				if _, taken := c.elements[v]; !taken {
					c.elements[v] = e
				}
			}
		}
	}
	return c.elements[id]
}

// ruleContext is the context of rules about the cluster as a whole, or about a node.
func (c *cluster) ruleContext(n *node) *rule.Context {
	ctx := &rule.Context{Now: c.now, Watch: c.watch}
	if n != nil {
		ctx.Attribute = n.attribute
	}
	return ctx
}

// noteRecheck remembers that time alone may change the plan at t.
func (c *cluster) noteRecheck(t time.Time) {
	if !t.IsZero() {
		c.holdsUntil(t)
	}
	if !t.IsZero() && t.After(c.now) && (c.recheck.IsZero() || t.Before(c.recheck)) {
		c.recheck = t
	}
}

// holdsUntil notes that what was decided may be different from t on, if that is to come.
// Everything that asks for the time does so by a rule, after or reached.
func (c *cluster) holdsUntil(t time.Time) {
	if !t.Before(c.now) && (c.certainUntil.IsZero() || t.Before(c.certainUntil)) {
		c.certainUntil = t
	}
}

// after reports whether t is past.
func (c *cluster) after(t time.Time) bool {
	c.holdsUntil(t)
	return c.now.After(t)
}

// reached reports whether t is past or now.
func (c *cluster) reached(t time.Time) bool {
	c.holdsUntil(t)
	return !c.now.Before(t)
}

// eachResource visits top-level resources and all below them, parents first.
func (c *cluster) eachResource(visit func(*resource)) {
	for _, r := range c.resources {
		r.each(visit)
	}
}
