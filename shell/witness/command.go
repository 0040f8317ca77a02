// Package witness is `holdfast witness`: the third machine that gives its vote to one side of a divided
// cluster, run and set up, and a cluster's certificate for it fetched. It starts no goroutine.
package witness

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/cluster/messaging/witness/serve"
	"holdfast/cluster/node/client"
)

// Commands are the commands of this package.
var Commands = []func() *cobra.Command{command}

// keysDir is where a witness keeps its keys, below the root.
const keysDir = "var/lib/holdfast/witness"

// flags are the command line of `holdfast witness`.
type flags struct {
	root, listen, tls string
	debug             bool
	setup             []string
}

func command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "witness",
		Short: "run the third machine that decides which side of a divided cluster goes on",
		Long: "Runs a witness: hosts of any number of clusters tell it whom they reach, and it gives each cluster's vote to\n" +
			"one side. It speaks the protocol of corosync-qnetd, so that corosync-qdevice can ask it, too; and hosts of\n" +
			"Holdfast can ask a corosync-qnetd instead. It needs a machine of its own, which fails on its own.\n\n" +
			"--setup makes its keys, when there are none, and prints an invitation for each cluster named, good for an\n" +
			"hour and once. With it one host of the cluster fetches the cluster's certificate (holdfast witness enrol).",
		Example: "  holdfast witness --setup shop          on the witness: keys, and an invitation for cluster shop\n" +
			"  holdfast witness                       on the witness: run it (the unit holdfast-witness.service does)\n" +
			"  holdfast witness enrol w.example.org INVITATION           on a host of the cluster\n" +
			"  pcs quorum device add model net host=w.example.org algorithm=ffsplit",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.root = client.Root(f.root)
			if len(f.setup) > 0 {
				return setUp(cmd.OutOrStdout(), f, time.Now())
			}
			return run(cmd.Context(), cmd.ErrOrStderr(), f)
		},
	}
	cmd.PersistentFlags().StringVar(&f.root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&f.listen, "listen", ":5403", "`ADDRESS` for hosts")
	cmd.Flags().StringVar(&f.tls, "tls", "required", "required, on (hosts may do without) or off")
	cmd.Flags().BoolVar(&f.debug, "debug", false, "log more")
	cmd.Flags().StringSliceVar(&f.setup, "setup", nil, "make keys and an invitation for `CLUSTER` (totem.cluster_name); may be repeated")
	cmd.AddCommand(statusCommand(&f), enrolCommand(&f), requestCommand(&f), installCommand(&f))
	return cmd
}

// setUp makes keys and invitations.
func setUp(out io.Writer, f flags, now time.Time) error {
	keys := serve.Keys{Dir: filepath.Join(f.root, keysDir)}
	if err := keys.Setup(); err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		name = "WITNESS"
	}
	for _, cluster := range f.setup {
		invitation, err := keys.Invite(cluster, now)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "On one host of cluster %s, within the hour:\n  holdfast witness enrol %s %s\n", cluster, name, invitation)
	}
	fmt.Fprintln(out, "Here, unless it runs already:\n  holdfast witness")
	return nil
}

// run runs the witness until it is told to stop.
func run(ctx context.Context, stderr io.Writer, f flags) error {
	mode, ok := map[string]uint8{"off": 0, "on": 1, "required": 2}[f.tls]
	if !ok {
		return fmt.Errorf("--tls %s: required, on or off was expected", f.tls)
	}
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	s, err := serve.Start(serve.Options{Listen: f.listen, Dir: filepath.Join(f.root, keysDir), TLS: mode, Log: log})
	if err != nil {
		return err
	}
	if err := s.Answer(serve.Socket(f.root)); err != nil {
		s.Close()
		return err
	}
	log.Info("witness started", "address", s.Addr().String(), "tls", f.tls)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-ctx.Done()
	return s.Close()
}
