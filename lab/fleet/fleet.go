// Package fleet is a lab whose hosts are a Holdfast cluster: the daemon runs on each, under
// a corosync.conf and an authkey, and its events are gathered into one timeline. The demo,
// the benchmarks and tests of whole clusters stand on it.
//
// The package starts one goroutine per host, which reads that host's events until Close;
// Close waits for them.
package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/agents"
	"holdfast/cluster/node/client"
	"holdfast/lab"
)

// Config is what a fleet consists of.
type Config struct {
	Name   string // for `holdfast lab --name`; "": only this process knows the lab
	Hosts  []string
	Links  []netip.Prefix // default: one, 10.77.0.0/24
	First  int            // last byte of the first host's addresses; default 11
	Binary string         // the holdfast binary; default: the running program
	// Remotes are hosts that run `holdfast remote` instead of the daemon. They follow Hosts.
	Remotes []string
	// RebootDelay is how long a fenced host stays off; default 1 s.
	RebootDelay time.Duration
	// Unconfigured leaves the hosts without corosync.conf and authkey: their daemons wait
	// to be set up.
	Unconfigured bool
	// Witness is the algorithm, ffsplit or lms, of a quorum device that runs on the lab's client. Default: none.
	Witness string
	Disks   int    // that all hosts share
	Shared  string // where all hosts see the same directory; see lab.Config
	// Totem and Quorum are lines of those sections of corosync.conf, beside those there are always.
	Totem, Quorum string
	Files         []lab.File    // beside the cluster's own
	Install       []lab.Command // beside the cluster's own
	// Keep are programs that are the machine's own in the hosts, though Holdfast stands in for them.
	Keep []string
}

// Fleet is a running cluster of virtual hosts.
type Fleet struct {
	*lab.Lab
	links   []netip.Prefix
	clients map[string]*client.Client
	events  *Timeline
	stop    context.CancelFunc
	readers sync.WaitGroup
}

// Start makes the hosts, with the daemon started on each. The cluster has no
// configuration yet but its hosts; see Ready.
func Start(ctx context.Context, c Config) (*Fleet, error) {
	if len(c.Links) == 0 {
		c.Links = []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")}
	}
	if c.First == 0 {
		c.First = 11
	}
	key := make([]byte, 256)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	keys, certificates, err := witnessFiles(c)
	if err != nil {
		return nil, err
	}
	files := append(certificates, c.Files...)
	if !c.Unconfigured {
		files = append([]lab.File{
			{Path: "/etc/corosync/corosync.conf", Data: []byte(corosyncConf(c)), Mode: 0o644},
			{Path: "/etc/corosync/authkey", Data: key, Mode: 0o400},
		}, files...)
	}
	install := append([]lab.Command{
		{Args: []string{"holdfast", "link", "/usr/sbin", "--replace", "--agents", agents.Directory, "--keep", strings.Join(c.Keep, ",")}},
	}, c.Install...)
	boot := "mkdir -p -m 1755 /run/resource-agents; exec holdfast node"
	if len(c.Remotes) > 0 {
		boot = "case $(hostname) in " + strings.Join(c.Remotes, "|") + ") exec holdfast remote;; esac; " + boot
		files = append(files, lab.File{Path: "/etc/pacemaker/authkey", Data: key[:128], Mode: 0o400})
	}
	l, err := lab.Start(ctx, lab.Config{
		Name: c.Name, Hosts: slices.Concat(c.Hosts, c.Remotes), Links: c.Links, FirstHost: c.First, Binary: c.Binary, RebootDelay: c.RebootDelay, Disks: c.Disks, Shared: c.Shared,
		Files: files, Install: install, Boot: []lab.Command{{Args: []string{"sh", "-c", boot}}},
	})
	if err != nil {
		return nil, err
	}
	if err := startWitness(ctx, l, keys); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	f := &Fleet{Lab: l, links: c.Links, clients: map[string]*client.Client{}, events: newTimeline()}
	ctx, f.stop = context.WithCancel(ctx)
	for _, h := range l.Hosts() {
		if slices.Contains(c.Remotes, h.Name()) {
			continue
		}
		c := client.Through("/run/holdfast/holdfast.sock", h.Dial)
		f.clients[h.Name()] = c
		f.readers.Go(func() { f.events.follow(ctx, h.Name(), c) })
	}
	return f, nil
}

// Close takes everything down.
func (f *Fleet) Close() error {
	f.stop()
	err := f.Lab.Close()
	f.readers.Wait()
	return err
}

// Events is what all daemons told.
func (f *Fleet) Events() *Timeline { return f.events }

// Client speaks to the daemon of one host.
func (f *Fleet) Client(host string) *client.Client { return f.clients[host] }

