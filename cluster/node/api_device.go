package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/config"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/device"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/node/client"
)

// Services by which hosts hand each other what belongs to the quorum device, and a changed configuration.
const (
	deviceFilesService = "device-files" // asks a host to write the certificates
	changeService      = "change"       // asks the leader to change the configuration on all hosts
)

// getDevice tells how the quorum device stands; null without one.
func (n *Node) getDevice(http.ResponseWriter, *http.Request) (any, error) {
	st, ok := n.messenger.Device()
	if !ok {
		return (*client.Device)(nil), nil
	}
	quorum := n.messenger.Status()
	set, h := st.Settings, st.Config.Heuristics
	ago := func(at time.Duration) time.Duration {
		if at == 0 || st.State == qdevice.Disconnected {
			return -1
		}
		return st.Now - at
	}
	d := &client.Device{Host: st.Config.Host, Port: st.Config.Port, Cluster: set.Cluster, Node: set.Node, Algorithm: set.Algorithm.Title(),
		LMS: set.Algorithm == qdevice.LMS, Tie: set.Tie.String(), KeepActive: set.KeepActive, Votes: quorum.Quorum.DeviceVotes,
		State: st.State.String(), Vote: st.Standing.Vote.String(), Ring: st.Report.Ring.String(), Members: st.Report.Members,
		Configured: set.Configured, Quorate: quorum.Verdict.Quorate, Expected: quorum.Verdict.Expected, Heartbeat: set.Heartbeat,
		Connect: st.Config.Connect, Sync: st.Config.Sync, Mode: map[device.Mode]string{device.Off: "off", device.Sync: "sync", device.On: "on"}[h.Mode],
		Heuristics: st.Report.Heuristics.String(), Regular: st.Regular.String(), Offers: st.Offered > 0, Secured: st.Secured,
		Since: ago(st.Since), Answered: ago(st.LastReply)}
	if st.Lease != nil {
		d.Disk, d.Holder, d.Heartbeat = st.Config.Disk, st.Lease.Holder, st.Config.Hold*8/10
	}
	if st.Failure != nil {
		d.Failure = st.Failure.Error()
	}
	return d, nil
}

// postDeviceFiles gives the certificates to all hosts that are reached, and answers with their names.
func (n *Node) postDeviceFiles(_ http.ResponseWriter, r *http.Request) (any, error) {
	var files map[string][]byte
	if err := decodeBody(r, &files); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(files)
	if err != nil {
		return nil, fmt.Errorf("encode the quorum device's certificates: %w", err)
	}
	names := []string{}
	for _, h := range n.messenger.Status().Reach {
		if _, err := n.messenger.Call(r.Context(), h, deviceFilesService, payload); err != nil {
			return nil, fmt.Errorf("give the quorum device's certificates to host %s: %w; repeat the command", n.name(h), err)
		}
		names = append(names, n.name(h))
	}
	return names, nil
}

func (n *Node) serveDeviceFiles(_ context.Context, from messaging.HostID, payload []byte) (any, error) {
	var files map[string][]byte
	if err := json.Unmarshal(payload, &files); err != nil {
		return nil, fmt.Errorf("decode the quorum device's certificates: %w", err)
	}
	if err := device.WriteFiles(filepath.Join(n.settings.Root, device.Certificates), files); err != nil {
		return nil, err
	}
	n.log.Info("certificates of the quorum device written", "from", n.name(from))
	return struct{}{}, nil
}

// postConfiguration has the leader change the configuration on all hosts.
func (n *Node) postConfiguration(_ http.ResponseWriter, r *http.Request) (any, error) {
	var text string
	if err := decodeBody(r, &text); err != nil {
		return nil, err
	}
	return struct{}{}, n.changeConfiguration(r.Context(), text)
}

// serveChange is the leader's: it has every host take a configuration over in which the hosts are the same.
func (n *Node) serveChange(ctx context.Context, from messaging.HostID, payload []byte) (any, error) {
	var text string
	if err := json.Unmarshal(payload, &text); err != nil {
		return nil, fmt.Errorf("decode the configuration: %w", err)
	}
	n.admitting.Lock()
	defer n.admitting.Unlock()
	file, err := config.Parse(n.settings.Path, text)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(file.Hosts, n.configured(), func(a config.Host, b messaging.Host) bool { return a.ID == b.ID }) {
		return nil, errors.New("change the configuration: hosts are added with 'holdfast join' and taken out with 'pcs cluster node remove'")
	}
	if err := n.leads(); err != nil {
		return nil, err
	}
	if err := n.complete(0); err != nil {
		return nil, fmt.Errorf("change the configuration: %w", err)
	}
	if file.Device != nil && file.Device.Disk != "" {
		if err := n.requireLevel(ctx, levelOfDisk, "a quorum disk"); err != nil {
			return nil, fmt.Errorf("change the configuration: %w", err)
		}
	}
	if err := n.configureAll(ctx, text); err != nil {
		return nil, err
	}
	n.log.Info("configuration changed on all hosts", "asked by", n.name(from), "hosts", core.HostID(len(file.Hosts)))
	return struct{}{}, nil
}
