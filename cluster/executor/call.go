package executor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/executor/process"
)

// call runs one operation now.
func (e *Executor) call(ctx context.Context, op Operation) Result {
	if op.Timeout <= 0 {
		op.Timeout = DefaultTimeout
	}
	started := time.Now()
	result := e.dispatch(ctx, op)
	if result.StartedAt.IsZero() {
		result.StartedAt, result.Ran = started, time.Since(started)
	}
	result.Reason = oneLine(result.Reason)
	if result.Status != Cancelled {
		e.log.Debug("agent called", "resource", op.Resource, "agent", op.Agent.String(), "action", op.Action,
			"interval", op.Interval, "code", result.Code, "status", result.Status, "reason", result.Reason, "ran", result.Ran)
	}
	return result
}

func (e *Executor) dispatch(ctx context.Context, op Operation) Result {
	class := op.Agent.Class
	path, err := e.agents.Path(class, op.Agent.Provider, op.Agent.Type)
	if class == "service" && err == nil {
		class = "lsb"
		if strings.HasSuffix(path, ".service") {
			class = "systemd"
		}
	}
	switch {
	case class == "systemd":
		return e.callUnit(ctx, op)
	case err != nil && (class != "stonith" || op.Action != "stop" && op.Action != "monitor"):
		// A fence device is stopped by being forgotten: that needs no agent, and a stop that failed would have this host fenced.
		return missing(op, err)
	case op.Action == "meta-data":
		return e.describe(ctx, op)
	case class == "lsb":
		return e.callScript(ctx, op, path)
	case class == "stonith":
		return e.callDevice(ctx, op)
	}
	if op.Action == "reload-agent" {
		op.Action = e.reloadAction(op.Agent)
	}
	command := process.Command{Path: path, Args: []string{op.Action}, Env: e.environment(op), Timeout: op.Timeout, Merge: true}
	return e.run(ctx, op, command)
}

func missing(op Operation, err error) Result {
	r := Result{Code: CodeError, Status: Error, Reason: fmt.Sprintf("%s: %v", op.Resource, err)}
	if errors.Is(err, metadata.ErrNotInstalled) {
		r.Code, r.Status = CodeNotInstalled, NotInstalled
		r.Reason += "; install the package that brings it, or correct the agent's name in the configuration"
	}
	return r
}

// describe answers meta-data, whatever the class.
func (e *Executor) describe(ctx context.Context, op Operation) Result {
	ctx, cancel := context.WithTimeout(ctx, op.Timeout)
	defer cancel()
	text, err := e.agents.Raw(ctx, op.Agent.Class, op.Agent.Provider, op.Agent.Type)
	if err != nil {
		return missing(op, err)
	}
	return Result{Output: string(text)}
}

// run runs a prepared command and reads its end as an OCF agent's.
func (e *Executor) run(ctx context.Context, op Operation, command process.Command) Result {
	end := func(process.Ending) {}
	if changes(op.Action) {
		end = e.begin(op, &command)
	}
	ending, err := process.Run(ctx, command)
	end(ending)
	r := Result{Code: ending.Code, StartedAt: ending.StartedAt, Ran: ending.Ran, Output: strings.ToValidUTF8(string(ending.Stdout), "?")}
	who := fmt.Sprintf("%s: %s %s", op.Resource, command.Path, op.Action)
	switch {
	case errors.Is(err, fs.ErrPermission):
		r.Code, r.Status = CodeNoPermission, Error
		r.Reason = fmt.Sprintf("%s could not be run: the file is not executable; make it so with: chmod +x %s", who, command.Path)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOEXEC):
		r.Code, r.Status = CodeNotInstalled, Error
		r.Reason = fmt.Sprintf("%s could not be run: %v; is the interpreter that its first line names installed?", who, err)
	case err != nil:
		r.Code, r.Status = CodeError, Error
		r.Reason = fmt.Sprintf("%s could not be run: %v", who, err)
	case ending.Cancelled:
		r.Code, r.Status, r.Reason = CodeError, Cancelled, who+" was cancelled and killed"
	case ending.TimedOut:
		r.Code, r.Status = CodeError, TimedOut
		r.Reason = fmt.Sprintf("%s did not end within %s and was killed%s; find out what it waits for, or raise the operation's timeout", who, op.Timeout, lastWords(r.Output))
		if ending.Stuck {
			r.Reason = fmt.Sprintf("%s did not end within %s and cannot be killed: it waits in the kernel, for a dead disk or mount?", who, op.Timeout)
		}
	case ending.Signal != 0:
		r.Code, r.Status = CodeError, Error
		r.Reason = fmt.Sprintf("%s was ended by signal %d (%s)%s; see the kernel's log for why", who, ending.Signal, ending.Signal, lastWords(r.Output))
	default:
		r.Reason = e.answer(op, who, r)
	}
	return r
}

// exitReasonPrefix is told to agents as OCF_EXIT_REASON_PREFIX and marks the line that
// says why they failed.
const exitReasonPrefix = "ocf-exit-reason:"

// answer finds the reason for an agent's answer; "" when it needs none.
func (e *Executor) answer(op Operation, who string, r Result) string {
	if i := strings.LastIndex(r.Output, exitReasonPrefix); i >= 0 {
		line, _, _ := strings.Cut(r.Output[i+len(exitReasonPrefix):], "\n")
		return line
	}
	switch {
	case r.Code == CodeOK, op.Action == "monitor" && (r.Code == CodeNotRunning || r.Code == CodePromoted):
		return ""
	}
	return fmt.Sprintf("%s ended with status %d (%s)%s", who, r.Code, CodeText(r.Code), lastWords(r.Output))
}

// CodeText names an OCF exit code for people.
func CodeText(code int) string {
	switch code {
	case CodeOK:
		return "ok"
	case CodeError:
		return "error"
	case CodeBadArgs:
		return "invalid parameter"
	case CodeUnimplemented:
		return "action not implemented"
	case CodeNoPermission:
		return "insufficient privileges"
	case CodeNotInstalled:
		return "something it needs is not installed"
	case CodeNotConfigured:
		return "not configured"
	case CodeNotRunning:
		return "not running"
	case CodePromoted:
		return "running promoted"
	case CodeFailedPromot:
		return "failed promoted"
	case CodeDegraded:
		return "degraded"
	case CodeDegradedProm:
		return "degraded promoted"
	case 126, 127:
		return "no OCF status: a command that the agent calls is missing"
	}
	return "no OCF status"
}

// lastWords quotes the last line that an agent printed and that says something: fence agents end by pointing to their help.
func lastWords(output string) string {
	said := ""
	for line := range strings.Lines(output) {
		if line = oneLine(line); line != "" && (said == "" || !pointsToHelp(line)) {
			said = line
		}
	}
	if said == "" {
		return ""
	}
	return "; it printed: " + said
}

func pointsToHelp(line string) bool {
	return strings.HasSuffix(line, "Please use '-h' for usage") || strings.HasSuffix(line, "validate-all failed")
}

const maxReason = 500 // bytes; it becomes an attribute of the document

// oneLine makes text fit for one line of a document: no control characters, no
// bytes that are not UTF-8, not too long.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f || r == 0xFFFE || r == 0xFFFF:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.TrimSpace(text)
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
