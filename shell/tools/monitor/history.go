package monitor

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/tableorder"
)

// titled writes a section whose heading appears only with its first line.
func (v *view) titled(title string) func(format string, args ...any) {
	first := true
	return func(format string, args ...any) {
		if first {
			v.heading(title)
			first = false
		}
		fmt.Fprintf(v.w, format, args...)
	}
}

func (v *view) attributes() {
	line := v.titled("Node Attributes")
	for _, n := range v.s.Nodes {
		if !n.Online {
			continue
		}
		shown := visible(n)
		if len(shown) == 0 {
			continue
		}
		line("  * Node: %s:\n", v.nodeLabel(n))
		for _, a := range shown {
			line("    * %-32s\t: %-10s\n", a.Name, a.Value)
		}
	}
}

// visible returns a node's attributes without those that the cluster keeps for itself.
func visible(n *scheduler.NodeStatus) []scheduler.Param {
	return slices.DeleteFunc(slices.Clone(n.Attributes), func(a scheduler.Param) bool {
		return slices.ContainsFunc([]string{"fail-count", "last-failure", "standby", "terminate", "shutdown", "#"},
			func(prefix string) bool { return strings.HasPrefix(a.Name, prefix) })
	})
}

// operations writes the history, or with fail counts alone the resources that have some.
func (v *view) operations() {
	history := v.show["operations"]
	if !history && !v.show["failcounts"] {
		return
	}
	title := "Migration Summary"
	if history {
		title = "Operations"
	}
	line := v.titled(title)
	for state := range v.doc.Section("status").All("node_state") {
		node := v.node(state)
		if node == nil || !node.Online {
			continue
		}
		line("") // the title stands also above nothing
		first := true
		for rsc := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			v.resourceHistory(state, rsc, history, func(format string, args ...any) {
				if first {
					line("  * Node: %s:\n", v.nodeLabel(node))
					first = false
				}
				line(format, args...)
			})
		}
	}
}

func (v *view) node(state *cib.Element) *scheduler.NodeStatus {
	for _, n := range v.s.Nodes {
		if n.Name == state.Get("uname") || n.Name == state.ID() {
			return n
		}
	}
	return nil
}

func (v *view) resourceHistory(state, rsc *cib.Element, history bool, line func(string, ...any)) {
	base := resourceName(rsc.ID())
	r := v.inHistory(rsc.ID())
	if r == nil {
		return
	}
	fails, last := v.failCount(state, base)
	ops := shownOperations(rsc)
	if history && len(ops) == 0 || !history && fails == "" {
		return
	}
	text := "    * " + historyName(r) + ": migration-threshold=" + v.threshold(base)
	if fails != "" {
		text += " fail-count=" + fails
		if last != "" {
			text += " last-failure='" + last + "'"
		}
	}
	if !history {
		line("%s\n", text)
		return
	}
	line("%s:\n", text)
	for _, op := range ops {
		line("      * (%s) %s\n", op.Get("call-id"), v.operation(op))
	}
}

// shownOperations returns a resource's history in order, without probes that found nothing.
func shownOperations(rsc *cib.Element) []*cib.Element {
	var ops []*cib.Element
	for op := range rsc.All("lrm_rsc_op") {
		probe := op.Get("operation") == "monitor" && op.Get("interval") == "0"
		if (!probe || op.Get("rc-code") != "7") && op.Get("operation") != "notify" {
			ops = append(ops, op)
		}
	}
	slices.SortStableFunc(ops, func(a, b *cib.Element) int { return cmp.Compare(number(a.Get("call-id")), number(b.Get("call-id"))) })
	return ops
}

func (v *view) threshold(id string) string {
	if t := v.meta(id, "migration-threshold"); t != "" && t != "INFINITY" {
		return t
	}
	return "1000000"
}

func number(s string) int { n, _ := strconv.Atoi(s); return n }

func (v *view) operation(op *cib.Element) string {
	text := op.Get("operation")
	if op.Get("interval") == "0" && text == "monitor" {
		text = "probe"
	}
	if interval := op.Get("interval"); interval != "0" && interval != "" {
		text += ": interval=\"" + interval + "ms\""
	} else if v.line.Has("timing-details") {
		text += ":"
	}
	if !v.line.Has("timing-details") {
		return text
	}
	if at := stamp(op.Get("last-rc-change")); at != "" {
		text += " last-rc-change=\"" + at + "\""
	}
	for _, spent := range []string{"exec-time", "queue-time"} {
		if ms := op.Get(spent); ms != "" {
			text += fmt.Sprintf(" %s=\"%sms\"", spent, ms)
		}
	}
	code := number(op.Get("rc-code"))
	return text + fmt.Sprintf(" rc=%d (%s)", code, ResultText(code))
}

