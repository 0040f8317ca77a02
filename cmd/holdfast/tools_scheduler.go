package main

import (
	"io"
	"runtime/debug"

	"holdfast/shell/tools/simulate"
)

// schedulerTools are the commands that look at what the scheduler decides.
var schedulerTools = map[string]tool{"crm_simulate": simulateOnce}

// simulateOnce all but turns collecting garbage off: the process plans once and ends, and
// nearly all that it allocates is in use until then. The first collection is at 1 GiB, which
// is more than a running cluster of 10,000 resources takes.
func simulateOnce(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	debug.SetGCPercent(25600)
	return simulate.Main(args, stdin, stdout, stderr)
}
