package node

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
)

func TestClusterOfOneGrowsByANewConfiguration(t *testing.T) {
	t.Parallel()
	c := newTestClusterWith(t, 2, func(i int, s *Settings) {
		if i == 0 {
			s.Messaging.Hosts = s.Messaging.Hosts[:1]
			s.Messaging.Quorum = quorum.Options{Hosts: []core.HostID{1}}
		}
	})
	c.kill(1)
	c.await(0, view(1))
	c.kill(0)
	c.settings[0].Messaging.Hosts = c.settings[1].Messaging.Hosts
	c.settings[0].Messaging.Quorum = c.settings[1].Messaging.Quorum
	c.start(0)
	c.start(1)
	c.await(0, view(2))
	c.await(1, view(2))
}

// A host leaves before the votes are counted without it, so one that the others need for their quorum does not.
func TestAHostThatTheOthersNeedForTheirQuorumIsNotTakenOut(t *testing.T) {
	t.Parallel()
	c := newTestCluster(t, 2)
	c.await(0, view(2))
	c.await(1, view(2))
	err := c.client(0).Remove(context.Background(), "web2", false)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 votes") || !strings.Contains(err.Error(), "pcs quorum expected-votes 1") {
		t.Errorf("taking one of two hosts out that need each other: %v", err)
	}
}

// A host that was added and never came does not keep the others from being changed, also when all of them have begun anew since.
func TestAHostThatNeverCameHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	c := newTestClusterWith(t, 3, func(i int, s *Settings) {
		if i == 2 {
			s.Messaging.Key = bytes.Repeat([]byte{1}, 128) // it has not been given the cluster's
		}
	})
	c.await(0, view(2))
	leader := c.nodes[c.nodes[0].messenger.Leader()-1]
	if err := leader.complete(0); err != nil {
		t.Errorf("a host that never came: %v", err)
	}
}
