package main

import (
	"io"
	"runtime/debug"

	"holdfast/shell/tools/simulate"
)

// schedulerTools are the commands that look at what the scheduler decides.
var schedulerTools = map[string]tool{"crm_simulate": simulateOnce}

// simulateOnce collects garbage rarely: the process plans once and ends, and nearly all that
// it allocates stays until then. The first collection is at 128 MiB.
func simulateOnce(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	debug.SetGCPercent(3200)
	return simulate.Main(args, stdin, stdout, stderr)
}
