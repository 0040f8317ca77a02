package executor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/executor/process"
)

// FenceCall is one call of a fence agent (fence-agents, "Fence agent API"): name=value lines
// on standard input, so that no secret is seen in a process list.
type FenceCall struct {
	Device  string            // stonith resource, for messages
	Agent   string            // fence_ipmilan, …
	Action  string            // on, off, reboot, status, list, monitor, metadata, validate-all
	Params  map[string]string // instance attributes; the cluster's own (pcmk_*) are left out
	Timeout time.Duration     // 0: DefaultTimeout
}

// FenceAgent calls a fence agent. In the result, Output is its standard output alone;
// the values of secret parameters are blotted out of everything.
func (e *Executor) FenceAgent(ctx context.Context, call FenceCall) Result {
	op := Operation{Resource: call.Device, Agent: Agent{Class: "stonith", Type: call.Agent}, Action: call.Action, Timeout: call.Timeout}
	if op.Timeout <= 0 {
		op.Timeout = DefaultTimeout
	}
	path, err := e.agents.Path("stonith", "", call.Agent)
	if err != nil {
		return missing(op, err)
	}
	var command process.Command
	if _, plugin := metadata.Plugin("stonith", call.Agent); plugin {
		var known bool
		if command, known = e.pluginCommand(path, call); !known {
			return unsupported(op)
		}
	} else {
		input, bad := fenceInput(call)
		if bad != "" {
			return Result{Code: CodeNotConfigured, Status: Error, Reason: fmt.Sprintf("%s: the value of parameter %s holds a line break; fence agents take one line", call.Device, bad)}
		}
		command = process.Command{Path: path, Env: e.base, Stdin: []byte(input)}
	}
	call.Timeout, command.Timeout = op.Timeout, op.Timeout
	ending, err := process.Run(ctx, command)
	return call.result(path, ending, err)
}

// fenceInput is what a fence agent reads; bad names a parameter that cannot be written there.
func fenceInput(call FenceCall) (input, bad string) {
	input = "action=" + call.Action + "\n"
	for _, name := range sortedNames(call.Params) {
		value := call.Params[name]
		if ownParameter(name) {
			continue
		}
		if strings.ContainsAny(value, "\n\x00") {
			return "", name
		}
		input += name + "=" + value + "\n"
	}
	return input, ""
}

// result reads how a call of the agent at path ended.
func (call FenceCall) result(path string, ending process.Ending, err error) Result {
	r := Result{Code: ending.Code, StartedAt: ending.StartedAt, Ran: ending.Ran}
	r.Output = blot(strings.ToValidUTF8(string(ending.Stdout), "?"), call.Params)
	words := lastWords(blot(string(ending.Stderr), call.Params))
	if words == "" {
		words = lastWords(r.Output)
	}
	who := fmt.Sprintf("%s: %s %s", call.Device, path, call.Action)
	switch {
	case err != nil:
		r.Code, r.Status, r.Reason = CodeError, Error, fmt.Sprintf("%s could not be run: %v; is the file executable, and the interpreter that its first line names installed?", who, err)
	case ending.Cancelled:
		r.Code, r.Status, r.Reason = CodeError, Cancelled, who+" was cancelled and killed"
	case ending.TimedOut:
		r.Code, r.Status = CodeError, TimedOut
		r.Reason = fmt.Sprintf("%s did not end within %s and was killed%s; is the device reachable from here?", who, call.Timeout, words)
	case ending.Signal != 0:
		r.Code, r.Status = CodeError, Error
		r.Reason = fmt.Sprintf("%s was ended by signal %d (%s)%s", who, ending.Signal, ending.Signal, words)
	case ending.Code != 0:
		r.Reason = fmt.Sprintf("%s ended with status %d%s", who, ending.Code, words)
	}
	r.Reason = oneLine(r.Reason)
	return r
}

// blot replaces the values of parameters whose names sound secret.
func blot(text string, params map[string]string) string {
	for name, value := range params {
		if Secret(name) && value != "" {
			text = strings.ReplaceAll(text, value, "******")
		}
	}
	return text
}

// Secret says whether a parameter of that name holds something that must not be shown.
func Secret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"passw", "secret", "token", "passphrase", "snmp_priv", "snmp_auth", "community", "apikey", "api_key", "hexadecimal_kg"} {
		if strings.Contains(name, word) {
			return !strings.HasSuffix(name, "_script")
		}
	}
	return false
}

// callDevice runs an operation on a stonith resource. The device itself is no process here:
// to start it is to check it and to know it, and it runs where it is known.
func (e *Executor) callDevice(ctx context.Context, op Operation) Result {
	switch op.Action {
	case "start":
		r := e.monitorDevice(ctx, op)
		if r.Code == CodeOK && r.Status == Done {
			e.setDevice(op.Resource, true)
		}
		return r
	case "stop":
		e.setDevice(op.Resource, false)
		return Result{}
	case "monitor":
		e.mu.Lock()
		known := e.devices[op.Resource]
		e.mu.Unlock()
		if !known {
			return Result{Code: CodeNotRunning}
		}
		if op.Interval == 0 {
			return Result{}
		}
		return e.monitorDevice(ctx, op)
	case "validate-all":
		return e.FenceAgent(ctx, FenceCall{Device: op.Resource, Agent: op.Agent.Type, Action: "validate-all", Params: op.Params, Timeout: op.Timeout})
	}
	return unsupported(op)
}

func (e *Executor) setDevice(resource string, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known {
		e.devices[resource] = true
	} else {
		delete(e.devices, resource)
	}
}

// monitorDevice asks the device whether it works. As every fence agent's answer it is 0 or
// failure; status and list answers count as success when they are answers at all.
func (e *Executor) monitorDevice(ctx context.Context, op Operation) Result {
	action := op.Params["pcmk_monitor_action"]
	if action == "" {
		action = "monitor"
	}
	r := e.FenceAgent(ctx, FenceCall{Device: op.Resource, Agent: op.Agent.Type, Action: action, Params: op.Params, Timeout: op.Timeout})
	if r.Status == Done && r.Code != CodeOK {
		r.Code = CodeError
	}
	return r
}
