package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/traffic/proxy/config"
)

// Commands makes `holdfast proxy`.
var Commands = []func() *cobra.Command{func() *cobra.Command {
	return &cobra.Command{
		Use:                "proxy -f FILE",
		Short:              "balance the load of HTTP and TCP services, as haproxy.cfg says",
		Long:               usage,
		Example:            "  holdfast proxy -c -f /etc/haproxy/haproxy.cfg\n  holdfast proxy -db -f /etc/haproxy/haproxy.cfg",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if status := Main(args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()); status != 0 {
				return exitStatus(status)
			}
			return nil
		},
	}
}}

// exitStatus is a failure that was told already.
type exitStatus int

func (exitStatus) Error() string   { return "" }
func (e exitStatus) ExitCode() int { return int(e) }

// Main is the program haproxy. The answer is its exit status.
func Main(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	a, err := parseArguments(args)
	if err == nil {
		err = a.run(stdout, stderr)
	}
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case err != nil:
		fmt.Fprintf(stderr, "haproxy: %v\n", err)
		return 1
	}
	return 0
}

func (a *arguments) run(stdout, stderr io.Writer) error {
	if a.version > 0 {
		printVersion(stdout, a.version)
		return nil
	}
	if a.ask {
		holds, err := config.Evaluate(a.condition, os.LookupEnv)
		if err == nil && !holds {
			err = exitStatus(1)
		}
		return err
	}
	if a.directory != "" {
		if err := os.Chdir(a.directory); err != nil {
			return err
		}
	}
	if a.daemon && !a.check && !a.foreground && !a.debug && os.Getenv(daemonVariable) == "" {
		return daemonize() // which reads the configuration, and says what is wrong
	}
	c, err := Load(a.files)
	if c != nil && !a.quiet {
		for _, w := range c.Warnings {
			fmt.Fprintf(stderr, "warning: %s\n", w)
		}
	}
	if err != nil {
		return fmt.Errorf("the configuration is not valid:\n%w", err)
	}
	a.override(c)
	if a.check {
		if !a.quiet {
			fmt.Fprintln(stdout, "Configuration file is valid")
		}
		return nil
	}
	return a.serve(c, stderr)
}

// override applies what the command line says to the configuration.
func (a *arguments) override(c *config.Config) {
	g := &c.Global
	if a.maxconn > 0 {
		g.MaxConn = a.maxconn
	}
	if a.pidFile != "" {
		g.PIDFile = a.pidFile
	}
	g.Daemon = (g.Daemon || a.daemon) && !a.foreground && !a.debug
	g.MasterWorker = (g.MasterWorker || a.master) && !a.debug
	if a.notify {
		g.Daemon = false
	}
}

func printVersion(w io.Writer, detail int) {
	fmt.Fprintf(w, "HAProxy version %s compatible: Holdfast's proxy\n", config.Version)
	if detail < 2 {
		return
	}
	proxies, global, options := config.Directives()
	fmt.Fprintf(w, "\nGlobal directives:\n  %s\n\nDirectives of proxies:\n  %s\n\nOptions:\n  %s\n",
		strings.Join(global, " "), strings.Join(proxies, " "), strings.Join(options, " "))
}
