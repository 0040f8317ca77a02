package simulation

import (
	"errors"
	"time"

	"holdfast/cluster/messaging/store"
)

var errDiskFull = errors.New("no space left on device")

// strike does the harm of a fault and arranges its end. Every fault undoes only what it
// did itself, so that any of them can be left out of a schedule.
func (w *World) strike(f Fault) {
	if int(f.Host) > len(w.hosts) || int(f.Other) > len(w.hosts) {
		return
	}
	w.trace("FAULT", "%s", f)
	h := w.host(f.Host)
	if w.remembered(f) {
		w.trace("FAULT", "not done: a restored disk is only known to those who still remember it")
		return
	}
	switch f.Kind {
	case PowerCut:
		h.switchOff()
		w.after(f.For, h.switchOn)
	case TotalPowerCut:
		w.totalPowerCut(f)
	case DaemonCrash:
		h.killDaemon()
		w.after(f.For, h.startDaemon)
	case CrashAtWrite:
		h.doomed = beforeWrite + doom(f.Amount)
	case Defection:
		w.strikeDefection(f)
	case Pause:
		w.pause(f)
	case PauseAtRequest, CutAtRequest, PauseAtProposal:
		w.lieInWait(f)
	case Isolation, OneWayCut, Partition, PairCut, Flapping, Bridge, HalfHealed, WitnessCut:
		w.strikeNetwork(f)
	case WitnessCrash:
		w.loseDevice(f.For)
	case WitnessSlow:
		w.device.slow = time.Duration(f.Amount) * time.Millisecond
		w.after(f.For, func() { w.device.slow = 0 })
	case BadNetwork:
		w.net.loss, w.net.twice, w.net.slow = float64(f.Amount)/100, 0.1, time.Duration(f.Amount)*time.Millisecond
		w.after(f.For, func() { w.net.loss, w.net.twice, w.net.slow = 0, 0, 0 })
	case ResourceDeath:
		for _, name := range append(w.shape.primitives(), "c0") {
			if h.active[name] == running {
				w.trace(h.name, "%s dies", name)
				delete(h.active, name)
				return
			}
		}
	case ClockStep:
		h.clocks.set += time.Duration(f.Amount) * time.Second
	case ClockDrift:
		h.clocks.drift(w.now, int64(f.Amount))
	case DiskFull:
		h.disk.Fail = errDiskFull
		w.after(f.For, func() { h.repairDisk() })
	case DiskLoss, DiskRestore:
		w.strikeDisk(h, f)
	case Departure:
		w.takeOut(f)
	case DiskSlow:
		w.slowDown(h, f)
	case Choke:
		w.choke(f)
	case BadAgents:
		w.agents = float64(f.Amount) / 100
		w.after(f.For, func() { w.agents = 0.01 })
	case BadFencing:
		w.fences = float64(f.Amount) / 100
		w.after(f.For, func() { w.fences = 0.05 })
	}
}

// strikeNetwork cuts and mends.
func (w *World) strikeNetwork(f Fault) {
	cut := func(by int8) {}
	switch f.Kind {
	case Isolation, OneWayCut:
		cut = func(by int8) {
			for _, other := range w.hosts {
				w.cut(f.Host, other.id, -1, by)
				if f.Kind == Isolation {
					w.cut(other.id, f.Host, -1, by)
				}
			}
		}
	case Partition:
		cut = func(by int8) {
			for _, a := range w.hosts {
				for _, b := range w.hosts {
					if inside, outside := f.Mask&(1<<a.id) != 0, f.Mask&(1<<b.id) == 0; inside && outside {
						w.cut(a.id, b.id, -1, by)
						w.cut(b.id, a.id, -1, by)
					}
				}
			}
		}
	case WitnessCut:
		cut = func(by int8) {
			for _, id := range f.masked() {
				w.cut(id, theWitness, -1, by)
				w.cut(theWitness, id, -1, by)
			}
		}
	case PairCut, Flapping:
		cut = func(by int8) {
			w.cut(f.Host, f.Other, f.Link, by)
			if f.Amount == 0 {
				w.cut(f.Other, f.Host, f.Link, by)
			}
		}
	}
	switch f.Kind {
	case Bridge:
		cut = func(by int8) { w.bridge(f, by) }
	case HalfHealed:
		w.cutOff(f)
		return
	case Flapping:
		w.flap(w.now+f.For, cut)
		return
	}
	cut(1)
	w.after(f.For, func() { cut(-1) })
}

