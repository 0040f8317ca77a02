package scheduler

import (
	"strings"
	"time"

	"holdfast/cluster/cib"
)

// Redefine makes a change of a resource's parameters, from before's to after's, one that was carried out
// without a restart: after's status then says that the resource was started with the new parameters, and that
// hosts were switched on with them. Make finds nothing to restart or to unfence for it. The two
// documents differ in nothing but those parameters. Where the status tells of others than before's it
// stays, for there is another change to carry out. Recurring operations are left to
// be run anew, with the new parameters, which restarts nothing.
func Redefine(before, after *cib.Document, id string, now time.Time) {
	old, fresh := digestsOf(before, id, now), digestsOf(after, id, now)
	for i, is := range fresh {
		if value, kept := is.in.Lookup(is.name); kept && i < len(old) && old[i].in.ID() == is.in.ID() {
			is.in.Set(is.name, strings.Replace(value, old[i].text, is.text, 1))
		}
	}
}

// statusDigest is a place in the status that tells of a resource's parameters, and what
// stands there when they are those that are configured.
type statusDigest struct {
	in   *cib.Element
	name string // of the attribute
	text string // the attribute's value, or a part of it
}

func digestsOf(doc *cib.Document, id string, now time.Time) []statusDigest {
	c := newCluster(doc, now)
	c.observe()
	index := c.historyIndex()
	var all []statusDigest
	for _, n := range c.byName {
		if n.state == nil {
			continue
		}
		for x := range n.state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			for _, r := range index[x.ID()] {
				if r.id != id && r.historyID != id {
					continue
				}
				for op := range x.All("lrm_rsc_op") {
					all = append(all, newEvent(r, n, op).digests()...)
				}
			}
		}
		if r := c.lookup[id]; r != nil && r.isPrimitive() {
			all = append(all, r.unfencingDigests(n)...)
		}
	}
	return all
}

// digests are those that the history keeps of a single operation.
func (e *event) digests() []statusDigest {
	if e.interval > 0 {
		return nil
	}
	params := e.params()
	restart := params
	if names, named := e.xml.Lookup("op-force-restart"); named {
		restart = restrict(params, names)
	}
	return []statusDigest{
		{e.xml, "op-digest", digest(params, 0)},
		{e.xml, "op-restart-digest", digest(restart, 0)},
		{e.xml, "op-secure-digest", digest(e.open(params), 0)},
	}
}

// unfencingDigests are those that a node remembers of a fence device that has switched it on.
func (r *resource) unfencingDigests(n *node) []statusDigest {
	forAll, forSecure := r.unfencingMarks(n)
	var found []statusDigest
	for pair := range n.state.Child("transient_attributes").Descendants() {
		switch pair.Get("name") {
		case "#digests-all":
			found = append(found, statusDigest{pair, "value", forAll})
		case "#digests-secure":
			found = append(found, statusDigest{pair, "value", forSecure})
		}
	}
	return found
}
