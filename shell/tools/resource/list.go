package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/status"
)

// agentName is class:provider:type, as Pacemaker writes it; without a provider nothing stands between.
func agentName(e *cib.Element) string {
	if p := e.Get("provider"); p != "" {
		return e.Get("class") + ":" + p + ":" + e.Get("type")
	}
	return e.Get("class") + ":" + e.Get("type")
}

// list prints the resources as crm_mon does, without where primitives run.
func (c *call) list() error {
	observed := c.observed()
	if c.xml() {
		monitor.AppendResources(c.result, observed, c.doc, c.now)
		return nil
	}
	c.say("Full List of Resources:\n")
	var text strings.Builder
	status.ResourcesWith(&text, observed, "  ", status.Options{Placeless: true, Release21: true, FailedProbe: monitor.FailedProbe(observed)})
	if text.Len() == 0 {
		text.WriteString("  * No resources\n")
	}
	c.say("%s", text.String())
	return nil
}

// listRaw prints the ids of primitives, of those in clones for each instance.
func (c *call) listRaw() error {
	var names []string
	for _, r := range listedPrimitives(c.observed().Resources) {
		names = append(names, r.LongID)
	}
	list := c.result.Append(cib.NewElement("list", "name", "resource names", "count", strconv.Itoa(len(names))))
	for _, name := range names {
		c.say("%s\n", name)
		item := list.Append(cib.NewElement("item", "name", "resource"))
		item.Append(textNode(name))
	}
	if len(names) == 0 {
		c.say("No resources\n")
	}
	return nil
}

// listedPrimitives returns the primitives in the order in which Pacemaker makes them: what a bundle is made of is there before
// anything that is in clones or bundles.
func listedPrimitives(all []*scheduler.ResourceStatus) []*scheduler.ResourceStatus {
	var out []*scheduler.ResourceStatus
	for _, r := range all {
		switch r.Variant {
		case scheduler.PrimitiveResource:
			out = append(out, r)
		case scheduler.BundleResource:
			out = append(out, bundleParts(r)...)
		default:
			out = append(out, listedPrimitives(r.Children)...)
		}
	}
	return out
}

// bundleParts are the containers with their addresses and connections, then what runs inside.
func bundleParts(bundle *scheduler.ResourceStatus) []*scheduler.ResourceStatus {
	var around, inside []*scheduler.ResourceStatus
	for _, replica := range bundle.Children {
		var address []*scheduler.ResourceStatus
		for _, part := range replica.Children {
			switch name := part.LongID; {
			case strings.HasPrefix(name, bundle.ID+"-ip-"):
				address = append(address, part)
			case strings.HasPrefix(name, bundle.ID+"-") && part.Agent.Type != "remote":
				around = append(around, part)
				around = append(around, address...)
			case part.Agent.Type == "remote":
				around = append(around, part)
			default:
				inside = append(inside, part)
			}
		}
	}
	return append(around, inside...)
}

func (c *call) queryXML() error {
	e := c.resource(c.id()).Clone()
	if c.what == "query-xml" {
		if t := c.doc.ByID(e.Get("template")); t != nil && e.Get("template") != "" {
			mergeTemplate(e, t)
		}
	}
	if c.xml() {
		configured := c.result.Append(cib.NewElement("resource_config"))
		monitor.AppendResource(configured, c.observed(), c.doc, c.now, c.id())
		configured.Append(cib.NewElement("xml")).Append(&cib.Element{Kind: cib.CDATANode, Text: e.Escaped()})
		return nil
	}
	c.say("%s", c.stateLines())
	if _, cloned := c.inClone(c.resource(c.id())); cloned {
		_, number, _ := strings.Cut(c.id(), ":")
		e.Set("clone", cmp.Or(number, "0"))
	}
	c.say("Resource XML:\n%s", e.Escaped())
	return nil
}

// stateLines is a resource's state as the list of resources has it, without the title above the parts of a collective one. Of
// instances it is the first.
func (c *call) stateLines() string {
	r := c.instance()
	if r == nil {
		return ""
	}
	var text strings.Builder
	status.Resource(&text, c.observed(), r, status.Options{Release21: true, ActiveOnly: true, FailedProbe: monitor.FailedProbe(c.observed())})
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	if r.Variant != scheduler.PrimitiveResource {
		lines = lines[1:]
	}
	var b strings.Builder
	for _, line := range lines {
		fmt.Fprintln(&b, strings.TrimPrefix(strings.TrimSpace(line), "* "))
	}
	return b.String()
}

// inClone returns the clone around a resource.
func (c *call) inClone(e *cib.Element) (clone *cib.Element, ok bool) {
	for p := e.Parent; p != nil; p = p.Parent {
		if p.Name == "clone" || p.Name == "master" {
			return p, true
		}
	}
	return nil, false
}

// nothing is what --list-cts does.
func (c *call) nothing() error { return nil }

// mergeTemplate gives a primitive what its template has and it lacks.
func mergeTemplate(e, template *cib.Element) {
	e.Unset("template")
	for _, a := range template.Attrs {
		if _, ok := e.Lookup(a.Name); !ok {
			e.Set(a.Name, a.Value)
		}
	}
	for i, child := range template.Children {
		if child.Kind == cib.ElementNode && (child.Name != "operations" || e.Child("operations") == nil) {
			e.InsertAt(min(i, len(e.Children)), child.Clone())
		}
	}
}

func (c *call) locate() error {
	id := c.id()
	e := c.resource(id)
	if e != nil {
		id = e.ID()
	}
	places := c.active(id)
	if id != c.id() {
		places = c.numbered(id, c.id())
	}
	nodes := c.result.Append(cib.NewElement("nodes", "resource", c.id()))
	if len(places) == 0 {
		if !c.line.Has("quiet") && !c.xml() {
			fmt.Fprintf(c.stderr, "resource %s is NOT running\n", c.id())
		}
		return nil
	}
	for _, p := range c.inOrder(e, places) {
		node := nodes.Append(cib.NewElement("node"))
		node.Append(&cib.Element{Kind: cib.TextNode, Text: p.node})
		promoted := ""
		if p.role == "Promoted" {
			promoted = " Promoted"
			node.Set("state", "promoted")
		}
		if c.line.Has("quiet") {
			c.say("%s\n", p.node)
		} else {
			c.say("resource %s is running on: %s%s\n", c.id(), p.node, promoted)
		}
	}
	return nil
}

// inOrder are places as they are told: of a clone those of the last instance first, of anything else each host once.
func (c *call) inOrder(e *cib.Element, places []place) []place {
	if isClone(e) {
		slices.Reverse(places)
		return places
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.node, b.node) })
	return slices.CompactFunc(places, func(a, b place) bool { return a.node == b.node })
}

// numbered returns where the instance with a number is: anonymous instances are numbered in the order of the
// status, promoted ones first.
func (c *call) numbered(id, instance string) []place {
	places := c.active(id)
	for _, p := range places {
		if p.instance == instance {
			return []place{p}
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.role, b.role) }) // Promoted before Started
	_, number, _ := strings.Cut(instance, ":")
	if n, err := strconv.Atoi(number); err == nil && n < len(places) {
		return places[n : n+1]
	}
	return nil
}

// pretendFailure is --fail.
func (c *call) pretendFailure() error {
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return &outcome{exit.Disconnect, err.Error()}
	}
	defer cancel()
	if c.node() == "" {
		return fmt.Errorf("%w: --fail needs a host; give one with -N HOST", exit.ErrUsage)
	}
	return cl.Fail(ctx, c.id(), c.node())
}
