package director

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"holdfast/output"
	"holdfast/traffic/director/check"
	"holdfast/traffic/director/config"
	"holdfast/traffic/director/plane/detect"
)

// Commands makes `holdfast director`.
var Commands = []func() *cobra.Command{command}

// options are the flags of the command.
type options struct {
	file, language, id string
	plane, root, name  string
	output             output.Format
	check              bool
}

func command() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "director",
		Short: "balance load at layer 4, as ldirectord.cf, keepalived.conf or mon.cf says",
		Long: "Runs the virtual services of a configuration: it asks their real servers whether they serve, and keeps those\n" +
			"that do in the table of the data plane (the kernel's IP Virtual Server, or rules of nftables), which forwards.\n" +
			"The file may be in the language of ldirectord (virtual = …), of keepalived (virtual_server blocks) or of\n" +
			"mon (watch, service, alert).\n\n" +
			"SIGHUP reads the file again: what differs changes, no connection is dropped, and a file that is wrong changes\n" +
			"nothing. SIGTERM takes the services out (unless the file says that they stay) and ends.",
		Example: "  holdfast director -f /etc/ha.d/ldirectord.cf\n" +
			"  holdfast director --check -f keepalived.conf    say what is wrong, and start nothing; with --plane nft, what that cannot do, too\n" +
			"  holdfast director status                        of the director that runs here\n" +
			"  holdfast director top                           the same, live",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.file == "" {
				return errors.New("no configuration is given: -f FILE")
			}
			c, err := o.read(cmd.Context())
			if err != nil {
				return err
			}
			if o.check {
				if err := o.checkPlane(c); err != nil {
					return err
				}
				return o.output.Print(cmd.OutOrStdout(), c, func(w io.Writer) error { return report(w, c) })
			}
			return o.run(cmd.Context(), cmd.ErrOrStderr(), c)
		},
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "configuration `FILE`")
	cmd.Flags().StringVar(&o.language, "language", "", "language of the file: "+strings.Join(Languages(), ", ")+" (default: what it looks like)")
	cmd.Flags().StringVarP(&o.id, "config-id", "i", "", "`ID` of this host, for lines of keepalived.conf that begin with @")
	cmd.Flags().StringVar(&o.plane, "plane", "auto", "data plane: auto, "+strings.Join(detect.Names(), ", "))
	cmd.Flags().BoolVar(&o.check, "check", false, "check the configuration, say what is wrong, and exit")
	output.Add(cmd.PersistentFlags(), &o.output, "")
	cmd.PersistentFlags().StringVar(&o.root, "root", os.Getenv("HOLDFAST_ROOT"), "directory below which all paths hang")
	cmd.PersistentFlags().StringVar(&o.name, "name", "director", "`NAME` of this director among several on the host")
	cmd.AddCommand(o.statusCommand(), o.topCommand(), o.reloadCommand(), o.exchangeCommand())
	return cmd
}

func (o *options) read(ctx context.Context) (*config.Config, error) {
	return ReadFile(ctx, o.file, o.language, o.id)
}

// checkPlane tells what a plane that was chosen by name cannot do, or does in another way.
func (o *options) checkPlane(c *config.Config) error {
	if o.plane == "" || o.plane == "auto" {
		return nil
	}
	can, err := detect.Abilities(o.plane)
	if err != nil {
		return err
	}
	differs, err := fits(can, c)
	c.Warnings = append(c.Warnings, differs...)
	return err
}

func report(w io.Writer, c *config.Config) error {
	for _, warning := range c.Warnings {
		fmt.Fprintln(w, "warning:", warning)
	}
	for _, s := range c.Services {
		fmt.Fprintf(w, "%s: %s, scheduler %s, %d servers\n", s.At, s.Keys[0], s.Table.Scheduler, len(s.Servers))
		for _, server := range s.Servers {
			var asked []string
			for _, one := range server.Checks {
				asked = append(asked, fmt.Sprintf("%s every %s", one.Protocol, one.Interval))
			}
			fmt.Fprintf(w, "  %s %s weight %d, %s\n", server.Address, server.Forward, server.Weight, orElse(strings.Join(asked, ", "), "not asked"))
		}
	}
	for _, one := range c.Watches {
		fmt.Fprintf(w, "%s: watch %s %s every %s: %s\n", one.At, one.Group, one.Service, one.Interval, strings.Join(one.Program, " "))
	}
	return nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// run runs a configuration until it is told to end.
func (o *options) run(ctx context.Context, errors io.Writer, c *config.Config) error {
	log := slog.New(slog.NewTextHandler(errors, nil))
	for _, warning := range c.Warnings {
		log.Warn(warning)
	}
	p, err := detect.Open(o.plane, o.root)
	if err != nil {
		return err
	}
	defer p.Close()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	d := New(c, p, log)
	r := &reloader{o: o, d: d, log: log, ctx: ctx}
	if err := d.Serve(Socket(o.root, o.name), r.reload); err != nil {
		return err
	}
	log.Info("the director begins", "plane", p.Name(), "services", len(c.Services), "watches", len(c.Watches))
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.follow(hangups, c)
	}()
	err = d.Run(ctx)
	stop()
	<-done
	return err
}

// reloader reads the file again when it is told to, or when it has changed.
type reloader struct {
	o   *options
	d   *Daemon
	log *slog.Logger
	ctx context.Context
}

func (r *reloader) reload() error {
	c, err := r.o.read(r.ctx)
	if err == nil {
		err = r.d.Reload(r.ctx, c)
	}
	if err != nil {
		r.log.Error("the configuration was not read again; the old one goes on", "error", err)
		return err
	}
	r.log.Info("the configuration was read again", "file", r.o.file)
	return nil
}

// follow waits for signals, and looks at the file where the configuration says so.
func (r *reloader) follow(hangups <-chan os.Signal, c *config.Config) {
	var beat <-chan time.Time
	if c.Watch > 0 || len(c.Changed) > 0 {
		ticker := time.NewTicker(max(c.Watch, time.Second))
		defer ticker.Stop()
		beat = ticker.C
	}
	last := r.modified()
	for {
		select {
		case <-hangups:
			_ = r.reload() // it was logged
			last = r.modified()
		case <-beat:
			now := r.modified()
			if now.Equal(last) || now.IsZero() {
				continue
			}
			last = now
			r.changed(c)
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *reloader) modified() time.Time {
	info, err := os.Stat(r.o.file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// changed runs the program that is to know of a changed file, and reads it again if the configuration says so.
func (r *reloader) changed(c *config.Config) {
	if len(c.Changed) > 0 {
		program := check.Check{Protocol: check.External, Timeout: programTime, Command: append(append([]string{}, c.Changed...), filepath.Base(r.o.file))}
		if err := program.Run(r.ctx); err != nil {
			r.log.Warn("the program for a changed configuration failed", "error", err)
		}
	}
	if c.Watch > 0 {
		_ = r.reload() // it was logged
	}
}

func (o *options) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "show services, servers and watches of the director that runs here", Args: cobra.NoArgs,
		Example: "  holdfast director status\n  holdfast director status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s Status
			if err := Ask(cmd.Context(), Socket(o.root, o.name), "GET", "/status", &s); err != nil {
				return err
			}
			return o.output.Print(cmd.OutOrStdout(), s, func(w io.Writer) error {
				s.Write(w)
				return nil
			})
		},
	}
}

func (o *options) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "let the director that runs here read its configuration again", Args: cobra.NoArgs,
		Example: "  holdfast director reload",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Ask(cmd.Context(), Socket(o.root, o.name), "POST", "/reload", &struct{}{})
		},
	}
}
