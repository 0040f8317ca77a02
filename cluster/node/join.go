package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"holdfast/cluster/controller"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/setup"
)

// A host is added in three steps, so that at no moment two sets of hosts can be quorate
// by different counts: the leader writes the configuration anew, every host of the
// cluster takes it over while it runs, and only then does the new host get it with the key.
// Until then the new host counts as having left.
const (
	admitService     = "admit"     // asks the leader to add a host
	configureService = "configure" // asks a host to take a configuration over
)

// Admit adds a host to the cluster and returns what it needs.
func (d *Daemon) Admit(ctx context.Context, host setup.Host) (setup.Configuration, error) {
	d.mu.Lock()
	n := d.node
	d.mu.Unlock()
	if n == nil {
		return setup.Configuration{}, fmt.Errorf("admit %s: host %s takes part in no cluster at the moment; start it there first, or ask another host", host.Name, d.host)
	}
	text, err := n.admit(ctx, host)
	if err != nil {
		return setup.Configuration{}, fmt.Errorf("admit %s: %w", host.Name, err)
	}
	c := setup.Configuration{Authkey: n.settings.Messaging.Key}
	if filepath.Base(n.settings.Path) == "corosync.conf" {
		c.Corosync = text
	} else {
		c.Holdfast = text
	}
	return c, nil
}

// admit has the leader add a host and returns the configuration's text.
func (n *Node) admit(ctx context.Context, host setup.Host) (string, error) {
	payload, err := json.Marshal(host)
	if err != nil {
		return "", err
	}
	leader := n.messenger.Leader()
	if leader == 0 {
		return "", errors.New("the cluster has no leader at the moment; see 'crm status' and try again when it is quorate")
	}
	reply, err := n.messenger.Call(ctx, leader, admitService, payload)
	if err != nil {
		return "", err
	}
	var text string
	err = json.Unmarshal(reply, &text)
	return text, err
}

// serveAdmit is the leader's: it changes the configuration on every host of the cluster.
func (n *Node) serveAdmit(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var host setup.Host
	if err := json.Unmarshal(payload, &host); err != nil {
		return nil, fmt.Errorf("decode the request to add a host: %w", err)
	}
	n.admitting.Lock()
	defer n.admitting.Unlock()
	if err := n.leads(); err != nil {
		return nil, err
	}
	if err := n.complete(0); err != nil {
		return nil, err
	}
	text, err := n.withHost(host)
	if err != nil {
		return nil, err
	}
	if err := n.configureAll(ctx, text); err != nil {
		return nil, fmt.Errorf("%w; put that right, then repeat the join", err)
	}
	n.log.Info("host added to the configuration", "host", host.Name, "addresses", host.Addrs)
	return text, nil
}

// configureAll has every host of the view take a configuration over.
func (n *Node) configureAll(ctx context.Context, text string) error {
	asked, err := json.Marshal(text)
	if err != nil {
		return err
	}
	// This host last: a repeated request then starts from what it started from before.
	members := slices.DeleteFunc(slices.Clone(n.replica.LastView().Members), func(id core.HostID) bool { return id == n.settings.Self })
	for _, id := range append(members, n.settings.Self) {
		if _, err := n.messenger.Call(ctx, id, configureService, asked); err != nil {
			return fmt.Errorf("change the configuration on host %s: %w", n.name(id), err)
		}
	}
	return nil
}

// leads tells whether this host still leads.
func (n *Node) leads() error {
	if n.messenger.Leader() != n.settings.Self || n.replica.LastView().Leader != n.settings.Self {
		return errors.New("the leader has just changed; try again")
	}
	return nil
}

