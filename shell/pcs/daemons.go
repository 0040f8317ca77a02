package pcs

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
	"holdfast/peercred"
)

func daemonCommands() []command {
	enable := onHosts("Cluster Enabled", func(ctx context.Context, c caller) error { return c.Enable(ctx, true) })
	disable := onHosts("Cluster Disabled", func(ctx context.Context, c caller) error { return c.Enable(ctx, false) })
	return []command{
		{path: "cluster enable", syntax: "[--all | HOST...]", help: "Hosts take part in the cluster by themselves after they have booted; they do unless told otherwise.", options: "all request-timeout", run: enable},
		{path: "cluster disable", syntax: "[--all | HOST...]", help: "After a boot hosts wait for 'pcs cluster start'.", options: "all request-timeout", run: disable},
		{path: "cluster kill", help: "Ends this host's daemon at once. What it runs goes on; the others will fence this host.", run: killDaemon},
		{path: "cluster authkey corosync", syntax: "[FILE]", help: "Gives all hosts a new key, or the one in FILE. The cluster has to be stopped.", options: "force skip-offline corosync_conf", run: changeAuthkey},
		{path: "cluster sync", help: "Gives this host's corosync.conf to all hosts of the running cluster.", run: syncConf},
		{path: "cluster sync corosync", help: "Gives this host's corosync.conf to all hosts of the running cluster.", run: syncConf},
		{path: "cluster reload corosync", help: "Lets all hosts of the running cluster take this host's corosync.conf over.", options: "skip-offline", run: syncConf},
		{path: "cluster node add", syntax: "HOST [addr=ADDRESS]... [watchdog=PATH] [device=PATH]... [--start [--wait[=SECONDS]]] [--enable]", options: "start wait enable force skip-offline no-watchdog-validation request-timeout", run: addHost,
			help: "Adds a host, which this one has logged in to (host auth), to the running cluster.\nExample: pcs cluster node add gamma addr=192.0.2.3 --start"},
		{path: "cluster node delete", syntax: "HOST...", help: "Takes hosts out of the cluster for good; their resources are handed over first.", options: "force skip-offline", run: removeHosts},
		{path: "pcsd status", syntax: "[HOST...]", help: "Says whether hosts' daemons answer.", run: func(s *session) error { return s.showDaemons() }},
		{path: "pcsd deauth", help: "Makes what other hosts got from this one by 'host auth' worthless.", run: deauthCallers},
		{path: "client local-auth", syntax: "[PORT] [-u USER] [-p PASSWORD]", help: "Logs in to this host's daemon.", options: "u p request-timeout", run: authLocal},
	}
}

// daemonPID asks the kernel which process listens on the daemon's socket.
func daemonPID() (int, error) {
	conn, err := net.Dial("unix", client.Socket(client.Root("")))
	if err != nil {
		return 0, fmt.Errorf("find this host's daemon: %w", err)
	}
	defer conn.Close()
	peer, err := peercred.Of(conn)
	if err != nil {
		return 0, fmt.Errorf("find this host's daemon: %w", err)
	}
	return int(peer.Pid), nil
}

