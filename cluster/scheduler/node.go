package scheduler

import (
	"slices"
	"time"

	"holdfast/cluster/cib"
)

// node is one host, or a remote or guest node, with what is known about it.
type node struct {
	index    int // position in per-resource candidate arrays; order of creation
	id, name string
	kind     NodeKind
	remote   *resource // connection resource of a remote or guest node

	online, pending, unclean, unseen  bool
	standby, standbyOnFail            bool
	maintenance, shutdown, expectedUp bool
	dc, unpacked                      bool
	racing                            bool // it may be fencing the others while it is fenced
	needsReset                        bool // remote or guest node whose connection must be restarted or host fenced
	remoteMaintenance, remoteFenced   bool
	excluded                          bool // base score is minus infinity: not a candidate for anything
	noDiscovery                       bool // resource-discovery-enabled=false
	shuttingDownSince                 time.Time
	features                          string
	attributes                        map[string]string
	utilization                       map[string]int
	running, assigned                 []*resource // primitives active here, and placed here by this run
	priority                          int
	health                            int
	state                             *cib.Element
}

// isRemote reports whether the node is reached through a connection resource.
func (n *node) isRemote() bool { return n.kind != MemberNode }

func (n *node) isGuest() bool { return n.kind == GuestNode }

// attribute looks up a node attribute.
func (n *node) attribute(name string) (string, bool) {
	v, ok := n.attributes[name]
	return v, ok
}

// addNode makes a node and files it by name.
func (c *cluster) addNode(id, name string, kind NodeKind) *node {
	if n := c.findNode(id, name); n != nil {
		return n
	}
	n := &node{index: len(c.nodes), id: id, name: name, kind: kind, unclean: false, unseen: true}
	n.attributes = map[string]string{"#uname": name, "#id": id}
	switch kind {
	case RemoteNode:
		n.attributes["#kind"] = "remote"
	default:
		n.attributes["#kind"] = "cluster"
	}
	if c.options.clusterName != "" {
		n.attributes["#cluster-name"] = c.options.clusterName
	}
	c.nodes = append(c.nodes, n)
	at, _ := slices.BinarySearchFunc(c.byName, n, func(a, b *node) int {
		if o := compareNames(a.name, b.name); o != 0 {
			return o
		}
		return -1 // after equal names
	})
	c.byName = slices.Insert(c.byName, at, n)
	if _, taken := c.nodeIDs[id]; !taken {
		c.nodeIDs[id] = n
	}
	if _, taken := c.nodeNames[lower(name)]; !taken {
		c.nodeNames[lower(name)] = n
	}
	return n
}

// findNode finds a node by its id, else by its name; nil when there is none.
func (c *cluster) findNode(id, name string) *node {
	if id != "" {
		if n := c.nodeIDs[id]; n != nil {
			return n
		}
	}
	if name != "" {
		return c.nodeNames[lower(name)]
	}
	return nil
}

func (c *cluster) nodeNamed(name string) *node { return c.nodeNames[lower(name)] }

// unpackNodes reads the configured hosts.
func (c *cluster) unpackNodes() {
	for e := range c.doc.Section("nodes").All("node") {
		id, name, kind := e.ID(), e.Get("uname"), MemberNode
		switch e.Get("type") {
		case "remote":
			kind = RemoteNode
		case "ping":
			continue
		}
		if id == "" {
			continue
		}
		if name == "" {
			name = id
		}
		n := c.addNode(id, name, kind)
		if kind == MemberNode {
			c.assumeUnclean(n)
		}
		n.excluded = parseScore(e.Get("score"), 0) <= -infinity
		c.unpackNodeAttributes(n, e)
	}
}

// assumeUnclean is for a host whose state nobody has reported: with fencing, it may be
// running anything, unless startup-fencing is off.
func (c *cluster) assumeUnclean(n *node) {
	if c.options.fencing && c.options.startupFencing || !c.options.fencing {
		n.unclean = c.options.fencing
	} else {
		n.unclean = false
	}
	n.unseen = true
}

func (c *cluster) unpackNodeAttributes(n *node, e *cib.Element) {
	c.ruleContext(n).Pairs(e, "instance_attributes", "", c.byID, func(name, value string) {
		if _, seen := n.attributes[name]; !seen {
			n.attributes[name] = value
		}
	})
	if site, ok := n.attributes["site-name"]; ok {
		n.attributes["#site-name"] = site
	} else if c.options.clusterName != "" {
		n.attributes["#site-name"] = c.options.clusterName
	}
	n.utilization = c.unpackUtilization(e)
}
