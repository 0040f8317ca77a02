package node

import (
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