func killDaemon(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	pid, err := daemonPID()
	if err != nil {
		return err
	}
	if pid <= 1 {
		return fmt.Errorf("this host's daemon has process id %d, which is not killed", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	return nil
}

// changeAuthkey gives a new key to hosts that do not run: running ones would no longer hear each other.
func changeAuthkey(s *session) error {
	if len(s.args) > 1 {
		return errUsage
	}
	key := setup.NewAuthkey()
	if len(s.args) == 1 {
		text, err := os.ReadFile(s.args[0])
		if err != nil {
			return fmt.Errorf("read the key: %w", err)
		}
		key = text
	}
	r := s.reports()
	if len(key) < 128 || len(key) > 4096 {
		r.check("the key has %d bytes; 128 to 4096 were expected", len(key))
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	hosts, err := callers(conf.hostNames())
	if err != nil {
		return err
	}
	for _, name := range conf.hostNames() {
		state, err := hosts[name].State(contextOf())
		switch {
		case err != nil && s.opts.has("skip-offline"):
			s.warn("%s: %v; it keeps the old key", name, err)
			delete(hosts, name)
		case err != nil:
			r.fail("%s: %v", name, err)
		case state.Running:
			r.fail("host '%s' takes part in the cluster; 'pcs cluster stop --all' first", name)
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	configuration := setup.Configuration{Corosync: conf.String(), Authkey: key, Force: true}
	for _, name := range conf.hostNames() {
		if hosts[name] == nil {
			continue
		}
		if err := hosts[name].Configure(contextOf(), configuration); err != nil {
			return fmt.Errorf("%s: %w; hosts before it have the new key: repeat the command", name, err)
		}
		s.note("%s: has the new key", name)
	}
	return nil
}

// syncConf has all hosts take over the corosync.conf that lies on this one.
func syncConf(s *session) error {
	if len(s.args) > 0 {
		return errUsage
	}
	text, err := os.ReadFile(s.confPath())
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w", err)
	}
	ctx, cancel := context.WithTimeout(contextOf(), reconfigureLimit)
	defer cancel()
	if err := client.New("").Reconfigure(ctx, string(text)); err != nil {
		return err
	}
	s.note("all hosts have this host's corosync.conf")
	return nil
}

// addHost has the running cluster admit a host, and gives that host configuration and key.
func addHost(s *session) error {
	aboutSBD := func(w string) bool { return strings.HasPrefix(w, "watchdog=") || strings.HasPrefix(w, "device=") }
	hosts, err := parseHosts(slices.DeleteFunc(slices.Clone(s.args), aboutSBD))
	if err != nil {
		return err
	}
	plan, err := parseSBD(slices.DeleteFunc(slices.Clone(s.args), func(w string) bool { return !aboutSBD(w) }))
	if err != nil {
		return err
	}
	if len(hosts) != 1 {
		return usageError{"one host was expected"}
	}
	splitRings(hosts)
	known, err := knownHosts()
	if err != nil {
		return err
	}
	host := setup.Host{Name: hosts[0].name, Addrs: hosts[0].addrs}
	if len(host.Addrs) == 0 {
		host.Addrs = []string{withoutPort(known.Hosts[host.Name].Addr)}
		s.note("No addresses specified for host '%s', using '%s'", host.Name, host.Addrs[0])
	}
	if err := setup.CheckHost(host); err != nil {
		return err
	}
	watching, err := s.sbdOfNewHost(host.Name, plan)
	if err != nil {
		return err
	}
	there, err := known.Client(host.Name)
	if err != nil {
		return err
	}
	state, err := there.State(contextOf())
	if err != nil {
		return err
	}
	if state.Configured || state.Running {
		if err := s.forceable("host '%s' belongs to cluster '%s' already", host.Name, state.Cluster); err != nil {
			return err
		}
		if err := there.Destroy(contextOf()); err != nil {
			return err
		}
	}
	if err := s.admit(host, there, watching); err != nil {
		return err
	}
	s.note("%s: has corosync.conf and the cluster's key", host.Name)
	names := []string{host.Name}
	if s.opts.has("enable") {
		if err := s.onEach(names, "Cluster Enabled", func(ctx context.Context, c caller) error { return c.Enable(ctx, true) }); err != nil {
			return err
		}
	}
	if !s.opts.has("start") {
		delete(s.opts, "wait")
		return nil
	}
	return s.startOn(names)
}

// admit asks this host's own setup service, as a host that joins would.
func (s *session) admit(host setup.Host, there *setup.Client, watching *setup.SBD) error {
	invitation, err := client.New("").Invite(contextOf())
	if err != nil {
		return fmt.Errorf("add host '%s': %w", host.Name, err)
	}
	own := setup.NewClient("localhost", setup.KnownHost{Addr: "localhost", Fingerprint: invitation.Fingerprint})
	configuration, err := own.Join(contextOf(), invitation.Secret, host)
	if err != nil {
		return fmt.Errorf("add host '%s': %w", host.Name, err)
	}
	configuration.SBD = watching
	if err := there.Configure(contextOf(), configuration); err != nil {
		return fmt.Errorf("%w; the cluster counts host '%s' already: repeat the command, or take it out with 'pcs cluster node remove %[2]s'", err, host.Name)
	}
	return nil
}

func deauthCallers(s *session) error {
	if len(s.args) > 0 {
		s.note("tokens are kept as hashes only; all of them become worthless")
	}
	return client.New("").ForgetCallers(contextOf())
}

func authLocal(s *session) error {
	addr := "localhost"
	if len(s.args) > 1 {
		return errUsage
	}
	if len(s.args) == 1 {
		addr = net.JoinHostPort(addr, s.args[0])
	}
	return s.logIn([]namedHost{{"localhost", []string{addr}}})
}
