package monitor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/status"
)

// filter narrows the state to the nodes and resources that --node and --resource name.
func (v *view) filter() {
	copied := *v.s
	v.s = &copied
	v.total = len(v.s.Nodes)
	for _, r := range v.s.Resources {
		v.adjust(r, false)
	}
	if name, ok := v.line.Lookup("node"); ok {
		v.nodes = v.tagged(name)
		v.s.Nodes = slices.DeleteFunc(slices.Clone(v.s.Nodes), func(n *scheduler.NodeStatus) bool { return !v.nodes[n.Name] && n.Name != name })
		v.nodes[name] = true
	}
	if name, ok := v.line.Lookup("resource"); ok {
		wanted := v.tagged(name)
		wanted[name] = true
		var kept []*scheduler.ResourceStatus
		for _, r := range v.s.Resources {
			if picked := pick(r, wanted); picked != nil {
				kept = append(kept, picked)
			}
		}
		v.s.Resources = kept
	}
}

// adjust gives instances of promotable clones the name of their role, and says unique of a bundle only when
// several of its replicas may be on one host.
func (v *view) adjust(r *scheduler.ResourceStatus, promotable bool) {
	promotable = promotable || r.Variant == scheduler.CloneResource && r.Promotable
	switch {
	case r.Variant == scheduler.BundleResource:
		r.Unique = false
		if e := v.doc.ByID(r.ID); e != nil {
			for engine := range e.Elements() {
				r.Unique = r.Unique || number(engine.Get("replicas-per-host")) > 1
			}
		}
	case promotable && r.Variant == scheduler.PrimitiveResource && r.Role == "Started":
		r.Role = "Unpromoted"
	}
	for _, c := range r.Children {
		v.adjust(c, promotable)
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
		shown.Resources = v.brief(shown.Resources)
	}
	status.ResourcesWith(v.w, &shown, "  ", status.Options{ActiveOnly: !inactive, Detail: v.detail()})
}

func fullyActive(r *scheduler.ResourceStatus) bool {
	if r.Variant == scheduler.PrimitiveResource {
		return len(r.Nodes) > 0
	}
	return !slices.ContainsFunc(r.Children, func(c *scheduler.ResourceStatus) bool { return !fullyActive(c) })
}

func agent(r *scheduler.ResourceStatus) string {
	parts := []string{r.Agent.Class, r.Agent.Provider, r.Agent.Type}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ":")
}

// brief writes counts of primitives for each agent and node and returns what is left to be written in full.
func (v *view) brief(all []*scheduler.ResourceStatus) []*scheduler.ResourceStatus {
	type key struct{ agent, node string }
	active, total := map[key]int{}, map[string]int{}
	var rest []*scheduler.ResourceStatus
	for _, r := range all {
		if r.Variant != scheduler.PrimitiveResource {
			rest = append(rest, r)
			continue
		}
		total[agent(r)]++
		for _, p := range r.Nodes {
			active[key{agent(r), p.Node}]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(total)) {
		found := false
		keys := slices.SortedFunc(maps.Keys(active), func(a, b key) int { return cmp.Compare(a.node, b.node) })
		for _, k := range keys {
			if k.agent != name {
				continue
			}
			found = true
			count := fmt.Sprint(active[k])
			if v.line.Has("inactive") {
				count += fmt.Sprintf("/%d", total[name])
			}
			fmt.Fprintf(v.w, "  * %s\t(%s):\tActive %s\n", count, name, k.node)
		}
		if !found && v.line.Has("inactive") {
			fmt.Fprintf(v.w, "  * 0/%d\t(%s):\tActive\n", total[name], name)
		}
	}
	return rest
}

// nodesWithResources is the node list with what runs on each.
func (v *view) nodesWithResources() {
	for _, n := range v.s.Nodes {
		fmt.Fprintf(v.w, "  * %s:\n", v.nodeLine(n))
		running := v.runningOn(n.Name)
		if v.show["resources"] {
			fmt.Fprint(v.w, "    * Resources:\n")
		}
		if v.line.Has("brief") {
			counts := map[string]int{}
			for _, r := range running {
				counts[agent(r)]++
			}
			for _, name := range slices.Sorted(maps.Keys(counts)) {
				fmt.Fprintf(v.w, "      * %d\t(%s):\tActive \n", counts[name], name)
			}
			continue
		}
		for _, r := range running {
			if r.Agent.Type == "remote" && r.Agent.Provider == "pacemaker" {
				continue // the connection to a bundle's host
			}
			bare := *r
			bare.Nodes = nil
			fmt.Fprintf(v.w, "      * %s\n", status.Primitive(&bare, r.ID))
		}
	}
}

func (v *view) runningOn(node string) []*scheduler.ResourceStatus {
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
	// What is in bundles comes last, as Pacemaker lists it.
	for _, bundles := range []bool{false, true} {
		for _, r := range v.s.Resources {
			if (r.Variant == scheduler.BundleResource) == bundles {
				walk(r)
			}
		}
	}
	return out
}
