package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

// fencesKept bounds the history of fencing.
const fencesKept = 200

// fenceLog is what this host has fenced.
type fenceLog struct {
	mu     sync.Mutex // guards events
	events []client.FenceEvent
}

func (l *fenceLog) begin(e client.FenceEvent) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.State, e.Time = "pending", time.Now()
	if len(l.events) >= fencesKept {
		l.events = slices.Delete(l.events, 0, len(l.events)-fencesKept+1)
	}
	l.events = append(l.events, e)
	return e.Time.UnixNano()
}

func (l *fenceLog) end(began int64, device string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.events {
		if e := &l.events[i]; e.State == "pending" && e.Time.UnixNano() == began {
			e.State, e.Device, e.Time = "success", device, time.Now()
			if err != nil {
				e.State, e.Reason = "failed", err.Error()
			}
		}
	}
}

func (l *fenceLog) about(target string) []client.FenceEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []client.FenceEvent
	for _, e := range slices.Backward(l.events) {
		if target == "" || target == "*" || e.Target == target {
			found = append(found, e)
		}
	}
	return found
}

func (l *fenceLog) clean(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = slices.DeleteFunc(l.events, func(e client.FenceEvent) bool {
		return e.State != "pending" && (target == "" || target == "*" || e.Target == target)
	})
}

// learnDevices reads the meta-data of the fence agents that are configured, so that no
// fencing waits for it.
func (n *Node) learnDevices() {
	if lister, ok := n.fencer.(interface{ Devices(target string) []string }); ok {
		n.spawn(func() { lister.Devices("") })
	}
}

// fence carries out the controller's fencing and brings the answer into the loop.
func (n *Node) fence(f controller.Fence) {
	device, err := n.fenceHost(n.ctx, client.Fence{Target: f.Target, Action: f.Action, Timeout: f.Timeout}, "controller")
	done := controller.FenceDone{Key: f.Key, Device: device}
	if err != nil {
		done.Err = err.Error()
	}
	n.queue.put(func() { n.step(done) })
}

// fenceHost fences from this host and keeps a record of it.
func (n *Node) fenceHost(ctx context.Context, f client.Fence, asker string) (string, error) {
	began := n.fences.begin(client.FenceEvent{Target: f.Target, Action: f.Action, Delegate: n.settings.Name, Origin: n.settings.Name, Client: asker})
	limit := f.Timeout
	if limit <= 0 {
		limit = time.Minute
	}
	device, err := n.fencer.Fence(ctx, f.Target, f.Action, limit)
	n.fences.end(began, device, err)
	return device, err
}

// fenceRequest is a person's or tool's wish to fence, for the leader.
type fenceRequest struct {
	client.Fence
	Confirm bool `json:"confirm,omitempty"` // take the word for it
}

// serveFence fences for a person or tool; the leader is asked, so that the cluster
// learns of the result.
func (n *Node) serveFence(ctx context.Context, from messaging.HostID, payload []byte) (any, error) {
	var f fenceRequest
	if err := json.Unmarshal(payload, &f); err != nil {
		return nil, fmt.Errorf("decode fencing request: %w", err)
	}
	if _, known := n.hostNamed(f.Target); !known {
		return nil, fmt.Errorf("fence %q: no host of this cluster has that name; 'crm_node -l' lists them", f.Target)
	}
	if f.Confirm {
		began := n.fences.begin(client.FenceEvent{Target: f.Target, Action: "off", Delegate: n.settings.Name, Origin: n.name(from), Client: "operator"})
		n.fences.end(began, "manual", nil)
		if under, ok := n.fencer.(interface{ Confirm(target string) bool }); ok {
			under.Confirm(f.Target)
		}
	} else if _, err := n.fenceHost(ctx, f.Fence, "operator on "+n.name(from)); err != nil {
		return nil, fmt.Errorf("fence %s: %w", f.Target, err)
	}
	if f.Action == "on" {
		return struct{}{}, nil
	}
	return inLoop(ctx, n, func() struct{} {
		n.step(controller.Confirmed{Target: f.Target})
		return struct{}{}
	})
}

// serveFenceHistory tells what this host has fenced, or forgets it.
func (n *Node) serveFenceHistory(_ context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var ask fenceHistoryRequest
	if err := json.Unmarshal(payload, &ask); err != nil {
		return nil, fmt.Errorf("decode fence history request: %w", err)
	}
	if ask.Clean {
		n.fences.clean(ask.Target)
	}
	return n.fences.about(ask.Target), nil
}

type fenceHistoryRequest struct {
	Target string `json:"target"`
	Clean  bool   `json:"clean,omitempty"`
}
