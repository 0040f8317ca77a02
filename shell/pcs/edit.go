package pcs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/shell/tools/cibtool"
)

func editCommands() []command {
	return []command{
		{path: "cluster edit", syntax: "[scope=SECTION | --config]", help: "Opens the document, or a section of it, in $EDITOR and stores what comes of it.", document: true, options: "f config wait", run: editDocument},
		{path: "cluster verify", syntax: "[--full]", help: "Says whether the configuration is valid; with --full what is wrong, and what is risky.", document: true, options: "f full verbose", older: verifyOlder, run: verifyDocument},
	}
}

// editScopes are the sections that can be edited alone.
var editScopes = []string{"acls", "alerts", "configuration", "constraints", "crm_config", "fencing-topology", "nodes", "op_defaults", "resources", "rsc_defaults", "tags"}

func editDocument(s *session) error {
	scope := ""
	for _, word := range s.args {
		name, value, _ := strings.Cut(word, "=")
		if name != "scope" || !slices.Contains(editScopes, value) {
			return usageError{fmt.Sprintf("'%s': scope=SECTION was expected, one of %s", word, quoted(editScopes))}
		}
		scope = value
	}
	if s.opts.has("config") {
		if scope != "" {
			return errors.New("--config and scope exclude each other")
		}
		scope = "configuration"
	}
	target := s.doc.Root
	switch scope {
	case "":
	case "configuration":
		target = s.doc.Configuration()
	default:
		target = s.doc.EnsureSection(scope)
	}
	// The editor shows a file of its own, laid out as a document is.
	before := (&cib.Document{Root: target.Clone()}).Bytes()
	after, err := s.throughEditor(before)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) {
		s.note("CIB not updated, no changes detected")
		return nil
	}
	edited, err := cib.ParseElement("what the editor left", after)
	if err != nil {
		return err
	}
	if edited.Name != target.Name {
		return fmt.Errorf("what the editor left is a <%s>; <%s> was expected", edited.Name, target.Name)
	}
	if scope == "" {
		s.doc.Root = edited
	} else {
		target.ReplaceWith(edited)
	}
	s.note("CIB updated")
	return nil
}

// throughEditor lets the user change text.
func (s *session) throughEditor(text []byte) ([]byte, error) {
	editor := os.Getenv("EDITOR")
	if editor == "" {
		return nil, errors.New("EDITOR is not set; set it to the editor to use")
	}
	dir, err := os.MkdirTemp("", "pcs-edit")
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "cib.xml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	cmd := exec.Command("sh", "-c", editor+` "$1"`, "sh", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, s.stdout, s.stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("edit with %s: %w; nothing was changed", editor, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
	defer f.Close()
	return io.ReadAll(f)
}

func verifyDocument(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	problems := cibtool.Problems(s.doc)
	if len(problems) == 0 {
		return nil
	}
	s.note("Error: invalid cib:")
	if s.opts.has("full") {
		for _, p := range problems {
			s.note("%s", p)
		}
	} else {
		s.note("%d problems were found; --full names them", len(problems))
	}
	return errReported
}
