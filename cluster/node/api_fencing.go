package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

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

// askLeader passes a request on to the leader.
func (n *Node) askLeader(r *http.Request, service string, request any) (any, error) {
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode %s request: %w", service, err)
	}
	leader := n.messenger.Leader()
	if leader == 0 {
		return nil, &client.Error{Code: client.NoQuorum, Message: "the cluster has no leader at the moment; try again when it has"}
	}
	text, err := n.messenger.Call(r.Context(), leader, service, payload)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(text), nil
}

// fenceHistory gathers what each host of the view has fenced, the newest first.
func (n *Node) fenceHistory(r *http.Request, ask fenceHistoryRequest) []client.FenceEvent {
	payload, _ := json.Marshal(ask)
	all := []client.FenceEvent{}
	for _, host := range n.replica.LastView().Members {
		text, err := n.messenger.Call(r.Context(), host, "fence-history", payload)
		var events []client.FenceEvent
		if err == nil && json.Unmarshal(text, &events) == nil {
			all = append(all, events...)
		}
	}
	slices.SortStableFunc(all, func(a, b client.FenceEvent) int { return b.Time.Compare(a.Time) })
	return all
}

func (n *Node) getFenceHistory(_ http.ResponseWriter, r *http.Request) (any, error) {
	return n.fenceHistory(r, fenceHistoryRequest{Target: r.URL.Query().Get("target")}), nil
}

func (n *Node) postFenceCleanup(_ http.ResponseWriter, r *http.Request) (any, error) {
	var ask fenceHistoryRequest
	if err := decodeBody(r, &ask); err != nil {
		return nil, err
	}
	ask.Clean = true
	n.fenceHistory(r, ask)
	return struct{}{}, nil
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
