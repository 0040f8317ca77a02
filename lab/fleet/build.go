package fleet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"holdfast/lab"
)

// Testing is the body of TestMain in packages whose tests run clusters: it builds the holdfast
// program for the hosts, calls run, and removes the program again. The answer is the
// exit status.
func Testing(run func(binary string) int) int {
	lab.Main()
	dir, err := os.MkdirTemp("", "holdfast-fleet")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "holdfast")
	build := exec.Command("go", "build", "-o", binary, "holdfast/cmd/holdfast")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build holdfast: %v: %s\n", err, out)
		return 1
	}
	return run(binary)
}
