package command

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/lab"
)

// hostCommands are the faults that need nothing but the names of hosts.
func (n *labName) hostCommands() []*cobra.Command {
	verbs := []struct {
		name, short string
		do          func(*lab.Host) error
	}{
		{"kill", "cut the power of hosts", func(h *lab.Host) error { _, err := h.Kill(); return err }},
		{"boot", "switch killed hosts on again", (*lab.Host).Boot},
		{"freeze", "stop every process of hosts", func(h *lab.Host) error { _, err := h.Freeze(); return err }},
		{"thaw", "let frozen hosts go on", (*lab.Host).Thaw},
		{"fill-disk", "leave no free byte in the state directory of hosts", (*lab.Host).FillDisk},
		{"empty-disk", "give the space back", (*lab.Host).EmptyDisk},
	}
	var commands []*cobra.Command
	for _, verb := range verbs {
		commands = append(commands, &cobra.Command{
			Use: verb.name + " HOST…", Short: verb.short, Example: "  holdfast lab " + verb.name + " host1",
			Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return n.each(args, verb.do) },
		})
	}
	return commands
}

func (n *labName) each(names []string, do func(*lab.Host) error) error {
	l, err := n.open()
	if err != nil {
		return err
	}
	for _, name := range names {
		err = errors.Join(err, do(l.Host(name)))
	}
	return err
}

const linkHelp = "link number, from 0; -1 is every link of the host"

func (n *labName) cut() *cobra.Command {
	link := lab.AllLinks
	command := &cobra.Command{
		Use: "cut HOST…", Short: "pull the network cables of hosts", Example: "  holdfast lab cut host1 --link 0",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return n.each(args, func(h *lab.Host) error { _, err := h.Cut(link); return err })
		},
	}
	command.Flags().IntVar(&link, "link", lab.AllLinks, linkHelp)
	return command
}

func (n *labName) heal() *cobra.Command {
	link := lab.AllLinks
	command := &cobra.Command{
		Use: "heal [HOST…]", Short: "put cables back and end loss; without a host, end every fault of the network",
		Example: "  holdfast lab heal host1\n  holdfast lab heal",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				l, err := n.open()
				if err != nil {
					return err
				}
				for _, h := range l.Hosts() {
					args = append(args, h.Name())
				}
				if err := l.Partition(); err != nil {
					return err
				}
			}
			return n.each(args, func(h *lab.Host) error { return errors.Join(h.Heal(link), h.Lose(link, 0)) })
		},
	}
	command.Flags().IntVar(&link, "link", lab.AllLinks, linkHelp)
	return command
}

func (n *labName) lose() *cobra.Command {
	link := lab.AllLinks
	command := &cobra.Command{
		Use: "lose PERCENT HOST…", Short: "drop a share of the packets to and from hosts", Example: "  holdfast lab lose 10 host1",
		Args: cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			percent, err := strconv.ParseFloat(strings.TrimSuffix(args[0], "%"), 64)
			if err != nil {
				return fmt.Errorf("loss %q: want a number of percent", args[0])
			}
			return n.each(args[1:], func(h *lab.Host) error { return h.Lose(link, percent) })
		},
	}
	command.Flags().IntVar(&link, "link", lab.AllLinks, linkHelp)
	return command
}

func (n *labName) partition() *cobra.Command {
	return &cobra.Command{
		Use: "partition HOST[,HOST…]…", Short: "let sets of hosts not hear each other",
		Example: "  holdfast lab partition host1 host2,host3",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			l, err := n.open()
			if err != nil {
				return err
			}
			var sets [][]string
			for _, set := range args {
				sets = append(sets, strings.Split(set, ","))
			}
			return l.Partition(sets...)
		},
	}
}

func (n *labName) fenceFault() *cobra.Command {
	return &cobra.Command{
		Use: "fence-fault fail|hang|none HOST…", Short: "break the fence device of hosts",
		Example: "  holdfast lab fence-fault hang host1",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			fault := args[0]
			if fault == "none" {
				fault = lab.FenceWorks
			}
			return n.each(args[1:], func(h *lab.Host) error { return h.FenceFault(fault) })
		},
	}
}
