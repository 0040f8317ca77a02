package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/setup"
)

// Admit adds a host to the cluster: every member of the view gets a configuration with
// it and restarts its part of the cluster, which leaves running resources alone. The
// answer is what the new host needs.
func (d *Daemon) Admit(ctx context.Context, host setup.Host) (setup.Configuration, error) {
	grown, err := d.grow(host)
	if err != nil {
		return setup.Configuration{}, fmt.Errorf("admit host %s: %w", host.Name, err)
	}
	d.mu.Lock()
	n := d.node
	d.mu.Unlock()
	if n == nil {
		return setup.Configuration{}, fmt.Errorf("admit host %s: this host takes part in no cluster at the moment", host.Name)
	}
	payload, err := json.Marshal(grown)
	if err != nil {
		return setup.Configuration{}, fmt.Errorf("admit host %s: %w", host.Name, err)
	}
	for _, id := range n.replica.LastView().Members {
		if id == n.settings.Self {
			continue
		}
		if _, err := n.messenger.Call(ctx, id, "configure", payload); err != nil {
			return setup.Configuration{}, fmt.Errorf("admit host %s: tell host %s: %w; repeat it when that host answers", host.Name, n.name(id), err)
		}
	}
	return grown, d.reconfigure(grown)
}

// grow makes the configuration with one more host. Only Holdfast's own file is
// rewritten: corosync.conf is kept as its owner wrote it.
func (d *Daemon) grow(host setup.Host) (setup.Configuration, error) {
	path, keyPath, ok := d.files.Find()
	if !ok {
		return setup.Configuration{}, errors.New("this host is not configured; use 'holdfast init' on the first host")
	}
	if filepath.Base(path) != "holdfast.conf" {
		return setup.Configuration{}, fmt.Errorf("the cluster is configured by %s; add the host to its nodelist on every host, copy it and the authkey to the new one, and restart the daemons one after the other", path)
	}
	file, err := config.Load(path)
	if err != nil {
		return setup.Configuration{}, err
	}
	key, err := os.ReadFile(keyPath)
	if err != nil {
		return setup.Configuration{}, fmt.Errorf("read the cluster's key: %w", err)
	}
	var members []setup.Member
	next := 1
	for _, h := range file.Hosts {
		members = append(members, setup.Member{ID: int(h.ID), Host: setup.Host{Name: h.Name, Addrs: h.Addrs}})
		next = max(next, int(h.ID)+1)
	}
	text, err := setup.Render(file.Cluster, append(members, setup.Member{ID: next, Host: host}))
	return setup.Configuration{Holdfast: text, Authkey: key, Force: true}, err
}

// reconfigure stores a configuration and restarts this host's part of the cluster with it,
// after the answer to whoever asked is on its way.
func (d *Daemon) reconfigure(c setup.Configuration) error {
	c.Force = true
	if err := d.files.Write(c); err != nil {
		return err
	}
	go func() {
		if err := d.restart(); err != nil {
			d.log.Error("the daemon's part of the cluster did not start with the new configuration; restart the daemon", "cause", err)
		}
	}()
	return nil
}

// restart ends this host's part of the cluster without moving resources, and starts it
// again with the configuration as it is now.
func (d *Daemon) restart() error {
	d.mu.Lock()
	n := d.node
	d.node, d.mux = nil, nil
	d.mu.Unlock()
	if n != nil {
		if err := n.Close(); err != nil {
			return fmt.Errorf("end the cluster's part: %w", err)
		}
	}
	return d.Start(context.Background())
}

// serveConfigure takes a new configuration from another host of the cluster.
func (n *Node) serveConfigure(_ context.Context, from messaging.HostID, payload []byte) (any, error) {
	var c setup.Configuration
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, fmt.Errorf("decode configuration of host %d: %w", from, err)
	}
	if n.reconfigure == nil {
		return nil, errors.New("this host takes no configuration from others")
	}
	n.log.Info("a new configuration came", "from", n.name(from))
	return struct{}{}, n.reconfigure(c)
}
