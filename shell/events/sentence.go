package events

import (
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/executor"
	"holdfast/cluster/node/client"
)

// Sentence says what an event tells, in one line without its time.
func Sentence(e client.Event) string {
	switch e.Kind {
	case client.ViewAgreed:
		return viewSentence(e.View)
	case client.HostSuspected, client.HostDead, client.HostAlive, client.HostLeft:
		return "host " + e.Subject
	case client.LinkDown, client.LinkUp:
		return "host " + e.Subject + behind(", link ", e.Detail)
	case client.LeaderChanged:
		if e.Subject == "" {
			return "nobody leads"
		}
		return "host " + e.Subject + " leads"
	case client.FenceStarted:
		return fmt.Sprintf("%s of host %s begins%s", e.Action, e.Subject, behind(": ", e.Detail))
	case client.Fenced:
		if e.Code != 0 {
			return fmt.Sprintf("fencing of host %s failed%s", e.Subject, behind(": ", e.Detail))
		}
		return "host " + e.Subject + " was fenced"
	case client.PlanMade:
		return fmt.Sprintf("plan %d: %d actions%s", e.Transition, e.Count, behind("; because ", e.Detail))
	case client.PlanDone:
		return fmt.Sprintf("plan %d: %s", e.Transition, e.Detail)
	case client.ActionStarted:
		return operation(e) + behind("; because ", e.Detail)
	case client.ActionFinished, client.Recorded, client.MonitorFailed:
		return fmt.Sprintf("%s: %s%s%s", operation(e), executor.CodeText(e.Code), took(e.Took), behind("; ", e.Detail))
	case client.QuorumLost, client.QuorumGained:
		return "host " + e.Host + behind(": ", e.Detail)
	case client.Paused:
		return fmt.Sprintf("host %s stood still for %s", e.Host, e.Took.Round(time.Millisecond))
	case client.AddressDropped:
		return fmt.Sprintf("%s of %s was taken off host %s", e.Detail, e.Subject, e.On)
	case client.Idle:
		return "nothing is left to do"
	}
	return strings.TrimSpace(e.Subject + behind(" ", e.Detail))
}

func behind(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}

func took(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " after " + d.Round(time.Millisecond).String()
}

// operation names an operation: what, of which resource, where.
func operation(e client.Event) string {
	every := ""
	if e.Interval > 0 {
		every = " every " + e.Interval.String()
	}
	text := e.Action + " " + e.Subject + every
	if e.On != "" {
		text += " on " + e.On
	}
	return text
}

func viewSentence(v *client.View) string {
	if v == nil {
		return "a view"
	}
	text := fmt.Sprintf("view %d of hosts %s", v.Number, ids(v.Members))
	if len(v.Lost) > 0 {
		text += ", lost " + ids(v.Lost)
	}
	if !v.Quorate {
		text += ", without quorum"
	}
	return text
}

func ids(list []uint32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ", "), "[]")
}
