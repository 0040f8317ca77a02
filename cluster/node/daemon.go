package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"holdfast/cluster/messaging/config"
	"holdfast/cluster/node/client"
	"holdfast/cluster/setup"
)

// Options are what a Daemon is made of.
type Options struct {
	Root   string // below which every path hangs
	Config string // the configuration file; "" finds it below Root
	Listen string // address for setup and the console, "" for none
	Log    *slog.Logger
	// TrustEmpty: an operator knows that this host's state was empty before, or that
	// nothing that it acknowledged was lost with it.
	TrustEmpty bool
}

// Daemon is the process: it answers locally from the start, and runs a Node while the
// host is configured and has not been told to stop.
type Daemon struct {
	options Options
	log     *slog.Logger
	files   setup.Files
	setup   *setup.Server
	host    string

	mu   sync.Mutex // guards node and its start and stop
	node *Node
	mux  http.Handler // of node
}

// Run runs a daemon until ctx ends; then it hands resources over and leaves. A second
// context, force, ends that early.
func Run(ctx, force context.Context, options Options) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this host's name: %w", err)
	}
	d := &Daemon{options: options, log: options.Log, files: setup.Files{Root: options.Root}, host: host}
	listener, err := listen(options.Root)
	if err != nil {
		return err
	}
	defer listener.Close()
	d.setup, err = setup.NewServer(setup.Options{Dir: filepath.Join(options.Root, "var/lib/holdfast/setup"), Host: host, Cluster: d, Log: options.Log})
	if err != nil {
		return err
	}
	defer serveAPI(listener, d.local(), d.log).close()
	if options.Listen != "" {
		remote, err := d.listenTLS()
		if err != nil {
			return err
		}
		defer remote.close()
	}
	if d.staysOut() {
		d.log.Warn("this host has booted and waits to be started: 'pcs cluster start' does it, 'pcs cluster enable' lets it start by itself")
	} else if err := d.Start(ctx); errors.Is(err, fs.ErrNotExist) && options.Config == "" {
		d.log.Warn("this host belongs to no cluster yet; set it up with 'holdfast init', 'holdfast join' or 'pcs cluster setup'", "cause", err)
	} else if err != nil {
		return err
	}
	daemon.SdNotify(false, daemon.SdNotifyReady)
	<-ctx.Done()
	daemon.SdNotify(false, daemon.SdNotifyStopping)
	return d.stop(force)
}

// listenTLS begins to answer setup requests from the network. A port that is taken
// costs only that service.
func (d *Daemon) listenTLS() (*api, error) {
	listener, err := net.Listen("tcp", d.options.Listen)
	if err != nil {
		d.log.Error("setup and console are not served", "address", d.options.Listen, "cause", err)
		return &api{server: &http.Server{}}, nil
	}
	return serveAPI(tls.NewListener(listener, d.setup.TLS()), d.setup.Handler(), d.log), nil
}

