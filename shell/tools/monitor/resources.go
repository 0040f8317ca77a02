package monitor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/status"
)

// filter narrows the state to the nodes and resources that --node and --resource name.
func (v *view) filter() {
	copied := *v.s
	v.s = &copied
	v.total, v.all, v.everything = len(v.s.Nodes), v.s.Nodes, v.s.Resources
	describe(v.s, v.doc)
	if name, ok := v.line.Lookup("node"); ok {
		ids := v.tagged(name)
		v.nodes = map[string]bool{name: true}
		v.s.Nodes = slices.DeleteFunc(slices.Clone(v.s.Nodes), func(n *scheduler.NodeStatus) bool {
			shown := n.Name == name || ids[n.ID] || ids[n.Name]
			v.nodes[n.Name] = v.nodes[n.Name] || shown
			return !shown
		})
		v.s.Resources = v.onShownNodes(v.s.Resources)
	}
	if name, ok := v.line.Lookup("resource"); ok {
		v.named = v.tagged(name)
		v.named[name] = true
		var kept []*scheduler.ResourceStatus
		for _, r := range v.s.Resources {
			if picked := pick(r, v.named); picked != nil {
				kept = append(kept, picked)
			}
		}
		v.s.Resources = kept
	}
}

// onShownNodes leaves out what is active on hidden nodes alone: resources, instances of clones, replicas of bundles.
// A replica goes by its container: what runs inside is on a node of its own. Groups are shown whole.
func (v *view) onShownNodes(all []*scheduler.ResourceStatus) []*scheduler.ResourceStatus {
	var kept []*scheduler.ResourceStatus
	for _, r := range all {
		if isActive(r, nil) && !isActive(r, v.nodes) {
			continue
		}
		if r.Variant == scheduler.CloneResource || r.Variant == scheduler.BundleResource {
			copied := *r
			copied.Children = v.onShownNodes(r.Children)
			r = &copied
		}
		kept = append(kept, r)
	}
	return kept
}

// Observe is the state of the document with resources described as crm_mon does.
func Observe(doc *cib.Document, now time.Time) *scheduler.Status {
	s := scheduler.Observe(doc, now)
	describe(s, doc)
	return s
}

// describe gives instances of promotable clones the name of their role, and says unique of a bundle only when
// several of its replicas may be on one host. Whatever is in maintenance, for whichever reason, is listed as unmanaged.
func describe(s *scheduler.Status, doc *cib.Document) {
	for _, r := range s.Resources {
		describeResource(s, doc, r, false)
	}
}

func describeResource(s *scheduler.Status, doc *cib.Document, r *scheduler.ResourceStatus, promotable bool) {
	r.Maintenance = false
	promotable = promotable || r.Variant == scheduler.CloneResource && r.Promotable
	switch {
	case r.Variant == scheduler.BundleResource:
		r.Unique = false
		if e := doc.ByID(r.ID); e != nil {
			for engine := range e.Elements() {
				r.Unique = r.Unique || number(engine.Get("replicas-per-host")) > 1
			}
		}
	case promotable && r.Variant == scheduler.PrimitiveResource && r.Role == "Started":
		r.Role = "Unpromoted"
	}
	for _, c := range r.Children {
		describeResource(s, doc, c, promotable)
	}
}

// tagged returns the ids below a tag.
func (v *view) tagged(name string) map[string]bool {
	out := map[string]bool{}
	for tag := range v.doc.Section("tags").All("tag") {
		if tag.ID() == name {
			for ref := range tag.All("obj_ref") {
				out[ref.ID()] = true
			}
		}
	}
	return out
}

// pick returns the resource with only what is wanted of it; nil when that is nothing.
func pick(r *scheduler.ResourceStatus, wanted map[string]bool) *scheduler.ResourceStatus {
	base, _, _ := strings.Cut(r.LongID, ":")
	if wanted[r.ID] || wanted[r.LongID] || wanted[base] {
		return r
	}
	var kept []*scheduler.ResourceStatus
	for _, c := range r.Children {
		if picked := pick(c, wanted); picked != nil {
			kept = append(kept, picked)
		}
	}
	if kept == nil {
		return nil
	}
	copied := *r
	copied.Children = kept
	return &copied
}

func isActive(r *scheduler.ResourceStatus, nodes map[string]bool) bool {
	if r.Variant == scheduler.PrimitiveResource {
		return slices.ContainsFunc(r.Nodes, func(p scheduler.Placed) bool { return nodes == nil || nodes[p.Node] })
	}
	return slices.ContainsFunc(r.Children, func(c *scheduler.ResourceStatus) bool { return isActive(c, nodes) })
}

