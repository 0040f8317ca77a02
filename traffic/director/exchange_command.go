package director

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/plane/detect"
	"holdfast/traffic/director/plane/exchange"
)

// exchangeCommand is what a data plane of ours starts to have its connections told to a peer, or to learn of the peer's.
func (o *options) exchangeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: exchange.Command + " SYNC", Short: "one role of the exchange of connections, as a data plane starts it", Hidden: true, Args: cobra.ExactArgs(1),
		Example: `  holdfast director exchange --plane ebpf '{"role": 1, "interface": "eth1", "id": 1}'    (ipvsadm --start-daemon master does it)`,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := o.exchange(cmd, args[0])
			if err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err) // who started this waits there for one line
			}
			return err
		},
	}
	cmd.Flags().StringVar(&o.plane, "plane", "", "data plane whose connections are exchanged")
	return cmd
}

func (o *options) exchange(cmd *cobra.Command, wanted string) error {
	var s plane.Sync
	if err := json.Unmarshal([]byte(wanted), &s); err != nil {
		return fmt.Errorf("read what is to be exchanged: %w", err)
	}
	if s.Role != plane.Master && s.Role != plane.Backup {
		return fmt.Errorf("role %d is not known: want %d (master) or %d (backup)", s.Role, plane.Master, plane.Backup)
	}
	p, err := detect.Open(o.plane, o.root)
	if err != nil {
		return err
	}
	source, ok := p.(exchange.Source)
	if !ok {
		return errors.Join(&plane.Unsupported{Plane: p.Name(), Feature: "an exchange of connections by a process"}, p.Close())
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return errors.Join(exchange.Daemons{Root: o.root, Plane: p.Name()}.Run(ctx, s, source, cmd.OutOrStdout()), p.Close())
}
