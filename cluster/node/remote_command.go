package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/cluster/executor"
	"holdfast/cluster/node/client"
	"holdfast/cluster/remote"
)

// remoteCommand makes `holdfast remote`.
func remoteCommand() *cobra.Command {
	var root, listen, name string
	cmd := &cobra.Command{
		Use:   "remote",
		Short: "let a cluster run resources on this host, which is no member of it",
		Long: "Runs on a host that is to run resources without taking part in the cluster: it has no vote and keeps no\n" +
			"document. The cluster reaches it by a resource of agent ocf:pacemaker:remote, or as a guest by the meta\n" +
			"attribute remote-node. Both sides need the same key in /etc/pacemaker/authkey. It takes pacemaker-remoted's\n" +
			"place, and its port; SIGTERM ends it and stops no resource.",
		Example: "  holdfast remote\n" +
			"  pcs cluster node add-remote far 192.0.2.9     on a member, for the host that runs it",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root = client.Root(root)
			if name == "" {
				var err error
				if name, err = os.Hostname(); err != nil {
					return fmt.Errorf("find this host's name: %w", err)
				}
			}
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			agents := executor.New(executor.Config{Root: root, Host: name, Log: log})
			defer agents.Close()
			return remote.Serve(ctx, remote.Config{Root: root, Name: name, Listen: listen, Runner: agents, Log: log})
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&listen, "listen", fmt.Sprintf(":%d", remote.Port), "`ADDRESS` for the cluster's members")
	cmd.Flags().StringVar(&name, "name", "", "name of this host that agents are told: the connection resource's (default: the host's own)")
	return cmd
}
