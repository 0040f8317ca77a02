package monitor

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast/cluster/node/client"
)

// LiveFencing is what a running cluster's status says of fencing: what failed and is under way, and
// with all what worked, too.
func LiveFencing(all bool) string {
	return liveFencing(map[string]bool{"fencing-failed": true, "fencing-pending": true, "fencing-succeeded": all})
}

// liveFencing asks the daemon for the fencing history. The state is worth showing without it.
func liveFencing(show map[string]bool) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	daemon := client.New(client.Root(""))
	defer daemon.Close()
	events, err := daemon.FenceHistory(ctx, "")
	if err != nil {
		return ""
	}
	var b strings.Builder
	Fencing(&b, events, show)
	return b.String()
}

// Fencing writes what of a fencing history, the newest first, needs somebody's attention:
// operations that failed and were not followed by one that worked, and, where asked for,
// those that are under way or worked. show has crm_mon's names of sections.
func Fencing(w io.Writer, events []client.FenceEvent, show map[string]bool) {
	for _, section := range []struct{ name, state, title, verb, when string }{
		{"fencing-failed", "failed", "Failed Fencing Actions", "failed", "last-failed"},
		{"fencing-pending", "pending", "Pending Fencing Actions", "pending", "started"},
		{"fencing-succeeded", "success", "Fencing History", "successful", "last-successful"},
	} {
		if !show[section.name] && !(show["fencing"] && section.name != "fencing-failed") {
			continue
		}
		seen, title := map[string]bool{}, "\n"+section.title+":\n"
		for _, e := range events {
			about := e.Target + " " + e.Action
			if section.name != "fencing-pending" && e.State == "pending" || seen[about] {
				continue
			}
			seen[about] = true // what happened before this is of no interest any more
			if e.State != section.state {
				continue
			}
			fmt.Fprint(w, title)
			title = ""
			fmt.Fprintln(w, "  * "+fenceEvent(e, section.verb, section.when))
		}
	}
}

// fenceEvent is one line of a history.
func fenceEvent(e client.FenceEvent, verb, when string) string {
	reason := ""
	if e.Reason != "" && e.State == "failed" {
		said := strings.TrimPrefix(e.Reason, fmt.Sprintf("fence %s (%s): ", e.Target, e.Action))
		reason = " (" + strings.ReplaceAll(said, "\n", " ") + ")"
	}
	line := fmt.Sprintf("%s of %s %s%s: delegate=%s, client=%s, origin=%s", e.Action, e.Target, verb, reason, e.Delegate, e.Client, e.Origin)
	if e.Device != "" && e.State == "success" && when == "completed" {
		line += ", device=" + e.Device
	}
	return line + fmt.Sprintf(", %s='%s'", when, e.Time.Local().Format(time.DateTime+" -07:00"))
}

// FenceHistory writes all of a history, as stonith_admin and pcs do; without past failures and
// what is under way when only successes are asked for. It ends with the count.
func FenceHistory(w io.Writer, events []client.FenceEvent, successes bool) {
	count := 0
	for _, e := range events {
		if successes && e.State != "success" {
			continue
		}
		count++
		switch e.State {
		case "success":
			fmt.Fprintln(w, fenceEvent(e, "successful", "completed"))
		case "failed":
			fmt.Fprintln(w, fenceEvent(e, "failed", "completed"))
		default:
			fmt.Fprintln(w, fenceEvent(e, e.State, "started"))
		}
	}
	plural := "s"
	if count == 1 {
		plural = ""
	}
	fmt.Fprintf(w, "%d event%s found\n", count, plural)
}
