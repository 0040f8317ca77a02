package scheduler

import (
	"maps"
	"slices"

	"holdfast/cluster/cib"
)

// status turns the working data into the public picture of the cluster.
func (c *cluster) status() *Status {
	s := &Status{
		Quorate: c.options.quorate, Failures: c.failedOps,
		Instances: c.instances, Disabled: c.disabled, Blocked: c.blocked,
		Options: OptionSummary{
			FencingEnabled: c.options.fencing, MaintenanceMode: c.options.maintenance, StopAll: c.options.stopAll,
			Symmetric: c.options.symmetric, NoQuorumPolicy: quorumPolicyNames[c.options.quorumPolicy],
		},
	}
	if c.dc != nil {
		s.DC = c.dc.name
	}
	for _, n := range c.byName {
		s.Nodes = append(s.Nodes, c.nodeStatus(n))
	}
	for _, r := range c.resources {
		s.Resources = append(s.Resources, c.resourceStatus(r, nil))
	}
	for _, name := range c.ticketNames {
		t := c.tickets[name]
		s.Tickets = append(s.Tickets, TicketStatus{Name: name, Granted: t.granted, Standby: t.standby, LastGranted: t.lastGranted, Attributes: t.attributes})
	}
	return s
}

func (c *cluster) nodeStatus(n *node) *NodeStatus {
	s := &NodeStatus{
		ID: n.id, Name: n.name, Kind: n.kind, Online: n.online, Pending: n.pending, Unclean: n.unclean, Standby: n.standby,
		StandbyOnFail: n.standbyOnFail, Maintenance: n.maintenance, ShuttingDown: n.shutdown, DC: n.dc,
		Health: n.health, FeatureSet: n.features, ActiveResources: len(n.running),
	}
	s.HealthStatus = c.healthStatus(n)
	for _, name := range slices.Sorted(maps.Keys(n.attributes)) {
		s.Attributes = append(s.Attributes, Param{name, n.attributes[name]})
	}
	for _, r := range n.running {
		s.RunningResources = append(s.RunningResources, r.id)
	}
	if n.isGuest() && n.remote != nil && n.remote.container != nil {
		if host := n.remote.container.currentNode(); host != nil {
			s.Hosts = host.name
		}
	}
	return s
}

// healthStatus is the worst colour among the node's health attributes, once a strategy is set.
func (c *cluster) healthStatus(n *node) string {
	if c.options.healthStrategy == "none" || c.options.healthStrategy == "" {
		return "green"
	}
	worst := "green"
	for name, value := range n.attributes {
		if !lowerPrefix(name, "#health") {
			continue
		}
		switch c.options.nearestColour(value) {
		case "red":
			return "red"
		case "yellow":
			worst = "yellow"
		}
	}
	return worst
}

func (c *cluster) resourceStatus(r *resource, parent *ResourceStatus) *ResourceStatus {
	s := &ResourceStatus{
		ID: r.printName(), LongID: r.id, Variant: r.variant, Agent: r.agent, Parent: parent,
		Role: r.effectiveRole(true).String(), TargetRole: r.meta["target-role"],
		Managed: r.is(managed), Maintenance: r.is(inMaintenance), Blocked: r.is(blocked), Failed: r.is(failed),
		FailIgnored: r.is(failureIgnored), Orphan: r.is(orphan), Unique: r.is(unique), Promotable: r.is(promotable), Notify: r.is(notifies),
		Description: r.xml.Get("description"),
	}
	if r.isPrimitive() && r.role == roleStarted && r.uber().is(promotable) {
		s.Role = roleUnpromoted.String()
	}
	s.Internal = cib.ParseBool(r.meta["internal-rsc"], false)
	if wanted := parseRole(s.TargetRole); wanted == roleStopped {
		s.Disabled = true
	} else if wanted == roleUnpromoted && r.uber().is(promotable) {
		s.DisabledUnpromoted = true
	}
	for _, n := range r.running {
		s.Nodes = append(s.Nodes, Placed{Node: n.name, ID: n.id, Online: n.online, Unclean: n.unclean})
	}
	if r.lockNode != nil {
		s.LockedTo = r.lockNode.name
	}
	c.pendingStatus(r, s)
	if r.isBundle() {
		c.bundleStatus(r, s)
		return s
	}
	if r.isClone() {
		s.Max = r.clone.max
		s.StopPlaces = r.stopPlaces()
		s.Uninstalled = c.uninstalled(r)
	}
	for _, child := range r.children {
		s.Children = append(s.Children, c.resourceStatus(child, s))
	}
	return s
}

var pendingRoles = map[string]string{
	"start": "Starting", "stop": "Stopping", "migrate_to": "Migrating", "migrate_from": "Migrating",
	"promote": "Promoting", "demote": "Demoting",
}

func (c *cluster) pendingStatus(r *resource, s *ResourceStatus) {
	s.PendingTask = r.pendingTask
	if r.pendingNode != nil {
		s.PendingNode = r.pendingNode.name
	}
	switch {
	case pendingRoles[r.pendingTask] != "":
		s.PendingText = pendingRoles[r.pendingTask]
	case r.pendingTask == "monitor":
		s.PendingText = "Monitoring"
	}
}

func (c *cluster) bundleStatus(r *resource, s *ResourceStatus) {
	s.Image, s.ContainerKind = r.bundle.image, r.bundle.kind
	for _, p := range r.bundle.replicas {
		x := &ResourceStatus{Variant: ReplicaResource, Parent: s, Replica: p.offset, ID: r.id, LongID: r.id}
		for _, part := range []*resource{p.ip, p.instance, p.container, p.connection} {
			if part != nil {
				x.Children = append(x.Children, c.resourceStatus(part, x))
			}
		}
		s.Children = append(s.Children, x)
	}
}

// stopPlaces are the nodes on which a clone's instance may be: where nothing is allowed yet,
// those on which its state is known.
func (r *resource) stopPlaces() map[string]bool {
	places := map[string]bool{}
	r.eachCandidate(func(n *node, _ *candidate) { places[n.name] = true })
	if len(places) == 0 {
		for _, n := range r.known {
			places[n.name] = true
		}
	}
	return places
}

// uninstalled tells on which nodes a probe found the agent of a clone's instances missing.
func (c *cluster) uninstalled(r *resource) map[string]string {
	found := map[string]string{}
	name := ""
	if len(r.children) > 0 {
		name = stripInstance(r.children[0].id)
	}
	for _, f := range c.failedOps {
		if f.RC == rcNotInstalled && stripInstance(f.Resource) == name {
			found[f.Node] = "Not installed"
		}
	}
	return found
}
