package main

import (
	"io"
	"runtime/debug"

	"holdfast/shell/tools/simulate"
)

// schedulerTools are the commands that look at what the scheduler decides.
var schedulerTools = map[string]tool{"crm_simulate": simulateOnce}

// simulateOnce collects garbage rarely: the process plans once and ends.
func simulateOnce(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	debug.SetGCPercent(400)
	return simulate.Main(args, stdin, stdout, stderr)
}
