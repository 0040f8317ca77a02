package node

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/node/client"
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

// TestHostOutsideOfAnyClusterSaysWhatToDo: a host without a configuration needs another command than one that was
// told to stay out. What asks for more than the status is refused with the same sentence.
func TestHostOutsideOfAnyClusterSaysWhatToDo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := &Daemon{options: Options{Root: root}, host: "alice", files: setup.Files{Root: root}, log: slog.New(slog.DiscardHandler)}
	says := func(want string) {
		t.Helper()
		answer, err := d.notSetUp(nil, httptest.NewRequest("GET", "/v1/status", nil))
		status, _ := answer.(client.Status)
		if err != nil || status.Host != "alice" || status.Configured || len(status.Problems) != 1 || !strings.Contains(status.Problems[0], want) {
			t.Errorf("the status is %+v, %v; want %s", status, err, want)
		}
		if _, err := d.notSetUp(nil, httptest.NewRequest("GET", "/v1/cib", nil)); !errors.Is(err, client.NotSetUp) || !strings.Contains(err.Error(), want) {
			t.Errorf("the document: %v; want %s", err, want)
		}
	}
	says("'holdfast init'")
	if err := d.Configure(setup.Configuration{Corosync: "totem {\n}\n", Authkey: make([]byte, 128)}); err != nil {
		t.Fatal(err)
	}
	says("'pcs cluster start'")
}
