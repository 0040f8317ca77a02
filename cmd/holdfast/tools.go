package main

import (
	"fmt"
	"io"
	"path/filepath"
	"sort"
)

// tool is one program that the binary answers to. args excludes the tool's own name.
// The answer is the process's exit status.
type tool func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// tools maps the names under which the binary can be called to what they run.
// Native commands (holdfast node, holdfast lab, …) stand in the same table.
var tools = map[string]tool{}

func run(argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name, args := filepath.Base(argv[0]), argv[1:]
	if t, ok := tools[name]; ok {
		return t(args, stdin, stdout, stderr)
	}
	if len(args) > 0 {
		if t, ok := tools[args[0]]; ok {
			return t(args[1:], stdin, stdout, stderr)
		}
		fmt.Fprintf(stderr, "holdfast: no command %q; 'holdfast --help' lists them\n", args[0])
		return 2
	}
	names := make([]string, 0, len(tools))
	for name := range tools {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintln(stdout, name)
	}
	return 0
}
