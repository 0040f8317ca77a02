package crm

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/crm/report"
)

// timeframe limits what the history commands look at.
type timeframe struct {
	from, to time.Time        // zero: no limit
	exclude  []*regexp.Regexp // lines that are not shown
}

// historyLevel holds the commands that look back.
func historyLevel() *level {
	return &level{name: "history", summary: "what happened: events, transitions, configurations", commands: append([]*command{
		{name: "info", summary: "the span of time, hosts and resources that events tell of", run: historyInfo},
		{name: "events", usage: "[REGEX]", summary: "the events, the oldest first", run: historyEvents},
		{name: "log", usage: "[NODE… | REGEX]", summary: "all that was logged, the oldest first", run: historyLog, words: completeNodes},
		{name: "latest", summary: "the events of the newest transition", run: historyLatest},
		{name: "node", usage: "NODE…", summary: "the events about nodes", run: func(s *session, w []word) error { return historyAbout(s, w, "node") }, words: completeNodes},
		{name: "resource", usage: "RESOURCE…", summary: "the events about resources", run: func(s *session, w []word) error { return historyAbout(s, w, "resource") }, words: completeResources},
		{name: "transitions", summary: "the transitions that were made and how they ended", run: historyTransitions},
		{name: "peinputs", usage: "[NUMBER[:NUMBER]…] [v]", summary: "the inputs of transitions; v tells more of each", run: historyInputs},
		{name: "transition", usage: "[NUMBER|-N|INPUT] [nograph] [scores] [utilization] [actions] | showdot|log|tags [NUMBER|-N|INPUT] | save NAME", summary: "one transition: what was decided on its input, its log, what it was about", run: historyTransition},
		{name: "timeframe", aliases: []string{"limit"}, usage: "[FROM [TO]]", summary: "look only at a span of time", example: `timeframe "2026-01-31 10:00"`, run: historyTimeframe},
		{name: "exclude", usage: "[REGEX | clear]", summary: "leave out events that match", run: historyExclude},
		{name: "configurations", summary: "the configurations that were committed", run: historyConfigurations},
		{name: "show", usage: "INDEX", summary: "the configuration that was committed as INDEX", run: historyShow},
		{name: "diff", usage: "INDEX [INDEX]", summary: "what changed between two configurations, or since one", run: historyDiff},
		{name: "refresh", summary: "accepted for scripts that give it: events are always read anew", run: func(*session, []word) error { return nil }},
	}, pastCommands()...)}
}

// pastEvents reads the events within the limits.
func (s *session) pastEvents() ([]client.Event, error) {
	events, err := s.allEvents()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(events, func(e client.Event) bool {
		text := eventText(e)
		return !s.span.from.IsZero() && e.Time.Before(s.span.from) || !s.span.to.IsZero() && e.Time.After(s.span.to) ||
			len(s.past.nodes) > 0 && !slices.Contains(s.past.nodes, e.Host) && !slices.Contains(s.past.nodes, e.On) ||
			slices.ContainsFunc(s.span.exclude, func(r *regexp.Regexp) bool { return r.MatchString(text) })
	}), nil
}

// allEvents reads the events of the running cluster, or those that one left.
func (s *session) allEvents() ([]client.Event, error) {
	if s.past.report != nil {
		return s.past.leftEvents()
	}
	c, err := s.daemon("history")
	if err != nil {
		return nil, err
	}
	return c.RecentEvents(context.Background(), 0)
}

// eventText is one event as a line.
func eventText(e client.Event) string {
	words := []string{e.Time.Format("2006-01-02 15:04:05.000"), e.Host, string(e.Kind)}
	for _, word := range []string{e.Subject, e.Action} {
		if word != "" {
			words = append(words, word)
		}
	}
	if e.On != "" {
		words = append(words, "on "+e.On)
	}
	if e.Transition != 0 {
		words = append(words, fmt.Sprintf("transition %d", e.Transition))
	}
	if e.Code != 0 {
		words = append(words, fmt.Sprintf("code %d", e.Code))
	}
	if e.Detail != "" {
		words = append(words, e.Detail)
	}
	return strings.Join(words, " ")
}

