package simulation

import (
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/alone"
	"holdfast/cluster/messaging/core"
)

// startGrace is package node's: how long a new daemon looks for others before it applies
// no-quorum-policy.
const startGrace = 10 * time.Second

// quorumIs notes whether this host has quorum with those that it reaches.
func (h *host) quorumIs(quorate bool) {
	l := &h.lone
	l.quorate, l.ever = quorate, l.ever || quorate
	h.dog.owing = h.dog.owing || quorate
	h.examine()
	h.happened = append(h.happened, controller.QuorumHere{Quorate: quorate})
	l.at = never
	if l.broken {
		return
	}
	l.alone = nil
	if h.going != nil && h.going.goes {
		return // it leaves, and nothing runs here any more
	}
	if quorate || h.w.tamper.Unpoliced {
		return
	}
	l.at = h.clock()
	if !l.ever {
		l.at += startGrace
	}
}

// checkAlone begins to act without quorum when that is due, and goes on.
func (h *host) checkAlone() {
	l := &h.lone
	if h.core == nil {
		return
	}
	if l.alone != nil {
		if next := l.alone.Next(); !next.IsZero() && !h.steady().Before(next) {
			h.actAlone(l.alone.Step(h.steady(), controller.Nothing{}))
		}
		return
	}
	if l.at < 0 || h.clock() < l.at {
		return
	}
	l.at = never
	if !controller.QuorumIgnored(h.replica.Live()) {
		h.beginAlone(false)
	}
}

func (h *host) beginAlone(stopAll bool) {
	l := &h.lone
	l.serial++
	l.at = never // also when something else than the time for it came first: a stop, a broken disk
	h.w.trace(h.name, "acts alone")
	var batch alone.Batch
	l.alone, batch = alone.New(alone.Config{Self: h.id, Boot: h.boot, Serial: l.serial, Hosts: h.names(), Document: h.replica.Document(),
		Worker: h.worker, Plan: h.plan, HadQuorum: l.ever, StopAll: stopAll, Doubtful: h.doubtful}, h.steady())
	h.actAlone(batch)
}

// actAlone carries out what the host decided by itself.
func (h *host) actAlone(batch alone.Batch) {
	if batch.Fence != "" {
		h.w.trace(h.name, "ends itself")
		h.reset()
		return
	}
	for _, work := range batch.Work {
		h.work(work)
	}
	if l := &h.lone; l.broken && l.alone.Idle() && !l.left {
		l.left = true
		h.leaveBroken()
	}
}

// diskFailed stops what runs here.
func (h *host) diskFailed() {
	if !h.lone.broken {
		h.lone.broken = true
		h.beginAlone(true)
	}
}

// leaveBroken says goodbye, or falls silent when something could not be stopped, or may run of which this daemon was not told.
func (h *host) leaveBroken() {
	boot, here := h.inView(h.id)
	if len(h.lone.alone.Active(h.steady())) > 0 || h.dog.owing && !(here && boot == h.boot) {
		h.killDaemon()
		return
	}
	h.tell(core.Leave{})
	h.later(400*time.Millisecond, func() {
		h.killDaemon()
		h.disarm() // it lives on and does nothing but feed it
	})
}
