package simulation

import (
	"math/rand/v2"
	"time"

	"holdfast/cluster/messaging/core"
)

// A durable write takes its time on a slow disk. Messaging's loop waits for it and only keeps its heartbeats going
// (core.Pulse); what comes for it queues up. The daemon's other parts go on meanwhile, with what they know. A write that the
// daemon's death interrupts may have been made, or not.

// sluggish are the seeds whose hosts have slow disks at times: an eighth. What else a seed draws does not depend on it.
func sluggish(seed uint64) bool { return seed/10%8 == 6 }

// slownesses are when disks are slow. Amount is the longest time of a write.
func slownesses(seed uint64) apart {
	return apart{kind: DiskSlow, r: rand.New(rand.NewPCG(seed, 0x510)), pause: 10 * time.Second, least: time.Second, longest: 15 * time.Second,
		amounts: []int{20, 100, 400, 1500, 5000, 40_000}}
}

// slowDisk is a host's.
type slowDisk struct {
	longest time.Duration // that a durable write takes; 0: none
	until   time.Duration
}

// slowDown makes a host's disk slow for a while.
func (w *World) slowDown(h *host, f Fault) {
	h.sluggish.longest, h.sluggish.until = time.Duration(f.Amount)*time.Millisecond, w.now+f.For
	w.after(f.For, func() {
		if w.now >= h.sluggish.until {
			h.sluggish.longest = 0
		}
	})
}

// slowWrite is a batch whose write is under way.
type slowWrite struct {
	begun time.Duration // by the host's clock
	made  bool          // it is on the disk, and nobody knows yet
	held  []core.Event  // what came for messaging's loop meanwhile
	end   func()        // ends it
}

// tell hands an event to messaging's loop, now or when its disk has written.
func (h *host) tell(ev core.Event) {
	if h.slow != nil {
		h.slow.held = append(h.slow.held, ev)
		return
	}
	h.core.Step(h.clock(), ev)
}

// writeSlowly begins the write of a batch, the rest of which is done when it has ended.
func (h *host) writeSlowly(b core.Batch) {
	chance := h.w.chance.slowness
	w := &slowWrite{begun: h.clock(), made: chance.IntN(2) == 0}
	if w.made && !h.save(b.Save) {
		return
	}
	w.end = func() {
		if h.slow != w {
			return
		}
		h.pulse()
		h.slow, h.wrote = nil, h.w.now
		if w.made || h.save(b.Save) {
			h.conclude(b)
		}
		for _, ev := range w.held {
			if h.core != nil {
				h.tell(ev)
				h.pump()
			}
		}
	}
	h.slow = w
	h.later(between(chance, 0, h.sluggish.longest), w.end)
	h.beatOn(w)
}

// noticing is since when messaging's loop can notice what becomes of the others: it does not while it waits for its disk.
func (h *host) noticing() time.Duration {
	if h.slow != nil {
		return h.w.now
	}
	return h.wrote
}

// beatOn keeps the heartbeats going while a write is under way, unless the disk hangs.
func (h *host) beatOn(w *slowWrite) {
	h.later(core.NewTiming(0).Heartbeat, func() {
		if h.slow == w && h.clock()-w.begun < core.NewTiming(0).Hung() {
			h.pulse()
			h.beatOn(w)
		}
	})
}

func (h *host) pulse() {
	h.ran = h.clock()
	for _, p := range h.core.Pulse(h.clock()) {
		h.packet(p)
	}
}
