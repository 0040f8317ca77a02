package node

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
)

// stateDir is where a host keeps its state, below the root.
const stateDir = "var/lib/holdfast"

// Settings are what a configured host's daemon runs with.
type Settings struct {
	Root      string // below which every path hangs
	Path      string // of the configuration file
	Cluster   string // cluster_name
	Self      core.HostID
	Name      string // this host's uname
	Messaging messaging.Config
	Level     int // the feature level; 0: the newest
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
	placeDevice(root, m.Device)
	level, err := readLevel(root)
	if err != nil {
		return Settings{}, err
	}
	if m.Device != nil && m.Device.Disk != "" && level < levelOfDisk {
		return Settings{}, fmt.Errorf("%s: quorum.device.model disk needs feature level %d, and this host has %d", path, levelOfDisk, level)
	}
	return Settings{Level: level, Root: root, Path: path, Cluster: file.Cluster, Self: m.Self, Name: nameSelf(file, m, here), Messaging: m}, nil
}

// placeDevice puts what belongs to the quorum device below the root.
func placeDevice(root string, c *device.Config) {
	if c == nil {
		return
	}
	c.Dir = filepath.Join(root, device.Certificates)
	if c.Disk != "" {
		c.Disk = filepath.Join(root, c.Disk)
	}
}

// nameSelf returns this host's name. In a corosync.conf without names the host is known by
// what it calls itself.
func nameSelf(file *config.File, m messaging.Config, here config.Machine) string {
	for i, h := range m.Hosts {
		if h.ID == m.Self {
			if !file.Hosts[i].Named {
				m.Hosts[i].Name = here.Name
			}
			return m.Hosts[i].Name
		}
	}
	return ""
}

// configured are the hosts of the cluster, as they are configured now.
func (n *Node) configured() []messaging.Host { return *n.hosts.Load() }

// namesOf returns the hosts' unames.
func namesOf(hosts []messaging.Host) map[core.HostID]string {
	names := map[core.HostID]string{}
	for _, h := range hosts {
		names[h.ID] = h.Name
	}
	return names
}
