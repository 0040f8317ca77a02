package crm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// statusOptions maps the words of status to crm_mon's options.
var statusOptions = map[string]string{
	"full": "-ncrft", "bynode": "-n", "inactive": "-r", "ops": "-o", "timing": "-t", "failcounts": "-f", "verbose": "-V", "quiet": "-Q",
	"html": "--output-as=html", "xml": "--output-as=xml", "simple": "-s", "tickets": "-c", "noheaders": "-D", "detail": "-R", "brief": "-b",
}

// runStatus shows what crm_mon shows once.
func runStatus(s *session, words []word) error {
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
	if len(words) == 0 {
		args = append(args, "-r")
	}
	return s.native("crm_mon", args)
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
	dir, err := os.MkdirTemp("", "crm-simulate")
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "cib.xml")
	if err := os.WriteFile(file, m.result().Bytes(), 0o600); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	args := []string{"-S", "-x", file}
	for _, w := range words {
		switch {
		case w.text == "scores":
			args = append(args, "-s")
		case w.text == "utilization":
			args = append(args, "-U")
		case w.text == "actions" || w.text == "nograph" || strings.Trim(w.text, "v") == "":
		default:
			return usageError(fmt.Sprintf("%q is none of scores, utilization and actions", w.text))
		}
	}
	return s.native("crm_simulate", args)
}
