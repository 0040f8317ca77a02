// Director is `holdfast director` on the kernel's table, and nothing else.
package main

import (
	"fmt"
	"os"

	"holdfast/traffic/director"
)

func main() {
	if err := director.Commands[0]().Execute(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
