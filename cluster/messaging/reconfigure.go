package messaging

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/quorum"
)

// Reconfigure takes further hosts and another way to count votes over while everything
// runs. Hosts that were configured before must be named again, with the addresses that
// they had, unless they have left the cluster: those are taken out. Moving hosts needs a restart
// of this host's daemon.
//
// The caller changes the configuration on every host of the cluster, and lets a host
// that it adds have the key only when all of them have it: two hosts that count votes
// differently must not both find a quorum. asked is the quorum device, nil for none.
func (m *Messenger) Reconfigure(hosts []Host, options quorum.Options, asked *device.Config) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	done := make(chan error, 1)
	if !m.do(func(now time.Duration) { done <- m.reconfigure(now, hosts, options) }) {
		return core.ErrStopped
	}
	select {
	case err := <-done:
		if err == nil {
			m.reconfigureDevice(asked)
		}
		return err
	case <-m.stopped:
		return core.ErrStopped
	}
}

// reconfigureDevice asks another quorum device, or the same in another way, or none.
func (m *Messenger) reconfigureDevice(asked *device.Config) {
	if old := m.device.Load(); old != nil && asked != nil && m.cfg.Device != nil && m.cfg.Device.Same(asked) {
		(*old).Configure(m.ids())
		return
	}
	m.closeDevice()
	m.do(func(now time.Duration) { m.core.Step(now, core.DeviceSays{}) })
	m.cfg.Device = asked
	m.openDevice()
	m.do(func(time.Duration) { m.tellDevice(m.core.Partition()) })
}

// reconfigure is the loop's part.
func (m *Messenger) reconfigure(now time.Duration, hosts []Host, options quorum.Options) error {
	known := map[HostID]Host{}
	for _, h := range hosts {
		known[h.ID] = h
	}
	links := 0
	var out []HostID
	for _, old := range m.cfg.Hosts {
		h, ok := known[old.ID]
		switch {
		case !ok && old.ID != m.cfg.Self && !slices.Contains(m.core.Status().View.Members, old.ID):
			out = append(out, old.ID)
		case !ok:
			return fmt.Errorf("change the configured hosts: host %d (%s) takes part in the cluster; stop it first", old.ID, old.Name)
		case !slices.Equal(h.Addrs, old.Addrs):
			return fmt.Errorf("change the configured hosts: host %d (%s) has other addresses; restart the daemons for that", old.ID, old.Name)
		}
		delete(known, old.ID)
		links = len(old.Addrs)
	}
	for _, h := range known {
		if len(h.Addrs) != links {
			return fmt.Errorf("change the configured hosts: host %d (%s) has %d addresses where others have %d; every host needs one for each link", h.ID, h.Name, len(h.Addrs), links)
		}
	}
	for id, h := range known {
		if err := errors.Join(m.streams.Add(id, h.Addrs), m.links.Add(id, h.Addrs)); err != nil {
			return err
		}
	}
	for _, id := range out {
		m.links.Remove(id)
		m.streams.Remove(id)
	}
	m.cfg.Hosts = hosts
	m.core.Step(now, core.Configure{Quorum: options})
	return nil
}
