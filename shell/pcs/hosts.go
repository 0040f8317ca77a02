package pcs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
)

func hostCommands() []command {
	return []command{
		{path: "host auth", syntax: "HOST [addr=ADDRESS[:PORT]]... [-u USER] [-p PASSWORD]", options: "u p token force", run: authHosts,
			help: "Logs in to hosts, so that they can be set up from here. The password is asked for, or read from standard input."},
		{path: "host deauth", syntax: "[HOST...]", help: "Forgets hosts; all of them when none is named.", run: deauthHosts},
		{path: "cluster auth", syntax: "[HOST...] [-u USER] [-p PASSWORD]", options: "u p force local name", run: authCluster,
			help: "Logs in to the cluster's hosts, or to those named."},
	}
}

// knownHosts opens what this host has logged in to.
func knownHosts() (*setup.KnownHosts, error) {
	return setup.OpenKnownHosts(filepath.Join(client.Root(""), "var/lib/holdfast/known-hosts"))
}

// namedHost is a host with its addresses, as the words of a call give it.
type namedHost struct {
	name  string
	addrs []string
}

// parseHosts reads NAME [addr=ADDRESS]... groups.
func parseHosts(words []string) ([]namedHost, error) {
	var out []namedHost
	for _, word := range words {
		name, value, isOption := strings.Cut(word, "=")
		if !isOption {
			if slices.ContainsFunc(out, func(h namedHost) bool { return h.name == word }) {
				return nil, fmt.Errorf("host '%s' is named twice", word)
			}
			out = append(out, namedHost{name: word})
			continue
		}
		switch {
		case len(out) == 0:
			return nil, fmt.Errorf("'%s' stands before any host's name", word)
		case name != "addr":
			return nil, fmt.Errorf("'%s' is not an option of host '%s'; addr=ADDRESS is", name, out[len(out)-1].name)
		case value == "":
			return nil, fmt.Errorf("addr= of host '%s' is empty; an address was expected", out[len(out)-1].name)
		}
		last := &out[len(out)-1]
		last.addrs = append(last.addrs, value)
	}
	return out, nil
}

func authHosts(s *session) error {
	hosts, err := parseHosts(s.args)
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return usageError{"name the hosts"}
	}
	for _, h := range hosts {
		if len(h.addrs) > 1 {
			return fmt.Errorf("host '%s' has %d addresses; one is used to log in", h.name, len(h.addrs))
		}
	}
	if _, ok := s.opts["token"]; ok {
		return errors.New("--token: pcsd's tokens are not accepted; log in with a password")
	}
	return s.logIn(hosts)
}

// authCluster logs in to the hosts named, as pcs 0.9 did, or to the hosts of corosync.conf.
func authCluster(s *session) error {
	if len(s.args) > 0 {
		return authHosts(s)
	}
	conf, err := s.conf()
	if err != nil {
		return err
	}
	var hosts []namedHost
	for i, n := range conf.confNodes() {
		hosts = append(hosts, namedHost{conf.hostNames()[i], []string{n.options.value("ring0_addr")}})
	}
	return s.logIn(hosts)
}

func (s *session) logIn(hosts []namedHost) error {
	known, err := knownHosts()
	if err != nil {
		return err
	}
	user, password, err := s.credentials()
	if err != nil {
		return err
	}
	r := s.reports()
	for _, h := range hosts {
		host := setup.KnownHost{}
		if len(h.addrs) > 0 {
			host.Addr = h.addrs[0]
		} else if host.Addr = known.Hosts[h.name].Addr; host.Addr == "" {
			host.Addr = h.name
		}
		host, err := setup.NewClient(h.name, host).Login(context.Background(), user, password)
		if err != nil {
			r.fail("%v", err)
			continue
		}
		known.Hosts[h.name] = host
		s.note("%s: Authorized", h.name)
	}
	if err := known.Save(); err != nil {
		return err
	}
	return r.err()
}

// credentials takes user and password from -u and -p, and asks for what is missing: on a
// terminal without echo, else a line of standard input each.
func (s *session) credentials() (user, password string, err error) {
	in := bufio.NewReader(s.stdin)
	file, _ := s.stdin.(*os.File)
	terminal := file != nil && term.IsTerminal(int(file.Fd()))
	user, ok := s.opts["u"]
	if !ok {
		if user, err = s.ask(in, "Username: ", terminal); err != nil {
			return "", "", err
		}
	}
	if password, ok = s.opts["p"]; ok {
		return user, password, nil
	}
	if terminal {
		fmt.Fprint(s.stderr, "Password: ")
		secret, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(s.stderr)
		return user, string(secret), err
	}
	password, err = s.ask(in, "Password: ", false)
	return user, password, err
}

