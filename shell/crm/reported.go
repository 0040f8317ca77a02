package crm

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/crm/report"
)

// reportedLines are the lines of a report's logs within the limits; none when the running cluster is looked at.
func (s *session) reportedLines() ([]report.Line, error) {
	if s.past.report == nil {
		return nil, nil
	}
	lines, err := s.past.report.Lines()
	if err != nil {
		return nil, err
	}
	return s.within(lines), nil
}

// within leaves out what the limits exclude.
func (s *session) within(lines []report.Line) []report.Line {
	return slices.DeleteFunc(slices.Clone(lines), func(l report.Line) bool {
		return !s.span.contains(l.Time) || len(s.past.nodes) > 0 && !slices.Contains(s.past.nodes, l.Node) ||
			slices.ContainsFunc(s.span.exclude, func(r *regexp.Regexp) bool { return r.MatchString(l.Text) })
	})
}

// contains reports whether a moment lies within the limits.
func (t timeframe) contains(at time.Time) bool {
	return (t.from.IsZero() || !at.Before(t.from)) && (t.to.IsZero() || !at.After(t.to))
}

// printLog prints the lines of a report's logs that keep accepts.
func (s *session) printLog(keep func(report.Line) bool) error {
	lines, err := s.reportedLines()
	for _, l := range lines {
		if keep(l) {
			s.printf("%s\n", l.Text)
		}
	}
	return err
}

// historyLog prints all lines, those of some nodes, or those that match.
func historyLog(s *session, words []word) error {
	texts := textsOf(words)
	if s.past.report == nil {
		return historyEvents(s, words)
	}
	nodes, err := s.past.report.Nodes()
	if err != nil {
		return err
	}
	if len(texts) > 0 && !slices.ContainsFunc(texts, func(t string) bool { return !slices.Contains(nodes, t) }) {
		return s.printLog(func(l report.Line) bool { return slices.Contains(texts, l.Node) })
	}
	pattern, err := regexp.Compile(strings.Join(texts, "|"))
	if err != nil {
		return usageError("expected nodes or a regular expression: " + err.Error())
	}
	if err := s.printLog(func(l report.Line) bool { return pattern.MatchString(l.Text) }); err != nil {
		return err
	}
	return s.printEvents(func(e client.Event) bool { return pattern.MatchString(eventText(e)) })
}

// historyAbout prints the events about nodes or resources; each word is a name or a pattern of names.
func historyAbout(s *session, words []word, what string) error {
	if len(words) == 0 {
		return usageError("expected a " + what)
	}
	texts := textsOf(words)
	pattern, err := report.WholeWord(strings.Join(texts, "|"))
	if err != nil {
		return usageError("expected names or regular expressions: " + err.Error())
	}
	kinds := report.Membership | report.Fencing
	if what == "resource" {
		kinds = report.Operation
	}
	if err := s.printLog(func(l report.Line) bool { return l.Kind()&kinds != 0 && l.Mentions(pattern) }); err != nil {
		return err
	}
	return s.printEvents(func(e client.Event) bool {
		return slices.Contains(texts, e.Subject) || what == "node" && (slices.Contains(texts, e.On) || slices.Contains(texts, e.Host))
	})
}

// reportInfo is info on a report with logs. err is that of reading them.
func (s *session) reportInfo(err error) error {
	if err != nil {
		return err
	}
	lines, err := s.reportedLines()
	if err != nil {
		return err
	}
	transitions, err := s.reportedTransitions(nil)
	if err != nil {
		return err
	}
	nodes, err := s.past.report.Nodes()
	if err != nil {
		return err
	}
	s.printf("Source: %s\n", s.past.name())
	if len(lines) > 0 {
		s.printf("Period: %s - %s\n", lines[0].Time.Format(time.DateTime), lines[len(lines)-1].Time.Format(time.DateTime))
	}
	s.printf("Nodes: %s\n", strings.Join(nodes, " "))
	found := map[string][]string{}
	if doc := s.reportedDocument(transitions); doc != nil {
		for e := range doc.Section("resources").Descendants() {
			switch e.Name {
			case "group", "clone", "primitive", "master":
				name := strings.Replace(e.Name, "master", "clone", 1)
				found[name] = append(found[name], e.ID())
			}
		}
	}
	s.printf("Groups: %s\nClones: %s\nResources: %s\n", strings.Join(found["group"], " "), strings.Join(found["clone"], " "), strings.Join(found["primitive"], " "))
	var numbers []string
	for _, t := range transitions {
		number := strconv.Itoa(t.Number)
		if about, err := s.about(t); err == nil && len(about) > 0 {
			number += "*"
		}
		numbers = append(numbers, number)
	}
	s.printf("Transitions: %s\n", strings.Join(numbers, " "))
	return nil
}

