package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/cluster/executor/process"
	"holdfast/pause"
)

// A daemon that dies leaves its agents at work. The next one must not judge a resource by a
// probe while an agent still starts it: the probe finds nothing, and the resource would be started on
// a second host. So each call that changes a resource is on record from before its agent begins until
// it has ended, and a new executor lets what is on record end before it calls anything for the same resource.

// callVariable is in the environment of an agent, and of all that it starts, and names the record.
const callVariable = "HOLDFAST_CALL"

// record is a call that changes a resource. Records are files in a directory that does not survive a boot, as agents
// do not.
type record struct {
	Resource string    `json:"resource"`
	Action   string    `json:"action"`
	Path     string    `json:"path"` // of the agent
	Until    time.Time `json:"until"`
}

func (e *Executor) recordDir() string { return filepath.Join(e.config.Root, "run/holdfast/calls") }

// begin puts a call on record, and marks its process. The end takes it off again.
func (e *Executor) begin(op Operation, command *process.Command) (end func(process.Ending)) {
	name := strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.FormatUint(e.calls.Add(1), 36)
	command.Env = append(command.Env[:len(command.Env):len(command.Env)], callVariable+"="+name)
	file := filepath.Join(e.recordDir(), name)
	text, err := json.Marshal(record{op.Resource, op.Action, command.Path, time.Now().Add(command.Timeout)})
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		e.log.Warn("an agent's call is not on record: if this daemon dies now, the next one will not wait for it",
			"resource", op.Resource, "action", op.Action, "error", err)
	}
	return func(ending process.Ending) {
		if !ending.Stuck {
			_ = os.Remove(file) // of a call that is over, it would only be looked for in vain
		}
	}
}

// awaitLeftovers keeps each resource that an earlier daemon's agent is still at work on from being called, until
// that agent has ended or its time is over. It returns when all of them are kept.
func (e *Executor) awaitLeftovers() {
	if err := os.MkdirAll(e.recordDir(), 0o700); err != nil {
		e.log.Warn("calls of agents cannot be put on record", "error", err)
		return
	}
	entries, err := os.ReadDir(e.recordDir())
	if err != nil {
		e.log.Warn("the records of an earlier daemon's calls cannot be read", "error", err)
		return
	}
	for _, entry := range entries {
		file := filepath.Join(e.recordDir(), entry.Name())
		r, pid, err := leftover(file)
		if err != nil {
			e.log.Warn("a record of an earlier daemon's call does not count", "file", file, "error", err)
		}
		if pid == 0 {
			_ = os.Remove(file)
			continue
		}
		e.log.Info("an agent of an earlier daemon is still at work", "resource", r.Resource, "action", r.Action, "pid", pid)
		turn := e.resource(r.Resource)
		turn.enter(context.Background()) // at once: nothing was called yet
		e.running.Go(func() {
			defer turn.leave()
			defer os.Remove(file)
			awaitAgent(e.asking, pid, r.Until)
		})
	}
}

// leftover reads a record, and finds its agent; pid 0: it has ended.
func leftover(file string) (r record, pid int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return r, 0, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, 0, fmt.Errorf("read record: %w", err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return r, 0, err
	}
	mark := []byte(callVariable + "=" + filepath.Base(file))
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && isAgent(pid, mark, r.Path) {
			return r, pid, nil
		}
	}
	return r, 0, nil
}

// isAgent tells an agent from what it started: both have the mark, but only the agent leads its process group
// without leading a session, and has the agent's file in its command line.
func isAgent(pid int, mark []byte, path string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	environment, err := os.ReadFile(filepath.Join(proc, "environ"))
	if err != nil || !hasLine(environment, mark) {
		return false
	}
	words, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil || !hasLine(words, []byte(path)) {
		return false
	}
	text, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return false
	}
	// proc(5): pid (comm) state ppid pgrp session …; comm may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	self := strconv.Itoa(pid)
	return len(fields) > 3 && fields[0] != "Z" && fields[2] == self && fields[3] != self
}

// hasLine looks for one of the strings that the kernel ends with zero bytes.
func hasLine(all, one []byte) bool {
	for line := range bytes.SplitSeq(all, []byte{0}) {
		if bytes.Equal(line, one) {
			return true
		}
	}
	return false
}

// lookAgain is how often a leftover agent is looked at: it is no child of this daemon, and is asked for rarely.
const lookAgain = 20 * time.Millisecond

// awaitAgent waits until a process has ended; when its time is over its whole group is killed.
func awaitAgent(ctx context.Context, pid int, until time.Time) {
	for syscall.Kill(pid, 0) == nil {
		if !time.Now().Before(until) {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
		if !pause.For(ctx, lookAgain) {
			return
		}
	}
}
