package status

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster/scheduler"
)

// Agent names a resource's agent: class, provider and type.
func Agent(r *scheduler.ResourceStatus) string {
	parts := []string{r.Agent.Class, r.Agent.Provider, r.Agent.Type}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ":")
}

// Brief writes how many of the primitives run, a line for each agent and node; with whole also out of how many, and agents
// of which none runs.
func Brief(w io.Writer, primitives []*scheduler.ResourceStatus, indent string, whole bool) {
	type key struct{ agent, node string }
	active, total := map[key]int{}, map[string]int{}
	for _, r := range primitives {
		total[Agent(r)]++
		for _, p := range r.Nodes {
			active[key{Agent(r), p.Node}]++
		}
	}
	places := slices.SortedFunc(maps.Keys(active), func(a, b key) int { return cmp.Compare(a.node, b.node) })
	for _, name := range slices.Sorted(maps.Keys(total)) {
		found := false
		for _, k := range places {
			if k.agent != name {
				continue
			}
			found = true
			count := fmt.Sprint(active[k])
			if whole {
				count += fmt.Sprintf("/%d", total[name])
			}
			fmt.Fprintf(w, "%s* %s\t(%s):\tActive %s\n", indent, count, name, k.node)
		}
		if !found && whole {
			fmt.Fprintf(w, "%s* 0/%d\t(%s):\tActive\n", indent, total[name], name)
		}
	}
}

// Members returns how many children a resource has, those that a filter took out of r included.
func Members(r *scheduler.ResourceStatus) int { return len(members(r)) }

// members returns a resource's children; of a copy that a filter made, those of the original.
func members(r *scheduler.ResourceStatus) []*scheduler.ResourceStatus {
	if len(r.Children) > 0 && r.Children[0].Parent != nil {
		return r.Children[0].Parent.Children
	}
	return r.Children
}
