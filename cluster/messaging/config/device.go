package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorumdisk"
)

// Defaults of the quorum device. The timeout's is shorter than corosync-qdevice's 10 s: a host that
// dies at once keeps its vote for one and a half intervals, an interval is 0.8 of the timeout, and a
// server accepts intervals from one second on.
const (
	deviceTimeout = 1250 * time.Millisecond
	deviceSync    = 30 * time.Second
	diskTimeout   = 2 * time.Second
)

// device reads the quorum device.
func (r *reader) device(b *block) {
	for _, d := range b.all("device") {
		model, ok := d.get("model")
		switch {
		case !ok:
			r.fault(d.line, "quorum.device.model is missing; net and disk are accepted")
			continue
		case model.value != "net" && model.value != "disk":
			r.fault(model.line, "quorum.device.model %q: net and disk are accepted", model.value)
			continue
		}
		if r.file.Quorum.AutoTie || r.file.Quorum.LastManStanding {
			r.warn(d.line, "quorum.device has no effect together with auto_tie_breaker or last_man_standing")
			continue
		}
		q := &r.file.Quorum
		q.DeviceVotes = 1
		if model.value == "net" {
			q.DeviceVotes = -1
			for _, h := range q.Hosts {
				q.DeviceVotes += q.HostVotes(h)
			}
		}
		if s, ok := d.get("votes"); ok {
			q.DeviceVotes, _ = strconv.Atoi(s.value)
		}
		if model.value == "disk" {
			r.file.Device = r.deviceDisk(d)
			q.DeviceWait = quorumdisk.TimingOf(r.file.Device.Hold).Decide() + time.Second
		} else {
			r.file.Device = r.deviceNet(d)
			q.DeviceWait = r.netWait(d)
		}
	}
}

// deviceDisk reads which disk lends the votes.
func (r *reader) deviceDisk(d *block) *device.Config {
	c := &device.Config{Hold: millisecondsOr(d, "timeout", max(diskTimeout, r.file.Token))}
	for _, n := range d.all("disk") {
		if s, ok := n.get("path"); ok {
			c.Disk = s.value
		}
	}
	if c.Disk == "" {
		r.fault(d.line, "quorum.device.disk.path is missing; the path of a disk or partition that all hosts see is accepted, and 'holdfast quorum-disk create' makes it a quorum disk")
	}
	// Others count for some heartbeats on what they heard of the lease: that has to fit into its grace.
	if least := max(time.Second, r.file.Token); c.Hold < least {
		r.fault(d.line, "quorum.device.timeout %s is too short for a disk; %s and more are accepted (not less than totem.token)", c.Hold, least)
	}
	for _, h := range r.file.Hosts {
		if h.ID > quorumdisk.MaxHost {
			r.fault(d.line, "quorum.device.model disk has room for node ids up to %d, and there is a node %d; give it a lower nodeid", quorumdisk.MaxHost, h.ID)
		}
	}
	c.Heuristics = r.heuristics(d, c.Hold, 2*c.Hold)
	return c
}

// deviceNet reads how the server is asked.
func (r *reader) deviceNet(d *block) *device.Config {
	timeout := millisecondsOr(d, "timeout", deviceTimeout)
	c := &device.Config{Sync: millisecondsOr(d, "sync_timeout", deviceSync), Connect: timeout * 8 / 10}
	c.Settings = qdevice.Settings{Cluster: r.file.Cluster, Heartbeat: max(timeout*8/10, time.Second), KeepActive: true,
		Algorithm: qdevice.FFSplit, Tie: qdevice.TieBreaker{Mode: qdevice.TieLowest}}
	if r.file.Cluster == "" {
		r.fault(d.line, "quorum.device needs totem.cluster_name: the device knows clusters by it")
	}
	for _, n := range d.all("net") {
		r.deviceServer(n, c)
	}
	if c.Host == "" {
		r.fault(d.line, "quorum.device.net.host is missing; an address or a host name is accepted")
	}
	if c.Settings.Algorithm == qdevice.FFSplit && r.file.Quorum.DeviceVotes != 1 {
		r.warn(d.line, "quorum.device.votes is %d; the algorithm ffsplit is made for 1", r.file.Quorum.DeviceVotes)
	}
	c.Heuristics = r.heuristics(d, timeout, c.Sync)
	return c
}

