package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
)

// Commands makes `holdfast node` and `holdfast remote`.
var Commands = []func() *cobra.Command{command, remoteCommand}

// flags are the command line of `holdfast node`.
type flags struct {
	root, config, listen, format string
	check, debug, trustEmpty     bool
}

func command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "node",
		Short: "run this host's part of the cluster",
		Long: "Runs this host's part of the cluster: reads ROOT/etc/holdfast/holdfast.conf, or else\n" +
			"ROOT/etc/corosync/corosync.conf with its authkey, joins the other hosts, and runs resources as the\n" +
			"cluster's leader asks. Without a configuration it waits to be set up (holdfast init, holdfast join,\n" +
			"pcs cluster setup).\n\n" +
			"SIGTERM hands the resources over to other hosts and leaves; a second SIGTERM leaves at once. A daemon\n" +
			"that is killed leaves resources running and finds them again when it is started.",
		Example: "  holdfast node\n" +
			"  holdfast node --check --config /etc/corosync/corosync.conf   say what is wrong with a configuration\n" +
			"  holdfast node --root /srv/test --listen ''                   everything below a directory, no network setup",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.root = client.Root(f.root)
			if f.check {
				return check(cmd, f)
			}
			return run(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&f.config, "config", "", "configuration `FILE` (default: found below the root)")
	cmd.Flags().StringVar(&f.listen, "listen", ":7630", "`ADDRESS` for setup requests over TLS; empty for none")
	cmd.Flags().StringVar(&f.format, "log-format", "text", "text or json")
	cmd.Flags().BoolVar(&f.debug, "debug", false, "log more")
	cmd.Flags().BoolVar(&f.trustEmpty, "trust-empty-state", false,
		"let this host vote although its state directory was emptied: when no other host has the cluster's state any more")
	cmd.Flags().BoolVar(&f.check, "check", false, "check the configuration, say what is wrong, and exit")
	return cmd
}

// check reads the configuration and says what it finds, without starting anything.
func check(cmd *cobra.Command, f flags) error {
	path := f.config
	if path == "" {
		found, err := config.Find(f.root)
		if err != nil {
			return err
		}
		path = found
	}
	here, err := config.ThisMachine()
	if err != nil {
		return err
	}
	lines, err := config.Check(cmd.Context(), path, here)
	for _, line := range lines {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	return err
}

func run(cmd *cobra.Command, f flags) error {
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch f.format {
	case "text":
		handler = slog.NewTextHandler(cmd.ErrOrStderr(), options)
	case "json":
		handler = slog.NewJSONHandler(cmd.ErrOrStderr(), options)
	default:
		return fmt.Errorf("--log-format %q: expected text or json", f.format)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	force, now := context.WithCancel(context.Background())
	defer now()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	go func() {
		<-signals
		stop()
		<-signals
		now()
	}()
	return Run(ctx, force, Options{
		Root: f.root, Config: f.config, Listen: f.listen, Log: slog.New(handler), TrustEmpty: f.trustEmpty,
	})
}
