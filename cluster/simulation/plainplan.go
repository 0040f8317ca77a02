package simulation

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// PlainPlan is a scheduler of the simplest kind, for tests of what executes plans: it
// probes each primitive on each host, fences lost hosts, keeps every primitive where
// it is and starts it on the first host that may have it otherwise. It knows no
// constraints. What it plans is safe exactly when a real plan would be.
func PlainPlan(doc *cib.Document, now time.Time) *scheduler.Plan {
	p := &plainPlan{doc: doc, graph: &scheduler.Graph{Settings: scheduler.GraphSettings{
		StartOffset: "INFINITY", StopOffset: "INFINITY", ClusterDelay: time.Minute, FencingTimeout: time.Minute}}}
	p.hosts()
	for _, primitive := range primitives(doc) {
		p.place(primitive)
	}
	p.shutdowns()
	return &scheduler.Plan{Graph: p.graph, Status: scheduler.Observe(doc, now)}
}

type plainHost struct {
	id, name string
	state    *cib.Element
	leaving  bool
	stops    []int // actions that a shutdown waits for
}

type plainPlan struct {
	doc    *cib.Document
	graph  *scheduler.Graph
	online []*plainHost
	fences []int
}

func primitives(doc *cib.Document) []*cib.Element {
	var all []*cib.Element
	for e := range doc.Section("resources").Descendants() {
		if e.Name == "primitive" && e.Get("class") != "stonith" {
			all = append(all, e)
		}
	}
	return all
}

func (p *plainPlan) hosts() {
	for state := range p.doc.Section("status").All("node_state") {
		h := &plainHost{id: state.ID(), name: state.Get("uname"), state: state}
		switch {
		case state.Get("in_ccm") == "true" && state.Get("join") == "member":
			h.leaving = attribute(state, "shutdown") != ""
			p.online = append(p.online, h)
		case state.Get("in_ccm") != "true" && state.Get("expected") == "member" && fencing(p.doc):
			a := p.add(&scheduler.Action{Kind: scheduler.Fencing, Task: "stonith", Node: h.name, NodeID: h.id, Key: "stonith-" + h.name + "-off",
				Meta: []scheduler.Param{{Name: "stonith_action", Value: "off"}}})
			p.fences = append(p.fences, a)
		}
	}
}

func fencing(doc *cib.Document) bool {
	for pair := range doc.Section("crm_config").Descendants() {
		if pair.Get("name") == "stonith-enabled" {
			return pair.Get("value") != "false"
		}
	}
	return true
}

func (p *plainPlan) add(a *scheduler.Action) int {
	a.ID = len(p.graph.Actions)
	p.graph.Actions = append(p.graph.Actions, a)
	return a.ID
}

