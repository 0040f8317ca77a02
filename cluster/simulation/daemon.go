package simulation

import (
	"encoding/json"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/executor"
	"holdfast/cluster/messaging/core"
)

// What package node does with goroutines and sockets, with events.

// step moves the controller and carries out what it wants.
func (h *host) step(ev controller.Event) {
	batch := h.controller.Step(h.w.wall(), ev)
	for _, note := range batch.Notes {
		h.w.trace(h.name, "%s", noteText(note))
	}
	for _, e := range batch.Writes {
		ballot := e.Reign.Ballot
		e.Time = h.w.wall()
		h.writes = append(h.writes, write{entry: e, settled: func() {}, wanted: func() bool {
			v := h.replica.LastView()
			return v.Leader == h.id && v.Ballot == ballot
		}})
	}
	for _, f := range batch.Fenced {
		h.core.Step(h.w.now, core.Fenced{Host: f.Host, Boot: f.Boot})
	}
	for _, a := range batch.Requests {
		h.request(a)
	}
	for _, f := range batch.Fences {
		h.fence(f)
	}
}

// write proposes what waits, one proposal at a time.
func (h *host) write() {
	if h.writing {
		return
	}
	kept := h.writes[:0]
	for _, p := range h.writes {
		if p.wanted() {
			kept = append(kept, p)
		} else {
			p.settled()
		}
	}
	h.writes = kept
	if len(h.writes) == 0 {
		return
	}
	sent := append([]write(nil), h.writes...)
	h.writes = nil
	entries := make([]*controller.Entry, len(sent))
	for i, p := range sent {
		entries[i] = p.entry
	}
	data, err := controller.EncodeEntries(entries)
	if err != nil {
		h.w.violate("%s: %v", h.name, err)
		return
	}
	h.writing = true
	h.propose(data, func(a core.Answer) { h.written(sent, a) })
}

// written takes the log's answer in; what was not taken is tried again.
func (h *host) written(sent []write, a core.Answer) {
	var answers []replica.Answer
	again := sent
	if a.Err == nil && json.Unmarshal(a.Data, &answers) == nil && len(answers) == len(sent) {
		again = nil
		for i, p := range sent {
			if answers[i].Retry {
				again = append(again, p)
				continue
			}
			p.settled()
		}
	}
	h.writes = append(append([]write(nil), again...), h.writes...)
	pause := time.Duration(0)
	if len(again) > 0 {
		pause = 50 * time.Millisecond
	}
	h.later(pause, func() { h.writing = false })
}

// request carries a leader's request to a worker and the answer back.
func (h *host) request(a controller.Addressed) {
	r := a.Request
	target := h.w.host(a.Host)
	answered := false
	answer := func(ev controller.Event) {
		if !answered {
			answered = true
			h.step(ev)
		}
	}
	failed := func(why string, refused bool) controller.Event {
		return controller.Undelivered{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Refused: refused, Err: why}
	}
	h.later(a.Limit, func() { answer(failed("no answer in time", false)) })
	boot := h.boot
	h.w.after(h.w.delay(), func() {
		if !h.w.connected(h.id, a.Host) || target.core == nil {
			return
		}
		target.alive(target.boot, func() {
			reply, err := target.ask(r)
			h.w.after(h.w.delay(), func() {
				if !h.w.connected(a.Host, h.id) {
					return
				}
				h.alive(boot, func() {
					if err != nil {
						answer(failed(err.Error(), true))
						return
					}
					answer(controller.Replied{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Reply: reply})
				})
			})
		})
	})
}

// ask lets this host's worker answer a request.
func (h *host) ask(r controller.Request) (controller.Reply, error) {
	why := ""
	switch {
	case h.core.Status().Suspect:
		why = "it stood still"
	case !h.quorate:
		why = "it has no quorum"
	}
	h.worker.Suspend(why)
	reply, batch, err := h.worker.Ask(r)
	h.work(batch)
	return reply, err
}

// work carries out what the worker wants.
func (h *host) work(batch controller.WorkerBatch) {
	for _, job := range batch.Cancels {
		delete(h.recurring, job.Key)
	}
	for _, job := range batch.Runs {
		h.runAgent(job, func(result executor.Result) { h.finished(job.Key, result) })
	}
	for _, job := range batch.Schedules {
		h.schedule(job)
	}
	for _, e := range batch.Entries {
		e.Time = h.w.wall()
		h.writes = append(h.writes, write{entry: e, wanted: func() bool { return true }, settled: func() { h.worker.Logged(e) }})
	}
	if batch.Leave {
		h.core.Step(h.w.now, core.Leave{})
	}
}

func (h *host) finished(key string, result executor.Result) {
	h.work(h.worker.Finished(h.w.wall(), key, result))
}

// fence lets the fence device act, from this host.
func (h *host) fence(f controller.Fence) {
	target := h.w.named(f.Target)
	h.later(h.w.between(20*time.Millisecond, 300*time.Millisecond), func() {
		done := controller.FenceDone{Key: f.Key, Device: "power"}
		if h.w.faults && h.w.chance(0.1) {
			done.Err = "the device does not answer"
		} else if target != nil && !h.w.cfg.LyingFences {
			target.switchOff()
			h.w.after(h.w.between(time.Second, 4*time.Second), target.switchOn)
		}
		h.step(done)
	})
}

func noteText(n controller.Note) string {
	kind := map[controller.NoteKind]string{
		controller.PlanMade: "plan made", controller.PlanDone: "plan ended", controller.ActionStarted: "started", controller.ActionFinished: "finished",
		controller.FenceStarted: "fencing", controller.FenceFinished: "fenced", controller.WentIdle: "idle", controller.HostJoined: "synchronized", controller.Trouble: "trouble",
	}[n.Kind]
	for _, word := range []string{n.Task, n.Subject, n.Host, n.Detail} {
		if word != "" {
			kind += " " + word
		}
	}
	return kind
}
