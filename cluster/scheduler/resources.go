package scheduler

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
)

// unpackResources reads the configured resources, after the nodes that some of them
// provide have been made, and sorts them by priority.
func (c *cluster) unpackResources() {
	section := c.doc.Section("resources")
	c.unpackTemplateNames(section)
	c.detectUnfencing()
	c.addRemoteNodes(section)
	for e := range section.Elements() {
		if e.Name == "template" {
			continue
		}
		if r := c.unpackResource(e, nil); r != nil {
			c.resources = append(c.resources, r)
		}
	}
	c.addGuestConnections()
	c.eachResource(c.linkRemoteNode)
	slices.SortStableFunc(c.resources, func(a, b *resource) int { return b.priority - a.priority })
}

// unpackTemplateNames remembers which resources derive from each template, and makes
// tags known, so that constraints can name them.
func (c *cluster) unpackTemplateNames(section *cib.Element) {
	for e := range section.All("template") {
		c.templates[e.ID()] = nil
	}
	for e := range section.Descendants() {
		if t, ok := e.Lookup("template"); ok {
			c.templates[t] = append(c.templates[t], e.ID())
		}
	}
	for tag := range c.doc.Section("tags").All("tag") {
		for ref := range tag.All("obj_ref") {
			c.tags[tag.ID()] = append(c.tags[tag.ID()], ref.ID())
		}
	}
}

// addRemoteNodes makes the nodes that connection resources provide, and the implied
// connections of guest nodes (meta-attribute remote-node).
func (c *cluster) addRemoteNodes(section *cib.Element) {
	for e := range section.Elements() {
		if isRemoteConnection(e) {
			c.hasRemotes = true
			c.addNode(e.ID(), e.ID(), RemoteNode)
			continue
		}
		members := []*cib.Element{e}
		if e.Name == "group" {
			members = slices.Collect(e.All("primitive"))
		}
		for _, m := range members {
			if m.Name == "primitive" {
				if name := remoteNodeName(m); name != "" && !c.hasElement(section, name) {
					c.hasRemotes = true
					c.addNode(name, name, RemoteNode)
				}
			}
		}
	}
}

func (c *cluster) hasElement(section *cib.Element, id string) bool {
	for e := range section.Elements() {
		if e.ID() == id {
			return true
		}
	}
	return false
}

func isRemoteConnection(e *cib.Element) bool {
	return e.Name == "primitive" && e.Get("class") == "ocf" && e.Get("provider") == "pacemaker" && e.Get("type") == "remote"
}

// remoteNodeName returns the name of the guest node that a primitive provides.
func remoteNodeName(e *cib.Element) string {
	return metaOf(e, "remote-node")
}

// guestConnection makes the definition of the connection into a guest node.
func guestConnection(host *cib.Element, name string) *cib.Element {
	settings := map[string]string{}
	for set := range host.All("meta_attributes") {
		for pair := range set.All("nvpair") {
			settings[pair.Get("name")] = pair.Get("value")
		}
	}
	return remoteDefinition(remoteSpec{
		id: name, container: host.ID(),
		migrate: settings["remote-allow-migrate"], managed: settings["is-managed"],
		startTimeout: settings["remote-connect-timeout"],
		server:       settings["remote-addr"], port: settings["remote-port"],
	})
}

// remoteSpec describes an implied connection resource.
type remoteSpec struct {
	id, container, migrate, managed, startTimeout, server, port string
}

