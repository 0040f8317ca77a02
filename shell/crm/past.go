package crm

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
	"holdfast/shell/crm/report"
)

// pastSource is where the history commands look: the running cluster, or a report: an archive or directory with what
// a cluster left, be it this program's (events.json) or Pacemaker's transition inputs and logs.
type pastSource struct {
	report *report.Report // nil is the running cluster
	nodes  []string       // only these are looked at; none is all
}

// pastCommands are those that choose and read what was left.
func pastCommands() []*command {
	return []*command{
		{name: "source", usage: "[live | ARCHIVE | DIRECTORY]", summary: "look at what a cluster left: a report's archive (tar, gzip, bzip2), or a directory with transition inputs and logs", example: "source report.tar.bz2", run: historySource},
		{name: "setnodes", usage: "[NODE…]", summary: "look at some nodes only", run: func(s *session, words []word) error { s.past.nodes = textsOf(words); return nil }, words: completeNodes},
		{name: "session", usage: "[save|load|delete NAME | pack [NAME] | update | list]", summary: "keep what is looked at under a name", run: historySession},
		{name: "detail", usage: "LEVEL", summary: "accepted for scripts that give it: events have all details", run: func(*session, []word) error { return nil }},
		{name: "graph", usage: "INPUT [dot [FILE]]", summary: "draw what a transition did", run: historyGraph},
		{name: "wdiff", usage: "INDEX|INPUT [INDEX|INPUT]", summary: "what changed between two configurations, word by word", run: historyWordDiff},
	}
}

func historySource(s *session, words []word) error {
	switch {
	case len(words) == 0:
		s.printf("%s\n", s.past.name())
		return nil
	case len(words) > 1:
		return usageError("expected live, an archive or a directory")
	case words[0].text == "live":
		s.past.report = nil
		return nil
	}
	opened, err := report.Open(words[0].text)
	if err != nil {
		return err
	}
	s.past.report = opened
	return nil
}

func (p pastSource) name() string {
	if p.report == nil {
		return "live"
	}
	return p.report.Name
}

// leftEvents are the events of a report of this program; none in others.
func (p pastSource) leftEvents() ([]client.Event, error) {
	texts, err := p.report.Files("events.json")
	if err != nil {
		return nil, err
	}
	var all []client.Event
	for _, text := range texts {
		var events []client.Event
		if err := json.Unmarshal(text, &events); err != nil {
			return nil, fmt.Errorf("read events.json of %s: %w", p.report.Name, err)
		}
		all = append(all, events...)
	}
	return all, nil
}

// input is the document of one transition.
func (p pastSource) input(name string) (*cib.Document, error) {
	t, err := p.report.Find(name)
	if err != nil {
		return nil, err
	}
	text, err := t.Document()
	if err != nil {
		return nil, err
	}
	return cib.Parse(t.Path, text)
}

func historyGraph(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a transition input")
	}
	if s.past.report == nil {
		return errors.New("graph: the running cluster keeps no transition inputs; name a report by 'source' first, or 'holdfast plan'")
	}
	out := filepath.Base(words[0].text) + ".dot"
	if len(words) == 3 && words[1].text == "dot" {
		out = words[2].text
	}
	t, err := s.past.report.Find(words[0].text)
	if err != nil {
		return err
	}
	if err := s.simulateInput(t, "--save-dotfile="+out); err != nil {
		return err
	}
	s.info("the graph is in %s", out)
	return nil
}

// historyWordDiff is diff; what the two texts of an object share is left out.
func historyWordDiff(s *session, words []word) error { return historyDiff(s, words) }

// historySession keeps source, times and filters under a name.
func historySession(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) == 0 {
		texts = []string{"list"}
	}
	dir := filepath.Join(filepath.Dir(s.options.path), "history")
	switch texts[0] {
	case "list":
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			s.printf("%s\n", e.Name())
		}
		return nil
	case "update":
		return nil
	case "pack":
		return s.packHistory(texts[1:])
	case "save", "load", "delete":
	default:
		return usageError(fmt.Sprintf("expected save, load, delete, pack, update or list, not %q", texts[0]))
	}
	if len(texts) != 2 || !validID(texts[1]) {
		return usageError("expected a name")
	}
	path := filepath.Join(dir, texts[1])
	switch texts[0] {
	case "save":
		return s.saveHistory(path)
	case "load":
		return s.loadHistory(path)
	}
	return os.Remove(path)
}

// packHistory puts what is looked at into an archive.
func (s *session) packHistory(texts []string) error {
	name := "crm-history"
	if len(texts) > 0 {
		name = strings.TrimSuffix(texts[0], ".tar.gz")
	}
	var err error
	if s.past.report == nil {
		err = s.writeReport(name)
	} else {
		var files map[string]string
		if files, err = s.past.report.Contents(); err == nil {
			err = writeArchive(name, files)
		}
	}
	if err != nil {
		return fmt.Errorf("session pack: %w", err)
	}
	s.info("the report is in %s.tar.gz", name)
	return nil
}

// keptHistory is a session as it is stored.
type keptHistory struct {
	Source, From, To string
	Nodes, Exclude   []string
}

const keptTime = "2006-01-02T15:04:05Z07:00"

func (s *session) saveHistory(path string) error {
	k := keptHistory{Nodes: s.past.nodes}
	if s.past.report != nil {
		name, err := filepath.Abs(s.past.report.Name)
		if err != nil {
			return fmt.Errorf("session: %w", err)
		}
		k.Source = name
	}
	if !s.span.from.IsZero() {
		k.From = s.span.from.Format(keptTime)
	}
	if !s.span.to.IsZero() {
		k.To = s.span.to.Format(keptTime)
	}
	for _, r := range s.span.exclude {
		k.Exclude = append(k.Exclude, r.String())
	}
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return os.WriteFile(path, text, 0o600)
}

func (s *session) loadHistory(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	var k keptHistory
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("session %s: %w", path, err)
	}
	s.past, s.span = pastSource{nodes: k.Nodes}, timeframe{}
	if k.Source != "" {
		if s.past.report, err = report.Open(k.Source); err != nil {
			return fmt.Errorf("session %s: %w", path, err)
		}
	}
	for _, r := range k.Exclude {
		pattern, err := regexp.Compile(r)
		if err != nil {
			return fmt.Errorf("session %s: %w", path, err)
		}
		s.span.exclude = append(s.span.exclude, pattern)
	}
	var frame []string
	for _, at := range []string{k.From, k.To} {
		if at != "" {
			frame = append(frame, at)
		}
	}
	return historyTimeframe(s, wordsOf(frame))
}
