// Package status writes a cluster's state as text, in the layout that people know from
// crm_mon: the list of nodes, the resources with where they are, failures. It only formats
// what scheduler.Observe has found.
package status

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/cluster/scheduler"
)

// Nodes writes the lines of the node list: nodes with something special about them one by
// one, the others grouped by what they are.
func Nodes(w io.Writer, s *scheduler.Status, indent string) {
	groups := map[string][]string{}
	for _, n := range s.Nodes {
		group := plainGroup(n)
		if group == "" {
			fmt.Fprintf(w, "%s* %s %s: %s\n", indent, nodeTitle(n), nodeName(n), NodeState(n))
			continue
		}
		groups[group] = append(groups[group], nodeName(n))
	}
	for _, group := range []string{"Online", "OFFLINE", "RemoteOnline", "RemoteOFFLINE", "GuestOnline"} {
		if names := groups[group]; len(names) > 0 {
			fmt.Fprintf(w, "%s* %s: [ %s ]\n", indent, group, strings.Join(names, " "))
		}
	}
}

func nodeName(n *scheduler.NodeStatus) string {
	return n.Name
}

func nodeTitle(n *scheduler.NodeStatus) string {
	switch n.Kind {
	case scheduler.RemoteNode:
		return "RemoteNode"
	case scheduler.GuestNode:
		return "GuestNode"
	}
	return "Node"
}

// plainGroup returns the heading under which a node is listed, "" when it gets its own line.
func plainGroup(n *scheduler.NodeStatus) string {
	state := NodeState(n)
	prefix := map[scheduler.NodeKind]string{scheduler.RemoteNode: "Remote", scheduler.GuestNode: "Guest"}[n.Kind]
	switch state {
	case "online":
		return prefix + "Online"
	case "OFFLINE":
		return prefix + "OFFLINE"
	}
	return ""
}

// NodeState puts a node's state into words, and its health where that is not the best.
func NodeState(n *scheduler.NodeStatus) string {
	switch n.HealthStatus {
	case "red", "yellow":
		return membershipState(n) + " (health is " + strings.ToUpper(n.HealthStatus) + ")"
	}
	return membershipState(n)
}

func membershipState(n *scheduler.NodeStatus) string {
	switch {
	case n.Unclean && n.Online:
		return "UNCLEAN (online)"
	case n.Unclean && n.Pending:
		return "UNCLEAN (pending)"
	case n.Unclean:
		return "UNCLEAN (offline)"
	case n.Pending:
		return "pending"
	case n.StandbyOnFail && n.Online:
		return "standby (on-fail)"
	case n.Standby && n.Online && n.ActiveResources > 0:
		return "standby (with active resources)"
	case n.Standby && n.Online:
		return "standby"
	case n.Standby:
		return "OFFLINE (standby)"
	case n.Maintenance && n.Online:
		return "maintenance"
	case n.Maintenance:
		return "OFFLINE (maintenance)"
	case n.Online:
		return "online"
	}
	return "OFFLINE"
}

// listOf writes [ a b c ] with the names sorted as people expect: numbers as numbers.
func listOf(names []string) string {
	names = slices.Compact(sortedNames(names))
	return "[ " + strings.Join(names, " ") + " ]"
}

func sortedNames(names []string) []string {
	names = slices.Clone(names)
	slices.SortFunc(names, scheduler.CompareNames)
	return names
}
