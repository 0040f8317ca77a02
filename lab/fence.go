package lab

import (
	"fmt"
	"net"
	"os"
	"slices"
)

// FenceRequest is what a fence agent inside a host asks of the lab: the power of a host.
// Actions: on, off, reboot, status, list.
type FenceRequest struct {
	Action string
	Host   string // plug; not needed for list
}

// handleFence answers fence agents. They reach nothing but the power switches.
func (k *keeper) handleFence(_ *net.UnixConn, r request, _ []*os.File) *reply {
	if r.Verb != "fence" {
		return &reply{Error: "this socket takes fence requests only"}
	}
	if r.Action == "list" {
		return &reply{Data: []byte(k.fenceList())}
	}
	h := k.hosts[r.Host]
	if h == nil || h.index < 0 {
		return &reply{Error: fmt.Sprintf("no host %q; the lab has %v", r.Host, k.config.Hosts)}
	}
	k.mu.Lock()
	fault := k.faults.fenceFault[h.name]
	k.mu.Unlock()
	switch fault {
	case FenceHangs:
		select {} // until the agent's own time limit; the lab's end ends it too
	case FenceFails:
		return &reply{Error: fmt.Sprintf("the fence device of host %s does not answer (a fault of the lab)", h.name)}
	}
	at, err := k.power(h, r.Action)
	if err != nil {
		return errorReply(err)
	}
	return &reply{At: at, State: h.status().State}
}

// power does one action. Rebooting answers as soon as the host is dead, which is what a
// cluster waits for, and lets it boot afterwards.
func (k *keeper) power(h *keptHost, action string) (at int64, err error) {
	switch action {
	case "status":
		return monotonic(), nil
	case "on":
		err = h.boot()
		return monotonic(), err
	case "off":
		return h.kill()
	case "reboot":
		at, err = h.kill()
		if err != nil {
			return 0, err
		}
		h.mu.Lock()
		h.wantOn = true
		h.mu.Unlock()
		go h.bootLater()
		return at, nil
	}
	return 0, fmt.Errorf("fence action %q: want on, off, reboot, status or list", action)
}

func (k *keeper) fenceList() string {
	names := slices.Clone(k.config.Hosts)
	list := ""
	for _, name := range names {
		list += name + "," + k.hosts[name].status().State + "\n"
	}
	return list
}

// Fence asks the lab that this process's host belongs to. It answers the host's
// state, or the list of hosts, one "name,state" a line.
func Fence(r FenceRequest) (string, error) {
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: shareName + "/keeper.sock", Net: "unixpacket"})
	if err != nil {
		return "", fmt.Errorf("reach the lab's power switches (only hosts of a lab can): %w", err)
	}
	defer conn.Close()
	if err := send(conn, request{Verb: "fence", Action: r.Action, Host: r.Host}); err != nil {
		return "", fmt.Errorf("ask the lab to fence: %w", err)
	}
	var answer reply
	if _, err := receive(conn, &answer); err != nil {
		return "", fmt.Errorf("the lab did not answer the fence request: %w", err)
	}
	if answer.Error != "" {
		return "", fmt.Errorf("fence %s %s: %s", r.Action, r.Host, answer.Error)
	}
	if r.Action == "list" {
		return string(answer.Data), nil
	}
	return answer.State, nil
}
