package crm

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/shell/source"
)

// statusWork is a status section that is tried out: where it came from, and what is pretended to have happened
// since, as options of crm_simulate.
type statusWork struct {
	origin   string
	status   *cib.Element // <status>; nil: the one that the document has
	pretends []string
}

// cibstatusLevel holds the commands that pretend things about nodes and operations.
func cibstatusLevel() *level {
	return &level{name: "cibstatus", summary: "try out what the cluster would do if nodes, operations or tickets were different", commands: []*command{
		{name: "load", usage: "FILE|shadow:NAME|live", summary: "take the status section of a document", example: "load incident.xml", run: statusLoad},
		{name: "save", usage: "[FILE|shadow:NAME]", summary: "write the configuration with the status section as pretended", run: statusSave},
		{name: "origin", summary: "say where the status section came from", run: func(s *session, _ []word) error { s.printf("%s\n", s.tried().origin); return nil }},
		{name: "show", usage: "[changed]", summary: "print the status section, or what is pretended", run: statusShow},
		{name: "node", usage: "NODE {online|offline|unclean}", summary: "pretend that a node came, left or was lost", example: "node alpha unclean", run: statusNode, words: completeNodes},
		{name: "op", usage: "OPERATION RESOURCE RESULT [STATUS] [NODE]", summary: "pretend that an operation had a result", example: "op monitor:10 db not_running done alpha", run: statusOperation},
		{name: "quorum", usage: "{true|false}", summary: "pretend that there is quorum, or none", run: statusQuorum},
		{name: "ticket", usage: "TICKET {grant|revoke|activate|standby}", summary: "pretend that a ticket changed", run: statusTicket},
		{name: "run", usage: "[nograph] [v…] [scores] [utilization]", summary: "say what the cluster would do", run: func(s *session, w []word) error { return s.tryOut(w, false) }},
		{name: "simulate", usage: "[nograph] [v…] [scores] [utilization]", summary: "say what the cluster would do, and what would come of it", run: func(s *session, w []word) error { return s.tryOut(w, true) }},
	}}
}

func (s *session) tried() *statusWork {
	if s.work == nil {
		s.work = &statusWork{origin: "live"}
	}
	return s.work
}

// documentAt opens a document by its name: a file, shadow:NAME, or live.
func (s *session) documentAt(name string) (*cib.Document, error) {
	if name == "live" {
		return s.document()
	}
	path := name
	if shadow, ok := strings.CutPrefix(name, "shadow:"); ok {
		var err error
		if path, err = source.ShadowPath(s.getenv, shadow); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the document %s: %w", name, err)
	}
	return cib.Parse(path, text)
}

func statusLoad(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected a file, shadow:NAME or live")
	}
	doc, err := s.documentAt(words[0].text)
	if err != nil {
		return err
	}
	status := doc.Root.Child("status")
	if status == nil {
		return fmt.Errorf("load: %s has no status section", words[0].text)
	}
	s.work = &statusWork{origin: words[0].text, status: status.Clone()}
	return nil
}

// triedDocument is the configuration as edited, with the status section in use.
func (s *session) triedDocument() (*cib.Document, error) {
	m, err := s.configuration()
	if err != nil {
		return nil, err
	}
	doc := m.result().Clone()
	if w := s.tried(); w.status != nil {
		if old := doc.Root.Child("status"); old != nil {
			old.Remove()
		}
		doc.Root.Append(w.status.Clone())
	}
	return doc, nil
}

// onTried runs crm_simulate on the document that is tried out.
func (s *session) onTried(args ...string) error {
	doc, err := s.triedDocument()
	if err != nil {
		return err
	}
	return s.simulationOf(doc.Bytes(), slices.Concat(s.tried().pretends, args)...)
}

func statusSave(s *session, words []word) error {
	if len(words) > 1 {
		return usageError("expected a file or shadow:NAME")
	}
	name := s.tried().origin
	if len(words) == 1 {
		name = words[0].text
	}
	path, isShadow := strings.CutPrefix(name, "shadow:")
	if isShadow {
		var err error
		if path, err = source.ShadowPath(s.getenv, path); err != nil {
			return err
		}
	}
	if name == "live" {
		return fmt.Errorf("save: the status of the running cluster is not replaced; name a file")
	}
	kept := s.stdout
	s.stdout = io.Discard
	defer func() { s.stdout = kept }()
	return s.onTried("--save-input", path)
}

func statusShow(s *session, words []word) error {
	if len(words) == 1 && words[0].text == "changed" {
		for _, p := range s.tried().pretends {
			s.printf("%s\n", strings.TrimPrefix(p, "--"))
		}
		return nil
	}
	if len(words) > 0 {
		return usageError("expected changed, or nothing")
	}
	doc, err := s.triedDocument()
	if err != nil {
		return err
	}
	if status := doc.Root.Child("status"); status != nil {
		s.printf("%s", (&cib.Document{Root: status.Clone()}).Bytes())
	}
	return nil
}

