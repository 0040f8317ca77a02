// Package events is `holdfast events`: what happened in the cluster, and what happens, as this
// host's daemon tells it.
//
// The daemon keeps its events over restarts in a ring on disk (cluster/node/eventstore); this
// package asks it through its local socket and, when no daemon answers, reads that ring itself.
// It starts no goroutine.
package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/cib/rule"
	"holdfast/cluster/node/client"
	"holdfast/cluster/node/eventstore"
	"holdfast/output"
)

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{command}

// shownBefore is how many events of the past are shown when nobody says.
const shownBefore = 50

// flags are the command line.
type flags struct {
	follow, all         bool
	since, until        string
	last                int
	resource, host      []string
	kinds               []string
	output              output.Format
	from, end           time.Time
	lastGiven, fromZero bool
}

func command() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:   "events",
		Short: "show what happened in the cluster, and follow what happens",
		Long: "Shows what happened, as this host saw it: hosts that come and go, quorum, fencing, results of operations,\n" +
			"configuration changes, trouble. Without --since and --last it shows the last " + fmt.Sprint(shownBefore) + " events. The steps of the\n" +
			"plans (plan made, action started, idle) are told by the host that leads; --all shows them, too.\n\n" +
			"--since and --until take a time (2026-11-21T10:00:00, 10:00, today 10:00) or an age (90s, 15min, 2h, 3d). Events are kept\n" +
			fmt.Sprintf("on disk, up to %d MiB a host; when no daemon runs here, they are read from there.", eventstore.Segments*eventstore.SegmentBytes>>20),
		Example: "  holdfast events -f                          what happens from now on\n" +
			"  holdfast events --since 2h --resource web   what became of web in the last two hours\n" +
			"  holdfast events --kind fenced,quorum-lost   only these\n" +
			"  holdfast events --host web2 -o json         for programs, one object a line",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.lastGiven = cmd.Flags().Changed("last")
			if err := f.settle(time.Now()); err != nil {
				return err
			}
			return f.show(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what happens from now on")
	c.Flags().BoolVarP(&f.all, "all", "a", false, "show the steps of plans, too")
	c.Flags().StringVar(&f.since, "since", "", "no older than this `TIME` or age")
	c.Flags().StringVar(&f.until, "until", "", "no newer than this `TIME` or age")
	c.Flags().IntVarP(&f.last, "last", "n", shownBefore, "of the past, only the last `N`")
	c.Flags().StringSliceVarP(&f.resource, "resource", "r", nil, "only about these resources (and their instances)")
	c.Flags().StringSliceVar(&f.host, "host", nil, "only about these hosts, or on them")
	c.Flags().StringSliceVar(&f.kinds, "kind", nil, "only of these kinds: "+strings.Join(kindNames(), ", "))
	output.Add(c.Flags(), &f.output, "")
	return c
}

// kindNames are the words that --kind takes.
func kindNames() []string {
	names := make([]string, 0, len(client.Kinds))
	for _, kind := range client.Kinds {
		names = append(names, string(kind))
	}
	return names
}

// settle checks the flags.
func (f *flags) settle(now time.Time) error {
	for _, kind := range f.kinds {
		if !slices.Contains(client.Kinds, client.Kind(kind)) {
			return fmt.Errorf("--kind %s: expected some of %s", kind, strings.Join(kindNames(), ", "))
		}
	}
	var err error
	if f.from, err = moment("--since", f.since, now); err != nil {
		return err
	}
	if f.end, err = moment("--until", f.until, now); err != nil {
		return err
	}
	if f.follow && !f.end.IsZero() {
		return errors.New("--follow and --until: events to come are not older than that; leave one out")
	}
	f.fromZero = f.from.IsZero()
	return nil
}

// moment reads a time, or an age that is counted back from now. "" is none.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n float64
		if _, err := fmt.Sscanf(days+"\n", "%g\n", &n); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if age, err := time.ParseDuration(strings.Replace(text, "min", "m", 1)); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	clock := strings.TrimPrefix(text, "today ")
	for _, layout := range []string{"15:04", "15:04:05"} {
		if at, err := time.ParseInLocation(layout, clock, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
		}
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	if at, err := rule.ParseTime(text, now); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%s %q: expected a time (2026-11-21 10:00, 10:00) or an age (90s, 15min, 2h, 3d)", flag, text)
}

// show prints the past and, when asked, follows.
func (f *flags) show(ctx context.Context, out, errs io.Writer) error {
	p := &printer{flags: f, out: out}
	daemon := client.New("")
	limit := f.last
	if !f.fromZero && !f.lastGiven {
		limit = 0 // everything since then
	}
	var past []client.Event
	var last uint64
	collect := func(e client.Event) bool {
		last = e.Seq
		if f.wants(e) {
			if past = append(past, e); limit > 0 && len(past) > 2*limit {
				past = slices.Clone(past[len(past)-limit:])
			}
		}
		return true
	}
	err := daemon.EventsFrom(ctx, f.from, false, collect)
	if errors.Is(err, client.ErrNoDaemon) && !f.follow {
		fmt.Fprintln(errs, "no daemon answers on this host; this is what it told before")
		err = eventstore.Read(eventstore.Dir(""), f.from, collect)
	}
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	if limit > 0 && len(past) > limit {
		past = past[len(past)-limit:]
	}
	for _, e := range past {
		p.print(e)
	}
	if !f.follow || p.err != nil {
		return p.err
	}
	err = daemon.Events(ctx, last, nil, func(e client.Event) bool {
		if f.wants(e) {
			p.print(e)
		}
		return p.err == nil
	})
	if ctx.Err() != nil {
		return nil // the user ended it
	}
	return errors.Join(err, p.err)
}

// steps are the kinds that only the leader tells and that repeat in detail what others say.
var steps = []client.Kind{client.PlanMade, client.PlanDone, client.ActionStarted, client.ActionFinished, client.Idle}

// wants tells whether an event passes the filters.
func (f *flags) wants(e client.Event) bool {
	switch {
	case !f.end.IsZero() && e.Time.After(f.end):
		return false
	case len(f.kinds) > 0 && !slices.Contains(f.kinds, string(e.Kind)):
		return false
	case len(f.kinds) == 0 && !f.all && slices.Contains(steps, e.Kind):
		return false
	case len(f.resource) > 0 && !slices.ContainsFunc(f.resource, func(r string) bool { return about(e, r) }):
		return false
	case len(f.host) > 0 && !slices.Contains(f.host, e.On) && !slices.Contains(f.host, e.Subject):
		return false
	}
	return true
}

// about tells whether an event is about a resource or an instance of it.
func about(e client.Event, resource string) bool {
	instance, ok := strings.CutPrefix(e.Subject, resource)
	return ok && e.Action != "" && (instance == "" || instance[0] == ':')
}

// printer writes events.
type printer struct {
	flags *flags
	out   io.Writer
	err   error
}

func (p *printer) print(e client.Event) {
	if p.err != nil {
		return
	}
	if p.flags.output.JSON() {
		p.err = json.NewEncoder(p.out).Encode(e)
		return
	}
	_, p.err = fmt.Fprintf(p.out, "%s %-14s %s\n", e.Time.Local().Format("2006-01-02 15:04:05.000"), e.Kind, Sentence(e))
}