// complete tells whether the cluster is quorate and all of its hosts are there, but for one
// that is about to be taken out (0: for none).
func (n *Node) complete(but core.HostID) error {
	view := n.replica.LastView()
	if !view.Quorate {
		return errors.New("the cluster has no quorum; bring its hosts up first")
	}
	for _, h := range n.configured() {
		if h.ID == but {
			continue
		}
		switch {
		case slices.Contains(view.Members, h.ID) || !n.wasMember(h.ID): // who was added and has not come yet holds nobody up
		case slices.Contains(view.Left, h.ID):
			return fmt.Errorf("host %s is stopped, and every host has to learn of the change; start it first", n.name(h.ID))
		default:
			return fmt.Errorf("host %s is not up, and every host has to learn of the change; start it first", n.name(h.ID))
		}
	}
	return nil
}

// wasMember tells whether a host has ever been in a view.
func (n *Node) wasMember(id core.HostID) bool {
	for state := range n.replica.Document().Section("status").All("node_state") {
		if state.ID() == id32(id) {
			return state.Get("crm-debug-origin") != controller.Added
		}
	}
	return false
}

// withHost returns the configuration with a host added. A host that is configured exactly
// so gets what there is: its join was interrupted.
func (n *Node) withHost(host setup.Host) (string, error) {
	text, err := os.ReadFile(n.settings.Path)
	if err != nil {
		return "", fmt.Errorf("read the cluster's configuration: %w", err)
	}
	file, err := config.Parse(n.settings.Path, string(text))
	if err != nil {
		return "", err
	}
	if len(host.Addrs) != file.Links {
		return "", fmt.Errorf("the host gives %d addresses and the cluster has %d links; give one for each with --addr", len(host.Addrs), file.Links)
	}
	next := core.HostID(1)
	for _, h := range file.Hosts {
		next = max(next, h.ID+1)
		if h.Name != host.Name {
			continue
		}
		if slices.Equal(h.Addrs, host.Addrs) && !n.wasMember(h.ID) {
			return string(text), nil
		}
		return "", fmt.Errorf("the cluster has a host %s already, at %v; give the new host another name with --name, or take the old one out first", h.Name, h.Addrs)
	}
	grown, err := setup.Grow(string(text), len(file.Hosts), setup.Member{ID: int(next), Host: host})
	if err != nil {
		return "", err
	}
	_, err = config.Parse(n.settings.Path, grown)
	return grown, err
}

// serveConfigure takes a changed configuration over while this host runs.
func (n *Node) serveConfigure(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var text string
	if err := json.Unmarshal(payload, &text); err != nil {
		return nil, fmt.Errorf("decode the configuration: %w", err)
	}
	file, err := config.Parse(n.settings.Path, text)
	if err != nil {
		return nil, err
	}
	here, err := config.ThisMachine()
	if err != nil {
		return nil, err
	}
	m, err := file.Messaging(ctx, here)
	if err != nil {
		return nil, err
	}
	if name := nameSelf(file, m, here); m.Self != n.settings.Self || name != n.settings.Name {
		return nil, fmt.Errorf("the new configuration makes this host %d (%s), but it is %d (%s)", m.Self, name, n.settings.Self, n.settings.Name)
	}
	// Who is taken out has left, but the view that says so may not have come here yet.
	kept := namesOf(m.Hosts)
	for _, h := range n.configured() {
		if _, still := kept[h.ID]; still {
			continue
		}
		if err := n.awaitGone(ctx, h.ID); err != nil {
			return nil, fmt.Errorf("host %s still takes part in the cluster: %w", n.name(h.ID), err)
		}
	}
	if err := setup.Replace(n.settings.Path, text); err != nil {
		return nil, err
	}
	placeDevice(n.settings.Root, m.Device)
	n.queue.put(func() { n.step(controller.Configured{Hosts: namesOf(m.Hosts)}) })
	if err := n.messenger.Reconfigure(m.Hosts, m.Quorum, m.Device); err != nil {
		return nil, err
	}
	n.hosts.Store(&m.Hosts)
	n.log.Info("configuration changed", "file", n.settings.Path, "hosts", len(m.Hosts))
	return struct{}{}, nil
}
