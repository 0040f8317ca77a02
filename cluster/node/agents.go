package node

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor"
)

func newRunner(root string, log *slog.Logger) (executor.Runner, error) {
	return &execRunner{log: log, root: root, recurring: map[string]chan struct{}{}}, nil
}

func newFencer(string, executor.Runner, func() *cib.Document, *slog.Logger) Fencer { return noFencer{} }

type noFencer struct{}

func (noFencer) Fence(context.Context, string, string, time.Duration) (string, error) {
	return "", errors.New("no fence device is configured for the host")
}

type execRunner struct {
	log       *slog.Logger
	root      string
	mu        sync.Mutex
	recurring map[string]chan struct{}
}

func (r *execRunner) Run(ctx context.Context, op executor.Operation) executor.Result {
	path := filepath.Join("/usr/lib/ocf/resource.d", op.Agent.Provider, op.Agent.Type)
	cmd := exec.CommandContext(ctx, path, op.Action)
	cmd.Env = append(cmd.Environ(), "OCF_ROOT=/usr/lib/ocf", "OCF_RESOURCE_INSTANCE="+op.Resource, "OCF_RESOURCE_TYPE="+op.Agent.Type,
		"OCF_RESOURCE_PROVIDER="+op.Agent.Provider, "OCF_RA_VERSION_MAJOR=1", "OCF_RA_VERSION_MINOR=0")
	for k, v := range op.Params {
		cmd.Env = append(cmd.Env, "OCF_RESKEY_"+k+"="+v)
	}
	for k, v := range op.Meta {
		cmd.Env = append(cmd.Env, "OCF_RESKEY_CRM_meta_"+k+"="+v)
	}
	began := time.Now()
	out, err := cmd.CombinedOutput()
	result := executor.Result{StartedAt: began, Ran: time.Since(began), Output: string(out)}
	if err != nil {
		result.Code = 1
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			result.Code = exit.ExitCode()
		} else {
			result.Status, result.Reason = executor.NotInstalled, err.Error()
			result.Code = 5
		}
	}
	return result
}

func (r *execRunner) Schedule(op executor.Operation, report func(executor.Result)) {
	stop := make(chan struct{})
	key := op.Resource + op.Action + op.Interval.String()
	r.mu.Lock()
	r.recurring[key] = stop
	r.mu.Unlock()
	go func() {
		last := -1
		for {
			result := r.Run(context.Background(), op)
			if result.Code != last {
				report(result)
			}
			last = result.Code
			select {
			case <-stop:
				return
			case <-time.After(op.Interval):
			}
		}
	}()
}

func (r *execRunner) Cancel(resource, action string, interval time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := resource + action + interval.String()
	if stop, ok := r.recurring[key]; ok {
		close(stop)
		delete(r.recurring, key)
		return true
	}
	return false
}
