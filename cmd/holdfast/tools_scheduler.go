package main

import "holdfast/shell/tools/simulate"

// schedulerTools are the commands that look at what the scheduler decides.
var schedulerTools = map[string]tool{
	"crm_simulate": simulate.Main,
}
