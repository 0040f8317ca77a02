package executor

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/executor/metadata"
)

// TestDebiansFenceAgentsStart lets every installed fence agent describe itself and look at parameters, through
// the calls that fencing makes. Most have no device here: what matters is that they get as far as
// saying so, and that what they are told never shows.
func TestDebiansFenceAgentsStart(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/usr/sbin/fence_*")
	if err != nil || len(found) < 20 {
		t.Skipf("needs the package fence-agents: %d agents are installed, %v", len(found), err)
	}
	e := New(Config{Root: "/", Agents: metadata.NewStore("/")})
	t.Cleanup(e.Close)
	turn := make(chan struct{}, 2) // they are Python programs: each takes a while to start
	for _, path := range found {
		name := filepath.Base(path)
		if name == "fence_ack_manual" { // a person's command, not an agent
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turn <- struct{}{}
			defer func() { <-turn }()
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
			defer cancel()
			described, err := e.agents.Describe(ctx, "stonith", "", name)
			if err != nil {
				if strings.Contains(err.Error(), "ModuleNotFoundError") || errors.Is(err, context.DeadlineExceeded) {
					t.Skipf("it lacks something here: %v", err)
				}
				t.Fatal(err)
			}
			checkFenceAgent(t, described)
			validate(t, ctx, e, described)
		})
	}
}

// checkFenceAgent looks for what fencing needs of a description.
func checkFenceAgent(t *testing.T, a *metadata.Agent) {
	t.Helper()
	for _, action := range []string{"off", "monitor", "metadata"} {
		// fence_legacy, which calls plugins of cluster-glue, is watched by their status.
		if !a.Supports(action) && !(action == "monitor" && a.Supports("status")) && !(action == "off" && a.Supports("reboot")) {
			t.Errorf("it has no action %s: %v", action, a.Actions)
		}
	}
	if len(a.Params) == 0 {
		t.Error("it has no parameters")
	}
}

// validate asks the agent to look at parameters that are all there and lead nowhere.
func validate(t *testing.T, ctx context.Context, e *Executor, a *metadata.Agent) {
	t.Helper()
	if !a.Supports("validate-all") {
		return
	}
	const secret = "open-sesame-4711"
	params := map[string]string{}
	for _, p := range a.Params {
		switch {
		case p.Name == "password":
			params[p.Name] = secret
		case p.Name == "ip", p.Name == "ipaddr":
			params[p.Name] = "192.0.2.1"
		case p.Name == "username", p.Name == "plug":
			params[p.Name] = "test"
		}
	}
	r := e.FenceAgent(ctx, FenceCall{Device: "device", Agent: a.Name, Action: "validate-all", Params: params, Timeout: 2 * time.Minute})
	if r.Status != Done {
		t.Errorf("validate-all did not end: %+v", r)
	}
	if strings.Contains(r.Reason+r.Output, secret) {
		t.Errorf("the password shows: %s %s", r.Reason, r.Output)
	}
	if strings.Contains(r.Reason+r.Output, "Unknown option") || strings.Contains(r.Reason, "Parse error") {
		t.Errorf("it does not understand what it is told: %s", r.Reason)
	}
}
