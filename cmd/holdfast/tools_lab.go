package main

import "holdfast/lab"

// labTools are the programs that only make sense inside a lab's hosts.
var labTools = map[string]tool{lab.FenceAgentName: lab.FenceAgent}
