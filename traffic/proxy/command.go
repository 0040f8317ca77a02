package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/traffic/proxy/config"
	"holdfast/traffic/proxy/plane"
	"holdfast/traffic/proxy/stats"
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
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	a, err := parseArguments(args)
	if err == nil {
		err = a.run(stdout, stderr)
	}
	if a != nil && a.quiet && err != nil && !errors.As(err, new(exitStatus)) {
		return 1
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
		switch {
		case err != nil:
			fmt.Fprintf(stderr, "haproxy: %v\n", err)
			return exitStatus(2)
		case !holds:
			return exitStatus(1)
		}
		return nil
	}
	if len(a.files) == 0 && a.keywords == "" {
		fmt.Fprintf(stderr, "haproxy: there is no configuration; name a file with -f\n%s", usage)
		return exitStatus(1)
	}
	if a.directory != "" {
		if err := os.Chdir(a.directory); err != nil {
			return err
		}
	}
	if a.daemon && !a.check && !a.foreground && !a.debug && os.Getenv(daemonVariable) == "" {
		return daemonize() // which reads the configuration, and says what is wrong
	}
	if a.keywords != "" {
		dumpKeywords(stdout, a.keywords)
		if len(a.files) == 0 {
			return nil
		}
	}
	c, err := a.load(stderr)
	if err != nil {
		return err
	}
	if a.libraries {
		if err := stats.Libraries(stdout); err != nil {
			return err
		}
	}
	if a.check {
		return a.checked(c, stdout)
	}
	if !c.Listens() && len(c.Global.StatsSockets) == 0 {
		return errors.New("nothing listens: there is no bind, and no stats socket")
	}
	return a.serve(c, stderr)
}

// load reads the configuration, and says what there is to be said of it.
func (a *arguments) load(stderr io.Writer) (*config.Config, error) {
	c, err := load(a.files, machine{unresolved: a.unresolved})
	if c != nil && !a.quiet {
		for _, n := range c.Notices {
			fmt.Fprintf(stderr, "notice: %s\n", n)
		}
		for _, w := range c.Warnings {
			fmt.Fprintf(stderr, "warning: %s\n", w)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the configuration is not valid:\n%w", err)
	}
	if (a.strict || c.Global.ZeroWarning) && len(c.Warnings) > 0 {
		return nil, errors.New("there are warnings, and -dW or zero-warning makes mistakes of them")
	}
	a.override(c)
	if len(c.Programs) > 0 && !c.Global.MasterWorker {
		x := c.Programs[0]
		return nil, fmt.Errorf("the configuration is not valid:\n%s:%d: program %s is run by a master: write master-worker in the global section, or begin with -W", x.File, x.Line, x.Name)
	}
	return c, nil
}

// nothingListens is the exit status of -c for a configuration without a mistake that nobody can reach.
const nothingListens exitStatus = 2

// checked ends -c.
func (a *arguments) checked(c *config.Config, stdout io.Writer) error {
	say := func(text string) {
		if !a.quiet {
			fmt.Fprintln(stdout, text)
		}
	}
	if err := plane.CheckTLS(c); err != nil {
		return fmt.Errorf("the configuration is not valid:\n%w", err)
	}
	if !c.Listens() {
		say("the configuration has no mistakes, but nothing in it listens: the proxy would not start")
		return nothingListens
	}
	if len(c.Warnings) > 0 {
		say("there are warnings: see above")
	}
	say("Configuration file is valid")
	return nil
}

// override applies what the command line says to the configuration.
func (a *arguments) override(c *config.Config) {
	g := &c.Global
	if a.maxconn > 0 {
		g.MaxConn = a.maxconn
	}
	for _, x := range c.Proxies {
		if x.Front && x.MaxConn == 0 {
			x.MaxConn = a.perProxy
		}
	}
	if a.memory > 0 {
		debug.SetMemoryLimit(int64(a.memory) << 20)
	}
	g.NoSplice = g.NoSplice || a.unspliced
	g.States = a.states
	if a.unverified {
		c.TrustServers()
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
