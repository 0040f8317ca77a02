// Package command is `holdfast lab`: virtual hosts from the command line.
//
// A lab that it brings up belongs to its user, has a name, and goes on until it is taken down.
// The package starts one goroutine, for the length of an exec: it passes on signals.
package command

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/lab"
	"holdfast/output"
)

// Commands are the native commands of this area.
var Commands = []func() *cobra.Command{labCommand}

// labName is the --name flag, which every subcommand has.
type labName struct{ name string }

func (n *labName) open() (*lab.Lab, error) { return lab.Open(n.name) }

func labCommand() *cobra.Command {
	n := &labName{}
	command := &cobra.Command{
		Use:   "lab",
		Short: "make virtual hosts on this machine, and break them",
		Long: "Makes virtual hosts from namespaces, with disks, links and a fence device of their own, and\n" +
			"lets them fail: power, disk, links, packets. Nothing that happens in a lab reaches the machine,\n" +
			"and nothing is left of it after `holdfast lab down`.",
		Example: "  holdfast lab up --hosts 3\n" +
			"  holdfast lab exec host1 ip address\n" +
			"  holdfast lab kill host1\n" +
			"  holdfast lab boot host1\n" +
			"  holdfast lab down",
	}
	command.PersistentFlags().StringVar(&n.name, "name", "lab", "which of your labs")
	command.AddCommand(n.up(), n.down(), n.status(), n.exec())
	command.AddCommand(n.hostCommands()...)
	command.AddCommand(n.cut(), n.heal(), n.lose(), n.partition(), n.fenceFault(), bench(), demoCommand())
	return command
}

func (n *labName) up() *cobra.Command {
	var count int
	var prefix string
	var links, binds, boot []string
	var delay time.Duration
	command := &cobra.Command{
		Use:   "up [HOST…]",
		Short: "bring up a lab of hosts with these names",
		Example: "  holdfast lab up --hosts 3\n" +
			"  holdfast lab up alice bob --link 192.168.56.0/24 --link 192.168.57.0/24\n" +
			"  holdfast lab up --hosts 3 --boot 'holdfast node'",
		RunE: func(cmd *cobra.Command, args []string) error {
			c := lab.Config{Name: n.name, Hosts: args, Binds: binds, RebootDelay: delay,
				Install: []lab.Command{{Args: []string{"holdfast", "link", "/usr/sbin", "--replace", "--agents", "/usr/lib/ocf/resource.d/holdfast"}}}}
			if len(args) == 0 {
				c.Hosts = lab.Names(prefix, count)
			}
			for _, link := range links {
				network, err := netip.ParsePrefix(link)
				if err != nil {
					return fmt.Errorf("--link %q: want a network like 10.77.0.0/24", link)
				}
				c.Links = append(c.Links, network)
			}
			for _, line := range boot {
				c.Boot = append(c.Boot, lab.Command{Args: []string{"sh", "-c", "exec " + line}})
			}
			if err := lab.Up(cmd.Context(), c); err != nil {
				return err
			}
			return n.printStatus(cmd.OutOrStdout(), &output.Format{})
		},
	}
	command.Flags().IntVar(&count, "hosts", 3, "how many hosts, when none is named")
	command.Flags().StringVar(&prefix, "prefix", "host", "what their names begin with")
	command.Flags().StringArrayVar(&links, "link", nil, "network of a link; once for each (default 10.77.0.0/24)")
	command.Flags().StringArrayVar(&binds, "bind", nil, "directory of this machine that the hosts see, read-only")
	command.Flags().StringArrayVar(&boot, "boot", nil, "command that each host runs at each boot")
	command.Flags().DurationVar(&delay, "reboot-delay", time.Second, "how long a fenced host stays off")
	return command
}

func (n *labName) down() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "take the lab down; nothing is left of it", Example: "  holdfast lab down",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			l, err := n.open()
			if err != nil {
				return err
			}
			return l.Close()
		},
	}
}

func (n *labName) status() *cobra.Command {
	var format output.Format
	command := &cobra.Command{
		Use: "status", Short: "say what the hosts are doing", Example: "  holdfast lab status -o json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return n.printStatus(cmd.OutOrStdout(), &format) },
	}
	output.Add(command.Flags(), &format, "")
	return command
}

func (n *labName) printStatus(w io.Writer, format *output.Format) error {
	l, err := n.open()
	if err != nil {
		return err
	}
	hosts, err := l.Status()
	if err != nil {
		return err
	}
	return format.Print(w, hosts, func(w io.Writer) error {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "HOST\tSTATE\tBOOTS\tADDRESSES\tFAULTS")
		for _, h := range hosts {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", h.Name, h.State, h.Boots, strings.Join(h.Addresses, " "), faultsOf(h))
		}
		return table.Flush()
	})
}

func faultsOf(h lab.HostStatus) string {
	var faults []string
	for _, link := range h.Cut {
		faults = append(faults, "link "+strconv.Itoa(link)+" cut")
	}
	if h.Full {
		faults = append(faults, "disk full")
	}
	return strings.Join(faults, ", ")
}