// local routes requests of the local socket: setup is always answered, the rest by the
// node that runs.
func (d *Daemon) local() http.Handler {
	mux := http.NewServeMux()
	local := d.setup.Local()
	mux.HandleFunc("/v1/setup/", guarded(d.log, func(w http.ResponseWriter, r *http.Request) (any, error) {
		local.ServeHTTP(w, r)
		return nil, nil
	}))
	mux.HandleFunc("POST /v1/stop", guarded(d.log, func(http.ResponseWriter, *http.Request) (any, error) {
		go func() {
			if err := d.Stop(context.Background()); err != nil {
				d.log.Error("stop asked for over the local socket", "cause", err)
			}
		}()
		return struct{}{}, nil
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		routes := d.mux
		d.mu.Unlock()
		if routes == nil {
			guarded(d.log, d.notSetUp)(w, r)
			return
		}
		routes.ServeHTTP(w, r)
	})
	return mux
}

func (d *Daemon) notSetUp(_ http.ResponseWriter, r *http.Request) (any, error) {
	if r.URL.Path == "/v1/status" {
		return client.Status{Host: d.host, Build: Build, Problems: []string{d.whyOutside()}}, nil
	}
	return nil, &client.Error{Code: client.NotSetUp, Message: d.whyOutside()}
}

// whyOutside says why this host takes part in no cluster, and what to do about it.
func (d *Daemon) whyOutside() string {
	if _, _, configured := d.files.Find(); configured || d.options.Config != "" {
		return "this host takes part in no cluster at the moment; start it with 'pcs cluster start'"
	}
	return "this host takes part in no cluster, because it belongs to none yet; " +
		"make one with 'holdfast init' or 'pcs cluster setup', or join one with 'holdfast join'"
}

// State tells what this host is part of.
func (d *Daemon) State() setup.State {
	state := setup.State{Host: d.host, Disabled: d.disabled()}
	path, _, ok := d.files.Find()
	if state.Configured = ok; ok {
		if file, err := config.Load(path); err == nil {
			state.Cluster = file.Cluster
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	state.Running = d.node != nil
	return state
}

// Configure stores a cluster configuration, and sbd's settings where it comes with some.
func (d *Daemon) Configure(c setup.Configuration) error {
	if c.SBD == nil {
		return d.files.Write(c)
	}
	order := sbdOrder{Text: c.SBD.Settings, Trust: c.SBD.Trust}
	if err := order.check(d.options.Root); err != nil {
		return err
	}
	if err := d.files.Write(c); err != nil {
		return err
	}
	return order.write(d.options.Root)
}

// Site is the cluster that this host is configured for, with the document while it takes part.
func (d *Daemon) Site(ctx context.Context) (setup.Site, error) {
	path := d.options.Config
	if path == "" {
		found, _, ok := d.files.Find()
		if !ok {
			return setup.Site{}, errors.New(d.whyOutside())
		}
		path = found
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
	for _, h := range file.Hosts {
		site.Hosts = append(site.Hosts, h.Name)
	}
	d.mu.Lock()
	n := d.node
	d.mu.Unlock()
	if n != nil {
		site.Document = string(n.observed(ctx).Bytes())
	}
	return site, nil
}

// Start lets this host take part in the cluster that it is configured for.
func (d *Daemon) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.node != nil {
		return nil
	}
	settings, err := LoadSettings(ctx, d.options.Root, d.options.Config, d.log)
	if err != nil {
		return err
	}
	settings.Messaging.TrustEmpty = d.options.TrustEmpty
	runner, err := newRunner(d.options.Root, settings.Name, d.log)
	if err != nil {
		return fmt.Errorf("start the executor: %w", err)
	}
	watch, err := openWatch(ctx, d.options.Root, settings.Name, d.log)
	if err != nil {
		return fmt.Errorf("start what ends this host when it must end: %w", err)
	}
	n, err := Start(Parts{Settings: settings, Runner: runner, Agents: runner, Log: d.log, Depart: d.depart, Watch: watch})
	if err != nil {
		watch.close(true)
		return err
	}
	mux := http.NewServeMux()
	n.routes(mux)
	d.node, d.mux = n, mux
	d.takesPart(true)
	d.log.Info("started", "cluster", settings.Cluster, "host", settings.Name, "id", settings.Self, "build", Build)
	return nil
}

// Stop hands this host's resources over and leaves the cluster. The daemon goes on in
// idle mode. It is carried to its end when the caller goes away meanwhile: half of it would
// have this host fenced.
func (d *Daemon) Stop(ctx context.Context) error { return d.stop(context.WithoutCancel(ctx)) }

// stop is Stop; when ctx ends, the host leaves with what runs on it.
func (d *Daemon) stop(ctx context.Context) error {
	d.mu.Lock()
	n := d.node
	d.mu.Unlock()
	if n == nil {
		return nil
	}
	began := time.Now()
	leaveErr := n.Leave(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.node != n {
		return leaveErr
	}
	d.node, d.mux = nil, nil
	d.takesPart(false)
	err := errors.Join(leaveErr, n.Close())
	d.log.Info("left the cluster", "took", time.Since(began), "error", err)
	return err
}

// depart lets this host leave its cluster for good, because it is taken out of it. What it has it forgets when another host
// led as it went: otherwise it may be the only one that has it.
func (d *Daemon) depart(force bool) {
	d.mu.Lock()
	n := d.node
	d.mu.Unlock()
	go func() {
		err := d.Stop(context.Background())
		switch {
		case err == nil && n != nil && !force && !n.succeeded.Load():
			err = errors.New("it has left, and no other host led by then, which would have what this one has: its configuration and state are kept; start it again ('pcs cluster start') and take it out " +
				"when the others are up, or forget everything ('pcs cluster destroy')")
		case err == nil:
			err = d.forget()
		}
		if err != nil {
			d.log.Error("leaving the cluster for good", "cause", err)
		}
	}()
}

// Destroy is Stop, and the host forgets its cluster.
func (d *Daemon) Destroy(ctx context.Context) error {
	if err := d.Stop(ctx); err != nil {
		return err
	}
	return d.forget()
}

func (d *Daemon) forget() error {
	if err := d.files.Forget(); err != nil {
		return err
	}
	for _, name := range []string{"log.db", "log", "forks"} {
		if err := os.RemoveAll(filepath.Join(d.options.Root, stateDir, name)); err != nil {
			return fmt.Errorf("forget the cluster's state: %w", err)
		}
	}
	return nil
}
