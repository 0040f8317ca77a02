package crm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/crm/report"
)

// historyTransition tells of one transition: of the running cluster its events; of a report what was decided on its input,
// the log of its time, what it was about.
func historyTransition(s *session, words []word) error {
	texts := textsOf(words)
	if s.past.report == nil {
		return s.eventsOfTransition(texts)
	}
	what := ""
	if len(texts) > 0 && slices.Contains([]string{"showdot", "log", "save", "tags"}, texts[0]) {
		what, texts = texts[0], texts[1:]
	}
	saveAs := ""
	if what == "save" {
		if len(texts) == 0 {
			return usageError("expected the name of a shadow copy")
		}
		last := len(texts) - 1
		texts, saveAs = texts[:last], texts[last]
	}
	name := ""
	if len(texts) > 0 && !isSimulationWord(texts[0]) {
		name, texts = texts[0], texts[1:]
	}
	t, err := s.past.report.Find(name)
	if err != nil {
		return err
	}
	switch what {
	case "log":
		return s.transitionLog(t)
	case "tags":
		about, err := s.about(t)
		if err == nil {
			s.printf("%s\n", strings.Join(about, " "))
		}
		return err
	case "showdot":
		return historyGraph(s, wordsOf([]string{t.Path}))
	case "save":
		return s.saveTransition(t, saveAs)
	}
	return s.transitionRun(t, texts)
}

func (s *session) eventsOfTransition(texts []string) error {
	if len(texts) != 1 {
		return usageError("expected the number of a transition")
	}
	number, err := strconv.ParseUint(texts[0], 10, 64)
	if err != nil {
		return usageError(fmt.Sprintf("expected the number of a transition, not %q", texts[0]))
	}
	return s.printEvents(func(e client.Event) bool { return e.Transition == number })
}

// isSimulationWord reports whether a word says how to simulate, rather than what.
func isSimulationWord(text string) bool {
	_, err := simulationWords([]word{{text: text}})
	return err == nil
}

// transitionRun shows what is decided on a transition's input, and how it ended then.
func (s *session) transitionRun(t report.Transition, texts []string) error {
	options, err := simulationWords(wordsOf(texts))
	if err != nil {
		return err
	}
	s.info("simulating %s", t.Path)
	if err := s.simulateInput(t, append([]string{"--simulate"}, options...)...); err != nil {
		return err
	}
	where := t.Input
	if t.Node != "" {
		where = t.Node + ":" + where
	}
	s.printf("Transition %s (%s - %s):\n", where, clock(t.Start), clock(t.End))
	total, counts := 0, []string{}
	for _, name := range []string{"Complete", "Pending", "Fired", "Skipped", "Incomplete"} {
		if n := t.Actions[name]; n > 0 {
			total += n
			counts = append(counts, fmt.Sprintf("%d %s", n, name))
		}
	}
	if t.Actions != nil {
		s.printf("\ttotal %d actions: %s\n", total, strings.Join(counts, ", "))
	}
	return s.printEventLines(t)
}

// printEventLines prints the events of a transition's time.
func (s *session) printEventLines(t report.Transition) error {
	lines, err := s.past.report.Log(t)
	for _, l := range s.within(lines) {
		if l.Kind() != 0 {
			s.printf("%s\n", l.Text)
		}
	}
	return err
}

func (s *session) transitionLog(t report.Transition) error {
	lines, err := s.past.report.Log(t)
	for _, l := range s.within(lines) {
		s.printf("%s\n", l.Text)
	}
	return err
}

// saveTransition makes a shadow copy of a transition's input.
func (s *session) saveTransition(t report.Transition, name string) error {
	text, err := t.Document()
	if err != nil {
		return err
	}
	doc, err := cib.Parse(t.Path, text)
	if err != nil {
		return err
	}
	path, err := s.shadowPath(name)
	if err != nil {
		return err
	}
	if err := writeShadow(path, doc); err != nil {
		return err
	}
	s.info("shadow copy %s is made of %s", name, t.Path)
	return nil
}

// simulateInput runs crm_simulate on a transition's input.
func (s *session) simulateInput(t report.Transition, args ...string) error {
	text, err := t.Document()
	if err != nil {
		return err
	}
	return s.simulationOf(text, args...)
}
