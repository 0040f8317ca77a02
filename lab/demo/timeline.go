package demo

import (
	"fmt"
	"strings"

	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// moment is a line of a timeline.
type moment struct {
	at   lab.Moment
	what string
}

// timeline prints what the cluster did from a moment on, and when the client was served again.
func (d *demo) timeline(at lab.Moment, what, active string) {
	moments := append([]moment{{at, what}}, told(d.Events().Since(at))...)
	for _, a := range d.poll.Answers(at) {
		if a.OK && (a.Body != active || failedBefore(d.poll.Answers(at), a)) {
			moments = insert(moments, moment{a.Done, "first answer to the client, from " + a.Body})
			break
		}
	}
	previous := at
	for _, m := range moments {
		fmt.Fprintf(d.out, "  %8.1f ms  %+8.1f   %s\n", milliseconds(m.at, at), milliseconds(m.at, previous), m.what)
		previous = m.at
	}
}

func milliseconds(m, since lab.Moment) float64 { return m.Sub(since).Seconds() * 1000 }

// failedBefore says whether a request that was sent earlier failed.
func failedBefore(answers []lab.Answer, than lab.Answer) bool {
	for _, a := range answers {
		if a.Sent < than.Sent && !a.OK {
			return true
		}
	}
	return false
}

func insert(moments []moment, m moment) []moment {
	for i := range moments {
		if moments[i].at > m.at {
			return append(moments[:i], append([]moment{m}, moments[i:]...)...)
		}
	}
	return append(moments, m)
}

// told turns events into lines, each of what several hosts tell only once. Recurring
// monitors, probes and what follows the return of a host are left out.
func told(events []client.Event) []moment {
	var moments []moment
	seen := map[string]bool{}
	for _, e := range events {
		what := tell(e)
		if what == "" || seen[what] {
			continue
		}
		seen[what] = true
		moments = append(moments, moment{lab.Moment(e.Boottime), what})
	}
	return moments
}

func tell(e client.Event) string {
	switch e.Kind {
	case client.HostDead:
		return "host " + e.Subject + " is declared dead"
	case client.LinkDown:
		return "link down: " + strings.TrimSpace(e.Subject+" "+e.Detail)
	case client.ViewAgreed:
		if e.View != nil {
			return fmt.Sprintf("view %d is agreed: hosts %v, lost %v", e.View.Number, e.View.Members, e.View.Lost)
		}
	case client.FenceStarted:
		return fmt.Sprintf("fencing of %s begins (%s)", e.Subject, e.Action)
	case client.Fenced:
		if e.Code == 0 {
			return "host " + e.Subject + " is fenced"
		}
		return "fencing of " + e.Subject + " failed: " + e.Detail
	case client.PlanMade:
		if e.Count > 0 {
			return fmt.Sprintf("plan %d is made: %d actions", e.Transition, e.Count)
		}
	case client.MonitorFailed:
		return fmt.Sprintf("monitor of %s on %s failed: %s", e.Subject, e.On, e.Detail)
	case client.ActionStarted:
		if e.Action != "monitor" {
			return fmt.Sprintf("%s of %s on %s begins", e.Action, e.Subject, e.On)
		}
	case client.ActionFinished:
		if e.Action != "monitor" {
			return fmt.Sprintf("%s of %s on %s is done, code %d", e.Action, e.Subject, e.On, e.Code)
		}
	}
	return ""
}