// operation adds an action of a resource's agent on a host, after others.
func (p *plainPlan) operation(e *cib.Element, h *plainHost, task string, interval time.Duration, target int, after []int) int {
	a := &scheduler.Action{Kind: scheduler.Agent, Task: task, Interval: interval, Node: h.name, NodeID: h.id, Timeout: 20 * time.Second,
		Key:      e.ID() + "_" + task + "_" + strconv.FormatInt(interval.Milliseconds(), 10),
		Resource: &scheduler.ResourceRef{ID: e.ID(), Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")}}
	if target != 0 {
		a.Meta = []scheduler.Param{{Name: "op_target_rc", Value: strconv.Itoa(target)}}
	}
	for set := range e.All("instance_attributes") {
		for pair := range set.All("nvpair") {
			a.Params = append(a.Params, scheduler.Param{Name: pair.Get("name"), Value: pair.Get("value")})
		}
	}
	slices.SortFunc(a.Params, func(x, y scheduler.Param) int { return strings.Compare(x.Name, y.Name) })
	for _, id := range slices.Compact(slices.Sorted(slices.Values(after))) {
		a.Inputs = append(a.Inputs, scheduler.Input{Action: id})
	}
	return p.add(a)
}

// place decides about one primitive.
func (p *plainPlan) place(e *cib.Element) {
	before := slices.Clone(p.fences)
	var active []*plainHost
	for _, h := range p.online {
		switch condition(h.state, e.ID()) {
		case unknown:
			before = append(before, p.operation(e, h, "monitor", 0, 7, nil))
		case running:
			active = append(active, h)
		case broken:
			stop := p.operation(e, h, "stop", 0, 0, nil)
			before, h.stops = append(before, stop), append(h.stops, stop)
		}
	}
	var keep *plainHost
	for _, h := range active {
		if keep == nil && len(active) == 1 && !h.leaving && p.wanted(e) {
			keep = h
			continue
		}
		stop := p.operation(e, h, "stop", 0, 0, nil)
		before, h.stops = append(before, stop), append(h.stops, stop)
	}
	if keep != nil {
		p.watch(e, keep, nil)
		return
	}
	for _, h := range p.online {
		if !h.leaving && p.wanted(e) && attribute(h.state, "fail-count-"+e.ID()+"#start_0") != "INFINITY" {
			p.watch(e, h, []int{p.operation(e, h, "start", 0, 0, before)})
			return
		}
	}
}

// wanted tells whether a primitive shall run at all: not when it is disabled, nor without quorum.
func (p *plainPlan) wanted(e *cib.Element) bool {
	if p.doc.Root.Get("have-quorum") == "0" {
		return false
	}
	for pair := range p.doc.Section("crm_config").Descendants() {
		if pair.Get("name") == "stop-all-resources" && pair.Get("value") == "true" {
			return false
		}
	}
	for pair := range e.Descendants() {
		if pair.Name == "nvpair" && pair.Get("name") == "target-role" && pair.Get("value") == "Stopped" {
			return false
		}
	}
	return true
}

// watch adds the recurring monitors that are configured and not under way.
func (p *plainPlan) watch(e *cib.Element, h *plainHost, after []int) {
	for op := range e.Descendants() {
		if op.Name != "op" || op.Get("name") != "monitor" {
			continue
		}
		seconds, _ := strconv.Atoi(strings.TrimSuffix(op.Get("interval"), "s"))
		key := e.ID() + "_monitor_" + strconv.Itoa(seconds*1000)
		if seconds > 0 && (len(after) > 0 || newest(h.state, e.ID()) < call(h.state, e.ID(), key) == false) {
			p.operation(e, h, "monitor", time.Duration(seconds)*time.Second, 0, after)
		}
	}
}

func (p *plainPlan) shutdowns() {
	for _, h := range p.online {
		if h.leaving {
			a := &scheduler.Action{Kind: scheduler.HostTask, Task: "do_shutdown", Node: h.name, NodeID: h.id, Key: "do_shutdown-" + h.name}
			for _, id := range h.stops {
				a.Inputs = append(a.Inputs, scheduler.Input{Action: id})
			}
			p.add(a)
		}
	}
}

// What history tells of a resource on a host.
const (
	unknown = iota // no history: to be probed
	stopped
	running
	broken // failed: to be stopped
)

func condition(state *cib.Element, resource string) int {
	var last *cib.Element
	for e := range state.Descendants() {
		if e.Name != "lrm_rsc_op" || e.Parent.ID() != resource || e.Get("op-status") == "1" {
			continue
		}
		if last == nil || callOf(e) > callOf(last) || (callOf(e) == callOf(last) && e.Get("last-rc-change") > last.Get("last-rc-change")) {
			last = e
		}
	}
	switch {
	case last == nil:
		return unknown
	case last.Get("rc-code") == "7" && last.Get("operation") == "monitor":
		if strings.HasSuffix(last.ID(), "_last_failure_0") {
			return broken
		}
		return stopped
	case last.Get("rc-code") != "0" || last.Get("op-status") != "0":
		return broken
	case last.Get("operation") == "stop":
		return stopped
	}
	return running
}

func callOf(e *cib.Element) int {
	n, _ := strconv.Atoi(e.Get("call-id"))
	return n
}

// newest returns the call of the last start, or of the probe that found the resource active.
func newest(state *cib.Element, resource string) int {
	return call(state, resource, resource+"_last_0")
}

// call returns the call id of a kept operation; -1 when it is not there.
func call(state *cib.Element, resource, id string) int {
	for e := range state.Descendants() {
		if e.Name == "lrm_rsc_op" && e.Parent.ID() == resource && e.ID() == id {
			return callOf(e)
		}
	}
	return -1
}

func attribute(state *cib.Element, name string) string {
	for e := range state.Descendants() {
		if e.Name == "nvpair" && e.Get("name") == name {
			return e.Get("value")
		}
	}
	return ""
}