// printEvents prints the events that keep accepts.
func (s *session) printEvents(keep func(client.Event) bool) error {
	events, err := s.pastEvents()
	if err != nil {
		return err
	}
	for _, e := range events {
		if keep(e) {
			s.printf("%s\n", eventText(e))
		}
	}
	return nil
}

func historyEvents(s *session, words []word) error {
	expression := ""
	if len(words) > 0 {
		expression = words[0].text
	}
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return usageError("expected a regular expression: " + err.Error())
	}
	if err := s.printLog(func(l report.Line) bool { return l.Kind() != 0 && pattern.MatchString(l.Text) }); err != nil {
		return err
	}
	return s.printEvents(func(e client.Event) bool { return pattern.MatchString(eventText(e)) })
}

func historyInfo(s *session, _ []word) error {
	if s.past.report != nil {
		if lines, err := s.past.report.Lines(); err != nil || len(lines) > 0 {
			return s.reportInfo(err)
		}
	}
	events, err := s.pastEvents()
	if err != nil {
		return err
	}
	hosts, resources, transitions := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range events {
		hosts[e.Host] = true
		if e.Action != "" && e.Subject != "" {
			resources[e.Subject] = true
		}
		if e.Transition != 0 {
			transitions[strconv.FormatUint(e.Transition, 10)] = true
		}
	}
	s.printf("Source: %s\n", s.past.name())
	if len(events) > 0 {
		s.printf("Period: %s - %s\n", events[0].Time.Format(time.DateTime), events[len(events)-1].Time.Format(time.DateTime))
	}
	s.printf("Nodes: %s\nResources: %s\nTransitions: %s\n", strings.Join(sortedKeys(hosts), " "),
		strings.Join(sortedKeys(resources), " "), strings.Join(sortedKeys(transitions), " "))
	return nil
}

func historyLatest(s *session, _ []word) error {
	events, err := s.pastEvents()
	if err != nil {
		return err
	}
	var newest uint64
	for _, e := range events {
		newest = max(newest, e.Transition)
	}
	return s.printEvents(func(e client.Event) bool { return newest != 0 && e.Transition == newest })
}

func historyTimeframe(s *session, words []word) error {
	if len(words) > 2 {
		return usageError("expected at most two times")
	}
	s.span.from, s.span.to = time.Time{}, time.Time{}
	for i, w := range words {
		at, err := parseTime(w.text, time.Now())
		if err != nil {
			return err
		}
		if i == 0 {
			s.span.from = at
		} else {
			s.span.to = at
		}
	}
	return nil
}

// parseTime reads a date, a time of today, or how long ago (2h, 30m, 1d).
func parseTime(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: expected 2006-01-02 15:04:05, 15:04, or how long ago, as 2h or 1d", text)
}

func historyExclude(s *session, words []word) error {
	switch {
	case len(words) == 0:
		for _, r := range s.span.exclude {
			s.printf("%s\n", r)
		}
	case words[0].text == "clear":
		s.span.exclude = nil
	default:
		r, err := regexp.Compile(words[0].text)
		if err != nil {
			return usageError("expected a regular expression: " + err.Error())
		}
		s.span.exclude = append(s.span.exclude, r)
	}
	return nil
}

func historyConfigurations(s *session, _ []word) error {
	c, err := s.daemon("history")
	if err != nil {
		return err
	}
	entries, err := c.History(context.Background())
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.printf("%6d  %s  %-12s %-10s %s\n", e.Index, e.Time.Format(time.DateTime), e.Version, e.User, e.Cause)
	}
	return nil
}