// corosyncConf is the configuration that an administrator would write for these hosts.
func corosyncConf(c Config) string {
	var out strings.Builder
	out.WriteString("totem {\n\tversion: 2\n\tcluster_name: webapp\n\ttransport: knet\n" + c.Totem + "}\n\nnodelist {\n")
	for i, name := range c.Hosts {
		out.WriteString("\tnode {\n")
		for link, prefix := range c.Links {
			network := prefix.Masked().Addr().As4()
			network[3] = byte(c.First + i)
			fmt.Fprintf(&out, "\t\tring%d_addr: %s\n", link, netip.AddrFrom4(network))
		}
		fmt.Fprintf(&out, "\t\tname: %s\n\t\tnodeid: %d\n\t}\n", name, i+1)
	}
	out.WriteString("}\n\nquorum {\n\tprovider: corosync_votequorum\n" + c.Quorum + deviceConf(c) + "}\n")
	return out.String()
}

// askEvery is the pause between two looks at a state that no event tells of.
const askEvery = 20 * time.Millisecond

// Await looks again and again until done has no error; the error when ctx ends says what the last
// look lacked.
func Await(ctx context.Context, done func() error) error { return until(ctx, done) }

// until is Await.
func until(ctx context.Context, done func() error) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// Ready waits until the hosts, or all of the fleet when none is named, are in one
// view with a leader that has nothing left to do.
func (f *Fleet) Ready(ctx context.Context, hosts ...string) error {
	if len(hosts) == 0 {
		for _, h := range f.Hosts() {
			if f.clients[h.Name()] != nil {
				hosts = append(hosts, h.Name())
			}
		}
	}
	err := until(ctx, func() error { return f.ready(ctx, hosts) })
	if err != nil {
		return fmt.Errorf("wait for hosts %s to be a cluster: %w", strings.Join(hosts, ", "), err)
	}
	return nil
}

func (f *Fleet) ready(ctx context.Context, hosts []string) error {
	var view uint64
	for _, name := range hosts {
		status, err := f.clients[name].Status(ctx)
		if err != nil {
			return fmt.Errorf("host %s: %w", name, err)
		}
		member := map[string]bool{}
		for _, h := range status.Hosts {
			member[h.Name] = slices.Contains(status.View.Members, h.ID)
		}
		for _, other := range hosts {
			if !member[other] {
				return fmt.Errorf("host %s is not in the view of %s", other, name)
			}
		}
		if status.View.Leader == 0 || !status.View.Quorate || view != 0 && view != status.View.Number {
			return fmt.Errorf("host %s is in view %d, leader %d, quorate %t", name, status.View.Number, status.View.Leader, status.View.Quorate)
		}
		view = status.View.Number
	}
	return f.clients[hosts[0]].Wait(ctx, 10*time.Second)
}

// Active is the host that runs a resource, "" if none does.
func (f *Fleet) Active(ctx context.Context, resource string) (string, error) {
	status, err := f.AnyStatus(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range status.Resources {
		if r.ID == resource && (r.Role == "Started" || r.Role == "Promoted") {
			return r.Host, nil
		}
	}
	return "", nil
}

// AnyStatus is the cluster as the first host sees it that answers and is in a quorate view.
func (f *Fleet) AnyStatus(ctx context.Context) (*client.Status, error) {
	var all error
	for _, h := range f.Hosts() {
		if s, err := h.Status(); err != nil || s.State != lab.On || f.clients[h.Name()] == nil {
			continue
		}
		status, err := f.clients[h.Name()].Status(ctx)
		if err == nil && status.View.Quorate {
			return status, nil
		}
		all = errors.Join(all, err)
	}
	return nil, errors.Join(errors.New("no host is in a quorate view"), all)
}

// Leader is the host that leads, "" if nobody does.
func (f *Fleet) Leader(ctx context.Context) string {
	status, err := f.AnyStatus(ctx)
	if err != nil {
		return ""
	}
	for _, h := range status.Hosts {
		if h.ID == status.View.Leader {
			return h.Name
		}
	}
	return ""
}

// AwaitEvent waits until some host has told an event of a kind since a moment.
func (f *Fleet) AwaitEvent(ctx context.Context, since lab.Moment, kind client.Kind) error {
	err := until(ctx, func() error {
		for _, e := range f.events.Since(since) {
			if e.Kind == kind {
				return nil
			}
		}
		return errors.New("no host has told it")
	})
	if err != nil {
		return fmt.Errorf("wait for the event %s: %w", kind, err)
	}
	return nil
}

// Load puts a configuration, the XML of <configuration>, in the place of the cluster's.
func (f *Fleet) Load(ctx context.Context, host, configuration string) error {
	_, err := f.clients[host].Change(ctx, client.Change{
		Op: client.Replace, Section: "configuration", XML: configuration, Cause: "load a configuration in the lab",
	})
	if err != nil {
		return fmt.Errorf("load a configuration on host %s: %w", host, err)
	}
	return nil
}