func remoteDefinition(s remoteSpec) *cib.Element {
	e := cib.NewElement("primitive", "id", s.id, "class", "ocf", "provider", "pacemaker", "type", "remote")
	meta := e.Append(cib.NewElement("meta_attributes", "id", s.id+"-meta_attributes"))
	pair := func(to *cib.Element, name, value string) {
		if value != "" {
			to.AppendPair(name, value)
		}
	}
	pair(meta, "internal-rsc", "true")
	pair(meta, "container", s.container)
	pair(meta, "allow-migrate", s.migrate)
	pair(meta, "is-managed", s.managed)
	ops := e.Append(cib.NewElement("operations"))
	ops.Append(cib.NewElement("op", "id", s.id+"-monitor-interval-30s", "name", "monitor", "timeout", "30s", "interval", "30s"))
	timeout := s.startTimeout
	if timeout == "" {
		timeout = "60s"
	}
	ops.Append(cib.NewElement("op", "id", s.id+"-start-interval-0", "name", "start", "timeout", timeout, "interval", "0"))
	if s.server != "" || s.port != "" {
		params := e.Append(cib.NewElement("instance_attributes", "id", s.id+"-instance_attributes"))
		pair(params, "addr", s.server)
		pair(params, "port", s.port)
	}
	return e
}

// expandTemplate merges the template that e refers to into a copy of e.
func (c *cluster) expandTemplate(e *cib.Element) *cib.Element {
	name, ok := e.Lookup("template")
	if !ok || name == e.ID() {
		return e
	}
	template := c.byID(name)
	if template == nil || template.Name != "template" {
		return nil
	}
	merged := cib.NewElement(e.Name)
	merged.Attrs = slices.Clone(e.Attrs)
	merged.Line = e.Line
	for _, a := range template.Attrs {
		if _, has := merged.Lookup(a.Name); !has {
			merged.Attrs = append(merged.Attrs, a)
		}
	}
	ownOps := map[string]bool{}
	var operations *cib.Element
	for child := range e.Elements() {
		copied := child.Clone()
		merged.Append(copied)
		if child.Name == "operations" {
			operations = copied
			for op := range child.All("op") {
				ownOps[opKey(op)] = true
			}
		}
	}
	for child := range template.Elements() {
		if child.Name != "operations" {
			merged.Append(child.Clone())
			continue
		}
		if operations == nil {
			operations = merged.Append(cib.NewElement("operations"))
		}
		for op := range child.All("op") {
			if !ownOps[opKey(op)] {
				operations.Append(op.Clone())
			}
		}
	}
	return merged
}

// opKey is what makes an operation of a primitive replace its template's: name and role,
// whatever the intervals.
func opKey(op *cib.Element) string {
	role := parseRole(op.Get("role"))
	if role == roleStarted || role == roleUnpromoted {
		role = roleUnknown
	}
	return op.Get("name") + "-" + strconv.Itoa(int(role))
}

// unpackResource makes a resource from its definition; nil when that is invalid.
func (c *cluster) unpackResource(e *cib.Element, parent *resource) *resource {
	expanded := c.expandTemplate(e)
	if expanded == nil {
		return nil
	}
	r := &resource{c: c, xml: expanded, parent: parent, id: e.ID(), flags: provisional | managed, role: roleStopped, next: roleUnknown}
	if parent != nil && parent.isClone() {
		r.id = e.ID() + ":" + strconv.Itoa(parent.clone.total)
	} else if n, ok := instanceNumber(parent); ok {
		r.id = e.ID() + ":" + n
	}
	switch e.Name {
	case "primitive":
		r.variant = PrimitiveResource
	case "group":
		r.variant = GroupResource
	case "clone", "master":
		r.variant = CloneResource
	case "bundle":
		r.variant = BundleResource
	default:
		return nil
	}
	r.agent = ResourceRef{ID: r.id, Class: expanded.Get("class"), Provider: expanded.Get("provider"), Type: expanded.Get("type")}
	if r.isPrimitive() && !r.agentFits() {
		return nil
	}
	r.unpackMeta()
	r.applyMeta()
	if _, taken := c.lookup[r.id]; !taken {
		c.lookup[r.id] = r
	}
	c.initialCandidates(r)
	if !r.unpackVariant() {
		return nil
	}
	r.utilization = c.unpackUtilization(expanded)
	return r
}