// netWait is for how long hosts without quorum wait for the server's word: sync_timeout where it is written. Otherwise it is
// what the server needs to give a silent host up (one and a half heartbeats), and as much again to hear the rest and answer,
// after the commands.
func (r *reader) netWait(d *block) time.Duration {
	c := r.file.Device
	wait := 4 * c.Settings.Heartbeat
	if c.Heuristics.Mode != device.Off && len(c.Heuristics.Commands) > 0 {
		wait += c.Heuristics.Sync
	}
	return millisecondsOr(d, "sync_timeout", wait)
}

// deviceServer reads the net section.
func (r *reader) deviceServer(n *block, c *device.Config) {
	value := func(key string) string { s, _ := n.get(key); return s.value }
	c.Host = value("host")
	port, _ := strconv.ParseUint(cmp.Or(value("port"), "5403"), 10, 16)
	c.Port = uint16(port)
	c.Family, _ = strconv.Atoi(cmp.Or(value("force_ip_version"), "0"))
	c.Connect = millisecondsOr(n, "connect_timeout", c.Connect)
	c.Settings.TLS = map[string]qdevice.TLSMode{"off": qdevice.TLSOff, "required": qdevice.TLSRequired}[value("tls")]
	c.Settings.KeepActive = value("keep_active_partition_tie_breaker") != "off"
	if s, ok := n.get("algorithm"); ok {
		algorithm, err := qdevice.ParseAlgorithm(s.value)
		if err != nil {
			r.fault(s.line, "%v", err)
		}
		c.Settings.Algorithm = algorithm
	}
	if s, ok := n.get("tie_breaker"); ok {
		tie, known := ParseDeviceTie(s.value)
		if !known {
			r.fault(s.line, "quorum.device.net.tie_breaker %q: lowest, highest or a node id is accepted", s.value)
		}
		if tie.Mode == qdevice.TieNode && !slices.ContainsFunc(r.file.Hosts, func(h Host) bool { return uint32(h.ID) == tie.Node }) {
			r.fault(s.line, "quorum.device.net.tie_breaker %s: there is no node with that id", s.value)
		}
		c.Settings.Tie = tie
	}
}

// ParseDeviceTie reads the quorum device's tie breaker: lowest, highest or a node id.
func ParseDeviceTie(word string) (tie qdevice.TieBreaker, ok bool) {
	switch word {
	case "lowest":
		return qdevice.TieBreaker{Mode: qdevice.TieLowest}, true
	case "highest":
		return qdevice.TieBreaker{Mode: qdevice.TieHighest}, true
	}
	id, err := strconv.ParseUint(word, 10, 32)
	return qdevice.TieBreaker{Mode: qdevice.TieNode, Node: uint32(id)}, err == nil && id > 0
}

// heuristics reads the commands.
func (r *reader) heuristics(d *block, timeout, sync time.Duration) device.Heuristics {
	if _, written := d.get("timeout"); !written {
		timeout = 10 * time.Second // the manual's: commands need the time that they need
	}
	h := device.Heuristics{Timeout: timeout / 2, Sync: sync / 2, Interval: 3 * timeout}
	for _, b := range d.all("heuristics") {
		mode, _ := b.get("mode")
		h.Mode = map[string]device.Mode{"on": device.On, "sync": device.Sync}[mode.value]
		h.Timeout, h.Sync, h.Interval = millisecondsOr(b, "timeout", h.Timeout), millisecondsOr(b, "sync_timeout", h.Sync), millisecondsOr(b, "interval", h.Interval)
		for _, s := range b.settings {
			name, is := strings.CutPrefix(s.key, "exec_")
			if !is {
				continue
			}
			args, err := device.ParseCommand(s.value)
			if err != nil {
				r.fault(s.line, "quorum.device.heuristics.%s: %v", s.key, err)
				continue
			}
			h.Commands = append(h.Commands, device.Command{Name: name, Args: args})
		}
	}
	return h
}

// millisecondsOr reads a time, or returns what counts without it.
func millisecondsOr(b *block, key string, without time.Duration) time.Duration {
	if s, ok := b.get(key); ok {
		return milliseconds(s.value)
	}
	return without
}
