package crm

import (
	"os"
	"strings"
	"testing"
)

// An agent checks parameters on a host that belongs to no cluster, too.
func TestValidateWithoutACluster(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/lib/ocf/resource.d/heartbeat/Delay"); err != nil {
		t.Skipf("the resource agents are not installed: %v", err)
	}
	file := t.TempDir() + "/cib.xml"
	for command, want := range map[string]int{"startdelay=1": 0, "startdelay=soon": 1} {
		var out strings.Builder
		args := []string{"ra", "validate", "ocf:heartbeat:Delay", command}
		if status := OnFile(file, args, strings.NewReader(""), &out, &out); status != want {
			t.Errorf("%s: status %d, want %d:\n%s", command, status, want, out.String())
		}
	}
}
