package adopt

import (
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/scheduler"
)

// foresee plans with all hosts up and nothing running, and tells what would be started where.
func (r *Result) foresee() {
	doc := r.Document.Clone()
	nodes := doc.EnsureSection("nodes")
	if r.Corosync != "" {
		if file, err := config.Parse(r.corosyncFrom, r.Corosync); err == nil {
			for _, h := range file.Hosts {
				ensureNode(nodes, h.Name)
			}
		}
	}
	status := doc.Root.Child("status")
	if status == nil {
		status = doc.Root.Append(cib.NewElement("status"))
	}
	hosts := 0
	for node := range nodes.All("node") {
		if node.Get("type") == "remote" {
			continue
		}
		hosts++
		status.Append(cib.NewElement("node_state", "id", node.ID(), "uname", node.Get("uname"), "in_ccm", "true", "crmd", "online", "join", "member", "expected", "member")).
			Append(cib.NewElement("lrm", "id", node.ID())).Append(cib.NewElement("lrm_resources"))
	}
	if hosts == 0 {
		return
	}
	doc.Root.Set("have-quorum", "1")
	if fenceless(doc) {
		r.Would = append(r.Would, "start nothing: fencing is on (stonith-enabled), and there is no fence device")
		return
	}
	plan := scheduler.Make(doc, time.Now())
	for _, move := range plan.Moves {
		r.Would = append(r.Would, strings.Join(strings.Fields(move.Text), " "))
	}
	for _, p := range plan.Placements() {
		if p.Node == "" && !p.Disabled {
			r.Would = append(r.Would, p.Resource+" would run nowhere; 'holdfast explain' says why once it is loaded")
		}
	}
	r.Would = append(r.Would, plan.Notes...)
}

func ensureNode(nodes *cib.Element, name string) {
	for node := range nodes.All("node") {
		if node.Get("uname") == name {
			return
		}
	}
	nodes.Append(cib.NewElement("node", "id", name, "uname", name))
}

// fenceless says whether a document asks for fencing and has no device for it, so that nothing may start.
func fenceless(doc *cib.Document) bool {
	for e := range doc.Configuration().Descendants() {
		if e.Name == "nvpair" && (e.Get("name") == "stonith-enabled" || e.Get("name") == "fencing-enabled") {
			if !cib.ParseBool(e.Get("value"), true) {
				return false
			}
		}
		if e.Name == "primitive" && e.Get("class") == "stonith" {
			return false
		}
	}
	return doc.Section("resources") != nil
}
