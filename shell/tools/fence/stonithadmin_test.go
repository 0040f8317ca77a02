package fence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/shell/tools/exit"
)

// The environment names the root, so this test cannot run beside others.
func TestWithoutADaemon(t *testing.T) {
	root := t.TempDir()
	t.Setenv("HOLDFAST_ROOT", root)
	agent := filepath.Join(root, "usr/sbin/fence_test")
	if err := os.MkdirAll(filepath.Dir(agent), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nin=$(cat)\ncase $in in *action=metadata*) echo '<resource-agent name=\"fence_test\"/>';; *ip=192.0.2.1*) exit 0;; *) echo no address >&2; exit 1;; esac\n"
	if err := os.WriteFile(agent, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		call           string
		status         int
		stdout, stderr string // parts
	}{
		{"--metadata --agent fence_test", exit.OK, `<resource-agent name="fence_test"/>`, ""},
		{"--metadata --agent fence_absent", exit.Error, "", "agent stonith:fence_absent is not installed"},
		{"--metadata", exit.Usage, "", "--agent says which"},
		{"--validate --agent fence_test --option ip=192.0.2.1", exit.OK, "are right", ""},
		{"--validate --agent fence_test --option ip", exit.Usage, "", "expected NAME=VALUE"},
		{"--validate --agent fence_test", exit.Error, "", "it printed: no address"},
		{"--list-installed", exit.OK, "fence_test\n", ""},
		{"--reboot n1", exit.Disconnect, "", "no cluster daemon answers on this host"},
		{"--history *", exit.Disconnect, "", "no cluster daemon answers"},
		{"--fence n1 --timeout soon", exit.Usage, "", "--timeout=soon: expected seconds"},
		{"", exit.Usage, "", "say what to do"},
		{"--explode", exit.Usage, "", "unknown option --explode"},
		{"--help", exit.OK, "--confirm", ""},
	} {
		var stdout, stderr strings.Builder
		status := StonithAdmin(strings.Fields(c.call), nil, &stdout, &stderr)
		if status != c.status || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("stonith_admin %s: status %d, stdout %.100q, stderr %q", c.call, status, stdout.String(), stderr.String())
		}
	}
}
