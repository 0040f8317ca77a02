package fencing

import (
	"os"
	"strings"
	"testing"

	"holdfast/lab"
	"holdfast/lab/fleet"
	"holdfast/lab/fleet/fleettest"
)

// TestDocumentedCommandsRun runs the indented lines of docs/fencing.md as they stand.
func TestDocumentedCommandsRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/fencing.md")
	if err != nil {
		t.Fatal(err)
	}
	f := fleettest.Start(t, fleet.Config{Hosts: lab.Names("web", 3), Binary: fleet.Program(), Disks: 1})
	ran := 0
	for line := range strings.Lines(string(text)) {
		command, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		f.Renew()
		f.Must(f.Ready(f.Ctx)) // what the command before fenced is back
		if out, err := f.Try("web1", "", "sh", "-c", command); err != nil {
			t.Errorf("%s: %v\n%s", strings.TrimSpace(command), err, out)
		}
		ran++
	}
	if ran < 20 {
		t.Errorf("%d commands were found, want at least 20", ran)
	}
}
