package simulation

import (
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/executor"
)

// recurring is a monitor under way.
type recurring struct {
	job  controller.Job
	last int
}

// runAgent lets an agent work on the machine for a while. The agent does its work even
// when the daemon dies meanwhile, as a process does.
func (h *host) runAgent(job controller.Job, done func(executor.Result)) {
	began, up, boot := h.w.wall(), h.powerUps, h.boot
	took := h.w.between(2*time.Millisecond, 60*time.Millisecond)
	if h.w.chance(0.05) {
		took = h.w.between(time.Second, 5*time.Second)
	}
	h.w.after(took, func() {
		if h.powerUps != up {
			return
		}
		code := h.act(job.Operation)
		h.alive(boot, func() {
			done(executor.Result{Code: code, StartedAt: began, Ran: took})
		})
	})
}

// act is what an agent does.
func (h *host) act(op executor.Operation) int {
	failing := h.w.faults && h.w.chance(0.02)
	switch op.Action {
	case "start":
		if failing {
			return 1
		}
		if op.Agent.Class == "stonith" {
			h.active[op.Resource] = true // known here; it does no harm on two hosts
		} else {
			h.activate(op.Resource)
		}
	case "stop":
		delete(h.active, op.Resource)
		h.w.trace(h.name, "%s stopped", op.Resource)
	case "monitor":
		if !h.active[op.Resource] {
			return 7
		}
		if failing {
			return 1
		}
	}
	return 0
}

// activate starts a resource, and is where it shows when it runs elsewhere too.
func (h *host) activate(resource string) {
	h.w.trace(h.name, "%s started", resource)
	for _, other := range h.w.hosts {
		if other != h && other.power && other.active[resource] {
			h.w.violate("twice: %s is started on %s while it is active on %s", resource, h.name, other.name)
		}
	}
	h.active[resource] = true
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
	h.runAgent(r.job, func(result executor.Result) {
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
