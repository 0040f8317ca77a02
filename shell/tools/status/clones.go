package status

import (
	"fmt"
	"strings"

	"holdfast/cluster/scheduler"
)

// clone writes a clone: instances with something special about them one by one, the others
// grouped by role.
func (p *printer) clone(r *scheduler.ResourceStatus, indent string) {
	name := ""
	if len(r.Children) > 0 {
		name = baseID(r.Children[0].LongID)
	}
	fmt.Fprintf(p.w, "%s* %s\n", indent, withFlags(fmt.Sprintf("Clone Set: %s [%s]", r.ID, name), p.collectiveFlags(r)))
	if p.Detail {
		for _, child := range r.Children {
			if active(child) || (p.Release21 || !child.Orphan) && (child.Variant == scheduler.PrimitiveResource || !p.ActiveOnly) {
				p.resource(child, indent+"  ")
			}
		}
		return
	}
	var promoted, started, unpromoted []string
	inside := indent + "  "
	for _, child := range r.Children {
		place, single := p.simplePlace(r, child)
		switch {
		case single:
			if child.Orphan && !active(child) {
				continue
			}
			p.resource(child, inside)
		case place == "":
		default:
			switch roleOf(child) {
			case "Promoted":
				promoted = append(promoted, place)
			case "Unpromoted":
				unpromoted = append(unpromoted, place)
			default:
				if r.Promotable {
					unpromoted = append(unpromoted, place)
				} else {
					started = append(started, place)
				}
			}
		}
	}
	p.roleLine(inside, "Promoted", promoted)
	p.roleLine(inside, "Started", started)
	state := ""
	if r.DisabledUnpromoted {
		state = " (disabled)"
	}
	p.roleLine(inside, "Unpromoted"+state, unpromoted)
	if len(promoted)+len(started)+len(unpromoted) < r.Max {
		p.stopped(r, inside)
	}
}

func (p *printer) roleLine(indent, title string, names []string) {
	if len(names) > 0 {
		fmt.Fprintf(p.w, "%s* %s: %s\n", indent, title, listOf(names))
	}
}

// stopped lists the nodes on which an instance may be and none is.
func (p *printer) stopped(r *scheduler.ResourceStatus, indent string) {
	if r.Unique || p.ActiveOnly {
		return
	}
	taken := map[string]bool{}
	for _, child := range r.Children {
		for _, n := range nodesOf(child) {
			taken[n] = true
		}
	}
	var free []string
	for _, n := range p.s.Nodes {
		if !taken[n.Name] && r.StopPlaces[n.Name] {
			free = append(free, n.Name)
		}
	}
	state := "Stopped"
	disabled := r.Disabled || len(r.Children) > 0 && r.Children[0].Disabled
	if disabled {
		state = "Stopped (disabled)"
	}
	byState := map[string][]string{}
	var order []string
	for _, n := range free {
		s := state
		if why := r.Uninstalled[n]; why != "" && !disabled {
			if p.Release21 {
				why = strings.ToLower(why)
			}
			s = "Stopped (" + why + ")"
		}
		if byState[s] == nil {
			order = append(order, s)
		}
		byState[s] = append(byState[s], n)
	}
	for _, s := range sortedNames(order) {
		p.roleLine(indent, s, byState[s])
	}
}

// simplePlace returns the node of an instance that is in no way special, or tells that it
// needs a line of its own.
func (p *printer) simplePlace(top, child *scheduler.ResourceStatus) (string, bool) {
	isActive := active(child)
	switch {
	case child.Orphan && !isActive:
		return "", false
	case top.Unique:
		return "", true
	case !isActive:
		return "", anyOf(child, func(x *scheduler.ResourceStatus) bool { return x.PendingText != "" && x.PendingTask != "monitor" })
	case partlyActive(child), anyOf(child, special), hasPending(child):
		return "", true
	}
	nodes := nodesOf(child)
	if len(nodes) != 1 {
		return "", true
	}
	for _, n := range p.s.Nodes {
		if n.Name == nodes[0] && (!n.Online || n.Unclean && !n.Online) {
			return "", true
		}
	}
	return nodes[0], false
}

func special(r *scheduler.ResourceStatus) bool {
	return r.Variant == scheduler.PrimitiveResource && (r.Failed || !r.Managed || r.Blocked || r.Orphan || r.Maintenance || r.FailIgnored)
}

func hasPending(r *scheduler.ResourceStatus) bool {
	return anyOf(r, func(x *scheduler.ResourceStatus) bool { return x.PendingText != "" })
}

func anyOf(r *scheduler.ResourceStatus, test func(*scheduler.ResourceStatus) bool) bool {
	if test(r) {
		return true
	}
	for _, c := range r.Children {
		if anyOf(c, test) {
			return true
		}
	}
	return false
}

func partlyActive(r *scheduler.ResourceStatus) bool {
	some, none := false, false
	for _, c := range r.Children {
		if active(c) {
			some = true
		} else {
			none = true
		}
	}
	return some && none
}

func nodesOf(r *scheduler.ResourceStatus) []string {
	var names []string
	seen := map[string]bool{}
	anyOf(r, func(x *scheduler.ResourceStatus) bool {
		if x.Variant == scheduler.PrimitiveResource {
			for _, n := range x.Nodes {
				if !seen[n.Node] {
					seen[n.Node] = true
					names = append(names, n.Node)
				}
			}
		}
		return false
	})
	return names
}

func roleOf(r *scheduler.ResourceStatus) string { return r.Role }

// baseID is an instance's id without its number.
func baseID(id string) string {
	if i := strings.LastIndexByte(id, ':'); i > 0 {
		return id[:i]
	}
	return id
}
