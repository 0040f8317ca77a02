package router

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/vrrp/packet"
)

// Set is all virtual routers of a host and their sync groups. One goroutine owns it. All times are of one
// clock that only goes forward.
type Set struct {
	routers map[string]*Router
	order   []string            // names, sorted: actions never depend on map order
	groups  map[string][]string // router to the other routers of its sync group
}

// Group is a sync group: routers that change together.
type Group struct {
	Name    string
	Routers []string
}

// New makes a set whose routers are all in Initialize. The configuration is taken as checked; only what would break the
// set is an error: two routers of one name, a group of unknown routers, a router in two groups.
func New(routers []Config, groups []Group) (*Set, error) {
	s := &Set{routers: map[string]*Router{}, groups: map[string][]string{}}
	for _, c := range routers {
		if s.routers[c.Name] != nil {
			return nil, fmt.Errorf("make virtual routers: two are named %q", c.Name)
		}
		s.routers[c.Name] = newRouter(c)
		s.order = append(s.order, c.Name)
	}
	slices.Sort(s.order)
	for _, g := range groups {
		for _, name := range g.Routers {
			if s.routers[name] == nil {
				return nil, fmt.Errorf("make sync group %q: there is no virtual router %q", g.Name, name)
			}
			if s.groups[name] != nil {
				return nil, fmt.Errorf("make sync group %q: virtual router %q is in another group already", g.Name, name)
			}
			s.groups[name] = slices.DeleteFunc(slices.Sorted(slices.Values(g.Routers)), func(other string) bool { return other == name })
		}
	}
	return s, nil
}

// State of a router; Initialize for one that does not exist.
func (s *Set) State(name string) State {
	if r := s.routers[name]; r != nil {
		return r.state
	}
	return Initialize
}

// Priority of a router as it is tracked now.
func (s *Set) Priority(name string) uint8 {
	if r := s.routers[name]; r != nil {
		return r.priority
	}
	return 0
}

// Due is the time of the next Tick; ok is false while no timer runs.
func (s *Set) Due() (at time.Duration, ok bool) {
	at = never
	for _, r := range s.routers {
		at = min(at, r.due, r.announce)
	}
	return at, at != never
}

// Start brings every router up: owners become active, the others listen; those with a fault wait.
func (s *Set) Start(now time.Duration) []Action {
	return s.each(func(r *Router) {
		switch {
		case r.state != Initialize:
		case s.faulty(r.config.Name):
			r.enter(Fault, s.why(r.config.Name))
		default:
			r.start(now, "started")
		}
	})
}

// Tick fires every timer that is due.
func (s *Set) Tick(now time.Duration) []Action {
	var all []Action
	for _, name := range s.order {
		if r := s.routers[name]; now >= min(r.due, r.announce) {
			all = append(all, s.change(now, name, func(r *Router) { r.tick(now) })...)
		}
	}
	return all
}

// Receive takes an advertisement that passed Check, for the router of that name.
func (s *Set) Receive(now time.Duration, name string, from netip.Addr, a packet.Advertisement) []Action {
	return s.change(now, name, func(r *Router) { r.receive(now, from, a) })
}

// SetPriority takes a router's tracked priority, which stays between 1 and MaxPriority, unless the router owns its
// addresses. It counts from the next advertisement on.
func (s *Set) SetPriority(name string, priority int) {
	if r := s.routers[name]; r != nil && r.config.Priority != Owner {
		r.setPriority(uint8(min(max(priority, 1), MaxPriority)))
	}
}

// SetFault says that what a router needs (named by reason: "interface eth0 is down") is gone or back. A
// router with a fault, or whose sync group has one, is in Fault.
func (s *Set) SetFault(now time.Duration, name, reason string, gone bool) []Action {
	r := s.routers[name]
	if r == nil {
		return nil
	}
	at, have := slices.BinarySearch(r.faults, reason)
	switch {
	case gone && !have:
		r.faults = slices.Insert(r.faults, at, reason)
	case !gone && have:
		r.faults = slices.Delete(r.faults, at, at+1)
	default:
		return nil
	}
	var all []Action
	for _, member := range append([]string{name}, s.groups[name]...) {
		all = append(all, s.change(now, member, func(r *Router) { s.settleFault(now, r) })...)
	}
	return all
}

// settleFault brings a router to Fault, or out of it.
func (s *Set) settleFault(now time.Duration, r *Router) {
	switch faulty := s.faulty(r.config.Name); {
	case r.state == Initialize:
	case faulty && r.state != Fault:
		r.resign(now)
		r.due = never
		r.enter(Fault, s.why(r.config.Name))
	case !faulty && r.state == Fault:
		r.start(now, "all that it tracks is back")
	}
}

func (s *Set) faulty(name string) bool { return s.why(name) != "" }

// why names the first fault of a router or its sync group.
func (s *Set) why(name string) string {
	for _, member := range append([]string{name}, s.groups[name]...) {
		if faults := s.routers[member].faults; len(faults) > 0 && member == name {
			return faults[0]
		} else if len(faults) > 0 {
			return fmt.Sprintf("%s of its sync group: %s", member, faults[0])
		}
	}
	return ""
}

// Shutdown gives every address up and tells the network.
func (s *Set) Shutdown(now time.Duration) []Action {
	return s.each(func(r *Router) {
		if r.state != Initialize {
			r.resign(now)
			r.due = never
			r.enter(Initialize, "shut down")
		}
	})
}

// each lets every router act, in order of names, without taking sync groups along.
func (s *Set) each(act func(*Router)) []Action {
	var all []Action
	for _, name := range s.order {
		act(s.routers[name])
		all = append(all, s.take(name)...)
	}
	return all
}

// change lets one router act, and takes its sync group along if its state changed.
func (s *Set) change(now time.Duration, name string, act func(*Router)) []Action {
	r := s.routers[name]
	if r == nil {
		return nil
	}
	before := r.state
	act(r)
	all := s.take(name)
	if r.state == before {
		return all
	}
	for _, other := range s.groups[name] {
		s.follow(now, s.routers[other], r)
		all = append(all, s.take(other)...)
	}
	return all
}

// follow brings a router to the state that one of its sync group has entered.
func (s *Set) follow(now time.Duration, r, leader *Router) {
	switch why := "with " + leader.config.Name + " of its sync group"; {
	case leader.state == Active && r.state == Backup:
		r.activate(now, why)
	case leader.state == Backup && r.state == Active:
		r.yield(now, why)
	}
}

func (s *Set) take(name string) []Action {
	r := s.routers[name]
	taken := r.actions
	r.actions = nil
	return taken
}

// SetSource says which address of this host a router sends from. It settles equal priorities.
func (s *Set) SetSource(name string, source netip.Addr) {
	if r := s.routers[name]; r != nil {
		r.config.Source = source
	}
}
