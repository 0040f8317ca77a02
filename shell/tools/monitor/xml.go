package monitor

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/option"
	"holdfast/shell/tools/status"
)

// RenderXML writes what a look at the document shows as --output-as=xml. request is the call as the result names it.
func RenderXML(line *option.Line, request []string, doc *cib.Document, show map[string]bool, now time.Time) string {
	v := &view{line: line, doc: doc, now: now, show: show, s: scheduler.Observe(doc, now)}
	v.filter()
	root := cib.NewElement("pacemaker-result", "api-version", "2.25", "request", strings.Join(request, " "))
	if line.Has("as-xml") {
		root = cib.NewElement("crm_mon", "version", "2.1.5") // what --as-xml printed before there was --output-as
	}
	v.summaryXML(root)
	v.stateXML(root)
	if line.Has("as-xml") {
		return root.ASCII()
	}
	root.Append(cib.NewElement("status", "code", "0", "message", "OK"))
	return root.ASCII()
}

// AppendStatus adds a state of the cluster to an element, as crm_simulate shows it: nodes,
// resources, and the further sections that are named as for --include.
func AppendStatus(to *cib.Element, s *scheduler.Status, doc *cib.Document, now time.Time, sections []string) {
	v := &view{line: &option.Line{}, doc: doc, now: now, show: map[string]bool{"nodes": true, "resources": true}, s: s, whole: true}
	for _, name := range sections {
		v.show[name] = true
	}
	v.filter()
	v.stateXML(to)
}

// AppendResources puts the list of resources into an answer, as crm_mon's XML has it.
func AppendResources(to *cib.Element, s *scheduler.Status, doc *cib.Document, now time.Time) {
	v := &view{line: &option.Line{}, doc: doc, now: now, show: map[string]bool{"resources": true}, s: s, whole: true}
	v.filter()
	list := to.Append(cib.NewElement("resources"))
	for _, r := range v.s.Resources {
		if !r.Orphan || isActive(r, nil) {
			list.Append(v.resourceXML(r))
		}
	}
}

// AppendResource puts one resource into an answer; one that stands in another is looked for there.
func AppendResource(to *cib.Element, s *scheduler.Status, doc *cib.Document, now time.Time, id string) {
	all := cib.NewElement("all")
	AppendResources(all, s, doc, now)
	for e := range all.Descendants() {
		if e.ID() == id && (e.Name == "resource" || e.Name == "group" || e.Name == "clone" || e.Name == "bundle") {
			to.Append(e.Clone())
			return
		}
	}
}

func (v *view) stateXML(root *cib.Element) {
	if v.show["nodes"] {
		v.nodesXML(root.Append(cib.NewElement("nodes")))
	}
	if v.show["resources"] && len(v.everything) > 0 {
		hidden := func(r *scheduler.ResourceStatus) bool {
			return v.line.Has("group-by-node") && fullyActive(r) || v.nodes != nil && !isActive(r, v.nodes) && isActive(r, nil) || r.Orphan && !isActive(r, nil)
		}
		list := cib.NewElement("resources")
		for _, r := range v.s.Resources {
			if !hidden(r) {
				list.Append(v.resourceXML(r))
			}
		}
		// Where --resource alone hides what there is, the list stands empty.
		if slices.ContainsFunc(v.everything, func(r *scheduler.ResourceStatus) bool { return !hidden(r) }) {
			root.Append(list)
		}
	}
	counts := v.show["operations"] || v.show["failcounts"]
	for _, section := range []struct {
		name          string
		write         func(*cib.Element)
		shown, always bool
	}{
		{"node_attributes", v.attributesXML, v.show["attributes"], false},
		{"node_history", v.historyXML, counts, len(v.s.Nodes) > 0 && v.doc.Section("status").Child("node_state") != nil},
		{"failures", v.failuresXML, v.show["failures"], false},
		{"tickets", v.ticketsXML, v.show["tickets"], false}, {"bans", v.bansXML, v.show["bans"], false},
	} {
		if !section.shown {
			continue
		}
		e := cib.NewElement(section.name)
		if section.write(e); section.always || len(e.Children) > 0 {
			root.Append(e)
		}
	}
}

func yes(b bool) string { return strconv.FormatBool(b) }