// pretend remembers one thing; a later one about the same object comes after it and wins.
func (s *session) pretend(option string) error {
	s.tried().pretends = append(s.tried().pretends, option)
	return nil
}

func statusNode(s *session, words []word) error {
	if len(words) != 2 {
		return usageError("expected a node and its state")
	}
	option, ok := map[string]string{"online": "--node-up", "offline": "--node-down", "unclean": "--node-fail"}[words[1].text]
	if !ok {
		return usageError(fmt.Sprintf("expected online, offline or unclean, not %q", words[1].text))
	}
	if err := s.knownNode(words[0].text); err != nil {
		return err
	}
	return s.pretend(option + "=" + words[0].text)
}

// knownNode refuses a name that no node of the document has.
func (s *session) knownNode(name string) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	var names []string
	for n := range m.doc.EnsureSection("nodes").All("node") {
		names = append(names, n.Get("uname"))
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no node %s; nodes are %s", name, strings.Join(names, ", "))
	}
	return nil
}

// resultCodes are the results of operations by crmsh's names.
var resultCodes = map[string]string{"success": "0", "generic": "1", "args": "2", "unimplemented": "3", "perm": "4", "installed": "5",
	"configured": "6", "not_running": "7", "master": "8", "promoted": "8", "failed_master": "9", "failed_promoted": "9", "unknown": "1"}

func statusOperation(s *session, words []word) error {
	texts := textsOf(words)
	if len(texts) < 3 || len(texts) > 5 {
		return usageError("expected an operation, a resource and a result")
	}
	m, err := s.configuration()
	if err != nil {
		return err
	}
	e := m.objects[texts[1]]
	if e == nil || e.Name != "primitive" {
		return fmt.Errorf("op: there is no primitive %s", texts[1])
	}
	code, ok := resultCodes[texts[2]]
	if !ok {
		if code = texts[2]; len(code) != 1 || !isDigit(code[0]) {
			return usageError(fmt.Sprintf("expected a result such as not_running, or 0 to 9, not %q", texts[2]))
		}
	}
	operation, interval := operationInterval(texts[0], e)
	node := ""
	for _, text := range texts[3:] {
		if slices.Contains([]string{"pending", "done", "cancelled", "timeout", "notsupported", "error"}, text) {
			if text != "done" {
				code = "1" // whatever the exit code, the operation failed
			}
			continue
		}
		node = text
	}
	if node == "" {
		if nodes := m.doc.EnsureSection("nodes"); len(slices.Collect(nodes.All("node"))) == 1 {
			node = nodes.Child("node").Get("uname")
		} else {
			return usageError("expected the node at the end: there are several")
		}
	}
	if err := s.knownNode(node); err != nil {
		return err
	}
	return s.pretend(fmt.Sprintf("--op-inject=%s_%s_%s@%s=%s", texts[1], operation, interval, node, code))
}

// operationInterval splits monitor:10 and probe into an operation and an interval in milliseconds; a monitor
// without one is the first recurring one.
func operationInterval(text string, primitive *cib.Element) (operation, interval string) {
	operation, seconds, given := strings.Cut(text, ":")
	if operation == "probe" {
		return "monitor", "0"
	}
	if !given && operation == "monitor" {
		for op := range primitive.Child("operations").All("op") {
			if op.Get("name") == "monitor" {
				seconds = op.Get("interval")
				break
			}
		}
	}
	d, ok := metadata.Duration(seconds)
	if !ok {
		return operation, "0"
	}
	return operation, fmt.Sprint(d.Milliseconds())
}

func statusQuorum(s *session, words []word) error {
	if len(words) != 1 {
		return usageError("expected true or false")
	}
	switch words[0].text {
	case "true", "yes", "on", "1":
		return s.pretend("--quorum=true")
	case "false", "no", "off", "0":
		return s.pretend("--quorum=false")
	}
	return usageError(fmt.Sprintf("expected true or false, not %q", words[0].text))
}

func statusTicket(s *session, words []word) error {
	if len(words) != 2 {
		return usageError("expected a ticket and what happens to it")
	}
	option, ok := map[string]string{"grant": "--ticket-grant", "revoke": "--ticket-revoke", "activate": "--ticket-activate", "standby": "--ticket-standby"}[words[1].text]
	if !ok {
		return usageError(fmt.Sprintf("expected grant, revoke, activate or standby, not %q", words[1].text))
	}
	return s.pretend(option + "=" + words[0].text)
}

func (s *session) tryOut(words []word, simulate bool) error {
	args, err := simulationWords(words)
	if err != nil {
		return err
	}
	verb := "--run"
	if simulate {
		verb = "--simulate"
	}
	return s.onTried(append(args, verb)...)
}
