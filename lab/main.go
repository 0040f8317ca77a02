package lab

import (
	"os"
	"path/filepath"
)

// The names under which this executable is a part of a lab.
const (
	keeperName = "holdfast-lab-keeper"
	initName   = "holdfast-lab-init"
	pollName   = "holdfast-lab-poll"
)

// Main takes over the process, and never returns, if it was started as a part of a lab: the
// keeper, a host's first process, a poller, the fence agent. A program that uses this package calls
// it before anything else, in main or TestMain.
func Main() {
	switch filepath.Base(os.Args[0]) {
	case keeperName:
		runKeeper()
	case initName:
		runInit()
	case pollName:
		os.Exit(runPoll(os.Args[1:], os.Stdout, os.Stderr))
	case FenceAgentName:
		os.Exit(FenceAgent(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}
