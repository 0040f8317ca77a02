package vrrp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"holdfast/output"
	"holdfast/traffic/keepalived"
	"holdfast/traffic/vrrp/config"
)

// Commands makes `holdfast vrrp`.
var Commands = []func() *cobra.Command{command}

type flags struct {
	file, id     string
	output       output.Format
	check, debug bool
}

func command() *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use:   "vrrp",
		Short: "keep floating addresses without a cluster, as keepalived.conf says",
		Long: "Runs the vrrp_instance blocks of a keepalived.conf: the hosts agree by VRRP (versions 2 and 3) who has the\n" +
			"virtual addresses, and another takes them over when that host dies. It works in a pair with keepalived.\n\n" +
			"SIGHUP reads the file again: addresses that stay are not touched, and a file that is wrong changes\n" +
			"nothing. SIGTERM gives the addresses up and ends.",
		Example: "  holdfast vrrp -f /etc/keepalived/keepalived.conf\n" +
			"  holdfast vrrp --check -f keepalived.conf          say what is wrong, and start nothing\n" +
			"  holdfast vrrp --check -f keepalived.conf -o json  print what was understood",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.read()
			if err != nil {
				return err
			}
			if f.check {
				return f.output.Print(cmd.OutOrStdout(), c, func(w io.Writer) error { return report(w, c) })
			}
			return f.run(cmd.Context(), cmd.ErrOrStderr(), c)
		},
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "/etc/keepalived/keepalived.conf", "configuration `FILE`")
	cmd.Flags().StringVarP(&f.id, "config-id", "i", "", "`ID` of this host, for lines that begin with @ (default: its name up to the first dot)")
	cmd.Flags().BoolVar(&f.check, "check", false, "check the configuration, say what is wrong, and exit")
	output.Add(cmd.Flags(), &f.output, "with --check: text or json")
	cmd.Flags().BoolVar(&f.debug, "debug", false, "log packets that do not count, too")
	return cmd
}

func (f flags) read() (*config.Config, error) {
	id := f.id
	if id == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("find this host's name: %w; give --config-id", err)
		}
		id, _, _ = strings.Cut(host, ".")
	}
	tree, err := keepalived.Read(keepalived.Disk{}, f.file, id)
	if err != nil {
		return nil, err
	}
	c, err := config.Compile(tree)
	if err != nil {
		return nil, err
	}
	if len(c.Instances) == 0 {
		return nil, fmt.Errorf("%s has no vrrp_instance: there is nothing to run", f.file)
	}
	return c, nil
}

func report(w io.Writer, c *config.Config) error {
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	for _, i := range c.Instances {
		var addresses []string
		for _, a := range i.Addresses {
			addresses = append(addresses, a.Prefix.String())
		}
		fmt.Fprintf(w, "%s: router %d on %s, VRRP version %d, priority %d, every %s: %s\n",
			i.Router.Name, i.Router.ID, i.Interface, i.Router.Version, i.Router.Priority, i.Router.Interval, strings.Join(addresses, " "))
	}
	return nil
}

func (f flags) run(ctx context.Context, errors io.Writer, c *config.Config) error {
	level := slog.LevelInfo
	if f.debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(errors, &slog.HandlerOptions{Level: level}))
	for _, warning := range c.Warnings {
		log.Warn(warning)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	d := New(c, log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hangups:
				f.reload(ctx, d, log)
			case <-ctx.Done():
				return
			}
		}
	}()
	err := d.Run(ctx)
	stop()
	<-done
	return err
}

func (f flags) reload(ctx context.Context, d *Daemon, log *slog.Logger) {
	c, err := f.read()
	if err == nil {
		err = d.Reload(ctx, c)
	}
	if err != nil {
		log.Error("the configuration was not read again; the old one goes on", "error", err)
		return
	}
	log.Info("the configuration was read again", "file", f.file)
}
