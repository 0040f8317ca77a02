package core_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

// While all hosts are there every change is confirmed, whatever sets could commit without being strong: of eight
// hosts four and the device's vote, of twelve four of the seven that vote in raft, of three those
// two with a minority of the votes and the device.
func TestAWholeClusterConfirms(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		hosts   int
		options quorum.Options
	}{
		{5, quorum.Options{}},
		{8, quorum.Options{DeviceVotes: 1}},
		{8, quorum.Options{DeviceVotes: 7}},
		{12, quorum.Options{}},
		{12, quorum.Options{DeviceVotes: 1}},
		{3, quorum.Options{Votes: map[core.HostID]int{1: 3}, DeviceVotes: 4}},
	} {
		t.Run(fmt.Sprintf("%d hosts, a device of %d", of.hosts, of.options.DeviceVotes), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, of.hosts, of.options)
			c.start(c.options.Hosts...)
			c.await(10*time.Second, c.options.Hosts...)
			c.run(time.Second)
			if of.options.DeviceVotes > 0 {
				c.lend(c.options.Hosts, nil, time.Second)
			}
			for _, id := range []core.HostID{1, 2, core.HostID(of.hosts)} {
				if a := c.must(id, fmt.Sprint("by host ", id)); a.Err != nil || a.Unconfirmed {
					t.Errorf("host %d: %+v", id, a)
				}
			}
		})
	}
}

// A change that only hosts with the device's votes have is unconfirmed, and said to be so soon.
func TestWitnessesThatAreMissing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 8, quorum.Options{DeviceVotes: 7})
	c.start(c.options.Hosts...)
	c.await(10*time.Second, c.options.Hosts...)
	some, others := c.options.Hosts[:4], c.options.Hosts[4:]
	c.cut(some, others)
	c.lend(some, others, 2*time.Second)
	h := c.host(2)
	h.core.Step(c.now, core.Propose{Seq: 1 << 40, Data: []byte("by half")})
	c.lend(some, others, time.Second)
	if a, answered := h.answers[1<<40]; !answered || a.Err != nil || !a.Unconfirmed {
		t.Errorf("answered %t: %+v", answered, a)
	}
}

// What sufficed for a commit is forgotten by the time that the change is applied elsewhere: the device has taken its word back, which
// with half of the hosts was a quorum, or the operator's word that fewer votes are expected has not come yet. Neither makes the
// change confirmed.
func TestWhatSufficedIsForgotten(t *testing.T) {
	t.Parallel()
	t.Run("the device's word", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, 8, quorum.Options{DeviceVotes: 1})
		c.start(c.options.Hosts...)
		c.await(10*time.Second, c.options.Hosts...)
		c.lend(c.options.Hosts, nil, time.Second)
		c.cut(c.options.Hosts[:4], c.options.Hosts[4:])
		leader, h := c.host(1), c.host(4)
		seq := c.propose(4, "by half")
		if !c.until(time.Second, func() bool { return slices.Contains(leader.machine.entries, "by half") }) {
			t.Fatal("it is not committed")
		}
		c.cut(onlyThisHost(1), onlyThisHost(4)) // host 4 does not hear of it yet
		c.lend(nil, c.options.Hosts, 200*time.Millisecond)
		c.heal()
		c.cut(c.options.Hosts[:4], c.options.Hosts[4:])
		if !c.until(10*time.Second, func() bool { _, ok := h.answers[seq]; return ok }) || !h.answers[seq].Unconfirmed {
			t.Errorf("answered %+v", h.answers[seq])
		}
	})
	t.Run("expected votes", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t, 9, quorum.Options{})
		c.start(c.options.Hosts...)
		c.await(10*time.Second, c.options.Hosts...)
		c.cut(c.options.Hosts[:4], c.options.Hosts[4:])
		h := c.host(4)
		seq := c.propose(4, "by four of nine")
		c.run(20 * time.Millisecond)
		c.host(1).core.Step(c.now, core.Expect{Votes: 4})
		if !c.until(10*time.Second, func() bool { _, ok := h.answers[seq]; return ok }) || h.answers[seq].Err != nil || !h.answers[seq].Unconfirmed {
			t.Errorf("answered %+v", h.answers[seq])
		}
	})
}
