package simulate

import (
	"fmt"
	"strings"

	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/status"
)

func (s *session) showStatus(title string, st *scheduler.Status, counts bool) {
	if s.quiet {
		return
	}
	if counts && st.Options.MaintenanceMode {
		s.printf("\n              *** Resource management is DISABLED ***\n  The cluster will not attempt to start, stop or recover services\n\n")
	}
	if counts && st.Disabled+st.Blocked > 0 {
		s.printf("%d of %d resource instances DISABLED and %d BLOCKED from further action due to failure\n\n", st.Disabled, st.Instances, st.Blocked)
	}
	s.printf("%s:\n  * Node List:\n", title)
	status.Nodes(s.out, st, "    ")
	s.printf("\n  * Full List of Resources:\n")
	status.ResourcesWith(s.out, st, "    ", status.Options{FailedProbe: func(r *scheduler.ResourceStatus) string { return failedProbe(st, r) }})
	s.showSections()
}

// showSections adds what crm_mon can show, too: node attributes (-A), and fail counts with
// the failed operations (-c).
func (s *session) showSections() {
	var wanted []string
	if s.showAttributes {
		wanted = append(wanted, "attributes")
	}
	if s.showFailCounts {
		wanted = append(wanted, "failcounts", "failures")
	}
	if wanted == nil {
		return
	}
	text, err := monitor.Show([]string{"--exclude=all", "--include=" + strings.Join(wanted, ",")}, s.doc, s.now)
	if err != nil || text == "" {
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

// failedProbe says why a stopped resource cannot run where it was looked for: its agent is
// not there.
func failedProbe(st *scheduler.Status, r *scheduler.ResourceStatus) string {
	for _, f := range st.Failures {
		if f.Resource == r.LongID && f.Task == "monitor" && f.Interval == 0 && f.RCText == "not installed" {
			return "Not installed"
		}
	}
	return ""
}

// forgetPending takes out what was in progress before the simulation: the history still tells
// of it, but it means nothing afterwards.
func forgetPending(r *scheduler.ResourceStatus) {
	r.PendingTask, r.PendingText, r.PendingNode = "", "", ""
	for _, child := range r.Children {
		forgetPending(child)
	}
}

func (s *session) showMoves(plan *scheduler.Plan) {
	s.showWeighings(plan)
	s.printf("\nTransition Summary:\n")
	for _, m := range plan.Moves {
		if m.Verb == "Shutdown" {
			continue // the peer's summary leaves it out
		}
		s.printf("  * %s\n", m.Text)
	}
}

// showWeighings shows how places were weighed, even when little else is to be shown.
func (s *session) showWeighings(plan *scheduler.Plan) {
	var titles []string
	if s.showScores {
		titles = append(titles, "Assignment Scores")
	}
	if s.showUtilization {
		titles = append(titles, "Utilization Information")
	}
	if titles == nil {
		return
	}
	s.printf("\n%s:\n", strings.Join(titles, " and "))
	for _, w := range plan.Scores {
		if w.Capacity && s.showUtilization || !w.Capacity && s.showScores {
			fmt.Fprintf(s.out, "  * %s\n", w.Text)
		}
	}
}