func (v *view) summaryXML(root *cib.Element) {
	e := cib.NewElement("summary")
	if v.show["stack"] {
		e.Append(cib.NewElement("stack", "type", cmp.Or(v.option("cluster-infrastructure"), "unknown")))
	}
	if v.show["dc"] || v.s.DC == "" {
		dc := e.Append(cib.NewElement("current_dc", "present", yes(v.s.DC != "")))
		for _, n := range v.all {
			if n.Name == v.s.DC {
				dc.Set("version", v.option("dc-version"))
				dc.Set("name", n.Name)
				dc.Set("id", n.ID)
				dc.Set("with_quorum", yes(v.s.Quorate))
				dc.Set("mixed_version", yes(strings.Contains(v.dc(), "MIXED")))
			}
		}
	}
	if v.show["times"] {
		d := v.doc.Root
		e.Append(cib.NewElement("last_update", "time", v.now.Format("Mon Jan _2 15:04:05 2006")))
		e.Append(cib.NewElement("last_change", "time", d.Get("cib-last-written"), "user", d.Get("update-user"),
			"client", d.Get("update-client"), "origin", d.Get("update-origin")))
	}
	if v.show["counts"] {
		e.Append(cib.NewElement("nodes_configured", "number", fmt.Sprint(v.total)))
		e.Append(cib.NewElement("resources_configured", "number", fmt.Sprint(v.s.Instances), "disabled", fmt.Sprint(v.s.Disabled), "blocked", fmt.Sprint(v.s.Blocked)))
	}
	if o := v.s.Options; v.show["options"] {
		e.Append(cib.NewElement("cluster_options", "stonith-enabled", yes(o.FencingEnabled), "symmetric-cluster", yes(o.Symmetric),
			"no-quorum-policy", o.NoQuorumPolicy, "maintenance-mode", yes(o.MaintenanceMode), "stop-all-resources", yes(o.StopAll),
			"stonith-timeout-ms", milliseconds(v.option("stonith-timeout"), 60000), "priority-fencing-delay-ms", milliseconds(v.option("priority-fencing-delay"), 0)))
	}
	if len(e.Children) > 0 {
		root.Append(e)
	}
}

func (v *view) nodesXML(list *cib.Element) {
	for _, n := range v.s.Nodes {
		kind := map[scheduler.NodeKind]string{scheduler.MemberNode: "member"}[n.Kind]
		e := list.Append(cib.NewElement("node", "name", n.Name, "id", n.ID, "online", yes(n.Online), "standby", yes(n.Standby),
			"standby_onfail", yes(n.StandbyOnFail), "maintenance", yes(n.Maintenance), "pending", yes(n.Pending), "unclean", yes(n.Unclean),
			"health", cmp.Or(n.HealthStatus, "green")))
		if n.Kind == scheduler.MemberNode && n.Online {
			e.Set("feature_set", cmp.Or(n.FeatureSet, "<3.15.1"))
		}
		e.Set("shutdown", yes(n.ShuttingDown))
		e.Set("expected_up", yes(v.expected(n)))
		e.Set("is_dc", yes(n.DC))
		e.Set("resources_running", fmt.Sprint(n.ActiveResources))
		e.Set("type", cmp.Or(kind, "remote"))
		if n.Kind == scheduler.GuestNode {
			e.Set("id_as_resource", v.containerOf(n.Name))
		}
		if v.line.Has("group-by-node") {
			for _, r := range running(v.s.Resources, v.doc, n.Name) {
				e.Append(v.resourceXML(r))
			}
		}
	}
}

// expected says whether the host is meant to be a member, and stay one.
func (v *view) expected(n *scheduler.NodeStatus) bool {
	if n.ShuttingDown {
		return false
	}
	for state := range v.doc.Section("status").All("node_state") {
		if state.Get("uname") == n.Name {
			return state.Get("expected") == "member"
		}
	}
	return false
}

// containerOf names the resource that a guest node is.
func (v *view) containerOf(node string) string {
	name := ""
	var walk func(r *scheduler.ResourceStatus)
	walk = func(r *scheduler.ResourceStatus) {
		if r.Variant == scheduler.ReplicaResource && slices.ContainsFunc(r.Children, func(c *scheduler.ResourceStatus) bool { return c.ID == node }) {
			for _, c := range r.Children {
				if t := c.Agent.Type; t == "docker" || t == "podman" || t == "rkt" {
					name = c.ID
				}
			}
		}
		for _, c := range r.Children {
			walk(c)
		}
	}
	for _, r := range v.everything {
		walk(r)
	}
	if name == "" {
		return v.guestNamed(node)
	}
	return name
}

