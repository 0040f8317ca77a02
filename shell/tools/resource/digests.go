package resource

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/tableorder"
)

// digests prints the hashes of a resource's parameters, as results in the status carry them.
func (c *call) digests() error {
	node := c.node()
	if node == "" {
		return fmt.Errorf("%w: --digests needs a host; give one with -N HOST", exit.ErrUsage)
	}
	e := c.resource(c.id())
	if e.Name != "primitive" {
		return &outcome{exit.Unimplement, fmt.Sprintf("%q is a %s: hashes are of primitives", e.ID(), e.Name)}
	}
	params, meta := c.parameters(e)
	last, task, interval := c.lastOperation(e, node), "start", "0"
	if first := c.firstOperation(e, node); first != nil {
		task, interval = first.Get("operation"), first.Get("interval")
	}
	interval = cmp.Or(meta["interval"], interval)
	if interval != "0" {
		params = append(params, cib.Attr{Name: "CRM_meta_timeout", Value: cmp.Or(meta["timeout"], c.operationTimeout(e, task, interval))})
	}
	all := cib.NewElement("parameters")
	all.Attrs = params
	private, restart := cib.NewElement("parameters"), cib.NewElement("parameters")
	private.Attrs = slices.DeleteFunc(slices.Clone(params), func(a cib.Attr) bool {
		return strings.HasPrefix(a.Name, "CRM_meta") || listed(last.Get("op-secure-params"), a.Name)
	})
	restart.Attrs = slices.DeleteFunc(slices.Clone(params), func(a cib.Attr) bool { return !listed(last.Get("op-force-restart"), a.Name) })
	out := c.result.Append(cib.NewElement("digests", "resource", c.instance().LongID, "node", node, "task", task, "interval", interval+"ms"))
	for _, d := range []struct {
		kind, title string
		of          *cib.Element
	}{{"all", "all", all}, {"nonprivate", "non-private", private}, {"nonreloadable", "non-reloadable", restart}} {
		if d.of == restart && last.Get("op-force-restart") == "" {
			continue
		}
		digest := out.Append(cib.NewElement("digest", "type", d.kind, "hash", parameterDigest(d.of)))
		digest.Append(d.of)
		c.say("%s (%s parameters)\n", digest.Get("hash"), d.title)
	}
	return nil
}

func listed(words, word string) bool { return slices.Contains(strings.Fields(words), word) }

// parameters returns what the agent is given: the sets, then what the command line overrides; and what that says of the operation.
func (c *call) parameters(e *cib.Element) (params []cib.Attr, meta map[string]string) {
	meta = map[string]string{}
	set := func(name, value string) {
		for i := range params {
			if params[i].Name == name {
				params[i].Value = value
				return
			}
		}
		params = append(params, cib.Attr{Name: name, Value: value})
	}
	var names []string
	values := map[string]string{}
	facts := &rule.Context{Now: c.now, Attribute: monitor.AttributesOf(c.observed(), c.node())}
	holders := []*cib.Element{e}
	if t := c.doc.ByID(e.Get("template")); t != nil && e.Get("template") != "" {
		holders = append(holders, t)
	}
	for _, holder := range holders {
		facts.Pairs(lastFirst(holder, "instance_attributes"), "instance_attributes", "", c.doc.ByID, func(name, value string) {
			if _, given := values[name]; !given {
				names, values[name] = append(names, name), value
			}
		})
	}
	for _, name := range tableorder.Of(names) {
		set(name, values[name])
	}
	for _, word := range c.line.Words {
		name, value, _ := strings.Cut(word, "=")
		if about, is := strings.CutPrefix(name, "CRM_meta_"); is {
			meta[about] = value
		} else {
			set(name, value)
		}
	}
	return params, meta
}

// lastFirst has an element's sets of a kind in reverse: of those with one score, Pacemaker hashes what the last one says.
func lastFirst(e *cib.Element, kind string) *cib.Element {
	reversed := cib.NewElement(e.Name)
	for set := range e.All(kind) {
		reversed.InsertAt(0, set.Clone())
	}
	return reversed
}

// operationTimeout is how long an operation may take, in milliseconds: as it is configured, or the default.
func (c *call) operationTimeout(e *cib.Element, task, interval string) string {
	for op := range e.Child("operations").All("op") {
		every, ok := metadata.Duration(op.Get("interval"))
		if limit, timed := metadata.Duration(op.Get("timeout")); ok && timed && op.Get("name") == task && fmt.Sprint(every.Milliseconds()) == interval {
			return fmt.Sprint(limit.Milliseconds())
		}
	}
	limit := executor.DefaultTimeout
	for set := range c.doc.Section("op_defaults").All("meta_attributes") {
		for nvpair := range set.All("nvpair") {
			if d, ok := metadata.Duration(nvpair.Get("value")); ok && nvpair.Get("name") == "timeout" {
				limit = d
			}
		}
	}
	return fmt.Sprint(limit.Milliseconds())
}

// history returns the results that a host keeps of a resource.
func (c *call) history(e *cib.Element, node string) []*cib.Element {
	var found []*cib.Element
	for state := range c.doc.Section("status").All("node_state") {
		if state.Get("uname") != node {
			continue
		}
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			if instanceOf(rsc.ID()) == e.ID() {
				found = slices.AppendSeq(found, rsc.All("lrm_rsc_op"))
			}
		}
	}
	return found
}

// firstOperation is the result whose operation the hashes are for, nil for none.
func (c *call) firstOperation(e *cib.Element, node string) *cib.Element {
	if all := c.history(e, node); len(all) > 0 {
		return all[0]
	}
	return nil
}

func (c *call) lastOperation(e *cib.Element, node string) *cib.Element {
	found := cib.NewElement("lrm_rsc_op")
	for _, op := range c.history(e, node) {
		if op.Get("interval") == "0" {
			found = op
		}
	}
	return found
}

// parameterDigest hashes <parameters/> with its attributes in order of their names.
func parameterDigest(e *cib.Element) string {
	sorted := cib.NewElement(e.Name)
	sorted.Attrs = slices.Clone(e.Attrs)
	slices.SortFunc(sorted.Attrs, func(a, b cib.Attr) int { return strings.Compare(a.Name, b.Name) })
	return sorted.Digest()
}
