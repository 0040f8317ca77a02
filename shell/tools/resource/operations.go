package resource

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/status"
)

func (c *call) listOperations() error {
	list := cib.NewElement("operations")
	defer func() {
		if len(list.Children) > 0 {
			c.result.Append(list)
		}
	}()
	for state := range c.doc.Section("status").All("node_state") {
		node := state.Get("uname")
		if c.node() != "" && c.node() != node {
			continue
		}
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			if c.id() != "" && rsc.ID() != c.id() {
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
	if c.what == "list-operations" {
		ops = activeOperations(ops)
	}
	for _, op := range ops {
		c.listOperation(list, node, rsc, op)
	}
}

// activeOperations are those that made a resource what it is: from its last start on, or what told that it runs. After a stop
// there are none.
func activeOperations(ops []*cib.Element) []*cib.Element {
	start, stop, changed, seen := -1, -1, -1, -1
	for i, op := range ops {
		switch op.Get("operation") {
		case "stop":
			if op.Get("op-status") == "0" {
				stop = i
			}
		case "start", "migrate_from":
			start = i
		case "monitor":
			if code := op.Get("rc-code"); seen <= stop && (code == "0" || code == "8") {
				seen = i
			}
		case "promote", "demote":
			changed = i
		}
	}
	if start == -1 {
		if start = changed; start == -1 {
			start = seen
		}
	}
	if start < stop {
		return nil
	}
	return ops[max(start, 0):]
}

var opStatus = map[string]string{"-1": "pending", "0": "complete", "1": "cancelled", "2": "Timed Out", "3": "NOT SUPPORTED", "4": "Error", "7": "not installed"}

func (c *call) listOperation(list *cib.Element, node string, rsc, op *cib.Element) {
	key := op.Get("operation_key")
	if key == "" {
		key = op.ID()
	}
	status := opStatus[op.Get("op-status")]
	item := list.Append(cib.NewElement("operation", "op", key, "node", node, "call", op.Get("call-id"), "rc", op.Get("rc-code"), "status", status))
	item.Set("rsc", c.nameOf(rsc.ID()))
	item.Set("agent", rsc.Get("class")+":"+rsc.Get("provider")+":"+rsc.Get("type"))
	changed := ""
	if seconds, err := strconv.ParseInt(op.Get("last-rc-change"), 10, 64); err == nil {
		stamp := time.Unix(seconds, 0).UTC().Format("Mon Jan _2 15:04:05 2006")
		item.Set("last-rc-change", stamp)
		took, timed := op.Lookup("exec-time")
		if timed {
			item.Set("exec-time", took)
		} else {
			took = "(null)" // as it is printed there
		}
		changed = fmt.Sprintf(", last-rc-change='%s', exec=%sms", stamp, took)
	}
	c.say("%s: %s (node=%s, call=%s, rc=%s%s): %s\n", c.stateOfHistory(rsc), key, node,
		op.Get("call-id"), op.Get("rc-code"), changed, status)
}

// nameOf is what a resource is called whose history stands under an id: of an anonymous clone's instance, without the number.
func (c *call) nameOf(id string) string {
	if instances := c.instances(instanceOf(id)); len(instances) > 0 && !instances[0].Unique {
		return instances[0].ID
	}
	return id
}

// stateOfHistory is the line of the list of resources for what a history is about, without where it runs.
func (c *call) stateOfHistory(rsc *cib.Element) string {
	instances := c.instances(instanceOf(rsc.ID()))
	if len(instances) == 0 {
		return fmt.Sprintf("%s\t(%s):\t Stopped", rsc.ID(), agentName(rsc))
	}
	r := instances[0]
	for _, i := range instances {
		if i.LongID == rsc.ID() {
			r = i
		}
	}
	var text strings.Builder
	status.Resource(&text, c.observed(), r, status.Options{Placeless: true, Release21: true, FailedProbe: monitor.FailedProbe(c.observed())})
	return strings.TrimPrefix(strings.TrimSuffix(text.String(), "\n"), "* ")
}
