package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// needed are the programs of the demo that Debian packages bring.
var needed = map[string]string{
	"/usr/sbin/apache2":                         "apache2",
	"/usr/lib/ocf/resource.d/heartbeat/IPaddr2": "resource-agents",
	"/usr/sbin/fence_virsh":                     "fence-agents",
	"/usr/bin/pgrep":                            "procps",
	"/sbin/ip":                                  "iproute2",
}

// installMissing installs what is not there.
func installMissing(ctx context.Context, w io.Writer) error {
	var packages []string
	for path, name := range needed {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			packages = append(packages, name)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	fmt.Fprintln(w, "Installing what is missing:", strings.Join(packages, " "))
	for _, args := range [][]string{{"update"}, append([]string{"install", "-y", "--no-install-recommends"}, packages...)} {
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
