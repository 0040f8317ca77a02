package pcs

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCommandIsRunAgainWhereSomebodyWasFaster: both changes are in the document, and what is said is said once.
func TestCommandIsRunAgainWhereSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cib.xml")
	set := func(property string) {
		t.Helper()
		if status := Run([]string{"-f", path, "property", "set", property, "--force"}, strings.NewReader(""), io.Discard, io.Discard); status != 0 {
			t.Fatalf("set %s: status %d", property, status)
		}
	}
	set("first=1")
	runs := 0
	var out strings.Builder
	s := &session{opts: options{"f": path}, stdout: &out, stderr: &out, now: time.Now(), words: []string{"test"}}
	s.cmd = &command{options: "f", document: true, run: func(s *session) error {
		if runs++; runs == 1 {
			set("second=2")
		}
		s.printf("said\n")
		s.doc.EnsureSection("crm_config").Children[0].Set("score", "7")
		return nil
	}}
	if err := s.insist(); err != nil || runs != 2 || out.String() != "said\n" {
		t.Errorf("%v after %d runs; it said %q", err, runs, out.String())
	}
	doc, err := s.openSource(nil)
	if err != nil {
		t.Fatal(err)
	}
	now, err := doc.Load()
	if text := now.Configuration().String(); err != nil || !strings.Contains(text, `name="second"`) || !strings.Contains(text, `score="7"`) {
		t.Errorf("%v\n%s", err, text)
	}
}
