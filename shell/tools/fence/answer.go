package fence

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/result"
)

// answer is what a call prints: words, or with --output-as=xml the elements that stonith_admin-*.rng and
// fence-event-*.rng of Pacemaker's schemas describe.
type answer struct {
	words bytes.Buffer
	xml   *cib.Element // nil: words are printed
	quiet bool
}

func newAnswer(args []string, format string, quiet bool) (*answer, error) {
	switch format {
	case "", "text":
		return &answer{quiet: quiet}, nil
	case "xml":
		return &answer{xml: result.New("stonith_admin", args), quiet: quiet}, nil
	}
	return nil, fmt.Errorf("--output-as=%s: text and xml are accepted", format)
}

// print ends the answer with the exit status and what went wrong.
func (a *answer) print(stdout, stderr io.Writer, err error) int {
	status := exit.Of(err)
	switch {
	case a.xml != nil && err != nil:
		result.Write(stdout, a.xml, status, err.Error())
	case a.xml != nil:
		result.Write(stdout, a.xml, status)
	default:
		_, _ = a.words.WriteTo(stdout)
		if err != nil {
			fmt.Fprintf(stderr, "stonith_admin: %v\n", err)
		}
	}
	return status
}

// list tells of names. title is the list's in XML, item what each is called there, what is counted in words.
func (a *answer) list(names []string, title, item, what string) {
	if a.xml != nil {
		list := a.xml.Append(cib.NewElement("list", "name", title, "count", strconv.Itoa(len(names))))
		for _, name := range names {
			list.Append(cib.NewElement("item", "name", item)).Append(textOf(name))
		}
		return
	}
	for _, name := range names {
		fmt.Fprintln(&a.words, name)
	}
	if a.quiet {
		return
	}
	if len(names) != 1 {
		what += "s"
	}
	fmt.Fprintf(&a.words, "%d %s found\n", len(names), what)
}

func textOf(text string) *cib.Element { return &cib.Element{Kind: cib.TextNode, Text: text} }

// events tells of a history; of what went well alone, when asked for.
func (a *answer) events(events []client.FenceEvent, successes bool) {
	if a.xml == nil {
		monitor.FenceHistory(&a.words, events, successes)
		return
	}
	list := cib.NewElement("list", "name", "Fencing history", "count", "0")
	for _, e := range events {
		if successes && e.State != "success" {
			continue
		}
		event := list.Append(cib.NewElement("fence_event"))
		switch e.State {
		case "success", "failed":
			event.Set("status", e.State)
		default:
			event.Set("status", "pending")
			event.Set("extended-status", e.State)
		}
		if e.State == "failed" && e.Reason != "" {
			event.Set("exit-reason", e.Reason)
		}
		if e.Delegate != "" {
			event.Set("delegate", e.Delegate)
		}
		for _, attribute := range [][2]string{{"action", e.Action}, {"target", e.Target}, {"client", e.Client}, {"origin", e.Origin}} {
			event.Set(attribute[0], attribute[1])
		}
		if e.State == "success" || e.State == "failed" {
			event.Set("completed", e.Time.Local().Format(time.DateTime+" -07:00"))
		}
	}
	list.Set("count", strconv.Itoa(len(list.Children)))
	a.xml.Append(list)
}

// last tells when a host was fenced last; the zero time: never.
func (a *answer) last(target string, at time.Time) {
	switch {
	case a.xml != nil && !at.IsZero():
		a.xml.Append(cib.NewElement("last-fenced", "target", target, "when", at.Local().Format(time.ANSIC)))
	case a.xml != nil:
	case at.IsZero():
		fmt.Fprintf(&a.words, "Node %s has never been fenced\n", target)
	default:
		fmt.Fprintf(&a.words, "Node %s last fenced at: %s\n", target, at.Local().Format(time.ANSIC))
	}
}

// metadata hands out an agent's own description.
func (a *answer) metadata(text string) {
	if a.xml != nil {
		a.xml.Append(cib.NewElement("metadata")).Append(textOf(text))
		return
	}
	fmt.Fprint(&a.words, text)
}

// validated tells whether an agent's parameters are right.
func (a *answer) validated(agent string, wrong error) {
	switch {
	case a.xml != nil:
		a.xml.Append(cib.NewElement("validate", "agent", agent, "valid", strconv.FormatBool(wrong == nil)))
	case wrong == nil && !a.quiet:
		fmt.Fprintf(&a.words, "the parameters of %s are right\n", agent)
	}
}
