package executor

import (
	"context"
	"fmt"

	"holdfast/cluster/executor/process"
)

// callScript runs an init script: LSB core 5.0, "Init Script Actions".
func (e *Executor) callScript(ctx context.Context, op Operation, path string) Result {
	action := op.Action
	switch action {
	case "start", "stop", "status", "reload", "force-reload", "restart":
	case "monitor":
		action = "status"
	case "validate-all":
		return Result{}
	default:
		return unsupported(op)
	}
	shown := op
	shown.Action = action
	r := e.run(ctx, shown, process.Command{Path: path, Args: []string{action}, Env: e.base, Timeout: op.Timeout, Merge: true})
	if r.Status != Done {
		return r
	}
	exit := r.Code
	r.Code = scriptCode(action, exit)
	switch {
	case r.Code == CodeOK, r.Code == CodeNotRunning && action == "status":
		r.Reason = ""
	default:
		r.Reason = fmt.Sprintf("%s: %s %s ended with status %d%s", op.Resource, path, action, exit, lastWords(r.Output))
	}
	return r
}

// scriptCode translates an init script's exit status to an OCF agent's. The two differ for
// status, where LSB has four ways of not running.
func scriptCode(action string, exit int) int {
	if action == "status" {
		switch exit {
		case 0:
			return CodeOK
		case 1, 2, 3: // dead with a pid file, dead with a lock file, not running
			return CodeNotRunning
		}
		return CodeError
	}
	if exit < 0 || exit > CodeNotRunning {
		return CodeError
	}
	return exit
}

func unsupported(op Operation) Result {
	return Result{Code: CodeUnimplemented, Status: NotSupported, Reason: fmt.Sprintf("%s: agents of class %s have no action %q", op.Resource, op.Agent.Class, op.Action)}
}
