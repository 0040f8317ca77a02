package director

import (
	"os"
	"path/filepath"
	"testing"
)

// Service managers learn from the file whom to watch, and that there is nobody.
func TestPIDFile(t *testing.T) {
	t.Parallel()
	b := Background{Name: "ldirectord.web", Root: t.TempDir()}
	b.PIDFile = filepath.Join(b.Root, "run", b.Name+".pid")
	if err := b.notePID(4711); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(b.PIDFile); err != nil || string(text) != "4711\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if err := b.Stop(t.Context()); err != nil { // no director answers: the file is what another one left behind
		t.Fatal(err)
	}
	if _, err := os.Stat(b.PIDFile); !os.IsNotExist(err) {
		t.Errorf("after a stop the file is still there: %v", err)
	}
	if err := b.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}
