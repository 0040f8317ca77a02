package scheduler

import (
	"net/netip"
	"strconv"

	"holdfast/cluster/cib"
)

// bundleData is what a bundle has beyond other resources.
type bundleData struct {
	kind, image           string
	replicaCount, perHost int
	promotedMax           int
	controlPort           string
	replicas              []*replica
	inner                 *resource // the clone made for the contained primitive; nil without one
}

// replica is one copy of a bundle: a container, and around and inside it an address,
// a connection, and an instance of the contained primitive, as far as configured.
type replica struct {
	offset                              int
	address                             string
	ip, instance, container, connection *resource
	node                                *node
}

// each visits the resources of the replica that exist.
func (p *replica) each(visit func(*resource)) {
	for _, r := range []*resource{p.ip, p.instance, p.container, p.connection} {
		if r != nil {
			visit(r)
		}
	}
}

func (r *resource) unpackBundle() bool {
	b := &bundleData{}
	r.bundle = b
	var engine *cib.Element
	for _, kind := range []string{"docker", "rkt", "podman"} {
		if e := r.xml.Child(kind); e != nil {
			engine, b.kind = e, kind
			break
		}
	}
	if engine == nil {
		return false
	}
	number := func(fallback int, names ...string) int {
		for _, name := range names {
			if v, ok := engine.Lookup(name); ok {
				n, err := strconv.Atoi(v)
				if err != nil || n < 0 {
					n = fallback
				}
				return n
			}
		}
		return fallback
	}
	b.promotedMax = number(0, "promoted-max", "masters")
	b.perHost = number(1, "replicas-per-host")
	b.replicaCount = min(number(max(1, b.promotedMax), "replicas"), r.c.usefulInstances(b.perHost))
	b.image = engine.Get("image")
	if b.perHost > 1 {
		r.set(unique)
	} else {
		r.clear(unique)
	}
	network := r.xml.Child("network")
	b.controlPort = attributeOf(network, "control-port")
	primitive := r.xml.Child("primitive")
	if primitive != nil && !r.unpackBundleClone(primitive, network) {
		return false
	}
	next := attributeOf(network, "ip-range-start")
	for i := range b.replicaCount {
		p := &replica{offset: i, address: next}
		next = nextAddress(next)
		if b.inner != nil {
			p.instance = b.inner.children[i]
		}
		b.replicas = append(b.replicas, p)
		r.unpackReplica(p, network)
	}
	if b.inner != nil {
		r.children = append(r.children, b.inner)
	}
	return true
}

// unpackBundleClone makes the clone whose instances run inside the replicas.
func (r *resource) unpackBundleClone(primitive, network *cib.Element) bool {
	b := r.bundle
	if attributeOf(network, "ip-range-start") == "" && attributeOf(network, "control-port") == "" {
		return false
	}
	name := r.id + "-clone"
	if b.promotedMax > 0 {
		name = r.id + "-master"
	}
	e := cib.NewElement("clone", "id", name)
	meta := e.Append(cib.NewElement("meta_attributes", "id", name+"-meta"))
	pair := func(name, value string) {
		meta.AppendPair(name, value)
	}
	pair("ordered", "true")
	pair("clone-max", strconv.Itoa(b.replicaCount))
	pair("clone-node-max", strconv.Itoa(b.perHost))
	pair("globally-unique", strconv.FormatBool(b.perHost > 1))
	if b.promotedMax > 0 {
		pair("promotable", "true")
		pair("promoted-max", strconv.Itoa(b.promotedMax))
	}
	e.Append(primitive.Clone())
	b.inner = r.c.unpackResource(e, r)
	return b.inner != nil && len(b.inner.children) >= b.replicaCount
}

// unpackReplica makes the resources of one replica.
func (r *resource) unpackReplica(p *replica, network *cib.Element) {
	c := r.c
	adopt := func(e *cib.Element) *resource {
		child := c.unpackResource(e, r)
		r.children = append(r.children, child)
		return child
	}
	if p.address != "" {
		p.ip = adopt(bundleAddress(r.id, p.address, network))
	}
	p.container = adopt(bundleContainer(r, p))
	p.each(func(x *resource) { x.replica = p })
	if p.instance != nil {
		// What runs inside uses up the capacity of the container's host.
		p.container.utilization, p.instance.utilization = p.instance.utilization, nil
		r.unpackReplicaConnection(p)
	}
	if p.ip != nil {
		p.ip.replica = p
	}
}

// unpackReplicaConnection makes the node inside the replica's container, and the connection
// to it. Only the replica's own instance may run there.
func (r *resource) unpackReplicaConnection(p *replica) {
	c := r.c
	name := r.id + "-" + strconv.Itoa(p.offset)
	n := c.addNode(name, name, GuestNode)
	n.excluded = true
	for _, x := range c.lookup {
		if w := x.lookAt(n); w != nil {
			w.score, w.discover = -infinity, discoverNever
		}
	}
	p.node = n
	n.kind = GuestNode
	n.attributes["#kind"] = "container"
	c.hasRemotes = true

	p.instance.allowed = nil
	w := p.instance.at(n)
	*w = candidate{present: true, score: 500, discover: discoverExclusive}
	w = p.instance.parent.at(n)
	*w = candidate{present: true, score: -infinity, discover: discoverExclusive}

	server, port := p.address, r.bundle.controlPort
	if server == "" {
		server = hostAddress
	}
	if port == "" {
		port = remotePort
	}
	e := remoteDefinition(remoteSpec{id: name, container: p.container.id, server: server, port: port})
	p.connection = c.unpackResource(e, r)
	r.children = append(r.children, p.connection)
	p.connection.eachCandidate(func(m *node, w *candidate) {
		if m.isRemote() {
			w.score = -infinity
		}
	})
	p.connection.replica = p
	n.remote, p.connection.remoteNode = p.connection, n
	p.connection.container = p.container
	p.connection.set(nestingAllowed)
	p.container.fillers = append(p.container.fillers, p.connection)
}

func bundleAddress(bundle, address string, network *cib.Element) *cib.Element {
	id := bundle + "-ip-" + address
	e := cib.NewElement("primitive", "id", id, "class", "ocf", "provider", "heartbeat", "type", "IPaddr2")
	params := e.Append(cib.NewElement("instance_attributes", "id", bundle+"-attributes-"+address))
	pair := func(name, value string) {
		if value != "" {
			params.AppendPair(name, value)
		}
	}
	pair("ip", address)
	pair("nic", attributeOf(network, "host-interface"))
	mask := attributeOf(network, "host-netmask")
	if mask == "" {
		mask = "32"
	}
	pair("cidr_netmask", mask)
	ops := e.Append(cib.NewElement("operations"))
	ops.Append(cib.NewElement("op", "id", id+"-monitor-interval-60s", "name", "monitor", "interval", "60s"))
	return e
}

// nextAddress returns the address after that one; "" stays "".
func nextAddress(address string) string {
	if address == "" {
		return ""
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	return a.Next().String()
}

// bundleActive reports whether any, or every, resource of the bundle is active.
func (r *resource) bundleActive(all bool) bool {
	for _, p := range r.bundle.replicas {
		answer, decided := false, false
		p.each(func(x *resource) {
			if !decided && x.active(all) != all {
				answer, decided = !all, true
			}
		})
		if decided {
			return answer
		}
	}
	return all
}

// attributeOf returns an attribute of an element that may be missing.
func attributeOf(e *cib.Element, name string) string {
	if e == nil {
		return ""
	}
	return e.Get(name)
}
