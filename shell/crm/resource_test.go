package crm

import (
	"path/filepath"
	"strings"
	"testing"
)

// What crmsh 4.4.1 was seen to say, and whether it refuses.
func TestResourceAnswers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cib.xml")
	if _, stderr, status := shell(t, file, "configure\nnode n\nproperty stonith-enabled=false\nprimitive a Dummy\nprimitive b Dummy\nclone c b meta promotable=true\ncommit\n"); status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, c := range []struct {
		command string
		status  int
		stdout  string
	}{
		{"resource meta a set target-role Started", 0, "Set 'a' option: id=a-meta_attributes-target-role set=a-meta_attributes name=target-role value=Started\n"},
		{"resource meta a set target-role Stopped", 0, "Set 'a' option: id=a-meta_attributes-target-role name=target-role value=Stopped\n"},
		{"resource param a show fake", 0, ""},
		{"resource promote a", 1, ""},
		{"resource promote b", 0, "Set 'c' option: id=c-meta_attributes-target-role set=c-meta_attributes name=target-role value=Master\n"},
		{"resource trace a monitor", 1, ""},
		{"resource trace a monitor 10", 1, ""},
		{"node server", 0, "n\n"},
		{"node server other", 0, ""},
	} {
		stdout, stderr, status := shell(t, file, "", strings.Fields(c.command)...)
		if status != c.status || stdout != c.stdout {
			t.Errorf("%s: status %d, want %d; printed %q, want %q; %s", c.command, status, c.status, stdout, c.stdout, stderr)
		}
	}
}
