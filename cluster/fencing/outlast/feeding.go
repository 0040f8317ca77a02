package outlast

import "time"

// StandsStill is for how long a host's watchdog, of the time own, is fed although the daemon's loops do not turn.
func StandsStill(own time.Duration) time.Duration { return max(own/3, time.Second) }

// Host is what a host knows of itself.
type Host struct {
	Own        time.Duration // of its watchdog
	Condemned  string        // why it shall end, whatever else is; "": nobody wants that
	Asleep     bool          // it stood still, and the view is not confirmed since
	Counted    bool          // others count on its watchdog (stonith-watchdog-timeout)
	Owing      bool          // it has had quorum since the machine booted, and may run what it started then
	Quorate    bool
	Contested  bool          // another side may be quorate too
	Stalled    time.Duration // for which the state directory's disk has hung
	Blind      bool          // too few sbd disks can be read
	StoppedAll func() bool   // nothing runs here, nor will
}

// MayNot says why the host may not go on, so that its watchdog is not to be fed; "": it may.
func (h *Host) MayNot() string {
	if h.Condemned != "" {
		return h.Condemned
	}
	if h.Asleep {
		return "this host stood still and does not know what happened meanwhile"
	}
	if h.Counted && h.Owing {
		switch {
		case !h.Quorate && !h.StoppedAll():
			return "no quorum, and others count on the watchdog (stonith-watchdog-timeout)"
		case h.Stalled > StandsStill(h.Own) && !h.StoppedAll():
			// Whether it has quorum, it cannot know.
			return "the state directory's disk hangs, and others count on the watchdog (stonith-watchdog-timeout)"
		}
	}
	// Who reads too few disks may miss a message. Where no other side can be quorate, nobody is there to
	// send one.
	if h.Blind && !(h.Quorate && !h.Contested) && h.Owing && !h.StoppedAll() {
		return "too few sbd disks can be read, and other hosts may have quorum"
	}
	return ""
}

// Health is what the daemon's loop last found out about its host's right to go on.
type Health struct {
	At  time.Time
	Why string // MayNot's
}

// Hungry says why the watchdog of the time own may not be fed now; "": it may. What the loop found out counts for a third of the
// watchdog's time: a loop that stands still cannot know better.
func (h Health) Hungry(now time.Time, own time.Duration) string {
	if now.Sub(h.At) > StandsStill(own) {
		return "the daemon's main loop stands still"
	}
	return h.Why
}
