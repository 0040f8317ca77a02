// Command holdfast is the whole product in one binary. The name it is called by, or
// its first word, picks the tool: holdfast crm …, a link named crm, holdfast node.
package main

import (
	"os"

	"holdfast/cluster/node"
	"holdfast/lab"
)

func main() {
	lab.Main()
	node.Build = version()
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
