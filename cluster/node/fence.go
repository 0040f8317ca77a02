package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/fencing"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

// learnDevices reads the meta-data of the fence agents that are configured, so that no
// fencing waits for it.
func (n *Node) learnDevices() {
	if lister, ok := n.fencer.(interface{ Devices(target string) []string }); ok {
		n.spawn(func() { lister.Devices("") })
	}
}

// fence carries out the controller's fencing and brings the answer into the loop.
func (n *Node) fence(f controller.Fence) {
	end, err := n.fenceHost(n.ctx, client.Fence{Target: f.Target, Action: f.Action, Timeout: f.Timeout, Delay: f.Delay}, f.Boot, "controller")
	done := controller.FenceDone{Key: f.Key, Device: end.Device, MayLive: end.MayLive}
	if err != nil {
		done.Err = err.Error()
	}
	n.queue.put(func() { n.step(done) })
}

// fenceHost fences from this host a host whose daemon has that boot, and keeps a record of it.
func (n *Node) fenceHost(ctx context.Context, f client.Fence, boot uint64, asker string) (fencing.Fenced, error) {
	record := n.fencingBegins(f, n.settings.Name, asker)
	end, err := n.fencer.Fence(ctx, fencing.Order{Target: f.Target, Action: f.Action, Limit: f.Timeout, Delay: f.Delay, Boot: boot})
	n.fencingEnds(record, end.Device, err)
	return end, err
}

// fencingBegins tells every host that this one has begun to fence. Nothing waits for that.
func (n *Node) fencingBegins(f client.Fence, origin, asker string) controller.Fencing {
	record := controller.Fencing{
		ID: fmt.Sprintf("%d-%x-%d", n.settings.Self, n.boot, n.fencings.Add(1)), Target: f.Target, Action: f.Action, State: controller.FencingPending,
		Delegate: n.settings.Name, Host: n.settings.Self, Boot: n.boot, Origin: origin, Client: asker, Time: time.Now(),
	}
	n.recordFencing(record)
	return record
}

// fencingEnds tells every host how it ended.
func (n *Node) fencingEnds(record controller.Fencing, device string, err error) {
	record.State, record.Device, record.Time = controller.FencingDone, device, time.Now()
	if err != nil {
		record.State, record.Reason = controller.FencingFailed, err.Error()
	}
	n.recordFencing(record)
}

func (n *Node) recordFencing(record controller.Fencing) {
	n.enqueue(pendingEntry{
		entry:  &controller.Entry{Kind: controller.FencingEntry, Host: n.settings.Self, Boot: n.boot, Fencing: &record, Time: record.Time, Origin: n.settings.Name},
		wanted: func() bool { return true },
		settled: func(a replica.Answer, _ error) {
			if a.Code != "" {
				n.log.Error("the log refused the history of fencing", "target", record.Target, "cause", a.Message)
			}
		},
	})
}

// fenceRequest is a person's or tool's wish to fence, for the leader.
type fenceRequest struct {
	client.Fence
	Confirm bool   `json:"confirm,omitempty"` // take the word for it
	Done    bool   `json:"done,omitempty"`    // another host has done it
	Boot    uint64 `json:"boot,omitempty"`    // of the target's daemon when that was begun
	MayLive bool   `json:"may_live,omitempty"`
}

// serveFence fences for a person or tool. The leader is asked, so that the cluster learns of the
// result, or another host when the leader is to be fenced.
func (n *Node) serveFence(ctx context.Context, from messaging.HostID, payload []byte) (any, error) {
	var f fenceRequest
	if err := json.Unmarshal(payload, &f); err != nil {
		return nil, fmt.Errorf("decode fencing request: %w", err)
	}
	target, known := n.hostNamed(f.Target)
	if !known {
		return nil, fmt.Errorf("fence %q: no host of this cluster has that name; 'crm_node -l' lists them", f.Target)
	}
	if f.Done {
		return n.takeFenced(ctx, f)
	}
	if !f.Confirm && n.fencedLately(f.Fence, time.Now()) {
		return struct{}{}, nil
	}
	var err error
	if f.Boot, err = inLoop(ctx, n, func() uint64 { return n.controller.Boot(target) }); err != nil {
		return nil, fmt.Errorf("fence %s: %w", f.Target, err)
	}
	if f.Confirm {
		n.fencingEnds(n.fencingBegins(client.Fence{Target: f.Target, Action: "off"}, n.name(from), "operator"), "manual", nil)
		if under, ok := n.fencer.(interface{ Confirm(target string) bool }); ok {
			under.Confirm(f.Target)
		}
	} else {
		end, err := n.fenceHost(ctx, f.Fence, f.Boot, "operator on "+n.name(from))
		if err != nil {
			return nil, fmt.Errorf("fence %s: %w", f.Target, err)
		}
		f.MayLive = end.MayLive
	}
	return n.tellFenced(ctx, f)
}

// tellFenced lets the leader, which may have been the host that was fenced, know what was done.
func (n *Node) tellFenced(ctx context.Context, f fenceRequest) (any, error) {
	f.Done = true
	payload, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode fencing request: %w", err)
	}
	target, _ := n.hostNamed(f.Target)
	for {
		leader := n.messenger.Leader()
		if leader == n.settings.Self {
			return n.takeFenced(ctx, f)
		}
		if leader != 0 && (leader != target || f.Action == "on") {
			if _, err := n.messenger.Call(ctx, leader, "fence", payload); err == nil {
				return struct{}{}, nil
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("fence %s: it was done (%s), and no leader could be told: %w", f.Target, f.Action, ctx.Err())
		}
	}
}

// takeFenced lets the controller know that a host was fenced.
func (n *Node) takeFenced(ctx context.Context, f fenceRequest) (any, error) {
	return inLoop(ctx, n, func() struct{} {
		n.step(controller.Confirmed{Target: f.Target, Boot: f.Boot, On: f.Action == "on", MayLive: f.MayLive})
		return struct{}{}
	})
}

// fencedLately tells whether what is asked for was done no longer ago than the asker
// tolerates: several who see one trouble need not reboot a host several times.
func (n *Node) fencedLately(f client.Fence, now time.Time) bool {
	return f.Tolerance > 0 && slices.ContainsFunc(n.replica.Fencing(f.Target), func(old controller.Fencing) bool {
		return old.State == controller.FencingDone && old.Action == f.Action && now.Sub(old.Time) <= f.Tolerance
	})
}
