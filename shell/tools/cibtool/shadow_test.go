package cibtool

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/cluster/cib"
)

func TestShadow(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CIB_shadow_dir", dir)
	t.Setenv("CIB_shadow", "mine")
	path := filepath.Join(dir, "shadow.mine")
	if err := os.WriteFile(path, cib.New().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, args string
		status     int
		want       string
	}{
		{"the last query counts", "-F -w", 0, "mine\n"},
		{"the last query counts", "-w -F", 0, path + "\n"},
		{"the last query counts", "-w -p", 0, "<cib "},
		{"another copy than the one in use", "-e other -b", 64, ""},
		{"another copy, by force", "-e other -b -f", 0, "Created new "},
	} {
		var stdout, stderr bytes.Buffer
		status := Shadow(strings.Fields(c.args), nil, &stdout, &stderr)
		if status != c.status || !strings.HasPrefix(stdout.String(), c.want) {
			t.Errorf("%s: crm_shadow %s: %d %q (%s), want %d %q", c.name, c.args, status, stdout.String(), stderr.String(), c.status, c.want)
		}
	}
}
