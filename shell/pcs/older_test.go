package pcs

import (
	"strings"
	"testing"
)

func TestOlderCommands(t *testing.T) {
	t.Parallel()
	made := []string{"resource create A ocf:heartbeat:Dummy --force --no-default-ops op monitor interval=9s", "resource create B ocf:heartbeat:Dummy --force --group G"}
	for _, c := range []struct{ call, printed, document string }{
		{"resource show A", "Resource: A (class=ocf", ""},
		{"resource show --full", "Group: G", ""},
		{"resource show --groups", "G: B", ""},
		{"resource show", "ocf:heartbeat:Dummy", ""},
		{"stonith show", "NO stonith devices configured", ""},
		{"resource master A", "", `<clone id="A-clone">`},
		{"resource master M A master-max=1", "", `<clone id="M">`},
		{"cluster standby a", "", `name="standby" value="on"`},
		{"cluster unstandby --all", "", ""},
		{"cluster remote-node add guest A", "", `name="remote-node" value="guest"`},
		{"resource unmove A", "", ""},
	} {
		printed, after, status := on(t, threeNodes, append(made[:2:2], c.call)...)
		if status != 0 || !strings.Contains(printed, c.printed) || !strings.Contains(after, c.document) {
			t.Errorf("pcs %s: status %d, printed %q, left\n%s", c.call, status, printed, after)
		}
	}
}
