package crm

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// pastSource is where the history commands look: the running cluster, or a directory with what a cluster left:
// a report of this program (events.json) or Pacemaker's transition inputs and logs.
type pastSource struct {
	dir   string   // "" is the running cluster
	nodes []string // only these are looked at; none is all
}

// pastCommands are those that choose and read what was left.
func pastCommands() []*command {
	return []*command{
		{name: "source", usage: "[live | DIRECTORY]", summary: "look at what a cluster left in a directory: an unpacked report, transition inputs, logs", example: "source /var/lib/pacemaker", run: historySource},
		{name: "setnodes", usage: "[NODE…]", summary: "look at some nodes only", run: func(s *session, words []word) error { s.past.nodes = textsOf(words); return nil }, words: completeNodes},
		{name: "session", usage: "[save|load|delete NAME | update | list]", summary: "keep what is looked at under a name", run: historySession},
		{name: "detail", usage: "LEVEL", summary: "accepted for scripts that give it: events have all details", run: func(*session, []word) error { return nil }},
		{name: "graph", usage: "INPUT [dot [FILE]]", summary: "draw what a transition did", run: historyGraph},
		{name: "wdiff", usage: "INDEX|INPUT [INDEX|INPUT]", summary: "what changed between two configurations, word by word", run: historyWordDiff},
	}
}

func historySource(s *session, words []word) error {
	switch {
	case len(words) == 0:
		s.printf("%s\n", sourceName(s.past))
		return nil
	case len(words) > 1:
		return usageError("expected live or a directory")
	case words[0].text == "live":
		s.past.dir = ""
		return nil
	}
	info, err := os.Stat(words[0].text)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("source: %s is a file; unpack it and name the directory", words[0].text)
	}
	s.past.dir = words[0].text
	return nil
}

func sourceName(p pastSource) string {
	if p.dir == "" {
		return "live"
	}
	return p.dir
}

// leftEvents are the events of a report; none where there is no report.
func (p pastSource) leftEvents() ([]client.Event, error) {
	var events []client.Event
	err := p.walk(func(path string) error {
		if filepath.Base(path) != "events.json" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &events); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
	return events, err
}

func (p pastSource) walk(visit func(path string) error) error {
	return filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return visit(path)
	})
}

var (
	transitionInput = regexp.MustCompile(`^pe-(input|warn|error)-\d+(\.bz2|\.gz)?$`)
	logFile         = regexp.MustCompile(`^(pacemaker|corosync|ha-log|messages|syslog|journal|cluster).*(\.log|\.txt)?(\.gz|\.bz2)?$`)
)

// inputs are the transition inputs, by name without directory and packing.
func (p pastSource) inputs() (map[string]string, error) {
	found := map[string]string{}
	err := p.walk(func(path string) error {
		if base := filepath.Base(path); transitionInput.MatchString(base) {
			found[strings.TrimSuffix(strings.TrimSuffix(base, ".bz2"), ".gz")] = path
		}
		return nil
	})
	return found, err
}

// unpacked reads a file, unpacking it by its name.
func unpacked(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var from io.Reader = bytes.NewReader(text)
	switch filepath.Ext(path) {
	case ".bz2":
		from = bzip2.NewReader(from)
	case ".gz":
		if from, err = gzip.NewReader(from); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	default:
		return text, nil
	}
	text, err = io.ReadAll(io.LimitReader(from, mostUnpacked))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// mostUnpacked bounds what one file may unpack to, in bytes.
const mostUnpacked = 1 << 28

// input is the document of one transition.
func (p pastSource) input(name string) (*cib.Document, error) {
	found, err := p.inputs()
	if err != nil {
		return nil, err
	}
	path, ok := found[strings.TrimSuffix(filepath.Base(name), ".bz2")]
	if !ok {
		if path, ok = found["pe-input-"+name]; !ok {
			return nil, fmt.Errorf("there is no transition input %s in %s; 'peinputs' lists them", name, p.dir)
		}
	}
	text, err := unpacked(path)
	if err != nil {
		return nil, err
	}
	return cib.Parse(path, text)
}

// logLines are the lines of logs that match, within the nodes looked at.
func (p pastSource) logLines(keep func(string) bool) ([]string, error) {
	var out []string
	err := p.walk(func(path string) error {
		base := filepath.Base(path)
		if base == "events.txt" || transitionInput.MatchString(base) || !logFile.MatchString(base) {
			return nil
		}
		text, err := unpacked(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimRight(line, "\n")
			if keep(line) && (len(p.nodes) == 0 || slices.ContainsFunc(p.nodes, func(n string) bool { return strings.Contains(line, n) })) {
				out = append(out, line)
			}
		}
		return nil
	})
	return out, err
}

// historyInputs lists the transitions of a directory.
func historyInputs(s *session) error {
	found, err := s.past.inputs()
	if err != nil {
		return err
	}
	for _, name := range slices.SortedFunc(keysOf(found), naturally) {
		s.printf("%s\n", name)
	}
	return nil
}

// naturally orders names that end in numbers.
func naturally(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func keysOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// showTransition says what was decided on a transition's input.
func (s *session) showTransition(name string, args ...string) error {
	doc, err := s.past.input(name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "crm-history")
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cib.xml")
	if err := os.WriteFile(file, doc.Bytes(), 0o600); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return s.simulation(append([]string{"-x", file}, args...))
}

func historyGraph(s *session, words []word) error {
	if len(words) == 0 {
		return usageError("expected a transition input")
	}
	if s.past.dir == "" {
		return errors.New("graph: the running cluster keeps no transition inputs; 'source DIRECTORY' first, or 'holdfast plan'")
	}
	out := filepath.Base(words[0].text) + ".dot"
	if len(words) == 3 && words[1].text == "dot" {
		out = words[2].text
	}
	if err := s.showTransition(words[0].text, "--save-dotfile="+out); err != nil {
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
	path := func() (string, error) {
		if len(texts) != 2 || !validID(texts[1]) {
			return "", usageError("expected a name")
		}
		return filepath.Join(dir, texts[1]), nil
	}
	switch texts[0] {
	case "list":
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			s.printf("%s\n", e.Name())
		}
		return nil
	case "update":
		return nil
	case "save":
		name, err := path()
		if err != nil {
			return err
		}
		return s.saveHistory(name)
	case "load":
		name, err := path()
		if err != nil {
			return err
		}
		return s.loadHistory(name)
	case "delete":
		name, err := path()
		if err != nil {
			return err
		}
		return os.Remove(name)
	}
	return usageError(fmt.Sprintf("expected save, load, delete, update or list, not %q", texts[0]))
}

// keptHistory is a session as it is stored.
type keptHistory struct {
	Source, From, To string
	Nodes, Exclude   []string
}

const keptTime = "2006-01-02T15:04:05Z07:00"

func (s *session) saveHistory(path string) error {
	k := keptHistory{Source: s.past.dir, Nodes: s.past.nodes}
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
	s.past, s.span = pastSource{dir: k.Source, nodes: k.Nodes}, timeframe{}
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
