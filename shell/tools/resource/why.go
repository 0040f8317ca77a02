package resource

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
)

func (c *call) why() error {
	reason := c.result.Append(cib.NewElement("reason"))
	if c.node() != "" && c.id() == "" {
		c.whyOn(reason.Append(cib.NewElement("resources")), c.node())
		return nil
	}
	if c.id() == "" {
		list := reason.Append(cib.NewElement("resources"))
		for e := range c.doc.Section("resources").Elements() {
			if e.Name == "template" {
				continue
			}
			running := len(c.active(e.ID())) > 0
			c.sayRunning(e.ID(), running)
			item := list.Append(cib.NewElement("resource", "id", e.ID(), "running", strconv.FormatBool(running)))
			item.Append(c.checked(e))
		}
		for _, r := range c.observed().Resources {
			if r.Orphan {
				running := len(appendPlaces(nil, r)) > 0
				c.sayRunning(r.LongID, running)
				list.Append(cib.NewElement("resource", "id", r.LongID, "running", strconv.FormatBool(running))).Append(cib.NewElement("check", "id", r.LongID))
			}
		}
		return nil
	}
	r := c.instance()
	if r == nil {
		return nil
	}
	if node := c.node(); node == "" {
		running := len(appendPlaces(nil, r)) > 0
		c.sayRunning(r.LongID, running)
		reason.Set("running", strconv.FormatBool(running))
	} else if isOn(r, node) {
		reason.Set("running_on", node)
		c.say("Resource %s is running on host %s\n", r.LongID, node)
	} else {
		c.say("Resource %s is not running on host %s\n", r.LongID, node)
	}
	reason.Append(c.checked(outermost(c.resource(c.id()))))
	return nil
}

// instance is what --resource names: of what is in a clone the instance with that number, or the first.
func (c *call) instance() *scheduler.ResourceStatus {
	instances := c.instances(instanceOf(c.id()))
	for _, r := range instances {
		if r.LongID == c.id() {
			return r
		}
	}
	if len(instances) == 0 {
		return nil
	}
	return instances[0]
}

// outermost is the group or clone around a resource. A bundle does not count: its parts are looked at alone.
func outermost(e *cib.Element) *cib.Element {
	if top := collective(e); top.Name != "bundle" {
		return top
	}
	return e
}

func isOn(r *scheduler.ResourceStatus, node string) bool {
	return slices.ContainsFunc(appendPlaces(nil, r), func(p place) bool { return p.node == node })
}

// whyOn names what runs on a host, in the order of the host's history.
func (c *call) whyOn(list *cib.Element, node string) {
	var here []*scheduler.ResourceStatus
	for _, r := range listedPrimitives(c.observed().Resources) {
		if isOn(r, node) {
			here = append(here, r)
		}
	}
	monitor.SortByHistory(here, c.doc, node)
	for _, r := range here {
		c.say("Resource %s is running on host %s\n", r.LongID, node)
		item := list.Append(cib.NewElement("resource", "id", r.LongID, "running", "true", "host", node))
		if e := c.resource(r.LongID); e != nil {
			item.Append(c.checked(outermost(e)))
		} else {
			item.Append(cib.NewElement("check", "id", r.LongID))
		}
	}
}

func (c *call) sayRunning(id string, running bool) {
	not := "not "
	if running {
		not = ""
	}
	c.say("Resource %s is %srunning\n", id, not)
}

// checked names what keeps a resource from running or being promoted.
func (c *call) checked(e *cib.Element) *cib.Element {
	check := cib.NewElement("check", "id", e.ID())
	if e.Parent != nil && e.Parent.Name == "bundle" {
		check.Set("id", impliedClone(e.Parent))
	}
	meta := *c
	meta.line = &metaLine
	value, _ := meta.effective(e, "target-role")
	switch strings.ToLower(value) {
	case "stopped":
		check.Set("remain_stopped", "true")
		c.say("Configuration specifies '%s' should remain stopped\n", e.ID())
	case "unpromoted", "slave":
		check.Set("promotable", "false")
		c.say("Configuration specifies '%s' should not be promoted\n", e.ID())
	}
	if managed, ok := meta.effective(e, "is-managed"); ok && (managed == "false" || managed == "0" || managed == "no" || managed == "off") {
		check.Set("unmanaged", "true")
		c.say("Configuration prevents cluster from stopping or starting unmanaged '%s'\n", e.ID())
	}
	if c.unhealthy() {
		check.Set("unhealthy", "true")
		c.say("'%s' cannot run on unhealthy nodes due to %s='%s'\n", e.ID(), "node-health-strategy", c.option("node-health-strategy"))
	}
	return check
}

func (c *call) option(name string) string {
	return c.doc.Property(name)
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
