package resource

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
)

// place is where an instance of a resource is active.
type place struct {
	node     string
	instance string // the id, with a clone's number
	role     string // Started or Promoted
}

// resource finds a configured resource; an instance's number does not count.
func (c *call) resource(id string) *cib.Element {
	for _, try := range []string{id, instanceOf(id)} {
		for e := range c.doc.Section("resources").Descendants() {
			if e.ID() == try && slices.Contains([]string{"primitive", "group", "clone", "master", "bundle"}, e.Name) {
				return e
			}
		}
	}
	return nil
}

// instanceOf strips the number of a clone's instance.
func instanceOf(id string) string {
	base, number, ok := strings.Cut(id, ":")
	if _, err := strconv.Atoi(number); ok && err == nil {
		return base
	}
	return id
}

// active returns where a resource runs, as the scheduler reads the status section. A group or clone is where any of its
// primitives is.
func (c *call) active(id string) []place {
	var places []place
	for _, r := range c.instances(id) {
		places = appendPlaces(places, r)
	}
	return places
}

// instances returns what is known of a configured resource: of one in a clone, each of its instances.
func (c *call) instances(id string) []*scheduler.ResourceStatus {
	var found []*scheduler.ResourceStatus
	var walk func([]*scheduler.ResourceStatus)
	walk = func(all []*scheduler.ResourceStatus) {
		for _, r := range all {
			if r.ID == id || instanceOf(r.LongID) == id {
				found = append(found, r)
			} else {
				walk(r.Children)
			}
		}
	}
	walk(c.observed().Resources)
	return found
}

// observed is the state of the document as the scheduler sees it.
func (c *call) observed() *scheduler.Status {
	if c.state == nil || c.stateOf != c.doc {
		c.state, c.stateOf = monitor.Observe(c.doc, c.now), c.doc
	}
	return c.state
}

func appendPlaces(places []place, r *scheduler.ResourceStatus) []place {
	if r.Variant != scheduler.PrimitiveResource {
		for _, child := range r.Children {
			places = appendPlaces(places, child)
		}
		return places
	}
	for _, n := range r.Nodes {
		places = append(places, place{n.Node, r.LongID, r.Role})
	}
	return places
}

// collective returns the clone, group or bundle that a resource is part of, or the resource itself.
func collective(e *cib.Element) *cib.Element {
	top := e
	for p := e.Parent; p != nil && p.Name != "resources"; p = p.Parent {
		top = p
	}
	return top
}

func element(name string) *cib.Element { return cib.NewElement(name) }

func textNode(text string) *cib.Element { return &cib.Element{Kind: cib.TextNode, Text: text} }
