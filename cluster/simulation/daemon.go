package simulation

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

// What package node does with goroutines and sockets, with events.

// carryOut does what the messaging core wants.
func (h *host) carryOut(b core.Batch) {
	for _, p := range b.Heartbeats {
		h.packet(p)
	}
	h.stream(b.Early)
	if b.Save != nil && b.Save.Sync && h.sluggish.longest > 0 {
		h.writeSlowly(b)
		return
	}
	if b.Save == nil || h.save(b.Save) {
		h.conclude(b)
	}
}

// conclude does what follows the write.
func (h *host) conclude(b core.Batch) {
	h.stream(b.Messages)
	if h.doomed == atVote && slices.ContainsFunc(b.Messages, votes) {
		h.defect()
		return
	}
	h.report(b.Partition)
	for _, change := range b.Changes {
		h.noted(change)
	}
	for _, a := range b.Answers {
		if done := h.answers[a.Seq]; done != nil {
			delete(h.answers, a.Seq)
			done(a)
		}
	}
	if h.core != nil {
		h.core.Done()
		h.w.check.standing(h)
	}
}

// save writes, and tells whether the daemon goes on with its batch.
func (h *host) save(s *core.Save) bool {
	if s.Sync && h.doomed == beforeWrite {
		h.dieAndRestart("before a write")
		return false
	}
	promised := s.Promised
	if h.w.tamper.Save != nil {
		other := *s
		h.w.tamper.Save(&other)
		s = &other
	}
	if err := h.disk.Save(s); err != nil {
		h.core.Halt(err)
		return false
	}
	if promised != nil {
		h.w.check.pledges(h, *promised)
	}
	if s.Sync && h.doomed == afterWrite {
		h.dieAndRestart("after a write")
		return false
	}
	return true
}

func (h *host) dieAndRestart(when string) {
	h.dieAndRestartAfter(between(h.w.chance.disks, 10*time.Millisecond, time.Second), when)
}

func (h *host) dieAndRestartAfter(pause time.Duration, when string) {
	h.w.trace(h.name, "crashes %s", when)
	h.killDaemon()
	h.w.after(pause, h.startDaemon)
}

// noted takes a change of the messaging core's in.
func (h *host) noted(change core.Change) {
	h.w.trace(h.name, "%s", change.Text)
	switch change.Kind {
	case core.QuorumIs:
		h.quorumIs(change.Quorate)
	case core.Halted:
		h.diskFailed()
	case core.Paused:
		h.paused++
	case core.Resumed:
		h.resumed = h.paused
	}
}

// learns takes in what the replica tells.
func (h *host) learns(ev controller.Event) {
	if r, whole := ev.(controller.Restored); whole && h.w.tamper.Forgetful {
		ev = controller.Restored{View: r.View, From: core.Origin{Group: r.From.Group}}
	} else if whole && r.From.Discarded {
		h.work(h.worker.Discarded())
	}
	h.step(ev)
}

