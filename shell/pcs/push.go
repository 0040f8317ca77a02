package pcs

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"holdfast/cluster/cib"
)

func pushCommands() []command {
	return []command{
		{path: "cluster cib-push", syntax: "FILE [--config | diff-against=FILE | scope=SECTION]", help: "Puts a document in place of the cluster's.\nExample: pcs cluster cib-push new.xml diff-against=old.xml",
			document: true, options: "f config wait", run: pushDocument},
	}
}

func readDocument(path string) (*cib.Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	doc, err := cib.Parse(path, text)
	if err != nil {
		return nil, err
	}
	return doc, nil
}

// pushDocument replaces the configuration, one section of it, or what differs between two files.
func pushDocument(s *session) error {
	if len(s.args) == 0 {
		return errUsage
	}
	var against, scope string
	for _, word := range s.args[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case name == "diff-against" && value != "":
			against = value
		case name == "scope" && value != "":
			scope = value
		default:
			return usageError{fmt.Sprintf("'%s': diff-against=FILE or scope=SECTION was expected", word)}
		}
	}
	if s.opts.has("config") {
		if scope != "" {
			return fmt.Errorf("--config and scope exclude each other")
		}
		scope = "configuration"
	}
	if against != "" && scope != "" {
		return fmt.Errorf("diff-against and scope exclude each other")
	}
	if scope != "" {
		return s.pushSection(s.args[0], scope)
	}
	pushed, err := readDocument(s.args[0])
	if err != nil {
		return err
	}
	if against != "" {
		before, err := readDocument(against)
		if err != nil {
			return err
		}
		if bytes.Equal(before.Bytes(), pushed.Bytes()) {
			s.note("%s and %s are the same; nothing to push", against, s.args[0])
			return nil
		}
		// What differs is what counts, not at which version.
		before.SetVersion(s.doc.Version())
		pushed.SetVersion(s.doc.Version())
		if err := s.doc.Patch(cib.Diff(before, pushed)); err != nil {
			return fmt.Errorf("what %s changes in %s does not fit the cluster's document: %w", s.args[0], against, err)
		}
		s.note("CIB updated")
		return nil
	}
	if now, old := pushed.Version(), s.doc.Version(); now.Compare(old) < 0 {
		return fmt.Errorf("%s is older (%s) than the cluster's document (%s); --config puts its configuration there all the same", s.args[0], now, old)
	}
	s.doc.Configuration().ReplaceWith(pushed.Configuration().Clone())
	if schema := pushed.Root.Get("validate-with"); schema != "" {
		s.doc.Root.Set("validate-with", schema)
	}
	s.note("CIB updated")
	return nil
}

// pushSection replaces a section by that of a file, which holds the section alone or a whole document.
func (s *session) pushSection(path, scope string) error {
	if scope != "configuration" && !slices.Contains(editScopes, scope) {
		return fmt.Errorf("'%s' is not a section of the configuration; sections are %s", scope, quoted(editScopes))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	from, err := cib.ParseElement(path, text)
	if err != nil {
		return err
	}
	if from.Name == "cib" {
		from = from.Child("configuration")
	}
	if from != nil && from.Name == "configuration" && scope != "configuration" {
		from = from.Child(scope)
	}
	if from == nil || from.Name != scope {
		return fmt.Errorf("%s has no section %s", path, scope)
	}
	to := s.doc.Configuration()
	if scope != "configuration" {
		to = s.doc.EnsureSection(scope)
	}
	to.ReplaceWith(from.Clone())
	s.note("CIB updated")
	return nil
}
