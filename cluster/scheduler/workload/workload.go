// Package workload makes documents of any size for measuring the scheduler: hosts and
// a mix of resources as large installations have them, 60 % primitives with
// preferences, colocations and orders, 30 % primitives in groups of five, 10 % clones.
// The same numbers give the same document.
package workload

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"holdfast/cluster/cib"
)

// groupSize is how many primitives a group has.
const groupSize = 5

// Size says how large a document is.
type Size struct {
	Hosts     int
	Resources int // primitives, those inside groups and clones included
}

// Cold makes the document of a cluster whose hosts are all up and on which nothing was
// ever started: every resource has to be probed everywhere and then started.
func Cold(size Size) *cib.Document {
	g := generator{
		doc:    cib.New(),
		random: rand.New(rand.NewPCG(1, uint64(size.Hosts)<<32|uint64(size.Resources))),
		size:   size,
	}
	g.doc.Root.Set("crm_feature_set", "3.16.1") // the newest that Debian 12's tools accept
	g.doc.Root.Set("validate-with", "pacemaker-3.9")
	g.doc.Root.Set("have-quorum", "1")
	g.options()
	g.hosts()
	g.primitives(size.Resources * 6 / 10)
	g.groups(size.Resources * 3 / 10 / groupSize)
	g.clones(size.Resources / 10)
	return g.doc
}

// LoseHost marks one host of a running cluster's document as gone without a word.
func LoseHost(doc *cib.Document, number int) {
	for state := range doc.Section("status").All("node_state") {
		if state.Get("uname") == hostName(number) {
			state.Set("in_ccm", "false")
			state.Set("crmd", "offline")
			state.Set("join", "down")
			state.Set("expected", "member")
		}
	}
}

type generator struct {
	doc    *cib.Document
	random *rand.Rand
	size   Size
}

func hostName(n int) string { return fmt.Sprintf("host%02d", n) }

func (g *generator) options() {
	set := g.doc.EnsureSection("crm_config").Append(cib.NewElement("cluster_property_set", "id", "cib-bootstrap-options"))
	for _, option := range [][2]string{
		{"stonith-enabled", "true"}, {"dc-version", "2.1.5-a3f44794f94"}, {"cluster-infrastructure", "corosync"},
	} {
		set.AppendPair(option[0], option[1])
	}
	fence := g.doc.EnsureSection("resources").Append(
		cib.NewElement("primitive", "id", "fencing", "class", "stonith", "type", "fence_xvm"))
	monitor(fence, "60s")
}

func (g *generator) hosts() {
	nodes, status := g.doc.EnsureSection("nodes"), g.doc.EnsureSection("status")
	for n := 1; n <= g.size.Hosts; n++ {
		id := strconv.Itoa(n)
		nodes.Append(cib.NewElement("node", "id", id, "uname", hostName(n)))
		status.Append(cib.NewElement("node_state", "id", id, "uname", hostName(n), "in_ccm", "true",
			"crmd", "online", "join", "member", "expected", "member", "crm-debug-origin", "workload"))
	}
}

func newPrimitive(id string) *cib.Element {
	p := cib.NewElement("primitive", "id", id, "class", "ocf", "provider", "pacemaker", "type", "Dummy")
	monitor(p, "10s")
	return p
}

func monitor(primitive *cib.Element, interval string) {
	primitive.Ensure("operations").Append(cib.NewElement("op",
		"id", primitive.ID()+"-monitor-"+interval, "name", "monitor", "interval", interval, "timeout", "20s"))
}

// primitives adds n of them. Each prefers a host; every second one keeps near an earlier
// one, and every third starts after an earlier one.
func (g *generator) primitives(n int) {
	resources, constraints := g.doc.EnsureSection("resources"), g.doc.EnsureSection("constraints")
	for i := range n {
		id := fmt.Sprintf("prm%05d", i)
		resources.Append(newPrimitive(id))
		constraints.Append(cib.NewElement("rsc_location", "id", "prefer-"+id, "rsc", id,
			"node", hostName(1+g.random.IntN(g.size.Hosts)), "score", strconv.Itoa(50+g.random.IntN(100))))
		if i == 0 {
			continue
		}
		// Neighbours within a service: chains stay short, as they do in practice.
		near := fmt.Sprintf("prm%05d", i-1)
		if i%2 == 1 {
			constraints.Append(cib.NewElement("rsc_colocation", "id", "with-"+id,
				"rsc", id, "with-rsc", near, "score", strconv.Itoa(10*(1+g.random.IntN(20)))))
		}
		if i%3 == 1 {
			constraints.Append(cib.NewElement("rsc_order", "id", "after-"+id,
				"first", near, "then", id, "kind", "Mandatory"))
		}
	}
}

func (g *generator) groups(n int) {
	resources, constraints := g.doc.EnsureSection("resources"), g.doc.EnsureSection("constraints")
	for i := range n {
		id := fmt.Sprintf("grp%05d", i)
		group := resources.Append(cib.NewElement("group", "id", id))
		for member := range groupSize {
			group.Append(newPrimitive(fmt.Sprintf("%s-%d", id, member)))
		}
		constraints.Append(cib.NewElement("rsc_location", "id", "prefer-"+id, "rsc", id,
			"node", hostName(1+g.random.IntN(g.size.Hosts)), "score", "100"))
	}
}

func (g *generator) clones(n int) {
	resources := g.doc.EnsureSection("resources")
	for i := range n {
		id := fmt.Sprintf("cln%05d", i)
		clone := resources.Append(cib.NewElement("clone", "id", id))
		clone.Append(newPrimitive(id + "-instance"))
	}
}
