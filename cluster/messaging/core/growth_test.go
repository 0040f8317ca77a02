package core_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
)

// A cluster that was stopped, and whose hosts are started with more hosts in their configuration, and perhaps a quorum device, goes on with all of them
// and with what was confirmed before.
func TestAClusterStartedWithMoreHostsGoesOn(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		before, after int
		options       quorum.Options
	}{
		{1, 2, quorum.Options{}}, {1, 3, quorum.Options{}}, {2, 3, quorum.Options{}}, {2, 4, quorum.Options{}}, {2, 5, quorum.Options{}}, {3, 6, quorum.Options{}},
		{1, 2, quorum.Options{TwoNode: true}}, {2, 4, quorum.Options{DeviceVotes: 1}}, {2, 4, quorum.Options{DeviceVotes: 3}},
	} {
		t.Run(fmt.Sprintf("%d to %d, device %d", of.before, of.after, of.options.DeviceVotes), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, of.after, quorum.Options{})
			all := c.options.Hosts
			old := all[:of.before]
			c.options.Hosts = old
			c.start(old...)
			c.await(10*time.Second, old...)
			c.must(1, "before")
			c.kill(old...)
			c.options = of.options
			c.options.Hosts = all
			c.start(all...)
			if of.options.DeviceVotes > 0 {
				c.lend(all, nil, 5*time.Second)
			}
			c.await(10*time.Second, all...)
			c.must(all[of.after-1], "after")
			c.run(time.Second)
			for _, h := range c.hosts {
				if !slices.Equal(h.machine.entries, []string{"before", "after"}) {
					t.Errorf("host %d has %q", h.id, h.machine.entries)
				}
			}
		})
	}
}

// A host that is taken out of the cluster and comes back with an empty disk gets all of the log, again and again: what was
// acknowledged under its id before is not what it has now.
func TestAHostComesBackEmptyAgainAndAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, quorum.Options{})
	c.start(1, 2, 3)
	c.await(3*time.Second, 1, 2, 3)
	var want []string
	for round := range 3 {
		for i := range 5 { // more than raft puts into one message
			text := fmt.Sprint(round, i, strings.Repeat("x", 400_000))
			c.must(1, text)
			want = append(want, text)
		}
		c.kill(3)
		c.configure(2, quorum.Options{}, 1, 2)
		c.await(5*time.Second, 1, 2)
		c.run(time.Second)
		c.host(3).disk = &store.Memory{}
		c.configure(3, quorum.Options{}, 1, 2)
		c.start(3)
		c.await(10*time.Second, 1, 2, 3)
	}
	c.run(time.Second)
	if got := c.host(3).machine.entries; !slices.Equal(got, want) {
		t.Errorf("host 3 has %d entries of %d", len(got), len(want))
	}
}
