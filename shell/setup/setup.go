// Package setup has the commands that make a cluster without another product's tools:
// init on the first host, invite and join for the others, leave. What they do is in
// cluster/setup.
package setup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
)

// Commands makes `holdfast init`, `holdfast invite`, `holdfast join` and `holdfast leave`.
var Commands = []func() *cobra.Command{initCommand, inviteCommand, joinCommand, leaveCommand}

// own is how a host describes itself on the command line.
type own struct {
	root  string
	name  string
	addrs []string
	force bool
}

func (o *own) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&o.name, "name", "", "this host's name in the cluster (default its host name)")
	cmd.Flags().StringSliceVar(&o.addrs, "addr", nil, "this host's address on each link, first link first (default the host name's address)")
	cmd.Flags().BoolVar(&o.force, "force", false, "replace the configuration that this host has")
}

// complete fills in what was not given from the system.
func (o *own) complete(ctx context.Context) (setup.Host, error) {
	o.root = client.Root(o.root)
	if o.name == "" {
		name, err := os.Hostname()
		if err != nil {
			return setup.Host{}, fmt.Errorf("find this host's name: %w; give it with --name", err)
		}
		o.name, _, _ = strings.Cut(name, ".")
	}
	if len(o.addrs) == 0 {
		addr, err := resolve(ctx, o.name)
		if err != nil {
			return setup.Host{}, err
		}
		o.addrs = []string{addr}
	}
	host := setup.Host{Name: o.name, Addrs: o.addrs}
	return host, setup.CheckHost(host)
}

// resolve finds an address of the host that others can reach.
func resolve(ctx context.Context, name string) (string, error) {
	addrs, err := net.DefaultResolver.LookupIPAddr(ctx, name)
	if err != nil {
		return "", fmt.Errorf("find an address of %s: %w; give it with --addr", name, err)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("read this host's addresses: %w", err)
	}
	for _, addr := range addrs {
		here := slices.ContainsFunc(own, func(a net.Addr) bool { n, ok := a.(*net.IPNet); return ok && n.IP.Equal(addr.IP) })
		if here && !addr.IP.IsLoopback() {
			return addr.String(), nil
		}
	}
	return "", fmt.Errorf("find an address of %s: its name resolves to %v, and none of them is this host's and reachable for others; give the address with --addr", name, addrs)
}

func initCommand() *cobra.Command {
	var host own
	var cluster string
	cmd := &cobra.Command{
		Use:   "init [--name NAME] [--addr ADDRESS]",
		Short: "make this host the first of a new cluster",
		Long: "Writes /etc/holdfast/holdfast.conf and a new authkey, readable by root only. With the daemon\n" +
			"running, it starts the cluster and prints how other hosts join.",
		Example: "  holdfast init --cluster shop\n  holdfast init --name web1 --addr 192.0.2.1 --addr 198.51.100.1   two links",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := host.complete(cmd.Context())
			if err != nil {
				return err
			}
			text, err := setup.Render(cluster, []setup.Member{{ID: 1, Host: self}})
			if err != nil {
				return err
			}
			files := setup.Files{Root: host.root}
			if err := files.Write(setup.Configuration{Holdfast: text, Authkey: setup.NewAuthkey(), Force: host.force}); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "cluster %s: %s is its first host, configured in %s\n",
				cluster, self.Name, filepath.Join(host.root, "etc/holdfast/holdfast.conf"))
			return startOrAdvise(cmd, host.root, func(daemon *client.Client) error {
				return invite(cmd, daemon, self.Addrs[0])
			})
		},
	}
	host.flags(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "holdfast", "name of the cluster")
	return cmd
}

// startOrAdvise starts this host's part when the daemon runs, and says how to start it otherwise.
func startOrAdvise(cmd *cobra.Command, root string, then func(*client.Client) error) error {
	daemon := client.New(root)
	defer daemon.Close()
	err := daemon.StartHost(cmd.Context())
	if errors.Is(err, client.ErrNoDaemon) {
		fmt.Fprintln(cmd.OutOrStdout(), "start the daemon now: systemctl enable --now holdfast (or: holdfast node)")
		return nil
	}
	if err != nil {
		return fmt.Errorf("start this host's part of the cluster: %w", err)
	}
	return then(daemon)
}

func inviteCommand() *cobra.Command {
	var root, addr string
	cmd := &cobra.Command{
		Use:     "invite",
		Short:   "let further hosts join for an hour, and print how",
		Example: "  holdfast invite",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if addr == "" {
				name, err := os.Hostname()
				if err != nil {
					return fmt.Errorf("find this host's name: %w; give an address with --addr", err)
				}
				addr = name
			}
			daemon := client.New(client.Root(root))
			defer daemon.Close()
			return invite(cmd, daemon, addr)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "directory below which all paths hang (default $HOLDFAST_ROOT, else /)")
	cmd.Flags().StringVar(&addr, "addr", "", "name or address under which other hosts reach this one (default the host name)")
	return cmd
}

func invite(cmd *cobra.Command, daemon *client.Client, addr string) error {
	invitation, err := daemon.Invite(cmd.Context())
	if err != nil {
		return fmt.Errorf("invite hosts: %w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "on each further host, within an hour:\n\n  holdfast join %s --fingerprint %s\n\nand enter this secret when asked: %s\n",
		addr, invitation.Fingerprint, invitation.Secret)
	return nil
}

func joinCommand() *cobra.Command {
	var host own
	var fingerprint string
	cmd := &cobra.Command{
		Use:   "join HOST --fingerprint FINGERPRINT",
		Short: "make this host part of the cluster that HOST belongs to",
		Long: "Asks HOST for the cluster's configuration and key. 'holdfast init' or 'holdfast invite' on HOST\n" +
			"prints the fingerprint and the secret. The secret is asked for, or read from standard input.",
		Example: "  holdfast join web1 --fingerprint sha256:…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if fingerprint == "" {
				return fmt.Errorf("join %s: --fingerprint is missing; 'holdfast invite' on %[1]s prints it, with the secret", args[0])
			}
			self, err := host.complete(cmd.Context())
			if err != nil {
				return err
			}
			files := setup.Files{Root: host.root}
			if path, _, ok := files.Find(); ok && !host.force {
				return fmt.Errorf("join: %s exists: %w", path, setup.ErrConfigured)
			}
			secret, err := readSecret(cmd)
			if err != nil {
				return err
			}
			inviting := setup.NewClient(args[0], setup.KnownHost{Addr: args[0], Fingerprint: fingerprint})
			configuration, err := inviting.Join(cmd.Context(), secret, self)
			if err != nil {
				return err
			}
			configuration.Force = host.force
			if err := files.Write(configuration); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is part of the cluster\n", self.Name)
			return startOrAdvise(cmd, host.root, func(*client.Client) error { return nil })
		},
	}
	host.flags(cmd)
	cmd.Flags().StringVar(&fingerprint, "fingerprint", "", "fingerprint of HOST's certificate, as printed there")
	return cmd
}

// readSecret asks on a terminal without echo, and reads a line from anything else.
func readSecret(cmd *cobra.Command) (string, error) {
	if file, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(cmd.ErrOrStderr(), "secret: ")
		secret, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return strings.TrimSpace(string(secret)), err
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the invitation's secret: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", errors.New("read the invitation's secret: standard input is empty; pipe the secret that 'holdfast invite' printed")
	}
	return line, nil
}
