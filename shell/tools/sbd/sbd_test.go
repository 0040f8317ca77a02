package sbd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	disk "holdfast/cluster/fencing/sbd"
)

// call runs the command without waiting and returns its status, its output and how long it would
// have waited.
func run(t *testing.T, args string) (status int, out string, waited time.Duration) {
	t.Helper()
	var stdout, stderr strings.Builder
	c := &call{timeouts: disk.DefaultTimeouts, stdout: &stdout, stderr: &stderr, name: "alice", wait: func(d time.Duration) { waited += d }}
	help, err := c.parse(strings.Fields(args))
	if err == nil && !help {
		err = c.run()
	}
	if err != nil {
		status = 1
		fmt.Fprintln(&stderr, err)
	}
	return status, stdout.String() + stderr.String(), waited
}

func TestSBD(t *testing.T) {
	t.Setenv("HOLDFAST_ROOT", t.TempDir()) // no settings
	dir := t.TempDir()
	a, b, gone := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "gone")
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args   string
		status int
		want   string
		waited time.Duration
	}{
		{"-d " + a + " dump", 1, "it is no sbd disk", 0},
		{"-d " + a + " -d " + b + " -1 3 -4 6 create", 0, "Device " + b + " is initialized", 0},
		{"-d " + a + " -1 10 -4 10 create", 0, "counts as dead before it is", 0},
		{"-d " + a + ";" + b + " -1 3 -4 6 create", 0, "is initialized", 0},
		{"-d " + a + " dump", 0, "Timeout (msgwait)  : 6\n", 0},
		{"-d " + a + " dump None", 0, "Timeout (msgwait)  : 6\n", 0},
		{"-d " + a + ";" + b + " allocate bob", 0, "bob has slot 0", 4 * time.Second},
		{"-d " + a + ";" + b + " message bob test", 0, "", 0},
		{"-d " + a + " list", 0, "0\tbob\ttest\talice\n", 0},
		{"-d " + a + ";" + b + " message bob reset", 0, "", 6 * time.Second},
		{"-d " + b + " list", 0, "0\tbob\treset\talice\n", 0},
		{"-d " + a + ";" + b + ";" + gone + " message bob off", 0, "gone", 6 * time.Second},
		{"-d " + a + ";" + gone + " message bob off", 1, "reached 1 of 2 disks, too few to count", 0},
		{"-d " + a + " message carol reset", 1, "carol has no slot", 0},
		{"-d " + a + " message bob bark", 1, "expected one of clear, test", 0},
		{"message bob", 1, "message takes 2 words", 0},
		{"list", 1, "-d DISK names one to 3", 0},
		{"-d " + a + " watch", 1, "holdfast node watches", 0},
		{"-4", 1, "option -4 needs a value", 0},
		{"-1 soon create", 1, "expected seconds", 0},
		{"-x list", 1, "option -x is not known", 0},
		{"", 1, "say what to do", 0},
	} {
		status, out, waited := run(t, c.args)
		if status != c.status || !strings.Contains(out, c.want) || waited != c.waited {
			t.Errorf("sbd %s: status %d, waited %s, %q; want %d, %s, %q", c.args, status, waited, out, c.status, c.waited, c.want)
		}
	}
}