// reportedDocument is the configuration of a report: cib.xml, else the newest input; nil when there is neither.
func (s *session) reportedDocument(transitions []report.Transition) *cib.Document {
	texts, _ := s.past.report.Files("cib.xml")
	if n := len(transitions); n > 0 {
		if text, err := transitions[n-1].Document(); err == nil {
			texts = append(texts, text)
		}
	}
	for _, text := range texts {
		if doc, err := cib.Parse("cib.xml", text); err == nil && doc.Section("resources") != nil {
			return doc
		}
	}
	return nil
}

// reportedTransitions are a report's transitions within the limits and, when there are any, the ranges of numbers.
func (s *session) reportedTransitions(ranges []string) ([]report.Transition, error) {
	all, err := s.past.report.Transitions()
	if err != nil {
		return nil, err
	}
	var keep []func(int) bool
	for _, text := range ranges {
		from, to, isRange := strings.Cut(text, ":")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil {
			return nil, usageError(fmt.Sprintf("expected numbers, as 12 or 12:15, not %q", text))
		}
		keep = append(keep, func(n int) bool { return n >= first && n <= last })
	}
	return slices.DeleteFunc(slices.Clone(all), func(t report.Transition) bool {
		return !s.span.contains(t.Start) || len(keep) > 0 && !slices.ContainsFunc(keep, func(in func(int) bool) bool { return in(t.Number) })
	}), nil
}

// about names what a transition was about: resources and nodes that its events mention, and error when one of them is.
func (s *session) about(t report.Transition) ([]string, error) {
	lines, err := s.past.report.Log(t)
	if err != nil {
		return nil, err
	}
	text, err := t.Document()
	if err != nil {
		return nil, err
	}
	doc, err := cib.Parse(t.Path, text)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, l := range s.within(lines) {
		if t.Node != "" && l.Node != t.Node {
			continue // what other hosts do at that time may be of another transition
		}
		kind := l.Kind()
		if kind&report.Failure != 0 {
			found["error"] = true
		}
		for e := range doc.Configuration().Descendants() {
			name := ""
			switch {
			case e.Name == "primitive" && kind&report.Operation != 0:
				name = e.ID()
			case e.Name == "node" && kind&report.Fencing != 0:
				name = e.Get("uname")
			}
			if name == "" {
				continue
			}
			if pattern, err := report.WholeWord(regexp.QuoteMeta(name)); err == nil && l.Mentions(pattern) {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

func clock(at time.Time) string {
	if at.IsZero() {
		return "--:--:--"
	}
	return at.Format(time.TimeOnly)
}

func historyTransitions(s *session, _ []word) error {
	if s.past.report == nil {
		return s.printEvents(func(e client.Event) bool { return e.Kind == client.PlanMade || e.Kind == client.PlanDone })
	}
	transitions, err := s.reportedTransitions(nil)
	if err != nil {
		return err
	}
	s.printf("%-31s %-15s %-15s %s\n", "Time", "Name", "Node", "Tags")
	for _, t := range transitions {
		about, err := s.about(t)
		if err != nil {
			return err
		}
		s.printf("%s - %s: %-15s %-15s %s\n", t.Start.Format(time.DateTime), clock(t.End), t.Input, t.Node, strings.Join(about, " "))
	}
	return nil
}

func historyInputs(s *session, words []word) error {
	if s.past.report == nil {
		return historyTransitions(s, words)
	}
	texts := textsOf(words)
	verbose := slices.Contains(texts, "v")
	texts = slices.DeleteFunc(texts, func(t string) bool { return t == "v" })
	transitions, err := s.reportedTransitions(texts)
	if err != nil {
		return err
	}
	const row = "%-10s %-8s %-9s %-13s %-10s %-10s %-11s %s\n"
	if verbose {
		s.printf(row, "Date", "Start", "End", "Filename", "Client", "User", "Origin", "Tags")
		s.printf(row, "====", "=====", "===", "========", "======", "====", "======", "====")
	}
	for _, t := range transitions {
		if !verbose {
			s.printf("%s\n", t.Path)
			continue
		}
		about, err := s.about(t)
		if err != nil {
			return err
		}
		doc, err := s.past.input(t.Path)
		if err != nil {
			return err
		}
		by := func(name string) string { return doc.Root.Get("update-" + name) }
		s.printf(row, t.Start.Format(time.DateOnly), clock(t.Start), clock(t.End), t.Input, by("client"), by("user"), by("origin"), strings.Join(about, " "))
	}
	return nil
}
