package simulation

import (
	"time"

	"holdfast/cluster/messaging/core"
)

// strike lets faults happen at random, about one each mean, while they may, and
// returns their number.
func (w *World) strike(mean time.Duration) *int {
	n := new(int)
	var again func()
	again = func() {
		if !w.faults {
			return
		}
		*n++
		w.fault()
		w.after(w.between(mean/5, 2*mean), again)
	}
	w.after(w.between(0, mean), again)
	return n
}

// fault does one harm, with what undoes it later.
func (w *World) fault() {
	h := w.hosts[w.rand.IntN(len(w.hosts))]
	switch w.rand.IntN(8) {
	case 0: // a power cut
		h.switchOff()
		w.after(w.between(2*time.Second, 8*time.Second), h.switchOn)
	case 1: // the daemon crashes and is restarted, at once or late
		h.killDaemon()
		w.after(w.between(50*time.Millisecond, 3*time.Second), h.startDaemon)
	case 2, 3: // the host stands still
		h.freeze()
		w.after(w.between(100*time.Millisecond, 4*time.Second), h.thaw)
	case 4: // one host is cut off, in one or both directions
		w.cut([]core.HostID{h.id}, w.others(h.id), w.chance(0.8))
		w.after(w.between(200*time.Millisecond, 6*time.Second), w.join)
	case 5: // a partition
		var a, b []core.HostID
		for _, other := range w.hosts {
			if w.chance(0.5) {
				a = append(a, other.id)
			} else {
				b = append(b, other.id)
			}
		}
		w.cut(a, b, true)
		w.after(w.between(200*time.Millisecond, 6*time.Second), w.join)
	case 6: // a bad network
		w.net.loss, w.net.slow = w.rand.Float64()*0.3, w.between(0, 20*time.Millisecond)
		w.trace("network", "loses %.0f%%, up to %s slower", w.net.loss*100, w.net.slow)
		w.after(w.between(time.Second, 5*time.Second), func() { w.net.loss, w.net.slow = 0, 0 })
	case 7: // a resource dies
		for i := range w.cfg.Resources {
			if name := resourceName(i); h.active[name] {
				w.trace(h.name, "%s died", name)
				delete(h.active, name)
				return
			}
		}
	}
}

func (w *World) others(id core.HostID) []core.HostID {
	var ids []core.HostID
	for _, h := range w.hosts {
		if h.id != id {
			ids = append(ids, h.id)
		}
	}
	return ids
}

// cut stops everything from a to b, and back when both is set.
func (w *World) cut(a, b []core.HostID, both bool) {
	w.trace("network", "cut between %v and %v, both ways %t", a, b, both)
	for _, x := range a {
		for _, y := range b {
			w.net.cuts[[2]core.HostID{x, y}] = true
			if both {
				w.net.cuts[[2]core.HostID{y, x}] = true
			}
		}
	}
}

// join undoes all cuts.
func (w *World) join() {
	w.net.cuts = map[[2]core.HostID]bool{}
	w.trace("network", "whole again")
}

// heal undoes every fault.
func (w *World) heal() {
	w.join()
	w.net.loss, w.net.slow = 0, 0
	for _, h := range w.hosts {
		h.thaw()
		h.switchOn()
		h.startDaemon()
	}
}
