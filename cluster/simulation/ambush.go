package simulation

import (
	"slices"
	"time"

	"holdfast/cluster/messaging/core"
)

// An ambush waits for a moment that matters, which faults at random times hardly ever meet. A request of a
// leader's is on its way to a host: then the host stands still, or a cut divides it from the others, and what was
// asked for arrives late, or its result comes into a log that the others do not have. Or a host
// proposes a fork: it stands still, and the others hear of its proposal when they have gone on without it.

// patience is how long an ambush waits.
const patience = 10 * time.Second

// lieInWait arranges an ambush.
func (w *World) lieInWait(f Fault) {
	w.ambushes = append(w.ambushes, f)
	w.after(patience, func() { w.callOff(f) })
}

func (w *World) callOff(f Fault) {
	w.ambushes = slices.DeleteFunc(w.ambushes, func(o Fault) bool { return o == f })
}

// requested springs the ambushes that wait for a request to a host.
func (w *World) requested(to core.HostID) {
	for _, f := range slices.Clone(w.ambushes) {
		if f.Host != to || !w.faults || f.Kind == PauseAtProposal {
			continue
		}
		w.callOff(f)
		f.At = w.now
		w.trace("FAULT", "a request is on its way: %s", f)
		if f.Kind == PauseAtRequest {
			w.pause(f)
			continue
		}
		w.net.unfenced++
		w.after(f.For+time.Duration(f.Amount)*time.Millisecond, func() { w.net.unfenced-- })
		w.cutOff(f)
	}
}

// proposes springs the ambushes that wait for a proposal, and returns how late the proposal comes.
func (w *World) proposes(h *host) time.Duration {
	late := time.Duration(0)
	for _, f := range slices.Clone(w.ambushes) {
		if f.Kind != PauseAtProposal || !w.faults {
			continue
		}
		w.callOff(f)
		f.At, f.Host = w.now, h.id
		w.trace("FAULT", "%s proposes a fork: %s", h.name, f)
		w.pause(f)
		late = between(w.chance.network, 0, time.Duration(f.Amount)*time.Millisecond)
	}
	return late
}

// pause lets a host stand still.
func (w *World) pause(f Fault) {
	h := w.host(f.Host)
	h.freeze()
	w.after(f.For, h.thaw)
}

// cutOff isolates a host. Where the fault has an amount, the cut ends in one direction first, and so many
// milliseconds later in the other: an even amount lets the host hear the others first.
func (w *World) cutOff(f Fault) {
	cut := func(hears bool, by int8) {
		for _, other := range w.hosts {
			if hears {
				w.cut(other.id, f.Host, -1, by)
			} else {
				w.cut(f.Host, other.id, -1, by)
			}
		}
	}
	for _, hears := range []bool{true, false} {
		long := f.For
		if hears != (f.Amount%2 == 0) {
			long += time.Duration(f.Amount) * time.Millisecond
		}
		cut(hears, 1)
		w.after(long, func() { cut(hears, -1) })
	}
}

// bridge cuts the hosts in the fault's Mask from the others, but for one that hears all and is heard
// by all: two sets of hosts that share a member and do not hear each other.
func (w *World) bridge(f Fault, by int8) {
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if a.id != f.Host && b.id != f.Host && f.Mask&(1<<a.id) != 0 && f.Mask&(1<<b.id) == 0 {
				w.cut(a.id, b.id, -1, by)
				w.cut(b.id, a.id, -1, by)
			}
		}
	}
}
