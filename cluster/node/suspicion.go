package node

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/node/client"
	"holdfast/cluster/scheduler"
	"holdfast/traffic/netio"
)

// A host that stood still for longer than the others wait for it has to expect that they
// went on without it. Its floating addresses may be on another host by now, and two hosts with one
// address harm every client, so they come off first, before this host has spoken
// to anybody. They go back as they were once the view is confirmed, unless the cluster has
// taken them for stopped here meanwhile: then the plan says where they belong.

// doubted is a floating address that was taken off.
type doubted struct {
	resource string
	held     netio.Held
}

// doubt takes the floating addresses off this host. Messaging calls it as soon as the pause
// is noticed, and waits for it before it speaks.
func (n *Node) doubt() {
	n.asleep.Add(1)
	began := time.Now()
	resources := floatingAddresses(n.replica.Document())
	var wanted []netip.Addr
	for ip := range resources {
		if !n.ownAddress(ip) {
			wanted = append(wanted, ip)
		}
	}
	held, err := netio.Find(wanted...)
	if err != nil {
		n.log.Error("this host stood still and cannot look for floating addresses that it may not have any more", "cause", err)
	}
	var off []doubted
	for _, h := range held {
		if err := h.Drop(); err != nil {
			n.log.Error("a floating address that may be on another host by now was not taken off", "address", h.IP, "cause", err)
			continue
		}
		off = append(off, doubted{resources[h.IP], h})
		n.log.Warn("floating address taken off: this host stood still", "resource", resources[h.IP], "address", h.IP, "interface", h.Link, "took", time.Since(began))
		n.events.add(client.Event{Kind: client.AddressDropped, Subject: resources[h.IP], On: n.settings.Name, Took: time.Since(began), Detail: h.IP.String()})
	}
	n.queue.put(func() {
		n.doubted = append(n.doubted, off...)
		for _, d := range off {
			n.starts.strike(d.resource)
		}
	})
}

// reassured puts back what doubt took off, as far as the cluster still has it here. It is
// called in the loop when the view is confirmed; the document is up to date then.
func (n *Node) reassured() {
	if n.asleep.Load() > 0 {
		return // it stood still again
	}
	n.settleStarts()
	off := n.doubted
	n.doubted = nil
	if len(off) == 0 {
		return
	}
	here, elsewhere := n.running()
	for _, d := range off {
		if !slices.Contains(here, d.resource) || slices.Contains(elsewhere, d.resource) {
			n.log.Warn("floating address stays off: the cluster no longer has it here", "resource", d.resource, "address", d.held.IP)
			continue
		}
		if err := d.held.Restore(); err != nil {
			n.log.Error("floating address was not put back; its monitor will find that", "resource", d.resource, "cause", err)
			continue
		}
		n.log.Info("floating address put back: the view is confirmed", "resource", d.resource, "address", d.held.IP)
	}
}

// settleStarts runs starts once more whose address was taken off meanwhile, and reports those of an earlier view.
func (n *Node) settleStarts() {
	if len(n.starts) == 0 {
		return
	}
	_, elsewhere := n.running()
	may := !n.broken && !n.leaving && (n.quorate || controller.QuorumIgnored(n.replica.Document()))
	again, stand := n.starts.settle(n.viewSeen.Number, func(resource string) bool { return may && !slices.Contains(elsewhere, resource) })
	for _, st := range again {
		n.log.Warn("start is run once more: its address was taken off meanwhile", "resource", st.job.Operation.Resource, "answered", st.result.Code)
		n.launch(st.job)
	}
	for _, st := range stand {
		n.finished(st.job.Key, st.result)
	}
}

// running are the resources that are active on this host and on others, by what the
// cluster knows.
func (n *Node) running() (here, elsewhere []string) {
	for _, node := range scheduler.Observe(n.replica.Document(), time.Now()).Nodes {
		if node.Name == n.settings.Name {
			here = node.RunningResources
		} else {
			elsewhere = append(elsewhere, node.RunningResources...)
		}
	}
	return here, elsewhere
}

// ownAddress tells whether an address is one that the cluster knows this host by.
func (n *Node) ownAddress(ip netip.Addr) bool {
	for _, h := range n.configured() {
		if h.ID == n.settings.Self {
			return slices.ContainsFunc(h.Addrs, func(a netip.AddrPort) bool { return a.Addr().Unmap() == ip })
		}
	}
	return false
}

// floatingAddresses are the configured addresses, with the resource that each belongs to.
func floatingAddresses(doc *cib.Document) map[netip.Addr]string {
	found := map[netip.Addr]string{}
	for e := range doc.Section("resources").Descendants() {
		if e.Name == "bundle" {
			addReplicas(found, e.ID(), doc)
		}
		if e.Name != "primitive" || e.Get("class") == "stonith" {
			continue
		}
		sources := []*cib.Element{e}
		kind := e.Get("type")
		if template := doc.ByID(e.Get("template")); template != nil {
			sources, kind = append(sources, template), template.Get("type")
		}
		if !slices.Contains(metadata.AddressAgents, kind) {
			continue
		}
		for _, source := range sources {
			addParameters(found, e.ID(), source)
		}
	}
	return found
}

// addReplicas adds the addresses of a bundle's replicas: resources that no configuration spells out, but whose history tells of them.
func addReplicas(found map[netip.Addr]string, bundle string, doc *cib.Document) {
	for e := range doc.Section("status").Descendants() {
		text, of := strings.CutPrefix(e.ID(), bundle+"-ip-")
		if ip, err := netip.ParseAddr(text); of && err == nil && e.Name == "lrm_resource" {
			found[ip.Unmap()] = e.ID()
		}
	}
}

// addParameters adds the addresses that a resource's parameters name.
func addParameters(found map[netip.Addr]string, resource string, source *cib.Element) {
	for set := range source.All("instance_attributes") {
		for pair := range set.All("nvpair") {
			if name := pair.Get("name"); name != "ip" && name != "ipv6addr" {
				continue
			}
			text, _, _ := strings.Cut(pair.Get("value"), "/")
			if ip, err := netip.ParseAddr(text); err == nil {
				found[ip.Unmap()] = resource
			}
		}
	}
}
