// Package simulate is crm_simulate: it shows what the cluster would do about a document,
// carries the transition out on a copy of it, and shows what comes of that.
package simulate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/cib/rule"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/result"
)

// Main runs crm_simulate and returns its exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "crm_simulate: %v\n", err)
		var f *failure
		if errors.As(err, &f) {
			return f.status
		}
		return exit.Usage
	}
	out, closeIt, err := result.Destination(o.destination, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "crm_simulate: %v\n", err)
		return exit.CannotCreate
	}
	r := newReport(o, args, out, stderr)
	if err := o.run(r, stdin); err != nil {
		r.reject(err)
	}
	status := r.end()
	if err := closeIt(); err != nil {
		fmt.Fprintf(stderr, "crm_simulate: --output-to: %v\n", err)
		return exit.IOError
	}
	return status
}

func (o *options) run(r *report, stdin io.Reader) error {
	switch {
	case o.help:
		_, err := io.WriteString(r.out, usage)
		return err
	case o.version:
		_, err := io.WriteString(r.out, "Pacemaker 2.1.5\nHoldfast's crm_simulate\n")
		return err
	case o.profile != "":
		return o.timePlans(r)
	}
	in, err := o.load(stdin)
	if err != nil {
		return err
	}
	return (&session{options: o, report: r, input: in}).run()
}

// session is one run of the tool on a document.
type session struct {
	*options
	*report
	input
	now time.Time

	recorded  bool                       // now is when the document was written by a cluster's controller
	histories map[*cib.Element]histories // by the <lrm_resources> that they are in
	known     map[string]bool            // names that resources have in the history as the simulation starts
}

func (s *session) run() error {
	if err := s.setTime(); err != nil {
		return err
	}
	if s.unchecked {
		s.printf("Schema validation of configuration is disabled (support for validate-with set to \"none\" is deprecated and will be removed in a future release)\n")
	}
	s.announceTime()
	var plan *scheduler.Plan
	if s.process && !s.injects() {
		plan = s.makePlan() // its status is what is shown first: one reading of the document does for both
		s.showStatus(current, plan.Status)
	} else {
		s.showWithInjections()
	}
	if s.saveInput != "" {
		if err := write(s.saveInput, s.doc.Bytes()); err != nil {
			return fmt.Errorf("save input: %w", err)
		}
	}
	if !s.process {
		return s.saveResult()
	}
	if plan == nil {
		plan = s.makePlan()
	}
	if err := s.saveGraphs(plan); err != nil {
		return &failure{exit.IOError, err}
	}
	s.showWeighings(plan)
	s.showMoves(plan)
	if !s.simulate {
		return s.saveResult()
	}
	s.begin("transition", "\nExecuting Cluster Transition:\n")
	s.execute(plan.Graph)
	s.announceTime()
	s.printf("\n")
	after := scheduler.Observe(s.doc, s.now)
	for _, r := range after.Resources {
		forgetPending(r)
	}
	s.showStatus(revised, after)
	return s.saveResult()
}

func (s *session) makePlan() *scheduler.Plan {
	var parts scheduler.Parts
	if s.showScores || s.showUtilization {
		parts |= scheduler.WithScores
	}
	if s.simulate || s.graphFile != "" {
		parts |= scheduler.WithGraph
	}
	return scheduler.MakeParts(s.doc, s.now, parts)
}

// showWithInjections shows the cluster as it is and, when events were given, as they leave it.
func (s *session) showWithInjections() {
	s.showStatus(current, scheduler.Observe(s.doc, s.now))
	if s.injects() {
		s.inject()
		s.announceTime()
	}
}

func (s *session) saveGraphs(plan *scheduler.Plan) error {
	if s.graphFile != "" {
		f, err := os.Create(s.graphFile)
		if err != nil {
			return fmt.Errorf("save graph: %w", err)
		}
		defer f.Close()
		if err := plan.WriteXML(f); err != nil {
			return fmt.Errorf("save graph: %w", err)
		}
	}
	if s.dotFile == "" {
		return nil
	}
	f, err := os.Create(s.dotFile)
	if err != nil {
		return fmt.Errorf("save drawing: %w", err)
	}
	defer f.Close()
	if err := plan.WriteDOT(f, s.allActions); err != nil {
		return fmt.Errorf("save drawing: %w", err)
	}
	return nil
}

// saveResult keeps the document as the run leaves it: with what was injected, also when nothing
// was simulated. What --in-place writes back to goes before another file.
func (s *session) saveResult() error {
	target := s.saveOutput
	if s.inPlace && s.origin != "" {
		target = s.origin
	}
	if target == "" {
		return nil
	}
	if err := write(target, s.doc.Bytes()); err != nil {
		return fmt.Errorf("save output: %w", err)
	}
	return nil
}

// write replaces a file's content whole.
func write(name string, content []byte) error {
	if name == "-" {
		_, err := os.Stdout.Write(content)
		return err
	}
	err := os.WriteFile(name, content, 0o644)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &failure{exit.NoSuch, err}
	case err != nil:
		return &failure{exit.Of(err), err}
	}
	return nil
}

// setTime takes the time from -t, else from the document, else the clock's.
func (s *session) setTime() error {
	s.now = time.Now()
	if s.date != "" {
		t, err := rule.ParseTime(s.date, s.now)
		if err != nil {
			return &failure{exit.Usage, fmt.Errorf("--set-datetime: %w", err)}
		}
		s.now = t
	} else if seconds, err := strconv.ParseInt(s.doc.Root.Get("execution-date"), 10, 64); err == nil {
		s.now, s.recorded = time.Unix(seconds, 0), true
	}
	return nil
}

// announceTime tells which time counts when that is not the clock's: whenever the document
// is looked at anew.
func (s *session) announceTime() {
	switch {
	case s.date != "":
		s.printf("Setting effective cluster time: %s\n", s.date)
	case s.recorded:
		s.printf("Using the original execution date of: %s\n", s.now.UTC().Format("2006-01-02 15:04:05Z"))
	}
}
