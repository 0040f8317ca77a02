package resource

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
	observed := scheduler.Observe(c.doc, c.now)
	if c.xml() {
		monitor.AppendResources(c.result, observed, c.doc, c.now)
		return nil
	}
	c.say("Full List of Resources:\n")
	var text strings.Builder
	status.ResourcesWith(&text, observed, "  ", status.Options{Placeless: true})
	if text.Len() == 0 {
		text.WriteString("  * No resources\n")
	}
	c.say("%s", text.String())
	return nil
}

// listRaw prints the ids of primitives, of those in clones for each instance.
func (c *call) listRaw() error {
	var names []string
	var walk func([]*scheduler.ResourceStatus)
	walk = func(list []*scheduler.ResourceStatus) {
		for _, r := range list {
			if len(r.Children) == 0 && r.Variant == scheduler.PrimitiveResource {
				names = append(names, r.LongID)
			}
			walk(r.Children)
		}
	}
	walk(scheduler.Observe(c.doc, c.now).Resources)
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

func (c *call) queryXML() error {
	e := c.resource(c.id()).Clone()
	if c.what == "query-xml" {
		if t := c.doc.ByID(e.Get("template")); t != nil && e.Get("template") != "" {
			mergeTemplate(e, t)
		}
	}
	if c.xml() {
		c.result.Append(cib.NewElement("resource", "id", c.id())).
			Append(cib.NewElement("xml")).Append(&cib.Element{Kind: cib.TextNode, Text: e.Escaped()})
		return nil
	}
	if e.Name == "primitive" {
		state := "Stopped"
		for i, p := range c.active(c.resource(c.id())) {
			if i == 0 {
				state = p.role
			}
			state += " " + p.node
		}
		c.say("%s\t(%s):\t %s\n", e.ID(), agentName(e), state)
	}
	c.say("Resource XML:\n%s", e.Escaped())
	return nil
}

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
	e := c.resource(c.id())
	places := c.active(e)
	if instance := c.id(); instance != e.ID() {
		places = c.numbered(e, instance)
	}
	nodes := c.result.Append(cib.NewElement("nodes", "resource", c.id()))
	if len(places) == 0 {
		if c.line.Has("quiet") {
			return nil
		}
		c.say("resource %s is NOT running\n", c.id())
		return nil
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.node, b.node) })
	seen := map[string]bool{}
	for _, p := range places {
		if seen[p.node] {
			continue
		}
		seen[p.node] = true
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

// numbered returns where the instance with a number is: anonymous instances are numbered in the order of the
// status, promoted ones first.
func (c *call) numbered(e *cib.Element, instance string) []place {
	places := c.active(e)
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

func (c *call) listOperations() error {
	list := c.result.Append(cib.NewElement("operations"))
	for state := range c.doc.Section("status").All("node_state") {
		node := state.Get("uname")
		if c.node() != "" && c.node() != node {
			continue
		}
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			if c.id() != "" && instanceOf(rsc.ID()) != c.id() && rsc.ID() != c.id() {
				continue
			}
			c.listHistory(list, node, rsc)
		}
	}
	return nil
}

func (c *call) listHistory(list *cib.Element, node string, rsc *cib.Element) {
	ops := slices.Collect(rsc.All("lrm_rsc_op"))
	number := func(e *cib.Element) int { n, _ := strconv.Atoi(e.Get("call-id")); return n }
	slices.SortStableFunc(ops, func(a, b *cib.Element) int { return number(a) - number(b) })
	first := 0
	if c.what == "list-operations" {
		for i, op := range ops {
			if op.Get("rc-code") != "0" {
				continue
			}
			switch op.Get("operation") {
			case "start", "migrate_from":
				first = i
			case "stop":
				first = i + 1
			}
		}
	}
	for _, op := range ops[first:] {
		c.listOperation(list, node, rsc, op)
	}
}

var opStatus = map[string]string{"-1": "pending", "0": "complete", "1": "cancelled", "2": "Timed Out", "3": "NOT SUPPORTED", "4": "Error", "7": "not installed"}

func (c *call) listOperation(list *cib.Element, node string, rsc, op *cib.Element) {
	key := op.Get("operation_key")
	if key == "" {
		key = op.ID()
	}
	status := opStatus[op.Get("op-status")]
	item := list.Append(cib.NewElement("operation", "op", key, "node", node, "call", op.Get("call-id"), "rc", op.Get("rc-code"), "status", status))
	item.Set("rsc", rsc.ID())
	item.Set("agent", rsc.Get("class")+":"+rsc.Get("provider")+":"+rsc.Get("type"))
	changed := ""
	if seconds, err := strconv.ParseInt(op.Get("last-rc-change"), 10, 64); err == nil {
		stamp := time.Unix(seconds, 0).UTC().Format("Mon Jan _2 15:04:05 2006")
		item.Set("last-rc-change", stamp)
		item.Set("exec-time", op.Get("exec-time"))
		changed = fmt.Sprintf(", last-rc-change='%s', exec=%sms", stamp, op.Get("exec-time"))
	}
	c.say("%s\t(%s):\t %s: %s (node=%s, call=%s, rc=%s%s): %s\n", rsc.ID(), agentName(rsc), roleOf(rsc), key, node,
		op.Get("call-id"), op.Get("rc-code"), changed, status)
}

func (c *call) why() error {
	reason := c.result.Append(cib.NewElement("reason"))
	if c.id() == "" {
		list := reason.Append(cib.NewElement("resources"))
		for e := range c.doc.Section("resources").Elements() {
			if e.Name == "template" {
				continue
			}
			running := c.sayRunning(e)
			item := list.Append(cib.NewElement("resource", "id", e.ID(), "running", strconv.FormatBool(running)))
			item.Append(c.checked(e))
		}
		return nil
	}
	e := c.resource(c.id())
	if node := c.node(); node != "" {
		if err := c.knownNode(node); err != nil {
			return err
		}
		if slices.ContainsFunc(c.active(e), func(p place) bool { return p.node == node }) {
			reason.Set("running_on", node)
			c.say("Resource %s is running on host %s\n", e.ID(), node)
		} else if !c.xml() {
			c.say("Resource %s is assigned to, but not running on, host %s\n", e.ID(), node)
		}
	} else {
		reason.Set("running", strconv.FormatBool(c.sayRunning(e)))
	}
	reason.Append(c.checked(e))
	return nil
}

func (c *call) sayRunning(e *cib.Element) bool {
	running := len(c.active(e)) > 0
	not := "not "
	if running {
		not = ""
	}
	c.say("Resource %s is %srunning\n", e.ID(), not)
	return running
}

// checked names what keeps a resource from running or being promoted.
func (c *call) checked(e *cib.Element) *cib.Element {
	check := cib.NewElement("check", "id", e.ID())
	meta := *c
	meta.line = &metaLine
	value, _ := meta.effective(e, "target-role")
	switch value {
	case "Stopped":
		check.Set("remain_stopped", "true")
		c.say("Configuration specifies '%s' should remain stopped\n", e.ID())
	case "Unpromoted", "Slave":
		check.Set("promotable", "false")
		c.say("Configuration specifies '%s' should not be promoted\n", e.ID())
	}
	if managed, ok := meta.effective(e, "is-managed"); ok && (managed == "false" || managed == "0" || managed == "no" || managed == "off") {
		check.Set("unmanaged", "true")
		c.say("Configuration prevents cluster from managing '%s'\n", e.ID())
	}
	if c.unhealthy() {
		check.Set("unhealthy", "true")
		c.say("'%s' cannot run on unhealthy nodes due to %s='%s'\n", e.ID(), "node-health-strategy", c.option("node-health-strategy"))
	}
	return check
}

func (c *call) option(name string) string {
	for set := range c.doc.Section("crm_config").All("cluster_property_set") {
		for nvpair := range set.All("nvpair") {
			if nvpair.Get("name") == name {
				return nvpair.Get("value")
			}
		}
	}
	return ""
}

// unhealthy says whether the host asked about may run nothing because of a red health attribute.
func (c *call) unhealthy() bool {
	strategy := c.option("node-health-strategy")
	if c.node() == "" || strategy == "" || strategy == "none" {
		return false
	}
	for state := range c.doc.Root.Descendants() {
		if (state.Name != "node" && state.Name != "node_state") || state.Get("uname") != c.node() {
			continue
		}
		for nvpair := range state.Descendants() {
			if nvpair.Name == "nvpair" && strings.HasPrefix(nvpair.Get("name"), "#health") && nvpair.Get("value") == "red" {
				return true
			}
		}
	}
	return false
}

// pretendFailure is --fail.
func (c *call) pretendFailure() error {
	cl, ctx, cancel, err := c.live()
	if err != nil {
		return err
	}
	defer cancel()
	if c.node() == "" {
		return fmt.Errorf("%w: --fail needs a host; give one with -N HOST", exit.ErrUsage)
	}
	return cl.Fail(ctx, c.id(), c.node())
}
