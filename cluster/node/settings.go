package node

import (
	"context"
	"log/slog"
	"path/filepath"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
)

// stateDir is where a host keeps its state, below the root.
const stateDir = "var/lib/holdfast"

// Settings are what a configured host's daemon runs with.
type Settings struct {
	Root      string // below which every path hangs
	Cluster   string // cluster_name
	Self      core.HostID
	Name      string // this host's uname
	Messaging messaging.Config
}

// LoadSettings reads the cluster's configuration; path "" finds it below root. Warnings
// go to the log.
func LoadSettings(ctx context.Context, root, path string, log *slog.Logger) (Settings, error) {
	var err error
	if path == "" {
		if path, err = config.Find(root); err != nil {
			return Settings{}, err
		}
	}
	file, err := config.Load(path)
	if err != nil {
		return Settings{}, err
	}
	for _, w := range file.Warnings {
		log.Warn(w.Error())
	}
	here, err := config.ThisMachine()
	if err != nil {
		return Settings{}, err
	}
	m, err := file.Messaging(ctx, here)
	if err != nil {
		return Settings{}, err
	}
	m.Dir = filepath.Join(root, stateDir)
	settings := Settings{Root: root, Cluster: file.Cluster, Self: m.Self, Messaging: m}
	for i, h := range m.Hosts {
		if h.ID == m.Self {
			if !file.Hosts[i].Named {
				// corosync.conf without names: the host is known by what it calls itself.
				m.Hosts[i].Name = here.Name
			}
			settings.Name = m.Hosts[i].Name
		}
	}
	return settings, nil
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
