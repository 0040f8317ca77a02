package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/fencing"
	"holdfast/cluster/messaging"
)

// newRunner makes the executor of this host. Commands that agents call (crm_master,
// crm_attribute, …) are links to this binary in a directory of the daemon's own. Programs that
// agents manage are what the host has under their names.
func newRunner(root, host string, log *slog.Logger) (*executor.Executor, error) {
	commands := filepath.Join(root, "run/holdfast/commands")
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	if output, err := exec.Command(self, "link", commands, "--keep", "haproxy,ipvsadm,ipvsadm-save,ipvsadm-restore,ldirectord").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("link the commands that agents call into %s: %w: %s", commands, err, strings.TrimSpace(string(output)))
	}
	return executor.New(executor.Config{Root: root, Host: host, Commands: commands, Log: log}), nil
}

// fencerOf makes the fencer of a host. Devices that this host cannot use are used by others.
func (n *Node) fencerOf(caller fencing.Agents) Fencer {
	return fencing.New(fencing.Config{
		Host: n.settings.Name, Document: n.replica.Document, Agents: caller, Describe: metadata.NewStore(n.settings.Root),
		Hosts: n.otherMembers, Remote: n.fenceAgentOn, Watchdog: n.awaitWatchdog, Log: n.log,
	})
}

// otherMembers are the names of the view's hosts but this one.
func (n *Node) otherMembers() []string {
	var names []string
	for _, id := range n.replica.LastView().Members {
		if id != n.settings.Self {
			names = append(names, n.name(id))
		}
	}
	return names
}

// fenceAgentOn has another host call a fence agent.
func (n *Node) fenceAgentOn(ctx context.Context, host string, call executor.FenceCall) executor.Result {
	failed := func(err error) executor.Result {
		return executor.Result{Code: 1, Status: executor.Error, Reason: fmt.Sprintf("%s on host %s: %v", call.Agent, host, err)}
	}
	id, ok := n.hostNamed(host)
	if !ok {
		return failed(errors.New("no such host"))
	}
	payload, err := json.Marshal(call)
	if err != nil {
		return failed(err)
	}
	text, err := n.messenger.Call(ctx, id, "fence-agent", payload)
	if err != nil {
		return failed(err)
	}
	var result executor.Result
	if err := json.Unmarshal(text, &result); err != nil {
		return failed(err)
	}
	return result
}

// serveFenceAgent calls a fence agent for another host.
func (n *Node) serveFenceAgent(ctx context.Context, _ messaging.HostID, payload []byte) (any, error) {
	var call executor.FenceCall
	if err := json.Unmarshal(payload, &call); err != nil {
		return nil, fmt.Errorf("decode call of a fence agent: %w", err)
	}
	caller, ok := n.runner.(fencing.Agents)
	if !ok {
		return nil, errors.New("this host's executor calls no fence agents")
	}
	return caller.FenceAgent(ctx, call), nil
}
