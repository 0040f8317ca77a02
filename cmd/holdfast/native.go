package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/cluster/node"
	"holdfast/lab/command"
	"holdfast/shell/adopt"
	"holdfast/shell/check"
	"holdfast/shell/events"
	"holdfast/shell/explain"
	"holdfast/shell/forks"
	"holdfast/shell/history"
	"holdfast/shell/lint"
	"holdfast/shell/quorumdisk"
	"holdfast/shell/setup"
	"holdfast/shell/witness"
	"holdfast/spelling"
	"holdfast/traffic/director"
	"holdfast/traffic/proxy"
	"holdfast/traffic/vrrp"
)

// natives makes Holdfast's own commands: holdfast node, holdfast lab, …
// An area adds its commands in a line here.
func natives() []*cobra.Command {
	var all []*cobra.Command
	for _, area := range [][]func() *cobra.Command{
		binaryCommands,
		setup.Commands,
		explain.Commands,
		command.Commands,
		node.Commands,
		history.Commands,
		events.Commands,
		forks.Commands,
		lint.Commands,
		adopt.Commands,
		vrrp.Commands,
		director.Commands,
		witness.Commands,
		quorumdisk.Commands,
		proxy.Commands,
		check.Commands,
	} {
		for _, make := range area {
			all = append(all, make())
		}
	}
	return all
}

// newRoot makes the command tree of `holdfast`.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "holdfast",
		Short: "keeps services on Linux alive",
		Long: "Holdfast keeps services on Linux alive: it forms a cluster of hosts, runs services on them with the\n" +
			"distribution's own agents, and moves them when a host dies.\n\n" +
			"The same binary stands in for these programs, as `holdfast NAME` or through a link of that name\n" +
			"(`holdfast link DIR` makes them); each has its own --help:\n\n" + wrapped(slices.Sorted(maps.Keys(tools)), 100),
		Example: "  holdfast node                         run this host's part of the cluster\n" +
			"  holdfast crm configure show           what is configured\n" +
			"  CIB_file=new.xml holdfast pcs status  the same tools on a document in a file",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("no command %q%s; 'holdfast --help' lists them", args[0], meant(cmd, args[0]))
		},
		Run: func(cmd *cobra.Command, _ []string) { _ = cmd.Help() },
	}
	root.AddCommand(natives()...)
	return root
}

// wrapped sets words in lines of at most width columns, indented by two.
func wrapped(words []string, width int) string {
	var b strings.Builder
	column := 0
	for _, w := range words {
		if column == 0 || column+1+len(w) > width {
			if column > 0 {
				b.WriteByte('\n')
			}
			b.WriteString("  " + w)
			column = 2 + len(w)
			continue
		}
		b.WriteString(" " + w)
		column += 1 + len(w)
	}
	return b.String()
}

// meant asks whether the command or program was meant whose name is nearest to a word, "" if none is near.
func meant(root *cobra.Command, word string) string {
	known := slices.Sorted(maps.Keys(tools))
	for _, command := range root.Commands() {
		known = append(known, command.Name())
	}
	if name := spelling.Nearest(word, known, 2); name != "" {
		return fmt.Sprintf(" (did you mean %s?)", name)
	}
	return ""
}
