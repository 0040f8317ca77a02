package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
	"holdfast/cluster/fencing"
	"holdfast/cluster/messaging"
	"holdfast/cluster/node/client"
)

func (n *Node) postFence(_ http.ResponseWriter, r *http.Request) (any, error) {
	var f client.Fence
	if err := decodeBody(r, &f); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"off", "on", "reboot"}, f.Action) {
		return nil, &client.Error{Code: client.Invalid, Message: fmt.Sprintf("fence %s: action %q; expected off, on or reboot", f.Target, f.Action)}
	}
	if target, known := n.hostNamed(f.Target); known && target == n.messenger.Leader() {
		return n.askHost(r, n.notOne(target), "fence", fenceRequest{Fence: f})
	}
	return n.askLeader(r, "fence", fenceRequest{Fence: f})
}

func (n *Node) postConfirm(_ http.ResponseWriter, r *http.Request) (any, error) {
	var f client.Fence
	if err := decodeBody(r, &f); err != nil {
		return nil, err
	}
	f.Action = "off"
	return n.askLeader(r, "fence", fenceRequest{Fence: f, Confirm: true})
}

// postUnfence has a host switch itself on by one device, with parameters that are not (yet) those
// configured. No fencing is recorded: the host was not off.
func (n *Node) postUnfence(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask client.Unfence
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	if _, known := n.hostNamed(ask.Target); !known {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("unfence %q: no host of this cluster has that name; 'crm_node -l' lists them", ask.Target)}
	}
	var devices []*fencing.Device
	if lister, ok := n.fencer.(configuredFencer); ok {
		devices = lister.Configured(r.Context())
	}
	i := slices.IndexFunc(devices, func(d *fencing.Device) bool { return d.ID == ask.Device })
	if i < 0 {
		return nil, &client.Error{Code: client.NotFound, Message: fmt.Sprintf("unfence %s: no fence device %q is configured, or it is disabled", ask.Target, ask.Device)}
	}
	d := devices[i]
	action, params, limit := d.Unfencing(ask.Target, fencing.Timeout(n.replica.Document()))
	for _, p := range ask.Params {
		params[p.Name] = p.Value
	}
	done := n.fenceAgentOn(r.Context(), ask.Target, executor.FenceCall{Device: d.ID, Agent: d.Agent, Action: action, Params: params, Timeout: limit})
	if done.Status != executor.Done || done.Code != executor.CodeOK {
		return nil, &client.Error{Code: client.Failed, Message: fmt.Sprintf("unfence %s: %s", ask.Target, done.Reason)}
	}
	return struct{}{}, nil
}

// askLeader passes a request on to the leader.
func (n *Node) askLeader(r *http.Request, service string, request any) (any, error) {
	leader := n.messenger.Leader()
	if leader == 0 {
		return nil, &client.Error{Code: client.NoQuorum, Message: "the cluster has no leader at the moment; try again when it has"}
	}
	return n.askHost(r, leader, service, request)
}

// notOne returns this host, or another of the view when this is the one not wanted; that one
// when it is alone.
func (n *Node) notOne(unwanted messaging.HostID) messaging.HostID {
	for _, id := range append([]messaging.HostID{n.settings.Self}, n.replica.LastView().Members...) {
		if id != unwanted {
			return id
		}
	}
	return unwanted
}

// askHost passes a request on to a host.
func (n *Node) askHost(r *http.Request, host messaging.HostID, service string, request any) (any, error) {
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode %s request: %w", service, err)
	}
	text, err := n.messenger.Call(r.Context(), host, service, payload)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// getFenceHistory tells what the cluster knows of fencing, the newest first.
func (n *Node) getFenceHistory(_ http.ResponseWriter, r *http.Request) (any, error) {
	events := []client.FenceEvent{}
	for _, f := range n.replica.Fencing(r.URL.Query().Get("target")) {
		events = append(events, client.FenceEvent{
			Target: f.Target, Action: f.Action, State: string(f.State), Device: f.Device, Delegate: f.Delegate, Origin: f.Origin,
			Client: f.Client, Reason: f.Reason, Time: f.Time,
		})
	}
	return events, nil
}

// postFenceCleanup forgets, on every host, what is over.
func (n *Node) postFenceCleanup(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask struct {
		Target string `json:"target"`
	}
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	return struct{}{}, n.put(r.Context(), &controller.Entry{Kind: controller.AmnestyEntry, Target: ask.Target, Cause: "clean the history of fencing"})
}

// getFenceDevices lists the configured fence devices that can fence a host.
func (n *Node) getFenceDevices(_ http.ResponseWriter, r *http.Request) (any, error) {
	target := r.URL.Query().Get("target")
	devices := []string{}
	for e := range n.replica.Document().Root.Descendants() {
		if e.Name == "primitive" && e.Get("class") == "stonith" {
			devices = append(devices, e.ID())
		}
	}
	if lister, ok := n.fencer.(interface{ Devices(target string) []string }); ok {
		devices = lister.Devices(target)
	}
	return devices, nil
}