// agentFits reports whether a primitive names an agent, and one that can be what the primitive
// is used for.
func (r *resource) agentFits() bool {
	if r.agent.Class == "" || r.agent.Type == "" {
		return false
	}
	return !r.uber().is(promotable) || canBePromoted(r.agent.Class)
}

// instanceNumber gives members of a cloned group the number of the group's instance.
func instanceNumber(parent *resource) (string, bool) {
	if parent == nil || !parent.isGroup() || parent.parent == nil || !parent.parent.isClone() {
		return "", false
	}
	i := strings.LastIndexByte(parent.id, ':')
	return parent.id[i+1:], i >= 0
}

// initialCandidates: in a symmetric cluster every node is possible; in an asymmetric one
// only a guest node's connection starts with all of them.
func (c *cluster) initialCandidates(r *resource) {
	// A table without candidates is not the same as none: addColocated copies its own into that.
	r.allowed = make([]candidate, len(c.nodes))
	_, guest := r.meta["container"]
	if !c.options.symmetric && !guest {
		return
	}
	for _, n := range c.nodes {
		if n.excluded && n.isRemote() {
			continue // inside a bundle: for the bundle's own instance only
		}
		r.admit(n)
	}
}

func (r *resource) unpackVariant() bool {
	switch r.variant {
	case GroupResource:
		return r.unpackGroup()
	case CloneResource:
		return r.unpackClone()
	case BundleResource:
		return r.unpackBundle()
	}
	return true
}

// addGuestConnections makes the connection resources of primitives with remote-node, which come
// after all that is configured.
func (c *cluster) addGuestConnections() {
	var connections []*resource
	c.eachResource(func(r *resource) {
		name, ok := r.meta["remote-node"]
		if !ok || !r.isPrimitive() || r.parent != nil && !r.parent.isGroup() || c.lookup[name] != nil || c.nodeNamed(name) == nil {
			return
		}
		connections = append(connections, c.unpackResource(guestConnection(r.xml, name), nil))
	})
	c.resources = append(c.resources, connections...)
}

// linkRemoteNode ties a connection resource to its node and to the container that it needs.
func (c *cluster) linkRemoteNode(r *resource) {
	if !r.isPrimitive() {
		return
	}
	if name := r.meta["container"]; name != "" && name != r.id && r.container == nil {
		if host := c.lookup[name]; host != nil {
			host.fillers = append(host.fillers, r)
			r.container = host
		}
	}
	if !r.remoteHost {
		return
	}
	n := c.findNode(r.id, r.id)
	if n == nil {
		return
	}
	n.remote, r.remoteNode = r, n
	if r.container == nil {
		n.kind = RemoteNode
		c.assumeUnclean(n)
		return
	}
	n.kind = GuestNode
	n.attributes["#kind"] = "container"
}

// unpackUtilization reads the numbers that e needs or, for a node, offers.
func (c *cluster) unpackUtilization(e *cib.Element) map[string]int {
	var found map[string]int
	c.ruleContext(nil).Pairs(e, "utilization", "", c.byID, func(name, value string) {
		if _, seen := found[name]; seen {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			n = 0
		}
		if found == nil {
			found = map[string]int{}
		}
		found[name] = n
	})
	return found
}

func (r *resource) unpackGroup() bool {
	r.group = &groupData{
		ordered:   cib.ParseBool(r.meta["ordered"], true),
		colocated: cib.ParseBool(r.meta["collocated"], true),
	}
	for e := range r.xml.All("primitive") {
		if member := r.c.unpackResource(e, r); member != nil {
			r.children = append(r.children, member)
		}
	}
	return len(r.children) > 0
}

// ruleContextFor is the context of rules about a resource, on a node when n is not nil.
func (r *resource) ruleContext(n *node) *rule.Context {
	ctx := r.c.ruleContext(n)
	if r.isPrimitive() {
		ctx.Agent = &rule.Agent{Class: r.agent.Class, Provider: r.agent.Provider, Type: r.agent.Type}
	}
	return ctx
}
