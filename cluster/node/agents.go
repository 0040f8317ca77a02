package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/fencing"
)

// newRunner makes the executor of this host. Commands that agents call (crm_master,
// crm_attribute, …) are links to this binary in a directory of the daemon's own.
func newRunner(root, host string, log *slog.Logger) (executor.Runner, error) {
	commands := filepath.Join(root, "run/holdfast/commands")
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	if output, err := exec.Command(self, "link", commands).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("link the commands that agents call into %s: %w: %s", commands, err, strings.TrimSpace(string(output)))
	}
	return executor.New(executor.Config{Root: root, Host: host, Commands: commands, Log: log}), nil
}

// newFencer makes the fencer of this host.
func newFencer(root string, runner executor.Runner, document func() *cib.Document, log *slog.Logger) Fencer {
	agents, ok := runner.(*executor.Executor)
	if !ok {
		return noFencer{}
	}
	return fencing.New(fencing.Config{Host: agents.Host(), Document: document, Agents: agents, Describe: metadata.NewStore(root), Log: log})
}

// noFencer is the fencer of an executor that runs no fence agents.
type noFencer struct{}

// Fence is Fencer's; it fails.
func (noFencer) Fence(_ context.Context, target, _ string, _ time.Duration) (string, error) {
	return "", fmt.Errorf("fence %s: this host's executor runs no fence agents", target)
}
