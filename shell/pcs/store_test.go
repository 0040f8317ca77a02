package pcs

import (
	"strings"
	"testing"

	"holdfast/cluster/cib"
	"holdfast/shell/source"
)

// moving is a cluster's document that others change between a command's reading and writing.
type moving struct {
	source.Source
	doc *cib.Document
}

func (m moving) Change(_ cib.Cause, change func(*cib.Document) error) error { return change(m.doc) }

func document(t *testing.T, version, configuration, status string) *cib.Document {
	t.Helper()
	doc, err := cib.Parse("test", []byte(`<cib admin_epoch="0" `+version+`><configuration>`+configuration+
		`</configuration><status>`+status+`</status></cib>`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestStoreKeepsAStatusThatMovedOn(t *testing.T) {
	t.Parallel()
	read := document(t, `epoch="5" num_updates="1"`, `<nodes/>`, ``)
	live := document(t, `epoch="5" num_updates="2"`, `<nodes/>`, `<node_state id="1"/>`)
	s := &session{source: moving{doc: live}, doc: read.Clone(), version: read.Version()}
	s.doc.Configuration().Ensure("constraints")
	if err := s.storeDocument("test"); err != nil {
		t.Fatal(err)
	}
	text := string(live.Bytes())
	if !strings.Contains(text, "<constraints/>") || !strings.Contains(text, "node_state") {
		t.Errorf("stored: %s", text)
	}
}

func TestStoreRefusesAConfigurationThatMovedOn(t *testing.T) {
	t.Parallel()
	read := document(t, `epoch="5" num_updates="1"`, `<nodes/>`, ``)
	live := document(t, `epoch="6" num_updates="0"`, `<nodes/>`, ``)
	s := &session{source: moving{doc: live}, doc: read.Clone(), version: read.Version()}
	if err := s.storeDocument("test"); err == nil || !strings.Contains(err.Error(), "run the command again") {
		t.Errorf("error is %v", err)
	}
}
