package adopt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/crm"
	"holdfast/shell/pcs"
)

// scratch is the document that scripts work on: what has been read so far.
func (r *Result) scratch(options Options) (string, error) {
	path := filepath.Join(options.Work, "cib.xml")
	if r.Document == nil {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return "", err
		}
		empty := `<cib validate-with="` + cib.NewestSchema + `" epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`
		return path, os.WriteFile(path, []byte(empty), 0o600)
	}
	return path, os.WriteFile(path, r.Document.Bytes(), 0o600)
}

func (r *Result) collect(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what the script made: %w", err)
	}
	doc, err := cib.Parse(path, text)
	if err == nil {
		r.Document = doc
	}
	return err
}

// readCRM runs a script of crm's configure level on the document read so far.
func (r *Result) readCRM(path, text string, options Options) error {
	work, err := r.scratch(options)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	if status := crm.LoadScript(work, text, &said, &said); status != 0 {
		r.lose("%s: crm did not take all of it", path)
	}
	for line := range strings.Lines(said.String()) {
		if strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "WARNING") {
			r.lose("%s: %s", path, strings.TrimSpace(line))
		}
	}
	if err := r.collect(work); err != nil {
		return err
	}
	r.understand("%s: a script for crm; the document has %s", path, count(r.Document))
	return nil
}

// looking are pcs's commands that change nothing; hosted are those that set up hosts.
var (
	looking = []string{"status", "config", "show", "list", "describe"}
	hosted  = []string{"host", "cluster", "pcsd", "client", "quorum", "booth"}
)

// readPCS runs the pcs commands of a script on the document read so far.
func (r *Result) readPCS(path, text string, options Options) error {
	work, err := r.scratch(options)
	if err != nil {
		return err
	}
	number, done := 0, 0
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		words, err := shellWords(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, number, err)
		}
		if words[0] == "sudo" && len(words) > 1 {
			words = words[1:]
		}
		if words[0] != "pcs" {
			r.lose("%s:%d: %s: not a pcs command", path, number, line)
			continue
		}
		words = words[1:]
		switch {
		case len(words) == 0 || len(words) == 1 || slices.Contains(looking, words[0]) || slices.Contains(looking, words[1]):
			continue
		case slices.Contains(hosted, words[0]):
			r.step("on the hosts: %s", line)
			continue
		case words[0] == "resource" && slices.Contains([]string{"move", "refresh", "cleanup", "relocate", "clear", "failcount"}, words[1]):
			r.step("on the running cluster, if still wanted: %s", line)
			continue
		}
		var said bytes.Buffer
		if status := pcs.Run(append([]string{"-f", work}, words...), nil, &said, &said); status != 0 {
			r.lose("%s:%d: %s: %s", path, number, line, firstLine(said.String()))
			continue
		}
		done++
	}
	if err := r.collect(work); err != nil {
		return err
	}
	r.understand("%s: a script for pcs, %d commands run; the document has %s", path, done, count(r.Document))
	return nil
}

func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "it was refused"
}

// shellWords splits a line as a shell does, as far as such scripts need it: blanks, quotes, backslashes.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case c == '#' && !inWord:
			return words, nil
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
