package node

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"holdfast/cluster/executor"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/readiness"
	"holdfast/cluster/fencing/sbd"
	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
)

const (
	readinessService = "readiness" // asks a host about its watchdog and disks
	// askingHosts bounds how long a host may take to tell of itself.
	askingHosts = 10 * time.Second
	// askingDevices bounds how many fence agents run at a time for the sake of a check.
	askingDevices = 4
)

// configuredFencer is a Fencer that tells its devices.
type configuredFencer interface {
	Configured(ctx context.Context) []*fencing.Device
}

// getReadiness judges whether the cluster may go live. Every host asks every device.
func (n *Node) getReadiness(_ http.ResponseWriter, r *http.Request) (any, error) {
	return readiness.Judge(n.readinessFacts(r.Context(), n.replica.LastView().Members)), nil
}

// logReadiness writes into the log what a check finds, once; only this host asks the devices.
func (n *Node) logReadiness() {
	report := readiness.Judge(n.readinessFacts(n.ctx, []messaging.HostID{n.settings.Self}))
	if n.ctx.Err() != nil {
		return
	}
	for _, f := range report.Findings {
		n.log.Warn("go-live check", "level", string(f.Level), "about", f.Subject, "problem", f.Problem, "fix", f.Fix)
	}
	n.log.Info("go-live check done; 'holdfast check' makes it thoroughly", "ready", report.Ready(), "longest failover", report.Worst)
}

// readinessFacts gathers what a check judges; from are the hosts that shall ask the devices.
func (n *Node) readinessFacts(ctx context.Context, from []messaging.HostID) readiness.Facts {
	counted := n.messenger.Status().Quorum
	facts := readiness.Facts{
		Document: n.replica.Document(), Token: core.NewTiming(n.settings.Messaging.Token).Token,
		BothSides: counted.BothSides(), Unaware: n.unaware(),
	}
	if lister, ok := n.fencer.(configuredFencer); ok {
		facts.Devices = lister.Configured(ctx)
	}
	members := n.replica.LastView().Members
	for _, h := range n.configured() {
		host := readiness.Host{Name: h.Name, Online: slices.Contains(members, h.ID)}
		if host.Online {
			n.askHostFacts(ctx, h.ID, &host)
		}
		facts.Hosts = append(facts.Hosts, host)
	}
	facts.Probes = n.probeDevices(ctx, facts, from)
	return facts
}

// askHostFacts has a host tell of its watchdog and disks.
func (n *Node) askHostFacts(ctx context.Context, id messaging.HostID, host *readiness.Host) {
	ctx, cancel := context.WithTimeout(ctx, askingHosts)
	defer cancel()
	told := *host
	text, err := n.messenger.Call(ctx, id, readinessService, nil)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil {
		host.Problem = err.Error()
		return
	}
	host.Watchdog, host.Disks = told.Watchdog, told.Disks
}

// serveReadiness tells of this host's watchdog and disks.
func (n *Node) serveReadiness(context.Context, messaging.HostID, []byte) (any, error) {
	host := readiness.Host{Name: n.settings.Name, Online: true, Watchdog: n.reaper.timeout()}
	settings, err := sbd.Load(n.settings.Root)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return host, nil
	}
	for _, path := range settings.Disks {
		disk := readiness.Disk{Path: path}
		if d, err := sbd.Open(path); err != nil {
			disk.Problem = err.Error()
		} else {
			disk.Timeouts = d.Header.Timeouts
			d.Close()
		}
		host.Disks = append(host.Disks, disk)
	}
	return host, nil
}

// probeDevices asks every device that may fence a host whether it sees it.
func (n *Node) probeDevices(ctx context.Context, facts readiness.Facts, from []messaging.HostID) []readiness.Probe {
	var probes []readiness.Probe
	var asked []*fencing.Device
	for _, h := range facts.Hosts {
		for _, d := range facts.Devices {
			if sure, asking := d.Covers(h.Name); d.Watchdog() || !sure && !asking {
				continue
			}
			for _, id := range from {
				name := n.name(id)
				if d.Bans(name) || name == h.Name && len(from) > 1 {
					continue
				}
				probes, asked = append(probes, readiness.Probe{Target: h.Name, Device: d.ID, From: name}), append(asked, d)
			}
		}
	}
	turn := make(chan struct{}, askingDevices)
	var running sync.WaitGroup
	for i := range probes {
		running.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			n.probe(ctx, asked[i], &probes[i])
		})
	}
	running.Wait()
	return probes
}

// probe asks one device from one host.
func (n *Node) probe(ctx context.Context, d *fencing.Device, p *readiness.Probe) {
	action, params := d.Probe(p.Target)
	p.Action = action
	began := time.Now()
	r := n.fenceAgentOn(ctx, p.From, executor.FenceCall{Device: d.ID, Agent: d.Agent, Action: action, Params: params, Timeout: executor.DefaultTimeout})
	p.Took = time.Since(began)
	p.OK, p.Detail = d.Sees(p.Target, action, fencing.Answer{Code: r.Code, Failed: r.Status != executor.Done, Output: r.Output, Reason: r.Reason})
}