// step moves the controller and carries out what it wants.
func (h *host) step(ev controller.Event) {
	batch := h.controller.Step(h.steady(), ev)
	for _, note := range batch.Notes {
		h.w.note(h, note)
	}
	for _, e := range batch.Writes {
		ballot := e.Reign.Ballot
		e.Time = h.wall()
		h.writes = append(h.writes, write{entry: e, settled: func() {}, wanted: func() bool {
			v := h.replica.LastView()
			return v.Leader == h.id && v.Ballot == ballot
		}})
	}
	for _, f := range batch.Fenced {
		h.w.check.buried(h, f)
		h.tell(core.Fenced{Host: f.Host, Boot: f.Boot})
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
	if h.writing || len(h.writes) == 0 {
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
		h.w.violate("encoding: %s: %v", h.name, err)
		return
	}
	h.writing = true
	h.propose(core.Propose{Data: data, Unconfirmed: true}, func(a core.Answer) { h.written(sent, a) })
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
			if answers[i].Code != "" {
				h.w.trace(h.name, "the log refuses %s %d: %s", p.entry.Kind, p.entry.Seq, answers[i].Message)
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

// propose hands a proposal to messaging, under a number of its own.
func (h *host) propose(p core.Propose, done func(core.Answer)) {
	h.seq++
	p.Seq = h.seq
	h.answers[h.seq] = done
	h.tell(p)
}

// request carries a leader's request to a worker and the answer back.
func (h *host) request(a controller.Addressed) {
	r := a.Request
	target := h.w.host(a.Host)
	h.w.requested(a.Host)
	call(h, target, a.Limit, func(answer func(controller.Reply, error)) { answer(target.ask(r)) }, func(reply controller.Reply, err error) {
		if err != nil {
			h.step(controller.Undelivered{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Refused: err != errNoAnswer, Err: err.Error()})
			return
		}
		h.step(controller.Replied{Host: a.Host, Boot: r.Boot, Reign: r.Reign, Kind: r.Kind, Key: r.Key, Reply: reply})
	})
}

var errNoAnswer = errors.New("no answer in time")

// call carries a question to the daemon of another host, which serves it, and the answer back; done is called once, unless the daemon
// that asks dies.
func call[T any](h, target *host, limit time.Duration, serve func(answer func(T, error)), done func(T, error)) {
	answered := false
	settle := func(reply T, err error) {
		if !answered {
			answered = true
			done(reply, err)
		}
	}
	var none T
	h.later(limit, func() { settle(none, errNoAnswer) })
	boot := h.boot
	h.deliver(target.id, func() {
		if target.core == nil {
			return
		}
		target.alive(target.boot, func() {
			serve(func(reply T, err error) {
				target.deliver(h.id, func() {
					h.alive(boot, func() { settle(reply, err) })
				})
			})
		})
	})
}

// deliver carries a request or its reply. What a cut holds up may yet arrive when it ends,
// as the network's stacks repeat it: seconds late.
func (h *host) deliver(to core.HostID, arrive func()) {
	w := h.w
	took := w.delay()
	for w.lost() {
		took += 200 * time.Millisecond
	}
	patience := time.Duration(0)
	if w.chance.network.IntN(3) == 0 {
		patience = between(w.chance.network, time.Second, 15*time.Second)
	}
	from, begun := h.id, w.now
	var try func()
	try = func() {
		switch {
		case w.connected(from, to):
			arrive()
		case w.now-begun < patience:
			w.after(100*time.Millisecond, try)
		}
	}
	w.after(took, try)
}

// ask lets this host's worker answer a request.
func (h *host) ask(r controller.Request) (controller.Reply, error) {
	asked, why := r, ""
	switch {
	case h.lone.broken:
		why = "its disk failed"
	case h.doubtful():
		why = "it stood still"
	case !h.lone.quorate && !controller.QuorumIgnored(h.replica.Live()):
		why = "it has no quorum"
	}
	if h.w.tamper.Request != nil {
		h.w.tamper.Request(&r, h.boot, h.worker.Floor())
	}
	if h.w.tamper.Reckless {
		why = ""
	}
	h.worker.Suspend(why)
	reply, batch, err := h.worker.Ask(r)
	if err == nil {
		h.w.check.obeyed(h, asked)
	}
	h.work(batch)
	return reply, err
}

// work carries out what the worker wants.
func (h *host) work(batch controller.WorkerBatch) {
	for _, job := range batch.Cancels {
		delete(h.recurring, job.Key)
	}
	for _, job := range batch.Runs {
		h.runAgent(job, func(result result) { h.finished(job.Key, result) })
	}
	for _, job := range batch.Schedules {
		h.schedule(job)
	}
	for _, e := range batch.Entries {
		e.Time = h.wall()
		h.writes = append(h.writes, write{entry: e, wanted: func() bool { return true }, settled: func() { h.worker.Logged(e) }})
	}
	if h.lone.alone != nil && len(batch.Entries) > 0 {
		h.actAlone(h.lone.alone.Results(h.steady(), batch.Entries))
	}
	if batch.Leave && h.going != nil {
		h.tell(core.Leave{})
		h.farewell()
	}
}

func (h *host) finished(key string, result result) {
	h.work(h.worker.Finished(h.steady(), key, result))
}

// fence lets the fence device act, from this host. A device that fails says so, whether it
// did its work before or not.
func (h *host) fence(f controller.Fence) {
	w := h.w
	if w.shape.Watchdog > 0 {
		h.awaitWatchdog(f, func(err error) {
			done := controller.FenceDone{Key: f.Key, Device: "watchdog", MayLive: true}
			if err != nil {
				done.Err = err.Error()
			}
			h.later(time.Millisecond, func() { h.step(done) })
		})
		return
	}
	target := w.named(f.Target)
	boot := h.boot
	early := w.fencingTakes()
	w.after(early+between(w.chance.agents, 20*time.Millisecond, 300*time.Millisecond), func() {
		done := controller.FenceDone{Key: f.Key, Device: "power"}
		acts := true
		if w.faults && w.chance.agents.Float64() < w.fences {
			done.Err = "the device does not answer"
			acts = w.chance.agents.IntN(4) == 0
		}
		if early > 0 && !w.faults {
			done.Err, acts = "the device has dropped what it was asked for", false
		}
		if w.net.unfenced > 0 {
			done.Err, acts = "nobody reaches the device", false
		}
		if acts && target != nil && !w.tamper.LyingFences {
			target.switchOff()
			w.after(between(w.chance.agents, time.Second, 4*time.Second), target.switchOn)
		}
		if late := w.fencingTakes(); late > 0 {
			w.after(late, func() { h.alive(boot, func() { h.step(done) }) })
			return
		}
		h.alive(boot, func() { h.step(done) })
	})
}

// leisurely are the seeds whose fence device takes its time, before it acts and before it says so: an eighth.
func leisurely(seed uint64) bool { return seed/10%8 == 7 }

func (w *World) fencingTakes() time.Duration {
	if !w.shape.Leisurely || !w.faults || w.chance.slowness.IntN(2) == 0 {
		return 0
	}
	return between(w.chance.slowness, 0, 8*time.Second)
}