// guestNamed is the resource that is configured to be a guest node of that name.
func (v *view) guestNamed(node string) string {
	for e := range v.doc.Section("resources").Descendants() {
		if e.Name != "nvpair" || e.Get("name") != "remote-node" || e.Get("value") != node {
			continue
		}
		if r := e.Parent.Parent; r != nil && r.Name == "primitive" {
			return r.ID()
		}
	}
	return ""
}

func (v *view) resourceXML(r *scheduler.ResourceStatus) *cib.Element {
	var e *cib.Element
	switch r.Variant {
	case scheduler.GroupResource:
		e = cib.NewElement("group", "id", r.LongID, "number_resources", fmt.Sprint(status.Members(r)), "managed", yes(r.Managed), "disabled", yes(r.Disabled))
	case scheduler.CloneResource:
		e = cib.NewElement("clone", "id", r.ID, "multi_state", yes(r.Promotable), "unique", yes(r.Unique), "managed", yes(r.Managed),
			"disabled", yes(r.Disabled), "failed", yes(r.Failed), "failure_ignored", yes(r.FailIgnored))
		if r.TargetRole != "" {
			e.Set("target_role", r.TargetRole)
		}
	case scheduler.BundleResource:
		e = cib.NewElement("bundle", "id", r.ID, "type", r.ContainerKind, "image", r.Image, "unique", yes(r.Unique), "managed", yes(r.Managed), "failed", yes(r.Failed))
	case scheduler.ReplicaResource:
		e = cib.NewElement("replica", "id", fmt.Sprint(r.Replica))
	default:
		return v.primitiveXML(r)
	}
	for _, c := range r.Children {
		e.Append(v.resourceXML(c))
	}
	return e
}

func (v *view) primitiveXML(r *scheduler.ResourceStatus) *cib.Element {
	role, pending := r.Role, r.PendingText
	if v.whole && pending != "Monitoring" {
		role, pending = cmp.Or(pending, role), ""
	}
	e := cib.NewElement("resource", "id", r.ID, "resource_agent", status.Agent(r), "role", role)
	if r.TargetRole != "" {
		e.Set("target_role", r.TargetRole)
	}
	for _, a := range []struct {
		name string
		on   bool
	}{{"active", len(r.Nodes) > 0}, {"orphaned", r.Orphan}, {"blocked", r.Blocked}, {"managed", r.Managed}, {"failed", r.Failed}, {"failure_ignored", r.FailIgnored}} {
		e.Set(a.name, yes(a.on))
	}
	e.Set("nodes_running_on", fmt.Sprint(len(r.Nodes)))
	if pending != "" {
		e.Set("pending", pending)
	}
	for _, n := range r.Nodes {
		e.Append(cib.NewElement("node", "name", n.Node, "id", n.ID, "cached", yes(n.Online)))
	}
	return e
}

func (v *view) attributesXML(list *cib.Element) {
	for _, n := range v.s.Nodes {
		shown := visible(n)
		if !n.Online || len(shown) == 0 {
			continue
		}
		node := list.Append(cib.NewElement("node", "name", n.Name))
		for _, a := range shown {
			attribute := node.Append(cib.NewElement("attribute", "name", a.Name, "value", a.Value))
			if score := v.pingScore(n.Name, a.Name); score > 0 {
				attribute.Set("expected", fmt.Sprint(score))
			}
		}
	}
}

// pingScore is the value that a connectivity attribute has when every host answers; 0 when no resource on the node
// keeps it.
func (v *view) pingScore(node, name string) int {
	for _, r := range running(v.everything, v.doc, node) {
		e := v.doc.ByID(r.ID)
		if e == nil || r.Agent.Type != "ping" && r.Agent.Type != "pingd" {
			continue
		}
		params := map[string]string{"name": "pingd", "multiplier": "1"}
		for set := range e.All("instance_attributes") {
			for nvpair := range set.All("nvpair") {
				params[nvpair.Get("name")] = nvpair.Get("value")
			}
		}
		if params["name"] == name {
			return len(strings.Fields(params["host_list"])) * number(params["multiplier"])
		}
	}
	return 0
}

