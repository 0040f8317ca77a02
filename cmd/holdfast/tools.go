package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"

	"holdfast/agents"
)

// tool is one program that the binary answers to. args excludes the tool's own name.
// The answer is the process's exit status.
type tool func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// tools maps the names of programs that Holdfast stands in for (crm, pcs, crm_mon, …)
// to what they run. Each has its own language and its own --help. Holdfast's own
// commands are in natives. Areas keep their names in files of their own.
var tools = merge(
	crmTools,
	pcsTools,
	labTools,
	cibTools,
	agentTools,
	schedulerTools,
	peerTools,
	directorTools,
	proxyTools,
)

func merge(areas ...map[string]tool) map[string]tool {
	all := map[string]tool{}
	for _, area := range areas {
		maps.Copy(all, area)
	}
	return all
}

// run picks the tool by the name the binary was called by or, when that is none, by the
// first word; everything else is a native command.
func run(argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name, args := filepath.Base(argv[0]), argv[1:]
	if agents.Called(argv[0]) {
		return agents.Run(argv[0], args, stdout, stderr)
	}
	if t, ok := tools[name]; ok {
		return t(args, stdin, stdout, stderr)
	}
	if len(args) > 0 {
		if t, ok := tools[args[0]]; ok {
			return t(args[1:], stdin, stdout, stderr)
		}
	}
	return runNative(args, stdin, stdout, stderr)
}

// exitCoder is an error that chooses the process's exit status; others give 1.
type exitCoder interface{ ExitCode() int }

func runNative(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "holdfast: %s\n", text)
	}
	if coder, ok := err.(exitCoder); ok {
		return coder.ExitCode()
	}
	return 1
}