// ResultText names the result of an agent's operation: an exit code of the OCF conventions.
func ResultText(code int) string {
	names := []string{"ok", "error", "invalid parameter", "unimplemented feature", "insufficient privileges", "not installed", "not configured", "not running", "promoted", "promoted (failed)"}
	if code >= 0 && code < len(names) {
		return names[code]
	}
	return "unknown"
}

// stamp writes a moment given in seconds since 1970; "" for none.
func stamp(seconds string) string {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n == 0 {
		return ""
	}
	return time.Unix(n, 0).Format("Mon Jan _2 15:04:05 2006")
}

// failCount returns a resource's fail count on a host and when it last failed. Up to feature set 3.0.12 both stand under the
// resource's name alone, from then on for each operation ("fail-count-web#monitor_10000"); what is written otherwise does not count.
func (v *view) failCount(state *cib.Element, resource string) (count, last string) {
	perOperation := rule.CompareVersions(v.doc.Root.Get("crm_feature_set"), "3.0.13") >= 0
	about := func(name, prefix string) bool {
		after, ok := strings.CutPrefix(name, prefix+resource)
		return ok && (perOperation && strings.HasPrefix(after, "#") || !perOperation && after == "")
	}
	sum := 0
	for set := range state.Child("transient_attributes").All("instance_attributes") {
		for nvpair := range set.All("nvpair") {
			switch name, value := nvpair.Get("name"), nvpair.Get("value"); {
			case about(name, "fail-count-") && value == "INFINITY":
				sum = 1_000_000
			case about(name, "fail-count-"):
				sum += number(value)
			case about(name, "last-failure-"):
				last = stamp(value)
			}
		}
	}
	if sum > 0 {
		count = strconv.Itoa(min(sum, 1_000_000))
	}
	return count, last
}

// inHistory returns the resource whose history is shown under that name; nil for one that --resource hides. A member of a
// group has to be named itself, or its group; naming any part of a clone or bundle shows the whole.
func (v *view) inHistory(name string) *scheduler.ResourceStatus {
	r := find(v.everything, name)
	if r == nil || v.named == nil {
		return r
	}
	top := r
	for top.Parent != nil {
		top = top.Parent
	}
	if top.Variant == scheduler.GroupResource {
		if v.named[r.ID] || v.named[top.ID] {
			return r
		}
		return nil
	}
	if pick(top, v.named) == nil {
		return nil
	}
	return r
}

// find returns the primitive with an id, or the first instance of it; one with a number of its own by that.
func find(all []*scheduler.ResourceStatus, id string) *scheduler.ResourceStatus {
	name := resourceName(id)
	var first, exact *scheduler.ResourceStatus
	var walk func([]*scheduler.ResourceStatus)
	walk = func(all []*scheduler.ResourceStatus) {
		for _, r := range all {
			if r.Variant == scheduler.PrimitiveResource && (r.ID == name || resourceName(r.LongID) == name) {
				if first == nil {
					first = r
				}
				if r.LongID == id {
					exact = r
				}
			}
			walk(r.Children)
		}
	}
	walk(all)
	return cmp.Or(exact, first)
}

// historyName is what a resource is called in the history: the instances of a unique clone alone keep their numbers.
func historyName(r *scheduler.ResourceStatus) string {
	for top := r.Parent; top != nil; top = top.Parent {
		if top.Variant == scheduler.BundleResource {
			return resourceName(r.ID)
		}
	}
	return r.ID
}

// meta returns a primitive's meta attribute: its own, that of what it is in, or the default.
func (v *view) meta(id, name string) string {
	e := v.doc.ByID(id)
	for ; e != nil && e.Name != "resources"; e = e.Parent {
		if own := e.PairIn("meta_attributes", name); own != nil {
			return own.Get("value")
		}
	}
	return v.doc.Section("rsc_defaults").PairIn("meta_attributes", name).Get("value")
}

func (v *view) failures() {
	line := v.titled("Failed Resource Actions")
	for _, f := range v.shownFailures() {
		if v.line.Has("show-detail") {
			line("  * %s\n", v.failureInDetail(f))
		} else {
			line("  * %s\n", FailureInWords(f))
		}
	}
}

