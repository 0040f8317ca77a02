package node

import (
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
)

// Settings are what a configured host's daemon runs with.
type Settings struct {
	Root      string // below which every path hangs
	Cluster   string // cluster_name
	Self      core.HostID
	Name      string // this host's uname
	Messaging messaging.Config
}

// names returns the configured hosts' unames.
func (s Settings) names() map[core.HostID]string {
	names := map[core.HostID]string{}
	for _, h := range s.Messaging.Hosts {
		names[h.ID] = h.Name
	}
	return names
}

// knows tells whether a host of that name is configured.
func (s Settings) knows(name string) bool {
	for _, h := range s.Messaging.Hosts {
		if h.Name == name || (h.Name == "" && id32(h.ID) == name) {
			return true
		}
	}
	return false
}