// flap cuts for two seconds, mends for two seconds, and so on until end.
func (w *World) flap(end time.Duration, cut func(by int8)) {
	const period = 2 * time.Second
	cut(1)
	w.after(period, func() {
		cut(-1)
		w.after(period, func() {
			if w.now < end && w.faults {
				w.flap(end, cut)
			}
		})
	})
}

func (w *World) totalPowerCut(f Fault) {
	for i := range w.hosts {
		w.hosts[i].switchOff()
		order := (i - int(f.Host) + 1 + len(w.hosts)) % len(w.hosts)
		w.after(2*time.Second+time.Duration(order)*f.For, w.hosts[i].switchOn)
	}
}

// repairDisk is the operator's: the disk takes writes again, and the daemon is restarted.
func (h *host) repairDisk() {
	h.disk.Fail = nil
	if h.core == nil || h.lone.broken {
		h.killDaemon()
		h.startDaemon()
	}
}

// strikeDisk has a host come back with another disk than it had. What several disks
// together have forgotten nobody can know, nor what was confirmed by one host while all others
// were dead; so there is one such host in a run, and the others have what it has.
func (w *World) strikeDisk(h *host, f Fault) {
	if w.departure != nil {
		w.trace("FAULT", "not done: a host is about to forget what it has")
		return
	}
	for _, other := range w.hosts {
		if other.replaced && other != h || other.core == nil || other.disk.End().Ballot != h.disk.End().Ballot || other.disk.End().Before(h.disk.End()) {
			w.trace("FAULT", "not done: one replaced disk at a time, and somebody has to remember what it had")
			return
		}
		if f.Kind == DiskRestore && other != h && other.doomed != notDoomed {
			w.trace("FAULT", "not done: %s is to crash, and would not remember the disk that is restored", other.name)
			return
		}
	}
	if q := &w.shape.Quorum; f.Kind == DiskRestore && !q.WaitsForAll() && maySuffice(q, q.HostVotes(h.id)) {
		w.trace("FAULT", "not done: that host goes on by itself, also where nobody can tell it what it has forgotten")
		return
	}
	old := h.backup
	if f.Kind == DiskRestore && old == nil || !w.enoughWithout(h) {
		return
	}
	h.mark = h.disk.End()
	h.switchOff()
	if f.Kind == DiskRestore {
		h.disk = old.Clone()
		h.doubt = true
	} else {
		h.disk = &store.Memory{}
	}
	h.replaced = true
	w.after(f.For, h.switchOn)
}

// enoughWithout tells whether the others can elect a leader without a host: otherwise a
// host that has lost its disk waits for ever, and for an operator.
func (w *World) enoughWithout(h *host) bool {
	q := &w.shape.Quorum // the device's votes do not count when all have booted anew
	return q.TwoNode || 2*(q.ExpectedVotes()-q.DeviceVotes-q.HostVotes(h.id)) > q.ExpectedVotes()
}

// remembered tells whether a fault would make a host forget what another's restored disk
// had. That such a disk counts again is the inherent limit of rule 12.
func (w *World) remembered(f Fault) bool {
	switch f.Kind {
	case PowerCut, TotalPowerCut, DaemonCrash, CrashAtWrite, DiskLoss, DiskRestore, DiskFull, Departure:
	case Defection:
		f.Host = 0 // any may be it
	default:
		return false
	}
	for _, h := range w.hosts {
		if h.doubt && h.id != f.Host {
			return true
		}
	}
	return false
}

// heal ends every fault.
func (w *World) heal() {
	w.faults = false
	w.net, w.ambushes, w.device.slow = network{}, nil, 0
	w.startDevice()
	if w.departure != nil {
		w.departure.hurry()
	}
	for _, h := range w.hosts {
		h.doomed, h.disk.Fail, h.sluggish.longest = notDoomed, nil, 0
		h.clocks.drift(w.now, 0)
		h.thaw()
		if h.slow != nil {
			h.alive(h.boot, h.slow.end)
		}
		if h.lone.broken {
			h.killDaemon()
		}
		h.switchOn()
		h.startDaemon()
	}
}
