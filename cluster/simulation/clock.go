package simulation

import "time"

// clocks are a machine's two: the one that counts since it got power, which runs too fast or too
// slow but never jumps, and the wall clock, which somebody may set.
type clocks struct {
	since time.Duration // world time at which the clock read base
	base  time.Duration
	ppm   int64         // how much too fast, in millionths
	set   time.Duration // what the wall clock is off by
}

const million = 1_000_000

func (c *clocks) read(now time.Duration) time.Duration {
	gone := now - c.since
	return c.base + gone + gone/million*time.Duration(c.ppm) + gone%million*time.Duration(c.ppm)/million
}

// drift changes the pace.
func (c *clocks) drift(now time.Duration, ppm int64) {
	c.base, c.since, c.ppm = c.read(now), now, ppm
}

// clock is the machine's steady clock, as the core wants it.
func (h *host) clock() time.Duration { return h.clocks.read(h.w.now) }

// steady is the same as a time, for the parts that the daemon gives times with a
// monotonic reading: what they measure is not moved when the wall clock is set.
func (h *host) steady() time.Time { return epoch.Add(h.clock()) }

// wall is the wall clock.
func (h *host) wall() time.Time { return h.steady().Add(h.clocks.set) }

// later is after, for the daemon as it is now and by its own clock. It returns when that is.
func (h *host) later(d time.Duration, do func()) time.Duration {
	boot := h.boot
	in := h.takes(d)
	h.w.after(in, func() { h.alive(boot, do) })
	return h.w.now + in
}

// takes is how long it takes for so much time to pass by the host's clock.
func (h *host) takes(d time.Duration) time.Duration {
	return d - d/million*time.Duration(h.clocks.ppm) + 1
}