func (s *session) pastDocument(w word) (*cib.Document, error) {
	if s.past.report != nil {
		return s.past.input(w.text)
	}
	c, err := s.daemon("history")
	if err != nil {
		return nil, err
	}
	index, err := strconv.ParseUint(w.text, 10, 64)
	if err != nil {
		return nil, usageError(fmt.Sprintf("expected an index from 'configurations', not %q", w.text))
	}
	return c.HistoryDocument(context.Background(), index)
}

func historyShow(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected an index")
	}
	doc, err := s.pastDocument(words[0])
	if err != nil {
		return err
	}
	m := newModel(doc, s.agents, func(string) {})
	s.printf("%s", m.text(m.all(), true))
	return nil
}

func historyDiff(s *session, words []word) error {
	if len(words) == 0 || len(words) > 2 {
		return usageError("expected one or two indexes")
	}
	before, err := s.pastDocument(words[0])
	if err != nil {
		return err
	}
	after, err := s.document()
	if len(words) == 2 {
		after, err = s.pastDocument(words[1])
	}
	if err != nil {
		return err
	}
	s.printf("%s", s.difference(before, after))
	return nil
}

// runReport writes an archive of what there is to know.
func runReport(s *session, words []word) error {
	name := "holdfast-report-" + time.Now().Format("20060102-150405")
	saved := s.span
	defer func() { s.span = saved }()
	for i := 0; i < len(words); i++ {
		switch text := words[i].text; {
		case text == "-f" || text == "-t":
			if i++; i == len(words) {
				return usageError("expected a time after " + text)
			}
			at, err := parseTime(words[i].text, time.Now())
			if err != nil {
				return err
			}
			if text == "-f" {
				s.span.from = at
			} else {
				s.span.to = at
			}
		case strings.HasPrefix(text, "-"):
			return usageError(fmt.Sprintf("there is no option %s", text))
		default:
			name = strings.TrimSuffix(text, ".tar.gz")
		}
	}
	if err := s.writeReport(name); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	s.info("the report is in %s.tar.gz", name)
	return nil
}

// writeReport puts into NAME.tar.gz what can be had; what cannot is named in missing.txt.
func (s *session) writeReport(name string) error {
	files := map[string]string{"host.txt": fmt.Sprintf("%s %s/%s crm %s\n", thisNode(), runtime.GOOS, runtime.GOARCH, languageVersion)}
	missing := ""
	put := func(file string, text string, err error) {
		if err != nil {
			missing += file + ": " + err.Error() + "\n"
			return
		}
		files[file] = text
	}
	doc, err := s.document()
	if err == nil {
		put("cib.xml", string(doc.Bytes()), nil)
		m := newModel(doc, s.agents, func(string) {})
		put("configuration.crm", m.text(m.all(), true), nil)
	} else {
		put("cib.xml", "", err)
	}
	conf, err := s.corosyncFile()
	if err == nil {
		text, err := os.ReadFile(conf)
		put(path.Base(conf), string(text), err)
	} else {
		put("corosync.conf", "", err)
	}
	status, err := s.clusterState("report")
	text, _ := json.MarshalIndent(status, "", "  ")
	put("status.json", string(text), err)
	events, err := s.pastEvents()
	var lines strings.Builder
	for _, e := range events {
		lines.WriteString(eventText(e) + "\n")
	}
	put("events.txt", lines.String(), err)
	if err == nil {
		text, err := json.Marshal(events)
		put("events.json", string(text), err)
	}
	files["missing.txt"] = missing
	return writeArchive(name, files)
}

func writeArchive(name string, files map[string]string) error {
	out, err := os.OpenFile(name+".tar.gz", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	packed := gzip.NewWriter(out)
	archive := tar.NewWriter(packed)
	var names []string
	for file := range files {
		names = append(names, file)
	}
	slices.Sort(names)
	for _, file := range names {
		header := &tar.Header{Name: path.Join(path.Base(name), file), Mode: 0o600, Size: int64(len(files[file])), ModTime: time.Now()}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write([]byte(files[file])); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return out.Close()
}