func (v *view) historyXML(list *cib.Element) {
	for state := range v.doc.Section("status").All("node_state") {
		n := v.node(state)
		if n == nil || !n.Online {
			continue
		}
		node := cib.NewElement("node", "name", n.Name)
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			base := resourceName(rsc.ID())
			r := v.inHistory(rsc.ID())
			fails, last := v.failCount(state, base)
			var ops []*cib.Element
			if v.show["operations"] {
				ops = shownOperations(rsc)
			}
			if r == nil || len(ops) == 0 && (v.show["operations"] || fails == "") {
				continue
			}
			e := node.Append(cib.NewElement("resource_history", "id", historyName(r), "orphan", "false", "migration-threshold", v.threshold(base)))
			if fails != "" {
				e.Set("fail-count", fails)
				e.Set("last-failure", last)
			}
			for _, op := range ops {
				e.Append(operationXML(op))
			}
		}
		if len(node.Children) > 0 {
			list.Append(node)
		}
	}
}

func operationXML(op *cib.Element) *cib.Element {
	task := op.Get("operation")
	if task == "monitor" && op.Get("interval") == "0" {
		task = "probe"
	}
	e := cib.NewElement("operation_history", "call", op.Get("call-id"), "task", task, "rc", op.Get("rc-code"), "rc_text", ResultText(number(op.Get("rc-code"))))
	if interval := op.Get("interval"); interval != "0" && interval != "" {
		e.Set("interval", interval+"ms")
	}
	if at := stamp(op.Get("last-rc-change")); at != "" {
		e.Set("last-rc-change", at)
	}
	for _, spent := range []string{"exec-time", "queue-time"} {
		if ms := op.Get(spent); ms != "" {
			e.Set(spent, ms+"ms")
		}
	}
	return e
}

func (v *view) failuresXML(list *cib.Element) {
	for _, f := range v.shownFailures() {
		key, reason := "op_key", f.Reason
		if op := v.failed(f); op != nil { // what old releases left out is told otherwise than what is empty
			if _, given := op.Lookup("operation_key"); !given {
				key = "id"
			}
			if _, given := op.Lookup("exit-reason"); !given {
				reason = "none"
			}
		}
		e := list.Append(cib.NewElement("failure", key, f.Key, "node", f.Node, "exitstatus", f.RCText, "exitreason", reason,
			"exitcode", fmt.Sprint(f.RC), "call", fmt.Sprint(f.Call), "status", f.Status))
		if !f.LastChange.IsZero() {
			e.Set("last-rc-change", f.LastChange.UTC().Format("2006-01-02 15:04:05Z"))
			if v.timed(f, "queue-time") {
				e.Set("queued", fmt.Sprint(f.Queued.Milliseconds()))
			}
			if v.timed(f, "exec-time") {
				e.Set("exec", fmt.Sprint(f.Exec.Milliseconds()))
			}
			e.Set("interval", fmt.Sprint(f.Interval.Milliseconds()))
			e.Set("task", f.Task)
		}
	}
}

// timed reports whether the status says how long a failed operation waited or took.
func (v *view) timed(f scheduler.Failure, attribute string) bool {
	op := v.failed(f)
	if op == nil {
		return true
	}
	_, given := op.Lookup(attribute)
	return given
}

// failed is the result in the status that a failure was read from.
func (v *view) failed(f scheduler.Failure) *cib.Element {
	for state := range v.doc.Section("status").All("node_state") {
		if state.Get("uname") != f.Node {
			continue
		}
		for op := range state.Descendants() {
			if op.Name == "lrm_rsc_op" && cmp.Or(op.Get("operation_key"), op.ID()) == f.Key && number(op.Get("call-id")) == f.Call {
				return op
			}
		}
	}
	return nil
}

func (v *view) ticketsXML(list *cib.Element) {
	for _, t := range v.allTickets() {
		status := "revoked"
		if t.Granted {
			status = "granted"
		}
		e := list.Append(cib.NewElement("ticket", "id", t.Name, "status", status, "standby", yes(t.Standby)))
		if !t.LastGranted.IsZero() {
			e.Set("last-granted", t.LastGranted.Local().Format(time.ANSIC))
		}
	}
}

// milliseconds reads a time such as 60s; what cannot be read counts as the default.
func milliseconds(text string, fallback int64) string {
	if d, ok := metadata.Duration(text); ok && text != "" {
		return fmt.Sprint(d.Milliseconds())
	}
	return fmt.Sprint(fallback)
}
