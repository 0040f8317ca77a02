package setup

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/node/client"
)

// leaveCommand takes a host out of its cluster for good.
func leaveCommand() *cobra.Command {
	var root string
	var force bool
	cmd := &cobra.Command{
		Use:   "leave [HOST]",
		Short: "take this host, or another, out of the cluster for good",
		Long: "The host hands its resources over, leaves and forgets the cluster and its key; then the remaining\n" +
			"hosts forget it and count votes without it. All others have to be up. A host that was lost has to be\n" +
			"fenced first. To stop a host only for a while, stop its daemon.",
		Example: "  holdfast leave\n  holdfast leave web3\n  holdfast leave web3 --force    web3 was lost, and is certainly off",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			daemon := client.New(root)
			status, err := daemon.Status(cmd.Context())
			if err != nil {
				return fmt.Errorf("leave: %w", err)
			}
			host := status.Host
			if len(args) > 0 {
				host = args[0]
			}
			if err := daemon.Remove(cmd.Context(), host, force); err != nil {
				return err
			}
			if host == status.Host {
				if err := forgotten(cmd.Context(), daemon); err != nil {
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is no longer part of cluster %s\n", host, status.Cluster)
			return nil
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().BoolVar(&force, "force", false, "HOST was lost: take my word that it is off")
	return cmd
}

// forgotten waits until the daemon has handed over, left and forgotten its cluster.
func forgotten(ctx context.Context, daemon *client.Client) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		state, err := daemon.SetupState(ctx)
		if err != nil {
			return fmt.Errorf("leave: %w", err)
		}
		if !state.Running && !state.Configured {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("leave: this host is still handing its resources over, and goes on with it: %w", ctx.Err())
		}
	}
}
