package pcs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/node/client"
)

// lookEvery is how often a command that waits for hosts asks whether they are there.
const lookEvery = 100 * time.Millisecond

// startOn starts clustering on the named hosts, on this one when none is named; --wait then waits for these to be online.
func (s *session) startOn(names []string) error {
	start := func(ctx context.Context, c caller) error { return c.Start(ctx) }
	if len(names) > 0 {
		s.starting = names
		return s.onEach(names, "Starting Cluster...", start)
	}
	own := client.New("")
	if err := start(context.Background(), ownHost{own}); err != nil {
		return err
	}
	s.note("Starting Cluster...")
	if status, err := own.Status(context.Background()); err == nil {
		s.starting = []string{status.Host}
	}
	return nil
}

// awaitOnline waits until the hosts take part in the cluster that this host takes part in.
func (s *session) awaitOnline(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	own := client.New("")
	if status, err := own.Status(ctx); err != nil || !status.Configured || status.View.Leader == 0 && !slices.Contains(s.starting, status.Host) {
		s.warn("--wait: this host takes no part in the cluster, so it cannot tell when the others are there")
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	missing := s.starting
	for {
		if status, err := own.Status(ctx); err == nil {
			missing = absent(status, s.starting)
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s not online after %v; their daemons' logs say why", quoted(missing), limit)
		case <-tick.C:
		}
	}
}

// absent are those of the hosts that do not take work.
func absent(status *client.Status, hosts []string) []string {
	return slices.DeleteFunc(slices.Clone(hosts), func(name string) bool {
		return slices.ContainsFunc(status.Hosts, func(h client.HostStatus) bool { return h.Name == name && h.Online })
	})
}

// awaitForgotten waits until a host that was taken out has forgotten its cluster, so that it can be added again at once.
// One that this host has not logged in to, or that does not answer, is not waited for.
func awaitForgotten(host string) {
	known, err := knownHosts()
	if err != nil {
		return
	}
	there, err := known.Client(host)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), client30)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if state, err := there.State(ctx); err != nil || !state.Configured && !state.Running {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
