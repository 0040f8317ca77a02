package node

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/node/client"
	"holdfast/cluster/remote"
	"holdfast/cluster/scheduler"
)

// Build is the release, for Status; main sets it.
var Build = "unreleased"

func (n *Node) getStatus(_ http.ResponseWriter, r *http.Request) (any, error) {
	doc := n.replica.Document()
	view := n.replica.LastView()
	local := n.messenger.Status()
	observed := scheduler.Observe(doc, time.Now())
	idle, err := inLoop(n.ctx, n, n.controller.Idle)
	if err != nil {
		return nil, err
	}
	status := &client.Status{
		Cluster: n.settings.Cluster, Host: n.settings.Name, HostID: uint32(n.settings.Self), Configured: true,
		View: viewOf(view), Idle: idle, Version: doc.Version().String(), Build: Build,
	}
	if node := r.Header.Get(remote.NodeHeader); node != "" {
		status.Host = node // who asks is there, behind this host's connection
	}
	status.View.Quorate = view.Quorate && local.Verdict.Quorate
	status.View.Leader = uint32(n.messenger.Leader())
	for _, h := range n.configured() {
		status.Hosts = append(status.Hosts, n.hostStatus(h, view, local, observed))
	}
	for _, r := range observed.Resources {
		status.Resources = append(status.Resources, resourceStatuses(r)...)
	}
	status.Missing = missingAgents(n.replica.Document(), observed)
	status.Problems = append(problems(status, observed, n.replica.Fencing("")), status.Missing...)
	return status, nil
}

func (n *Node) hostStatus(h messaging.Host, view core.View, local core.Status, observed *scheduler.Status) client.HostStatus {
	host := client.HostStatus{ID: uint32(h.ID), Name: n.name(h.ID), Leader: view.Leader == h.ID}
	for _, node := range observed.Nodes {
		if node.ID == id32(h.ID) {
			host.Online, host.Unclean = node.Online, node.Unclean
			host.Standby, host.Maintenance = node.Standby, node.Maintenance
		}
	}
	for i, up := range local.Links[h.ID] {
		link := client.LinkStatus{Number: i, Up: up}
		if i < len(h.Addrs) {
			link.Remote = h.Addrs[i].String()
		}
		for _, self := range n.configured() {
			if self.ID == n.settings.Self && i < len(self.Addrs) {
				link.Local = self.Addrs[i].String()
			}
		}
		host.Links = append(host.Links, link)
	}
	return host
}

// resourceStatuses are the primitives at or below r, where they are.
func resourceStatuses(r *scheduler.ResourceStatus) []client.ResourceStatus {
	var all []client.ResourceStatus
	for _, child := range r.Children {
		all = append(all, resourceStatuses(child)...)
	}
	if r.Variant != scheduler.PrimitiveResource {
		return all
	}
	one := client.ResourceStatus{ID: r.ID, Agent: agentName(r.Agent), Role: r.Role, Failed: r.Failed}
	if len(r.Nodes) == 0 {
		return append(all, one)
	}
	for _, placed := range r.Nodes {
		one.Host = placed.Node
		all = append(all, one)
	}
	return all
}

func agentName(r scheduler.ResourceRef) string {
	if r.Provider != "" {
		return r.Class + ":" + r.Provider + ":" + r.Type
	}
	return r.Class + ":" + r.Type
}

// problems are sentences for whoever looks after the cluster.
func problems(status *client.Status, observed *scheduler.Status, fencing []controller.Fencing) []string {
	var all []string
	if !status.View.Quorate {
		all = append(all, "this side of the cluster has no quorum: it starts nothing and accepts no change until more hosts are up")
	}
	for _, h := range status.Hosts {
		if h.Unclean {
			all = append(all, "host "+h.Name+" is lost and not yet fenced: what ran there is not started elsewhere until it is"+unfenced(h.Name, fencing))
		}
	}
	for _, f := range observed.Failures {
		all = append(all, f.Task+" of "+f.Resource+" on "+f.Node+" failed: "+f.RCText+" "+f.Reason)
	}
	return all
}

// unfenced says how fencing a host stands, the newest of the history first.
func unfenced(host string, fencing []controller.Fencing) string {
	for _, f := range fencing {
		switch {
		case f.Target != host || f.Action == "on":
		case f.State == controller.FencingFailed:
			return fmt.Sprintf(" (%s failed: %s; mend the device, or make sure that %s is off and run: stonith_admin --confirm %s)", f.Action,
				strings.TrimPrefix(f.Reason, "fence "+host+" ("+f.Action+"): "), host, host)
		case f.State == controller.FencingPending:
			return fmt.Sprintf(" (%s goes on since %s)", f.Action, f.Time.Format(time.TimeOnly))
		default:
			return ""
		}
	}
	return ""
}

// missingAgents tells of resources that run nowhere and whose agent was not found by probes, with
// the hosts and what to do.
func missingAgents(doc *cib.Document, observed *scheduler.Status) []string {
	running := map[string]bool{}
	for _, node := range observed.Nodes {
		for _, id := range node.RunningResources {
			running[id] = true
		}
	}
	hosts, reasons := map[string][]string{}, map[string]string{}
	for state := range doc.Section("status").All("node_state") {
		for op := range state.Descendants() {
			if op.Name != "lrm_rsc_op" || op.Get("rc-code") != notInstalled || op.Get("operation") != "monitor" || op.Get("interval") != "0" {
				continue
			}
			id := op.Parent.ID()
			if running[id] || doc.ByID(id) == nil || slices.Contains(hosts[id], state.Get("uname")) {
				continue
			}
			hosts[id] = append(hosts[id], state.Get("uname"))
			reasons[id] = op.Get("exit-reason")
		}
	}
	var all []string
	for _, id := range slices.Sorted(maps.Keys(hosts)) {
		all = append(all, fmt.Sprintf("%s (hosts: %s)", strings.TrimSpace(cmp.Or(reasons[id], id+": something that its agent needs is not installed")), strings.Join(hosts[id], ", ")))
	}
	return all
}

var notInstalled = strconv.Itoa(executor.CodeNotInstalled)

func id32(id core.HostID) string { return strconv.FormatUint(uint64(id), 10) }
