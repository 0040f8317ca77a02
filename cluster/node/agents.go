package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
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
func newFencer(_ string, runner executor.Runner, document func() *cib.Document, _ *slog.Logger) Fencer {
	return &deviceFencer{runner: runner, document: document}
}

// deviceFencer tries the devices that the document has for the target, one after the other.
type deviceFencer struct {
	runner   executor.Runner
	document func() *cib.Document
}

// Fence is Fencer's.
func (f *deviceFencer) Fence(ctx context.Context, target, action string, limit time.Duration) (string, error) {
	agent, ok := f.runner.(interface {
		FenceAgent(ctx context.Context, call executor.FenceCall) executor.Result
	})
	if !ok {
		return "", errors.New("this host's executor runs no fence agents")
	}
	var errs []error
	for e := range f.document().Section("resources").Descendants() {
		if e.Name != "primitive" || e.Get("class") != "stonith" {
			continue
		}
		params := map[string]string{}
		for set := range e.All("instance_attributes") {
			for pair := range set.All("nvpair") {
				params[pair.Get("name")] = pair.Get("value")
			}
		}
		port, ok := portOf(params, target)
		if !ok {
			continue
		}
		params["port"], params["nodename"], params["plug"] = port, target, port
		result := agent.FenceAgent(ctx, executor.FenceCall{Device: e.ID(), Agent: e.Get("type"), Action: action, Params: params, Timeout: limit})
		if result.Status == executor.Done && result.Code == 0 {
			return e.ID(), nil
		}
		errs = append(errs, fmt.Errorf("device %s: %s", e.ID(), result.Reason))
	}
	if len(errs) == 0 {
		return "", fmt.Errorf("no fence device is configured for %s; add one with pcmk_host_list=%s", target, target)
	}
	return "", errors.Join(errs...)
}

// portOf tells whether a device can fence a host, and what the device calls it.
func portOf(params map[string]string, target string) (string, bool) {
	for _, pair := range strings.FieldsFunc(params["pcmk_host_map"], func(r rune) bool { return r == ';' || r == ' ' || r == '\t' }) {
		host, port, _ := strings.Cut(pair, ":")
		if host == target {
			return port, true
		}
	}
	list := strings.FieldsFunc(params["pcmk_host_list"], func(r rune) bool { return r == ';' || r == ' ' || r == ',' })
	for _, host := range list {
		if host == target {
			return target, true
		}
	}
	return target, len(list) == 0 && params["pcmk_host_map"] == ""
}