// FailureInWords is a failed action told for people, as crm_mon does without --show-detail.
func FailureInWords(f scheduler.Failure) string {
	task := f.Task
	switch {
	case task == "monitor" && f.Interval == 0:
		task = "probe"
	case task == "monitor":
		task = readable(f.Interval) + "-interval monitor"
	}
	text := fmt.Sprintf("%s %s on %s ", failedResource(f), task, f.Node)
	switch {
	case f.Status != "complete" && f.Reason != "":
		text += fmt.Sprintf("could not be executed (%s: %s)", f.Status, f.Reason)
	case f.Status != "complete":
		text += fmt.Sprintf("could not be executed (%s)", f.Status)
	case f.Reason != "":
		text += fmt.Sprintf("returned '%s' (%s)", f.RCText, f.Reason)
	default:
		text += fmt.Sprintf("returned '%s'", f.RCText)
	}
	if !f.LastChange.IsZero() {
		text += " at " + f.LastChange.Local().Format(time.ANSIC)
		if f.Exec > 0 {
			text += " after " + readable(f.Exec)
		}
	}
	return text
}

// failedResource is the name in the failed operation's key: of an instance, the one under which the host kept it, which need not be
// the number that it has by now.
func failedResource(f scheduler.Failure) string {
	name, ok := strings.CutSuffix(f.Key, fmt.Sprintf("_%s_%d", f.Task, f.Interval.Milliseconds()))
	if !ok || name == "" {
		return f.Resource
	}
	return name
}

// readable is a time span as Pacemaker writes it for people: a unit is used where there is more than one of it.
func readable(d time.Duration) string {
	text := ""
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d > unit.length {
			text += fmt.Sprintf("%d%s", d/unit.length, unit.name)
			d %= unit.length
		}
	}
	ms := d.Milliseconds()
	switch {
	case ms > 1000 && ms%1000 > 0:
		text += fmt.Sprintf("%d.%03ds", ms/1000, ms%1000)
	case ms > 1000:
		text += fmt.Sprintf("%ds", ms/1000)
	case ms > 0:
		text += fmt.Sprintf("%dms", ms)
	}
	return text
}

// failureInDetail says all that the status holds of a failure.
func (v *view) failureInDetail(f scheduler.Failure) string {
	text := fmt.Sprintf("%s on %s '%s' (%d): call=%d, status='%s'", f.Key, f.Node, f.RCText, f.RC, f.Call, f.Status)
	if f.Reason != "" {
		text += fmt.Sprintf(", exitreason='%s'", f.Reason)
	}
	if !f.LastChange.IsZero() {
		text += fmt.Sprintf(", last-rc-change='%s'", f.LastChange.Local().Format(time.ANSIC))
		if v.timed(f, "queue-time") {
			text += fmt.Sprintf(", queued=%dms", f.Queued.Milliseconds())
		}
		if v.timed(f, "exec-time") {
			text += fmt.Sprintf(", exec=%dms", f.Exec.Milliseconds())
		}
	}
	return text
}

// shownFailures leaves out what was not asked for, what happened on hosts that are down, and probes that found no agent: they only
// say that the resource cannot be there.
func (v *view) shownFailures() []scheduler.Failure {
	down := map[string]bool{}
	for _, n := range v.all {
		down[n.Name] = !n.Online
	}
	return slices.DeleteFunc(slices.Clone(v.s.Failures), func(f scheduler.Failure) bool {
		return down[f.Node] || v.nodes != nil && !v.nodes[f.Node] || v.named != nil && !v.named[resourceName(f.Resource)] || maskedProbe(f)
	})
}

// allTickets are those with a state and those that only constraints name: they were never granted.
func (v *view) allTickets() []scheduler.TicketStatus {
	all := slices.Clone(v.s.Tickets)
	for e := range v.doc.Section("constraints").All("rsc_ticket") {
		name := e.Get("ticket")
		if !slices.ContainsFunc(all, func(t scheduler.TicketStatus) bool { return t.Name == name }) {
			all = append(all, scheduler.TicketStatus{Name: name})
		}
	}
	byName, names := map[string]scheduler.TicketStatus{}, []string{}
	for _, t := range all {
		byName[t.Name], names = t, append(names, t.Name)
	}
	for i, name := range tableorder.Of(names) {
		all[i] = byName[name]
	}
	return all
}

func (v *view) tickets() {
	line := v.titled("Tickets")
	for _, t := range v.allTickets() {
		state := "revoked"
		if t.Granted {
			state = "granted"
		}
		if t.Standby {
			state += " [standby]"
		}
		if !t.LastGranted.IsZero() {
			state += ` last-granted="` + t.LastGranted.Local().Format(time.ANSIC) + `"`
		}
		line("  * %s: %s\n", t.Name, state)
	}
}
