package command

import (
	"github.com/spf13/cobra"

	"holdfast/lab/failover"
)

func bench() *cobra.Command {
	var o failover.Options
	command := &cobra.Command{
		Use:   "bench",
		Short: "measure how long a client goes without a service, for each fault",
		Long: "Makes a lab of its own with a cluster of three hosts, breaks it in every way that the report has\n" +
			"a row for, again and again, and prints the outages that a polling client saw. A run in which the\n" +
			"hypervisor took a processor from this machine for 400 ms of a second is told and done once more,\n" +
			"but never one that had the service on two hosts at once.",
		Example: "  holdfast lab bench\n  holdfast lab bench --runs 3 --only kill --only move --events\n" +
			"  holdfast lab bench --address ocf:holdfast:address",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return failover.Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	command.Flags().IntVar(&o.Runs, "runs", 10, "how often each fault is done")
	command.Flags().StringArrayVar(&o.Only, "only", nil, "these rows only: kill, kill-unfenced, leader, cut, crash, move, daemon, leave, freeze, loss, device, pair, parted, parted-unfenced, half, one-way, loss30, flap, writes, figures")
	command.Flags().StringVar(&o.Address, "address", "ocf:heartbeat:IPaddr2", "agent of the floating address; ocf:holdfast:address is the light one")
	command.Flags().BoolVar(&o.Events, "events", false, "print what the daemons told of every run")
	return command
}
