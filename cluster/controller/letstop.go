package controller

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// Where no fencing sees to it, hosts that were lost have to stop by themselves what they run, if they live: they
// have lost the quorum at the same moment, give or take Config.Lag. How long they need is not known, but what their
// agents took lately is: it is in the history. So what they ran is started elsewhere after
//
//	Lag + stopMargin × the longest chain of stops on one of them, and stopTime at least.
//
// It is no promise: a service that takes longer to stop than that runs twice for so long, as the document, without
// fencing, says that it may.
const (
	stopTime   = 250 * time.Millisecond
	stopMargin = 2
)

// letStop notes until when hosts that were there and are lost may be stopping what they run, where only they
// themselves can do that. Every host keeps account, as any of them may lead before that time is over.
func (c *Controller) letStop(now time.Time, before []core.HostID) {
	for _, id := range c.view.Members {
		delete(c.stopping, id)
	}
	doc := c.cfg.Document()
	if c.boots[c.cfg.Self] != c.cfg.Boot || FencingEnabled(doc) || !stopsWithoutQuorum(doc) {
		return
	}
	var tied chains
	for _, id := range c.view.Lost {
		if !slices.Contains(before, id) {
			continue
		}
		if tied == nil {
			tied = chainsOf(doc)
		}
		c.stopping[id] = now.Add(max(stopTime, c.cfg.Lag+stopMargin*longestStop(doc, id, tied)))
	}
}

// stopped is when all hosts that were lost have had the time to stop what they ran.
func (c *Controller) stopped() (at time.Time) {
	for _, t := range c.stopping {
		if t.After(at) {
			at = t
		}
	}
	return at
}

// FencingEnabled tells whether a document wants lost hosts to be fenced.
func FencingEnabled(doc *cib.Document) bool {
	return cib.ParseBool(doc.Property("fencing-enabled", "stonith-enabled"), true)
}

func stopsWithoutQuorum(doc *cib.Document) bool {
	return strings.EqualFold(cmp.Or(doc.Property("no-quorum-policy"), "stop"), "stop")
}

// longestStop is how long a host needs to stop what it runs: resources that are not tied to each other stop at once,
// those that are, one after another.
func longestStop(doc *cib.Document, host core.HostID, tied chains) (longest time.Duration) {
	took := map[string]time.Duration{} // by chain
	for e := range nodeState(doc.Section("status"), host).Descendants() {
		if e.Name == "lrm_resource" && e.Get("class") != "stonith" {
			name, _, _ := strings.Cut(e.ID(), ":")
			took[tied.of(name)] += lately(e)
		}
	}
	for _, t := range took {
		longest = max(longest, t)
	}
	return longest
}

// lately is the longest that an agent worked for a resource, of what its history tells; 0 for one that does not run.
func lately(history *cib.Element) (longest time.Duration) {
	runs := false
	for op := range history.All("lrm_rsc_op") {
		task, code := op.Get("operation"), op.Get("rc-code")
		runs = runs || task != "stop" && (code == "0" || code == "8") || task == "start"
		for _, name := range []string{"exec-time", "queue-time"} {
			if ms, err := strconv.ParseInt(op.Get(name), 10, 32); err == nil {
				longest = max(longest, time.Duration(ms)*time.Millisecond)
			}
		}
	}
	if !runs {
		return 0
	}
	return longest
}

// chains are sets of resources that may have to stop one after another: members of a group, and what constraints
// of order name together. Each is named by one of its members.
type chains map[string]string

func chainsOf(doc *cib.Document) chains {
	c := chains{}
	var descend func(e *cib.Element, top string)
	descend = func(e *cib.Element, top string) {
		for _, child := range e.Children {
			if child.Name != "primitive" && child.Name != "group" && child.Name != "clone" && child.Name != "master" && child.Name != "bundle" {
				continue
			}
			whole := cmp.Or(top, child.ID())
			c.tie(child.ID(), whole)
			descend(child, whole)
		}
	}
	if resources := doc.Section("resources"); resources != nil {
		descend(resources, "")
	}
	for order := range doc.Section("constraints").All("rsc_order") {
		first := order.Get("first")
		c.tie(first, order.Get("then"))
		for ref := range order.Descendants() {
			if ref.Name == "resource_ref" {
				first = cmp.Or(first, ref.ID())
				c.tie(first, ref.ID())
			}
		}
	}
	return c
}

// of is the name of a resource's chain.
func (c chains) of(resource string) string {
	for c[resource] != "" && c[resource] != resource {
		resource = c[resource]
	}
	return resource
}

// tie puts two resources into one chain.
func (c chains) tie(a, b string) {
	if a, b = c.of(a), c.of(b); a != "" && b != "" && a != b {
		c[a] = b
	}
}
