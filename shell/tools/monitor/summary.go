package monitor

import (
	"fmt"
	"strings"

	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/status"
)

func (v *view) detail() bool { return v.line.Has("show-detail") }

// option returns a cluster option.
func (v *view) option(name string) string {
	return v.doc.Property(name)
}

func (v *view) summary() {
	var b strings.Builder
	if v.show["stack"] {
		stack := v.option("cluster-infrastructure")
		if stack == "" {
			stack = "unknown"
		}
		fmt.Fprintf(&b, "  * Stack: %s\n", stack)
	}
	if v.show["dc"] || v.s.DC == "" {
		b.WriteString("  * Current DC: " + v.dc() + "\n")
	}
	if v.show["times"] {
		fmt.Fprintf(&b, "  * Last updated: %s\n  * Last change:  %s\n", v.now.Format("Mon Jan _2 15:04:05 2006"), v.lastChange())
	}
	if v.show["counts"] {
		b.WriteString("  * " + counted(v.total, "node") + " configured\n")
		b.WriteString("  * " + counted(v.s.Instances, "resource instance") + " configured" + v.held() + "\n")
	}
	if v.show["options"] {
		b.WriteString(v.policies())
	}
	if b.Len() > 0 {
		v.heading("Cluster Summary")
		fmt.Fprint(v.w, b.String())
	}
	if why := v.unmanaged(); v.show["maint-mode"] && why != "" {
		fmt.Fprint(v.w, "\n"+why+"\n")
	}
}

// lastChange says when the document was written, by whom, with what and where.
func (v *view) lastChange() string {
	root := v.doc.Root
	text := root.Get("cib-last-written")
	for _, a := range [][2]string{{"by", "update-user"}, {"via", "update-client"}, {"on", "update-origin"}} {
		if value := root.Get(a[1]); value != "" {
			text += " " + a[0] + " " + value
		}
	}
	return text
}

// policies are the options that --include=options shows.
func (v *view) policies() string {
	o := v.s.Options
	fencing, symmetric := "disabled", "asymmetric"
	if o.FencingEnabled {
		fencing = "enabled"
	}
	if o.Symmetric {
		symmetric = "symmetric"
	}
	quorum := map[string]string{"ignore": "Ignore", "freeze": "Freeze resources", "suicide": "Suicide",
		"demote": "Demote promotable resources and stop all other resources"}[o.NoQuorumPolicy]
	if quorum == "" || o.NoQuorumPolicy == "suicide" && !o.FencingEnabled {
		quorum = "Stop ALL resources"
	}
	return fmt.Sprintf("  * STONITH of failed nodes %s\n  * Cluster is %s\n  * No quorum policy: %s\n", fencing, symmetric, quorum)
}

// unmanaged says what keeps the cluster from running resources, "" when nothing does.
func (v *view) unmanaged() string {
	switch {
	case v.s.Options.MaintenanceMode:
		return "              *** Resource management is DISABLED ***\n  The cluster will not attempt to start, stop or recover services"
	case v.s.Options.StopAll:
		return "    *** Resource management is DISABLED ***\n  The cluster will keep all resources stopped"
	}
	return ""
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (v *view) held() string {
	var parts []string
	if v.s.Disabled > 0 {
		parts = append(parts, fmt.Sprintf("%d DISABLED", v.s.Disabled))
	}
	if v.s.Blocked > 0 {
		parts = append(parts, fmt.Sprintf("%d BLOCKED from further action due to failure", v.s.Blocked))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (v *view) dc() string {
	if v.s.DC == "" {
		return "NONE"
	}
	version := v.option("dc-version")
	if version == "" {
		version = "unknown"
	}
	name := v.s.DC
	sets := map[string]bool{}
	for _, n := range v.all {
		if n.Name == v.s.DC && v.detail() {
			name = v.nodeLabel(n)
		}
		if n.Online && n.FeatureSet != "" {
			sets[n.FeatureSet] = true
		}
	}
	mixed, quorum := "", "with"
	if len(sets) > 1 {
		mixed = "MIXED-VERSION "
	}
	if !v.s.Quorate {
		quorum = "WITHOUT"
	}
	return fmt.Sprintf("%s (version %s) - %spartition %s quorum", name, version, mixed, quorum)
}

// nodeLabel is a node's name, with its id or host when details are wanted.
func (v *view) nodeLabel(n *scheduler.NodeStatus) string {
	switch {
	case !v.detail():
		return n.Name
	case n.Kind == scheduler.GuestNode:
		return n.Name + "@" + n.Hosts
	}
	if n.ID == n.Name {
		return n.Name
	}
	return n.Name + " (" + n.ID + ")"
}

func (v *view) nodeLine(n *scheduler.NodeStatus) string {
	kind := "Node"
	switch n.Kind {
	case scheduler.GuestNode:
		kind = "GuestNode"
	case scheduler.RemoteNode:
		kind = "RemoteNode"
	}
	text := kind + " " + v.nodeLabel(n) + ": " + status.NodeState(n)
	if v.detail() && n.Kind == scheduler.MemberNode && n.Online {
		set := n.FeatureSet
		if set == "" {
			set = "<3.15.1"
		}
		text += ", feature set " + set
	}
	return text
}

func (v *view) nodeList() {
	if len(v.s.Nodes) == 0 {
		return
	}
	v.heading("Node List")
	switch {
	case v.line.Has("group-by-node"):
		v.nodesWithResources()
	case v.detail():
		for _, n := range v.s.Nodes {
			fmt.Fprintf(v.w, "  * %s\n", v.nodeLine(n))
		}
	default:
		status.Nodes(v.w, v.s, "  ")
	}
}
