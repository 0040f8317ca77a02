package failover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"holdfast/lab"
)

// Options say what to measure.
type Options struct {
	Runs    int      // of each fault; default 10
	Only    []string // keys of faults, and of further figures; default all
	Binary  string   // holdfast; default the running program
	Address string   // agent of the floating address; default ocf:heartbeat:IPaddr2
	Events  bool     // print what the daemons told of every run

	moves int // how often a watched service may move; default 1
}

// row is the outages of one fault.
type row struct {
	name    string
	verdict string // of what is no outage
	runs    int    // how many there were to be
	outages []time.Duration
	failed  []error
	vain    []time.Duration // of runs that do not count: what was taken of a processor
}

// Run measures and prints the report. The error tells of runs in which the service did not
// come back, or which could not be done.
func Run(ctx context.Context, o Options, w io.Writer) error {
	if o.Runs == 0 {
		o.Runs = 10
	}
	if o.moves == 0 {
		o.moves = 1
	}
	if o.Address == "" {
		o.Address = defaultAddress
	}
	fmt.Fprintf(w, "three virtual hosts, default settings, %s and ocf:holdfast:web, a request every %v\n\n", o.Address, pollEvery)
	fmt.Fprintf(w, "%-50s %7s %9s %9s %9s\n", "fault: outage seen by a client, ms", "n", "min", "median", "max")
	var all error
	for _, hosts := range []layout{three, witnessed, pair, five} {
		for _, fencing := range []bool{true, false} {
			all = errors.Join(all, o.runFaults(ctx, fencing, hosts, w))
		}
	}
	if o.wants("writes") {
		all = errors.Join(all, o.runWrites(ctx, w))
	}
	if o.wants("figures") {
		all = errors.Join(all, o.runFigures(ctx, w))
	}
	return all
}

func (o Options) wants(key string) bool { return len(o.Only) == 0 || slices.Contains(o.Only, key) }

// runFaults measures all faults that want the same cluster.
func (o Options) runFaults(ctx context.Context, fencing bool, hosts layout, w io.Writer) error {
	chosen := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.fencing != fencing || f.hosts != hosts || !o.wants(f.key) })
	if len(chosen) == 0 {
		return nil
	}
	s, err := o.start(ctx, fencing, hosts)
	if err != nil {
		return err
	}
	defer s.close()
	var all error
	for _, f := range chosen {
		r := o.measure(ctx, s, f, w)
		r.print(w)
		for _, err := range r.failed {
			all = errors.Join(all, fmt.Errorf("%s: %w", f.name, err))
		}
	}
	return all
}

// measure does one fault again and again. After a run that failed the others are left out,
// because they would start from a broken cluster. A run says nothing while this machine has no
// processor for its hosts, unless the service was on two of them at once: it is done once more.
func (o Options) measure(ctx context.Context, s *service, f fault, w io.Writer) row {
	r := row{name: f.name, verdict: f.verdict, runs: o.Runs}
	for len(r.outages) < o.Runs {
		outage, taken, err := o.once(ctx, s, f, w)
		switch {
		case taken >= tooMuch && len(r.vain) < o.Runs && !errors.Is(err, errTwice):
			r.vain = append(r.vain, taken)
		case err == nil:
			r.outages = append(r.outages, outage)
		default:
			r.failed = append(r.failed, err)
			return r
		}
	}
	return r
}

// once does the fault, and brings everything back unless it went wrong. taken is what this machine lost of a processor meanwhile.
func (o Options) once(ctx context.Context, s *service, f fault, w io.Writer) (outage, taken time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	processors, began := watchProcessors(), lab.Now()
	at, err := o.injectWatched(ctx, s, f)
	if err != nil {
		at = began
	} else if during, ok := s.poll.Outage(at); ok {
		outage = during
	} else {
		err = errors.New("the service stopped answering again")
	}
	taken = processors.stop()
	o.tell(s, at, w)
	if err != nil && taken < tooMuch {
		return 0, taken, err
	}
	if err := s.mend(ctx); err != nil {
		return 0, 0, fmt.Errorf("bring everything back: %w", err)
	}
	return outage, taken, err
}

// injectWatched does the harm, and looks at who serves meanwhile if that matters.
func (o Options) injectWatched(ctx context.Context, s *service, f fault) (lab.Moment, error) {
	if !f.watched {
		at, err := f.inject(ctx, s)
		settle(ctx)
		return at, err
	}
	if f.hosts != three {
		if err := s.toLoser(ctx); err != nil {
			return 0, err
		}
	}
	active, err := s.active(ctx)
	if err != nil {
		return 0, err
	}
	watching, err := s.watch(active.Name())
	if err != nil {
		return 0, err
	}
	defer watching.stop()
	at, err := f.inject(ctx, s)
	if err != nil {
		return 0, err
	}
	settle(ctx)
	return at, s.heldBy(watching, at, o.moves)
}

// tell prints the events since a moment, for whoever looks for the milliseconds.
func (o Options) tell(s *service, at lab.Moment, w io.Writer) {
	if !o.Events {
		return
	}
	for _, e := range s.Events().Since(at) {
		words := strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", e.Subject, e.Action, e.On, e.Detail)), " ")
		fmt.Fprintf(w, "    %9.1f  %-6s %-16s %s (code %d, took %v)\n", ms(lab.Moment(e.Boottime).Sub(at)), e.Host, e.Kind, words, e.Code, e.Took)
	}
}

func (r row) print(w io.Writer) {
	n := fmt.Sprintf("%d/%d", len(r.outages), r.runs)
	switch {
	case len(r.outages) == 0:
		fmt.Fprintf(w, "%-50s %7s %9s %9s %9s\n", r.name, n, "-", "-", "-")
	case r.verdict != "":
		fmt.Fprintf(w, "%-50s %7s   %s\n", r.name, n, r.verdict)
	default:
		low, middle, high := spread(r.outages)
		fmt.Fprintf(w, "%-50s %7s %9.1f %9.1f %9.1f\n", r.name, n, ms(low), ms(middle), ms(high))
	}
	if len(r.vain) > 0 {
		fmt.Fprintf(w, "  and %d that do not count: a processor was taken from this machine for %.0f to %.0f ms of a second\n",
			len(r.vain), ms(slices.Min(r.vain)), ms(slices.Max(r.vain)))
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// spread is the minimum, the median and the maximum.
func spread(values []time.Duration) (low, middle, high time.Duration) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return sorted[0], (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[n-1]
}
