package monitor

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"holdfast/shell/tools/exit"
	"holdfast/shell/tools/option"
)

// inBackground is set in the environment of the process that goes on behind its caller's back.
const inBackground = "HOLDFAST_CRM_MON_IN_BACKGROUND"

// background starts the same call once more as a process of its own, which writes its file again and
// again, and notes that process's id: ocf:pacemaker:ClusterMon lives on it.
func background(line *option.Line, args []string, stderr io.Writer) int {
	if line.Get("as-html") == "" && line.Get("output-to") == "" {
		fmt.Fprintln(stderr, "crm_mon: --daemonize writes to a file only: name it by --output-to or --as-html")
		return exit.Usage
	}
	command := exec.Command("/proc/self/exe", args...)
	command.Args[0] = "crm_mon"
	command.Env = append(os.Environ(), inBackground+"=1")
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	for _, name := range []string{"as-html", "output-to"} {
		if path := line.Get(name); path != "" && !filepath.IsAbs(path) {
			fmt.Fprintf(stderr, "crm_mon: --%s=%s: --daemonize wants a whole path\n", name, path)
			return exit.Usage
		}
	}
	if err := command.Start(); err != nil {
		fmt.Fprintf(stderr, "crm_mon: go on in the background: %v\n", err)
		return exit.Error
	}
	if path := line.Get("pid-file"); path != "" {
		if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", command.Process.Pid), 0o644); err != nil {
			fmt.Fprintf(stderr, "crm_mon: %v\n", err)
			_ = command.Process.Kill()
			return exit.CannotCreate
		}
	}
	return exit.OK
}
