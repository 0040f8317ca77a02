package explain

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"holdfast/cluster/scheduler"
)

// Forecast is what a plan would do, in the order in which an operator cares.
type Forecast struct {
	Interruptions []string `json:"interruptions"` // running services that would stop for a while or for good
	Moves         []string `json:"moves"`         // all that would happen to resources and hosts
	Warnings      []string `json:"warnings"`
	Actions       int      `json:"actions"` // agents called and hosts fenced
}

// interrupting are the moves during which a running service does not serve.
var interrupting = map[string]string{
	"Stop":       "would be stopped",
	"Move":       "would be stopped and started elsewhere",
	"Restart":    "would be restarted",
	"Recover":    "would be restarted, as it has failed",
	"Demote":     "would be demoted",
	"Re-promote": "would be demoted and promoted again",
}

// Foresee reads a plan.
func Foresee(plan *scheduler.Plan) *Forecast {
	f := &Forecast{Interruptions: []string{}, Moves: []string{}, Warnings: []string{}}
	for _, move := range plan.Moves {
		f.Moves = append(f.Moves, strings.Join(strings.Fields(move.Text), " "))
		if strings.HasPrefix(move.Verb, "Fence") {
			f.Warnings = append(f.Warnings, strings.TrimSuffix(fmt.Sprintf("%s would be fenced: %s", host(move), move.Reason), ": "))
		}
		if what, ok := interrupting[move.Verb]; ok {
			f.Interruptions = append(f.Interruptions, strings.TrimSpace(fmt.Sprintf("%s on %s %s %s", move.Resource, move.From, what, move.Reason)))
		}
	}
	f.Warnings = append(f.Warnings, plan.Notes...)
	for _, p := range plan.Placements() {
		if p.Node == "" && p.Current == "" && !p.Disabled {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s would run nowhere; 'holdfast explain %s' says why", p.Resource, p.Resource))
		}
	}
	for _, action := range plan.Graph.Actions {
		if action.Kind == scheduler.Agent || action.Kind == scheduler.Fencing {
			f.Actions++
		}
	}
	return f
}

func host(move scheduler.Move) string {
	if move.Resource != "" {
		return move.Resource
	}
	return cmp.Or(move.From, move.To)
}

func (f *Forecast) write(w io.Writer) {
	list := func(head string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintln(w, head)
		for _, line := range lines {
			fmt.Fprintln(w, "  "+line)
		}
	}
	if len(f.Moves) == 0 {
		fmt.Fprintln(w, "Nothing would start, stop or move.")
	}
	list("Interrupted:", f.Interruptions)
	list("All that would happen:", f.Moves)
	list("Warnings:", f.Warnings)
	calls := fmt.Sprintf("%d calls of agents and fence devices", f.Actions)
	if f.Actions == 1 {
		calls = "1 call of an agent or fence device"
	}
	switch n := len(f.Interruptions); n {
	case 0:
		fmt.Fprintf(w, "%s; no running service would be interrupted.\n", calls)
	case 1:
		fmt.Fprintf(w, "%s; 1 running service would be interrupted.\n", calls)
	default:
		fmt.Fprintf(w, "%s; %d running services would be interrupted.\n", calls, n)
	}
}
