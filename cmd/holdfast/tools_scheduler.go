package main

import (
	"io"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"holdfast/shell/tools/simulate"
)

// schedulerTools are the commands that look at what the scheduler decides.
var schedulerTools = map[string]tool{"crm_simulate": simulateOnce}

// simulateOnce turns collecting garbage off: the process plans once and ends, and nearly all that it allocates is in use until then. Only
// when it has taken half of the machine's memory are collections worth their time.
func simulateOnce(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err == nil {
		debug.SetMemoryLimit(int64(machine.Totalram*uint64(machine.Unit)) / 2)
		debug.SetGCPercent(-1)
	}
	return simulate.Main(args, stdin, stdout, stderr)
}
