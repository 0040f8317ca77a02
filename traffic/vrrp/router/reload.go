package router

import (
	"slices"
	"time"
)

// Continue starts a set that takes the place of another, which must not be used afterwards. A router that both have, with the
// same id and version, goes on where it was, timers, priority and faults included: a reload is no change of state. Those that
// only the old set has shut down: gone are their actions, which come first. Those that are new start.
func (s *Set) Continue(now time.Duration, old *Set) (gone, all []Action) {
	for _, name := range old.order {
		if was, is := old.routers[name], s.routers[name]; is == nil || !is.continues(was) {
			was.resign(now)
			was.enter(Initialize, "no longer configured")
			gone = append(gone, old.take(name)...)
		}
	}
	for _, name := range s.order {
		r := s.routers[name]
		was := old.routers[name]
		if was == nil || !r.continues(was) {
			continue
		}
		r.state, r.faults, r.config.Source = was.state, slices.Clone(was.faults), was.config.Source
		r.due, r.sent, r.announce, r.times, r.lower = was.due, was.sent, was.announce, was.times, was.lower
		r.reported = was.reported
		if r.state == Active {
			r.due = min(r.due, now+r.config.Interval)
		}
	}
	for _, name := range s.order {
		if s.routers[name].state != Initialize {
			all = append(all, s.change(now, name, func(r *Router) { s.settleFault(now, r) })...)
		}
	}
	return gone, append(all, s.Start(now)...)
}

func (r *Router) continues(was *Router) bool {
	return was.state != Initialize && was.config.ID == r.config.ID && was.config.Version == r.config.Version
}
