package monitor

import (
	"cmp"
	"fmt"
	"strings"

	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/status"
)

// summaryItems are the lines of the summary, each with its title in bold.
func (v *view) summaryItems() []*tag {
	var items []*tag
	titled := func(title string, parts ...*tag) {
		items = append(items, element("li", append([]*tag{span("bold", title+": ")}, parts...)...))
	}
	if v.show["stack"] {
		titled("Stack", span("", cmp.Or(v.option("cluster-infrastructure"), "unknown")))
	}
	if v.show["dc"] || v.s.DC == "" {
		titled("Current DC", v.dcSpans()...)
	}
	if v.show["times"] {
		titled("Last updated", span("", v.now.Format("Mon Jan _2 15:04:05 2006")))
		titled("Last change", span("", v.lastChange()))
	}
	if v.show["counts"] {
		items = append(items, element("li", span("", counted(v.total, "node")+" configured")))
		items = append(items, element("li", v.instanceSpans()...))
	}
	return items
}

func (v *view) dcSpans() []*tag {
	if v.s.DC == "" {
		return []*tag{span("warning", "NONE")}
	}
	name, partition, _ := strings.Cut(v.dc(), " - ")
	mixed := ""
	if rest, is := strings.CutPrefix(partition, "MIXED-VERSION "); is {
		mixed, partition = " MIXED-VERSION", rest
	}
	spans := []*tag{span("", name+" -"+mixed), span("", " partition")}
	if strings.HasSuffix(partition, "WITHOUT quorum") {
		return append(spans, span("warning", " WITHOUT"), span("", " quorum"))
	}
	return append(spans, span("", " with"), span("", " quorum"))
}

// instanceSpans counts instances, with what is held back in bold.
func (v *view) instanceSpans() []*tag {
	head := counted(v.s.Instances, "resource instance") + " configured"
	held := v.held()
	if held == "" {
		return []*tag{span("", head)}
	}
	var spans []*tag
	before := head + " ("
	for i, part := range strings.Split(strings.Trim(held, " ()"), ", ") {
		count, what, _ := strings.Cut(part, " ")
		if i > 0 {
			before = ", "
		}
		word, rest, _ := strings.Cut(what, " ")
		spans = append(spans, span("", before+count+" "), span("bold", word))
		if rest != "" {
			spans = append(spans, span("", " "+rest))
		}
	}
	return append(spans, span("", ")"))
}

func (v *view) optionItems() []*tag {
	var items []*tag
	for line := range strings.Lines(v.policies()) {
		items = append(items, element("li", text(strings.TrimPrefix(strings.TrimSpace(line), "* "))))
	}
	switch {
	case v.s.Options.MaintenanceMode:
		items = append(items, element("li", span("", "Resource management: "), span("bold", "DISABLED"), span("", " (the cluster will not attempt to start, stop, or recover services)")))
	case v.s.Options.StopAll:
		items = append(items, element("li", span("", "Resource management: "), span("bold", "STOPPED"), span("", " (the cluster will keep all resources stopped)")))
	default:
		items = append(items, element("li", text("Resource management: enabled")))
	}
	return items
}

func (v *view) nodeItems() []*tag {
	var items []*tag
	for _, n := range v.s.Nodes {
		if !v.line.Has("group-by-node") {
			items = append(items, element("li", append([]*tag{span("bold", v.nodeLabel(n)+":")}, v.stateSpans(n)...)...))
			continue
		}
		status := element("li", append([]*tag{span("", "Status:")}, v.stateSpans(n)...)...)
		if here := v.runningItems(n); len(here) > 0 || v.show["resources"] && len(running(v.everything, v.doc, n.Name)) > 0 {
			status.children = append(status.children, element("li", element("h3", text("Resources")), element("ul", here...)))
		}
		items = append(items, element("li", element("h3", text(v.nodeLabel(n)+":")), element("ul", status)))
	}
	return items
}

// stateSpans tell a node's state, its health and, in detail, its feature set.
func (v *view) stateSpans(n *scheduler.NodeStatus) []*tag {
	state, health, unhealthy := strings.Cut(status.NodeState(n), " (health is ")
	spans := []*tag{span("online", " online")}
	switch {
	case !n.Online && !n.Pending:
		spans = []*tag{span("offline", " OFFLINE")}
	case n.Pending:
		spans = []*tag{span("warning", " "+state)}
	}
	if unhealthy {
		health = strings.TrimSuffix(health, ")")
		spans = append(spans, span("health_"+strings.ToLower(health), " (health is "+health+")"))
	}
	switch {
	case n.StandbyOnFail && n.Online:
		spans = append(spans, span("standby", " (in standby due to on-fail)"))
	case n.Standby && n.Online && n.ActiveResources > 0:
		spans = append(spans, span("standby", " (in standby, with active resources)"))
	case n.Standby:
		spans = append(spans, span("standby", " (in standby)"))
	case n.Maintenance:
		spans = append(spans, span("maint", " (in maintenance mode)"))
	}
	if v.detail() && n.Kind == scheduler.MemberNode && n.Online {
		spans = append(spans, span("", ", feature set "+cmp.Or(n.FeatureSet, "<3.15.1")))
	}
	return spans
}

// runningItems are the resources on a node, or with --brief how many there are of each agent.
func (v *view) runningItems(n *scheduler.NodeStatus) []*tag {
	var items []*tag
	here := running(v.s.Resources, v.doc, n.Name)
	if v.line.Has("brief") {
		for _, agent := range countAgents(here) {
			items = append(items, element("li", text(fmt.Sprintf("%d\t(%s):\tActive ", agent.count, agent.name))))
		}
		return items
	}
	for _, r := range here {
		bare := *r
		bare.Nodes = nil
		line := status.Primitive(&bare, r.ID)
		items = append(items, element("li", span(resourceClass(line), line)))
	}
	return items
}
