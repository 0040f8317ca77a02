package crm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/monitor"
	"holdfast/shell/tools/simulate"
	"holdfast/shell/tools/status"
)

// statusOptions maps the words of status to crm_mon's options.
var statusOptions = map[string]string{
	"full": "-ncrft", "bynode": "-n", "inactive": "-r", "ops": "-o", "timing": "-t", "failcounts": "-f", "verbose": "-V", "quiet": "-Q",
	"html": "--output-as=html", "xml": "--output-as=xml", "simple": "-s", "tickets": "-c", "noheaders": "-D", "detail": "-R", "brief": "-b",
}

// runStatus shows a summary, the nodes and the resources; other forms are crm_mon's.
func runStatus(s *session, words []word) error {
	if len(words) == 0 || len(words) == 1 && strings.HasPrefix("inactive", words[0].text) && words[0].text != "" {
		return s.summarize()
	}
	args := []string{"-1"}
	for _, w := range words {
		option, ok := statusOptions[w.text]
		if !ok {
			for name, o := range statusOptions {
				if strings.HasPrefix(name, w.text) && w.text != "" && !ok {
					option, ok = o, true
				}
			}
		}
		switch {
		case ok:
			args = append(args, option)
		case strings.HasPrefix(w.text, "-"):
			args = append(args, w.text)
		default:
			return usageError(fmt.Sprintf("%q is none of %s", w.text, strings.Join(statusWords(s, nil), ", ")))
		}
	}
	return s.native("crm_mon", args)
}

// summarize prints the state of the cluster, resources that do not run included.
func (s *session) summarize() error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	now := time.Now()
	state := scheduler.Observe(doc, now)
	s.printf("Cluster Summary:\n")
	s.printf("  * Stack: %s\n", orUnknown(propertyOf(doc, "cluster-infrastructure")))
	s.printf("  * Current DC: %s\n", currentDC(doc, state))
	s.printf("  * Last updated: %s\n", now.Format(time.ANSIC))
	s.printf("  * Last change:  %s\n", lastChange(doc))
	s.printf("  * %s configured\n", counted(len(state.Nodes), "node"))
	s.printf("  * %s configured%s\n", counted(state.Instances, "resource instance"), setAside(state))
	if state.Options.MaintenanceMode {
		s.printf("\n              *** Resource management is DISABLED ***\n  The cluster will not attempt to start, stop or recover services\n")
	}
	s.printf("\nNode List:\n")
	status.Nodes(s.stdout, state, "  ")
	s.printf("\nFull List of Resources:\n")
	s.listResources(state, status.Options{})
	if len(state.Failures) > 0 {
		s.printf("\nFailed Resource Actions:\n")
	}
	for _, f := range state.Failures {
		s.printf("  * %s\n", monitor.FailureInWords(f))
	}
	s.listTroubles()
	return nil
}

// listTroubles tells of fencing that failed, and of agents that a running cluster's hosts lack.
func (s *session) listTroubles() {
	if !s.live() {
		return
	}
	s.printf("%s", monitor.LiveFencing(false))
	state, err := s.clusterState("status")
	if err != nil || len(state.Missing) == 0 {
		return
	}
	s.printf("\nMissing Agents:\n")
	for _, m := range state.Missing {
		s.printf("  * %s\n", m)
	}
}

// listResources prints the resources and says whether there are any.
func (s *session) listResources(state *scheduler.Status, options status.Options) bool {
	if len(state.Resources) == 0 {
		s.printf("  * No resources\n")
		return false
	}
	status.ResourcesWith(s.stdout, state, "  ", options)
	return true
}

func propertyOf(doc *cib.Document, name string) string {
	m := &model{doc: doc}
	return m.property(name)
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func currentDC(doc *cib.Document, state *scheduler.Status) string {
	if state.DC == "" {
		return "NONE"
	}
	quorum := "WITHOUT quorum"
	if state.Quorate {
		quorum = "with quorum"
	}
	return fmt.Sprintf("%s (version %s) - partition %s", state.DC, orUnknown(propertyOf(doc, "dc-version")), quorum)
}

func lastChange(doc *cib.Document) string {
	text := doc.Root.Get("cib-last-written")
	for _, part := range [][2]string{{" by ", "update-user"}, {" via ", "update-client"}, {" on ", "update-origin"}} {
		if value := doc.Root.Get(part[1]); value != "" && text != "" {
			text += part[0] + value
		}
	}
	return text
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// setAside says how many resources are disabled or blocked.
func setAside(state *scheduler.Status) string {
	var parts []string
	if state.Disabled > 0 {
		parts = append(parts, fmt.Sprintf("%d DISABLED", state.Disabled))
	}
	if state.Blocked > 0 {
		parts = append(parts, fmt.Sprintf("%d BLOCKED from further action due to failure", state.Blocked))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func statusWords(*session, []string) []string {
	words := map[string]bool{}
	for name := range statusOptions {
		words[name] = true
	}
	return sortedKeys(words)
}

// runScores shows the scores by which resources are placed.
func runScores(s *session, _ []word) error { return s.native("crm_simulate", []string{"-sUL"}) }

// runSimulate shows what the cluster would do with the configuration as it is being edited.
func runSimulate(s *session, words []word) error {
	m, err := s.configuration()
	if err != nil {
		return err
	}
	args, err := simulationWords(words)
	if err != nil {
		return err
	}
	return s.simulationOf(m.result().Bytes(), append([]string{"-S"}, args...)...)
}

// simulationOf runs crm_simulate on a document.
func (s *session) simulationOf(document []byte, args ...string) error {
	dir, err := os.MkdirTemp("", "crm-simulate")
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cib.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return s.simulation(append([]string{"-x", file}, args...))
}

// simulationWords turns the words of simulate into crm_simulate's options.
func simulationWords(words []word) ([]string, error) {
	var args []string
	for _, w := range words {
		switch {
		case w.text == "scores":
			args = append(args, "-s")
		case w.text == "utilization":
			args = append(args, "-U")
		case w.text == "actions" || w.text == "nograph" || strings.Trim(w.text, "v") == "":
		default:
			return nil, usageError(fmt.Sprintf("%q is none of scores, utilization and actions", w.text))
		}
	}
	return args, nil
}

// simulation runs crm_simulate.
func (s *session) simulation(args []string) error {
	if status := simulate.Main(args, strings.NewReader(""), s.stdout, s.stderr); status != 0 {
		return errReported
	}
	return nil
}
