package simulation

import (
	"errors"
	"time"

	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorumdisk"
	"holdfast/cluster/messaging/sectors"
)

// A simulated quorum disk: package quorumdisk's lease in each daemon, on sectors that all machines share. An
// access takes its time, and works at some instant of it; what a daemon wrote last may reach the disk when
// the daemon is dead. A machine that is cut off from the disk is told so late, and a write of which it is
// told that it failed may have been made.

// leaseHold is for how long a confirmed claim counts.
const leaseHold = 2 * time.Second

var errDiskPath = errors.New("no path to the quorum disk")

// platter is the shared disk.
type platter []byte

func newPlatter() platter {
	p := make(platter, quorumdisk.Sectors*sectors.Min)
	copy(p, quorumdisk.Header{ID: [16]byte{1}, Size: sectors.Min}.Marshal())
	return p
}

// seekLease lets the lease do what it has to, and tells the core what it says. It is part of pump.
func (h *host) seekLease() {
	l, now := h.asker.lease, h.clock()
	if op, due := l.Next(now); due {
		h.access(op, now)
	}
	h.believe(l.Standing(now))
	h.consultAgain(l.At(now))
}

// access reads or writes.
func (h *host) access(op quorumdisk.Op, started time.Duration) {
	w, up, boot := h.w, h.powerUps, h.boot
	took := w.deviceDelay(2 * time.Millisecond)
	done := false
	var seen platter
	w.after(between(w.device.chance, 0, took), func() {
		switch {
		case h.powerUps != up || !w.reachesDevice(h.id):
		case op.Read:
			done, seen = true, append(platter(nil), w.device.disk...)
		default:
			done = true
			copy(w.device.disk[int(op.Write.Host)*sectors.Min:], op.Write.Marshal())
		}
	})
	w.after(took, func() {
		h.alive(boot, func() {
			l := h.asker.lease
			switch err := w.accessError(h, done); {
			case op.Write != nil:
				l.Wrote(h.clock(), err)
			case err != nil:
				l.ReadFailed(h.clock(), err)
			default:
				l.Read(started, h.clock(), seen, sectors.Min)
			}
		})
	})
}

// accessError is what an access that ends now says of itself.
func (w *World) accessError(h *host, done bool) error {
	if !done || !w.reachesDevice(h.id) {
		return errDiskPath
	}
	return nil
}

// situate hands the core's partition to the lease.
func (h *host) situate(p *core.Partition) {
	s := quorumdisk.Situation{Ring: p.Ring, Useful: p.Useful, Whole: len(p.Members) == len(h.options.Hosts), Heuristics: qdevice.HeuristicsUndefined}
	for _, id := range p.Members {
		s.Members = append(s.Members, uint32(id))
	}
	h.asker.lease.Situate(h.clock(), s)
}