func (s *session) ask(in *bufio.Reader, prompt string, terminal bool) (string, error) {
	if terminal {
		fmt.Fprint(s.stderr, prompt)
	}
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read standard input: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("%sstandard input has none; give it with -u and -p, or pipe it", prompt)
	}
	return line, nil
}

func deauthHosts(s *session) error {
	known, err := knownHosts()
	if err != nil {
		return err
	}
	names := s.args
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(known.Hosts))
	}
	r := s.reports()
	for _, name := range names {
		if _, ok := known.Hosts[name]; !ok {
			r.fail("host '%s' is not known here; nothing to forget", name)
		}
		delete(known.Hosts, name)
	}
	if err := r.err(); err != nil {
		return err
	}
	return known.Save()
}

// caller is what can be asked of one host, this one or another.
type caller interface {
	Start(context.Context) error
	Stop(context.Context) error
	Destroy(context.Context) error
	State(context.Context) (setup.State, error)
	Enable(ctx context.Context, on bool) error
	Configure(context.Context, setup.Configuration) error
	Shared(context.Context) (map[string][]byte, error)
	Share(context.Context, map[string][]byte) error
	Site(context.Context) (setup.Site, error)
}

// ownHost asks the daemon of this host over its socket, which needs no login.
type ownHost struct{ *client.Client }

func (h ownHost) Start(ctx context.Context) error           { return h.StartHost(ctx) }
func (h ownHost) Stop(ctx context.Context) error            { return h.StopHost(ctx) }
func (h ownHost) Destroy(ctx context.Context) error         { return h.DestroyHost(ctx) }
func (h ownHost) Enable(ctx context.Context, on bool) error { return h.EnableHost(ctx, on) }

// The files of this host need no daemon.
func (h ownHost) Configure(_ context.Context, c setup.Configuration) error {
	return ownFiles().Write(c)
}
func (h ownHost) Shared(context.Context) (map[string][]byte, error) { return ownFiles().ReadShared() }
func (h ownHost) Share(_ context.Context, files map[string][]byte) error {
	return ownFiles().WriteShared(files)
}

// Site has the document of the daemon, where one runs.
func (h ownHost) Site(ctx context.Context) (setup.Site, error) {
	path, err := config.Find(client.Root(""))
	if err != nil {
		return setup.Site{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return setup.Site{}, fmt.Errorf("read the cluster's configuration: %w", err)
	}
	file, err := config.Parse(path, string(text))
	if err != nil {
		return setup.Site{}, err
	}
	site := setup.Site{Cluster: file.Cluster, Configuration: string(text)}
	for _, host := range file.Hosts {
		site.Hosts = append(site.Hosts, host.Name)
	}
	doc, err := h.Document(ctx)
	if err == nil {
		site.Document = string(doc.Bytes())
	}
	return site, err
}

func ownFiles() setup.Files { return setup.Files{Root: client.Root("")} }

func (h ownHost) State(ctx context.Context) (setup.State, error) { return h.SetupState(ctx) }

// callers finds how to reach hosts by their names.
func callers(names []string) (map[string]caller, error) {
	known, err := knownHosts()
	if err != nil {
		return nil, err
	}
	self := client.New("")
	own, _ := self.SetupState(context.Background()) // without a daemon here, no name is this host's
	out := map[string]caller{}
	var all error
	for _, name := range names {
		if name == own.Host {
			out[name] = ownHost{self}
			continue
		}
		c, err := known.Client(name)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		out[name] = c
	}
	return out, all
}

// onEach does something on all hosts at once and reports in the order of names. It waits for all.
func (s *session) onEach(names []string, done string, do func(context.Context, caller) error) error {
	hosts, err := callers(names)
	if err != nil {
		return err
	}
	outcome := make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { outcome[i] = do(context.Background(), hosts[name]) })
	}
	group.Wait()
	r := s.reports()
	for i, name := range names {
		if outcome[i] != nil {
			r.fail("%s: %v", name, outcome[i])
			continue
		}
		s.note("%s: %s", name, done)
	}
	return r.err()
}

// withoutPort takes a port off an address that has one.
func withoutPort(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}
