package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"holdfast/cluster/setup"
)

// A disabled host waits after a boot; a daemon that crashed while the host took part goes on.
func TestDisabledHostWaitsOnlyAfterABoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{stateDir, "run/holdfast"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d := &Daemon{options: Options{Root: root}, files: setup.Files{Root: root}, log: slog.New(slog.DiscardHandler)}
	step := func(what string, want bool) {
		t.Helper()
		if got := d.staysOut(); got != want {
			t.Errorf("%s: stays out: %v, want %v", what, got, want)
		}
	}
	step("a host that was never told", false)
	if err := d.Enable(false); err != nil {
		t.Fatal(err)
	}
	step("disabled", true)
	d.takesPart(true)
	step("disabled, and the daemon crashed", false)
	d.takesPart(false)
	step("disabled, and the host left", true)
	if err := d.Enable(true); err != nil {
		t.Fatal(err)
	}
	step("enabled again", false)
	if err := d.Enable(true); err != nil {
		t.Errorf("enable twice: %v", err)
	}
}
