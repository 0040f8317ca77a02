package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/status"
)

// moment is when the cluster's state is shown.
type moment struct{ element, title string }

var (
	current = moment{"cluster_status", "Current cluster status"}
	revised = moment{"revised_cluster_status", "Revised Cluster Status"}
)

func (s *session) showStatus(at moment, st *scheduler.Status) {
	s.begin(at.element, "")
	if s.root != nil {
		monitor.AppendStatus(s.section, st, s.doc, s.now, s.sections())
		return
	}
	if s.quiet {
		return
	}
	if at == current && st.Options.MaintenanceMode {
		s.printf("\n              *** Resource management is DISABLED ***\n  The cluster will not attempt to start, stop or recover services\n\n")
	}
	if at == current && st.Disabled+st.Blocked > 0 {
		s.printf("%d of %d resource instances DISABLED and %d BLOCKED from further action due to failure\n\n", st.Disabled, st.Instances, st.Blocked)
	}
	s.printf("%s:\n", at.title)
	if len(st.Nodes) > 0 {
		s.printf("  * Node List:\n")
		status.Nodes(s.out, st, "    ")
		s.printf("\n")
	}
	s.printf("  * Full List of Resources:\n")
	why := monitor.FailedProbe(st)
	var list strings.Builder
	status.ResourcesWith(&list, st, "    ", status.Options{FailedProbe: func(r *scheduler.ResourceStatus) string { return sentence(why(r)) }})
	if list.Len() == 0 {
		list.WriteString("    * No resources\n")
	}
	s.printf("%s", list.String())
	s.showSections()
}

// sections are what crm_mon can show beside nodes and resources: node attributes (-A), and
// fail counts with the failed operations (-c).
func (s *session) sections() []string {
	var wanted []string
	if s.showAttributes {
		wanted = append(wanted, "attributes")
	}
	if s.showFailCounts {
		wanted = append(wanted, "failcounts", "failures")
	}
	return wanted
}

func (s *session) showSections() {
	wanted := s.sections()
	if wanted == nil {
		return
	}
	text := monitor.Sections(s.doc, s.now, wanted...)
	if text == "" {
		return
	}
	s.printf("\n")
	for line := range strings.Lines(text) {
		switch {
		case line == "\n":
			s.printf("\n")
		case strings.HasPrefix(line, " "):
			s.printf("  %s", line)
		default:
			s.printf("  * %s", line)
		}
	}
}

// sentence begins a reason with a capital, as the release does whose simulations these are compared with.
func sentence(reason string) string {
	if reason == "" {
		return ""
	}
	return strings.ToUpper(reason[:1]) + reason[1:]
}

// forgetPending takes out what was in progress before the simulation: the history still tells
// of it, but it means nothing afterwards.
func forgetPending(r *scheduler.ResourceStatus) {
	r.PendingTask, r.PendingText = "", ""
	for _, child := range r.Children {
		forgetPending(child)
	}
}

func (s *session) showMoves(plan *scheduler.Plan) {
	s.begin("actions", "\nTransition Summary:\n")
	for i := range plan.Moves {
		m := &plan.Moves[i]
		if m.Verb == "Shutdown" {
			continue // the peer's summary leaves it out
		}
		s.tell(moveFact(m), "  * %s\n", m.Text)
	}
}

// moveFact is a move as an element. A host stands under the name that says what the move is
// for it: source and dest of a change, or node when there is but one side.
func moveFact(m *scheduler.Move) fact {
	var list []string
	add := func(name, value string) {
		if value != "" {
			list = append(list, name, value)
		}
	}
	if m.Resource == "" {
		add("task", m.Verb)
		add("node", m.Target)
		list = append(list, "reason", m.Cause)
		return fact{"node_action", list}
	}
	add("action", strings.ToLower(m.Verb))
	add("resource", m.Resource)
	add("role", m.Role)
	switch {
	case m.From == "" && m.Role == "":
		add("node", m.Target)
	case m.From == "":
		add("next-role", m.NextRole)
		add("dest", m.Target)
	case m.Target == "":
		add("node", m.From)
	case m.Target == m.From:
		add("next-role", m.NextRole)
		add("source", m.From)
	default:
		add("source", m.From)
		add("next-role", m.NextRole)
		add("dest", m.Target)
	}
	add("reason", m.Cause)
	if m.Blocked {
		add("blocked", "true")
	}
	return fact{"rsc_action", list}
}

// showWeighings shows how places were weighed, even when little else is to be shown.
func (s *session) showWeighings(plan *scheduler.Plan) {
	var titles []string
	element := ""
	if s.showScores {
		titles, element = append(titles, "Assignment Scores"), "allocations"
	}
	if s.showUtilization {
		titles, element = append(titles, "Utilization Information"), "utilizations"
	}
	switch len(titles) {
	case 0:
		return
	case 2:
		element = "allocations_utilizations"
	}
	s.begin(element, "\n"+strings.Join(titles, " and ")+":\n")
	for i := range plan.Scores {
		w := &plan.Scores[i]
		switch {
		case w.Capacity && !s.showUtilization, !w.Capacity && !s.showScores:
		case s.root != nil:
			s.section.Append(weighingElement(w))
		default:
			fmt.Fprintf(s.out, "  * %s\n", w.Text)
		}
	}
}

func weighingElement(w *scheduler.Weighing) *cib.Element {
	var e *cib.Element
	switch {
	case w.Capacity && w.Resource == "":
		e = cib.NewElement("capacity", "node", w.Node, "comment", w.By)
	case w.Capacity:
		e = cib.NewElement("utilization", "resource", w.Resource, "node", w.Node, "function", w.By)
	case w.By == "":
		e = cib.NewElement("promotion_score", "id", w.Resource, "score", w.Score)
		if w.Node != "" {
			e.Set("node", w.Node)
		}
	default:
		return cib.NewElement("node_weight", "function", w.By, "node", w.Node, "score", w.Score, "id", w.Resource)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Amounts)) {
		amount := e.Append(cib.NewElement(name))
		amount.Append(&cib.Element{Kind: cib.TextNode, Text: strconv.Itoa(w.Amounts[name])})
	}
	return e
}