func (v *view) resources() {
	inactive := v.line.Has("inactive")
	title := "Active Resources"
	byNode := v.line.Has("group-by-node")
	switch {
	case inactive && byNode:
		title = "Inactive Resources"
	case inactive:
		title = "Full List of Resources"
	case byNode:
		return
	}
	shown := *v.s
	shown.Resources = nil
	for _, r := range v.s.Resources {
		whole := isActive(r, v.nodes)
		if !inactive && !whole || inactive && byNode && fullyActive(r) {
			continue
		}
		shown.Resources = append(shown.Resources, r)
	}
	if v.line.Has("brief") && !byNode { // --node does not narrow what is counted
		shown.Resources = slices.DeleteFunc(shown.Resources, func(r *scheduler.ResourceStatus) bool { return r.Variant == scheduler.PrimitiveResource })
		for _, r := range v.everything {
			if r.Variant == scheduler.PrimitiveResource && (v.named == nil || pick(r, v.named) != nil) && (inactive || isActive(r, nil)) {
				shown.Resources = append(shown.Resources, r)
			}
		}
	}
	v.heading(title)
	if len(shown.Resources) == 0 {
		none := "No active resources"
		if inactive {
			none = "No resources"
			if byNode {
				none = "No inactive resources"
			}
		}
		fmt.Fprintf(v.w, "  * %s\n", none)
		return
	}
	if v.line.Has("brief") {
		shown.Resources = v.brief(shown.Resources, byNode)
	}
	status.ResourcesWith(v.w, &shown, "  ", status.Options{ActiveOnly: !inactive, Detail: v.detail(), Brief: v.line.Has("brief"), Release21: true, Internal: inactive && byNode, FailedProbe: FailedProbe(v.s)})
}

func fullyActive(r *scheduler.ResourceStatus) bool {
	if r.Variant == scheduler.PrimitiveResource {
		return len(r.Nodes) > 0
	}
	return !slices.ContainsFunc(r.Children, func(c *scheduler.ResourceStatus) bool { return !fullyActive(c) })
}

// brief writes counts of primitives for each agent and node and returns what is left to be written in full. Below
// the nodes only primitives that run nowhere are left, and those are named.
func (v *view) brief(all []*scheduler.ResourceStatus, byNode bool) []*scheduler.ResourceStatus {
	var rest, counted []*scheduler.ResourceStatus
	for _, r := range all {
		if r.Variant != scheduler.PrimitiveResource || byNode {
			rest = append(rest, r)
			continue
		}
		counted = append(counted, r)
	}
	status.Brief(v.w, counted, "  ", v.line.Has("inactive"))
	return rest
}

// FailedProbe says why a resource that is stopped cannot run, as its first probe found out; "" when nothing is known.
func FailedProbe(s *scheduler.Status) func(*scheduler.ResourceStatus) string {
	return func(r *scheduler.ResourceStatus) string {
		for _, f := range s.Failures {
			if maskedProbe(f) && resourceName(f.Resource) == r.ID {
				return f.RCText
			}
		}
		return ""
	}
}

// maskedProbe says whether a failure is a probe that found no agent, or one that cannot work: the resource cannot
// be there, which is no reason for alarm.
func maskedProbe(f scheduler.Failure) bool {
	return f.Task == "monitor" && f.Interval == 0 && (f.RC == 5 || f.RC == 2)
}

// resourceName is an instance's id without its number.
func resourceName(id string) string {
	name, _, _ := strings.Cut(id, ":")
	return name
}

// nodesWithResources is the node list with what runs on each.
func (v *view) nodesWithResources() {
	for _, n := range v.s.Nodes {
		running := running(v.s.Resources, v.doc, n.Name)
		if v.line.Has("brief") && len(running) == 0 {
			continue
		}
		fmt.Fprintf(v.w, "  * %s:\n", v.nodeLine(n))
		fmt.Fprint(v.w, "    * Resources:\n")
		if v.line.Has("brief") {
			for _, agent := range countAgents(running) {
				fmt.Fprintf(v.w, "      * %d\t(%s):\tActive \n", agent.count, agent.name)
			}
			continue
		}
		for _, r := range running {
			if r.Parent != nil && r.Agent.Type == "remote" && r.Agent.Provider == "pacemaker" {
				continue // the connection to a bundle's host
			}
			bare := *r
			bare.Nodes = nil
			fmt.Fprintf(v.w, "      * %s\n", status.Primitive(&bare, r.ID))
		}
	}
}

// agentCount is how many resources have an agent.
type agentCount struct {
	name  string
	count int
}

func countAgents(resources []*scheduler.ResourceStatus) []agentCount {
	counts := map[string]int{}
	for _, r := range resources {
		counts[status.Agent(r)]++
	}
	var all []agentCount
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, agentCount{name, counts[name]})
	}
	return all
}

// running returns the primitives among all that are active on a node, in the order of the node's history.
func running(all []*scheduler.ResourceStatus, doc *cib.Document, node string) []*scheduler.ResourceStatus {
	var out []*scheduler.ResourceStatus
	var walk func(r *scheduler.ResourceStatus)
	walk = func(r *scheduler.ResourceStatus) {
		if r.Variant == scheduler.PrimitiveResource &&
			slices.ContainsFunc(r.Nodes, func(p scheduler.Placed) bool { return p.Node == node }) {
			out = append(out, r)
		}
		for _, c := range r.Children {
			walk(c)
		}
	}
	for _, r := range all {
		walk(r)
	}
	SortByHistory(out, doc, node)
	return out
}

// SortByHistory puts resources into the order in which a node's history has them.
func SortByHistory(all []*scheduler.ResourceStatus, doc *cib.Document, node string) {
	rank := map[string]int{}
	for state := range doc.Section("status").All("node_state") {
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			if state.Get("uname") == node || state.ID() == node {
				rank[resourceName(rsc.ID())] = len(rank)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *scheduler.ResourceStatus) int {
		return rank[resourceName(a.LongID)] - rank[resourceName(b.LongID)]
	})
}
