package simulation

import (
	"strings"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
)

type result = executor.Result

// status is how far a resource is on a machine. From the moment that its start begins it
// counts as active: it may write to what it shares with its other self.
type status int

const (
	starting status = iota + 1
	running
	broken // a failed start or stop: monitors say so, and it may write
)

// change is when the last agent that changes a resource ends, and the daemon that called it.
type change struct {
	boot  uint64
	until time.Duration
}

// recurring is a monitor under way.
type recurring struct {
	job  controller.Job
	last int
}

// runAgent lets an agent work on the machine for a while. The agent does its work even
// when the daemon dies meanwhile, as a process does; a new daemon's executor lets it end before
// it calls anything for the same resource.
func (h *host) runAgent(job controller.Job, done func(result)) {
	w := h.w
	began, up, boot := h.wall(), h.powerUps, h.boot
	if left := h.changes[job.Operation.Resource]; left.boot != boot && left.until > w.now {
		w.after(left.until-w.now, func() { h.alive(boot, func() { h.runAgent(job, done) }) })
		return
	}
	took := between(w.chance.agents, 2*time.Millisecond, 60*time.Millisecond)
	if w.chance.agents.IntN(20) == 0 {
		took = between(w.chance.agents, time.Second, 5*time.Second)
	}
	failing := w.faults && w.chance.agents.Float64() < w.agents
	op := job.Operation
	if op.Action == "start" {
		h.activate(op)
	}
	if op.Action != "monitor" {
		h.changes[op.Resource] = change{boot, w.now + took}
	}
	h.atWork = w.now + took
	if failing || op.Action != "monitor" {
		h.unsettled = max(h.unsettled, h.atWork)
	}
	w.after(took, func() {
		if h.powerUps != up {
			return
		}
		code := h.act(op, failing)
		h.alive(boot, func() { done(result{Code: code, StartedAt: began, Ran: took}) })
	})
}

// act is what an agent has done when it ends. A start or stop that fails leaves the
// resource broken.
func (h *host) act(op executor.Operation, failing bool) int {
	if failing && (op.Action != "monitor" || h.active[op.Resource] == running) {
		h.w.trace(h.name, "%s of %s fails", op.Action, op.Resource)
		if op.Action == "start" || op.Action == "stop" && h.active[op.Resource] > 0 {
			h.active[op.Resource] = broken
		}
		return 1
	}
	switch op.Action {
	case "start":
		h.active[op.Resource] = running
	case "stop":
		delete(h.active, op.Resource)
		h.w.trace(h.name, "%s stopped", op.Resource)
	case "monitor":
		switch h.active[op.Resource] {
		case broken:
			return 1
		case running:
			return 0
		}
		return 7
	}
	return 0
}

// activate begins a start, and is where it shows when the resource runs elsewhere too.
func (h *host) activate(op executor.Operation) {
	name := op.Resource
	h.w.trace(h.name, "%s starts", name)
	if h.active[name] == 0 {
		h.active[name] = starting
	}
	h.w.check.awake(h, name)
	if h.w.shape.Policy != "freeze" {
		h.w.check.notWithoutQuorum(h, "starts "+name)
	}
	if op.Agent.Class == "stonith" || h.w.shape.cloned(name) {
		return
	}
	for _, other := range h.w.hosts {
		if other != h && other.power && other.active[name] > 0 {
			h.w.violate("twice: %s is started on %s while it is active on %s", name, h.name, other.name)
		}
	}
}

// schedule repeats a monitor and reports what differs from before.
func (h *host) schedule(job controller.Job) {
	h.recurring[job.Key] = &recurring{job: job, last: -1}
	h.monitor(job.Key)
}

func (h *host) monitor(key string) {
	r := h.recurring[key]
	if r == nil {
		return
	}
	h.runAgent(r.job, func(result result) {
		if h.recurring[key] != r {
			return
		}
		if result.Code != r.last {
			r.last = result.Code
			h.finished(key, result)
		}
		h.later(r.job.Operation.Interval, func() { h.monitor(key) })
	})
}

// base is a clone instance's name without its number.
func base(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return name
}
