package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

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
			"place, its port, and what PCMK_remote_address and PCMK_remote_port say.\n\n" +
			"SIGTERM has the cluster move away what runs here, and ends it then; a second SIGTERM, or SIGINT, ends it at once and\n" +
			"stops no resource. While it is away, the cluster tries to connect for as long as the connection's start may take.\n" +
			"As the first process of a container it takes in processes whose parents have ended.",
		Example: "  holdfast remote\n" +
			"  pcs cluster node add-remote far 192.0.2.9     on a member, for the host that runs it",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if os.Getpid() == 1 {
				os.Exit(asInit(cmd.ErrOrStderr()))
			}
			root = client.Root(root)
			if name == "" {
				var err error
				if name, err = os.Hostname(); err != nil {
					return fmt.Errorf("find this host's name: %w", err)
				}
			}
			leave, ctx, stop := remoteSignals()
			defer stop()
			return serveRemote(ctx, remote.Config{Root: root, Name: name, Listen: listen, Leave: leave, Part: partFrom(root), Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))})
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&listen, "listen", remoteAddress(os.Getenv), "`ADDRESS` for the cluster's members")
	cmd.Flags().StringVar(&name, "name", "", "name of this host that agents are told: the connection resource's (default: the host's own)")
	return cmd
}

// remoteSignals returns contexts that end with the first SIGTERM, and with what ends a remote node at once.
func remoteSignals() (leave, now context.Context, stop func()) {
	leave, first := context.WithCancel(context.Background())
	now, second := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for s := range signals {
			if s == syscall.SIGINT || leave.Err() != nil {
				second()
			}
			first()
		}
	}()
	return leave, now, func() {
		signal.Stop(signals)
		close(signals)
		first()
		second()
	}
}

// partFrom asks the cluster, as Pacemaker's remote daemon does, to stop what runs here and the connection: by the node attribute
// shutdown, which ends with the connection.
func partFrom(root string) func(context.Context) error {
	return func(ctx context.Context) error {
		shutdown := client.Attribute{Name: "shutdown", Value: fmt.Sprint(time.Now().Unix())}
		return client.New(root).SetAttribute(ctx, client.AttributeUpdate{Attribute: shutdown, Wait: "cluster"})
	}
}

// serveRemote is a remote node until ctx ends: members run agents here, and what these ask of the
// cluster is passed on.
func serveRemote(ctx context.Context, c remote.Config) error {
	agents, err := newRunner(c.Root, c.Name, c.Log)
	if err != nil {
		return err
	}
	defer agents.Close()
	listener, err := listen(c.Root)
	if err != nil {
		return err
	}
	c.Runner, c.Asking = agents, remote.NewAsking()
	local := serveAPI(listener, guarded(c.Log, func(w http.ResponseWriter, r *http.Request) (any, error) {
		r.Header.Set(remote.UserHeader, r.Context().Value(peerKey{}).(*peer).name)
		c.Asking.ServeHTTP(w, r)
		return nil, nil
	}), c.Log)
	defer local.close()
	return remote.Serve(ctx, c)
}

// forRemotes is the local API for those who ask on a remote node, whose kernel has said who they are.
func forRemotes(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := &peer{uid: 1, name: r.Header.Get(remote.UserHeader)}
		if who.name == "root" {
			who.uid = 0
		}
		api.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, who)))
	})
}
