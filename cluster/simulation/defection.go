package simulation

import (
	"time"

	"holdfast/cluster/messaging/core"
)

// A defection is the one way to ask a host twice for its vote in a term: the leader's side of a
// cluster is cut off, the other side elects another with the votes of a host that dies
// right after it has voted, and when it is back it finds itself on the first side, which knows
// nothing of that election and holds one of its own. A host that has forgotten its vote makes two
// leaders of a term.
type defection struct {
	fault Fault
	old   uint32 // hosts on the leader's side
	left  bool   // the host has gone over
}

// strikeDefection divides the cluster. Hosts in the fault's Mask are on the leader's side, as long as they are
// fewer than half.
func (w *World) strikeDefection(f Fault) {
	d := &defection{fault: f}
	many := 0
	join := func(id core.HostID) {
		if d.old&(1<<id) == 0 && 2*(many+1) < len(w.hosts) {
			d.old |= 1 << id
			many++
		}
	}
	for _, h := range w.hosts {
		if h.core != nil && h.core.Status().Leader == h.id {
			join(h.id)
		}
	}
	for _, id := range f.masked() {
		if int(id) <= len(w.hosts) {
			join(id)
		}
	}
	// The lowest of a side campaigns first, so the highest is sure to be asked.
	var voter *host
	for _, h := range w.hosts {
		if d.old&(1<<h.id) == 0 && h.core != nil {
			voter = h
		}
	}
	if many == 0 || voter == nil {
		return
	}
	d.divide(w, voter.id, 1)
	voter.doomed, voter.defects = atVote, d
	w.after(4*time.Second, func() {
		if !d.left { // nobody asked for its vote
			d.left = true
			d.divide(w, voter.id, -1)
		}
	})
}

// divide cuts the sides from each other, or mends that. The voter is on whatever side it is on.
func (d *defection) divide(w *World, voter core.HostID, by int8) {
	side := func(id core.HostID) bool { return d.old&(1<<id) != 0 || id == voter && d.left }
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if side(a.id) != side(b.id) {
				w.cut(a.id, b.id, -1, by)
			}
		}
	}
}

// defect lets the daemon die, and come back on the other side.
func (h *host) defect() {
	w, d := h.w, h.defects
	h.dieAndRestartAfter(d.fault.For, "after a vote, and goes over to the other side")
	if d.left {
		return
	}
	d.divide(w, h.id, -1)
	d.left = true
	d.divide(w, h.id, 1)
	w.after(d.fault.For+time.Duration(d.fault.Amount)*time.Millisecond, func() { d.divide(w, h.id, -1) })
}
