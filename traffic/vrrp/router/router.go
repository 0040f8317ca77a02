package router

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/traffic/vrrp/packet"
)

// never is later than every time.
const never = time.Duration(1<<63 - 1)

// Router is one virtual router on this host. A Set drives it.
type Router struct {
	config   Config
	state    State
	priority uint8 // as tracked now

	// interval is what the active router advertises at; this host's own until another was heard (version 3).
	interval time.Duration
	// due is when the state's timer fires: Active advertises, Backup takes over.
	due time.Duration
	// sent is when the last advertisement went out; only in Active.
	sent time.Duration
	// lower is since when an active router of lower priority has been heard; negative: none is.
	lower time.Duration
	// announce is when the addresses are announced next, and times how often then.
	announce time.Duration
	times    int
	// faults are the reasons that keep the router in Fault, sorted.
	faults []string
	// reported holds what was already said about a peer, so that it is said once.
	reported map[string]bool

	actions []Action
}

func newRouter(c Config) *Router {
	r := &Router{config: c, priority: c.Priority, interval: c.Interval, lower: -1, reported: map[string]bool{}}
	r.stop()
	return r
}

// skew lets a backup of higher priority take over earlier (RFC 9568, 6.1; version 2 counts in
// seconds, RFC 3768, 6.1).
func (r *Router) skew() time.Duration {
	base := r.interval
	if r.config.Version == 2 {
		base = time.Second
	}
	return base * time.Duration(256-int(r.priority)) / 256
}

// down is the active-down interval.
func (r *Router) down() time.Duration { return r.missed()*r.interval + r.skew() }

func (r *Router) missed() time.Duration { return time.Duration(cmp.Or(r.config.Missed, 3)) }

func (r *Router) do(kind Do) { r.actions = append(r.actions, Action{Router: r.config.Name, Do: kind}) }

func (r *Router) enter(s State, why string) {
	r.state = s
	r.actions = append(r.actions, Action{Router: r.config.Name, Do: Enter, State: s, Text: why})
}

// report says something about a peer, once until forgive.
func (r *Router) report(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.reported[text] {
		return
	}
	r.reported[text] = true
	r.actions = append(r.actions, Action{Router: r.config.Name, Do: Report, Text: text})
}

func (r *Router) send(now time.Duration, priority uint8) {
	r.actions = append(r.actions, Action{Router: r.config.Name, Do: Send, Advertisement: r.config.advertisement(priority)})
	r.sent, r.due = now, now+r.config.Interval
}

// stop forgets the timers.
func (r *Router) stop() { r.due, r.announce, r.lower = never, never, -1 }

func (r *Router) start(now time.Duration, why string) {
	if r.priority == Owner {
		r.activate(now, "owns the addresses")
		return
	}
	r.listen(now, why)
}

// listen makes the router a backup whose timer starts now.
func (r *Router) listen(now time.Duration, why string) {
	r.stop()
	r.enter(Backup, why)
	r.due = now + r.down()
}

// activate takes the addresses.
func (r *Router) activate(now time.Duration, why string) {
	r.stop()
	r.interval = r.config.Interval
	clear(r.reported)
	r.send(now, r.priority)
	r.do(AddAddresses)
	r.tell(r.config.Announce.Times)
	r.enter(Active, why)
	switch a := r.config.Announce; {
	case a.Delay > 0:
		r.announce, r.times = now+a.Delay, a.Times
	case a.Refresh > 0:
		r.announce, r.times = now+a.Refresh, a.RefreshTimes
	}
}

// tell announces the addresses so many times.
func (r *Router) tell(times int) {
	r.actions = append(r.actions, Action{Router: r.config.Name, Do: Announce, Times: times})
}

// tellAgain announces the addresses to those who may have learnt of another router that was active too.
func (r *Router) tellAgain(now time.Duration) {
	a := r.config.Announce
	r.tell(a.LowerTimes)
	if a.LowerDelay > 0 {
		r.announce, r.times = now+a.LowerDelay, a.LowerTimes
	}
}

// yield gives the addresses up and listens.
func (r *Router) yield(now time.Duration, why string) {
	r.do(RemoveAddresses)
	r.listen(now, why)
}

// resign leaves the network: whoever is backup need not wait.
func (r *Router) resign(now time.Duration) {
	if r.state == Active {
		r.do(RemoveAddresses)
		r.send(now, 0)
	}
	r.stop()
}

// tick fires the timers that are due.
func (r *Router) tick(now time.Duration) {
	switch r.state {
	case Active:
		r.tickActive(now)
	case Backup:
		r.tickBackup(now)
	}
}

func (r *Router) tickActive(now time.Duration) {
	if r.stalled(now) {
		return
	}
	if now >= r.due {
		r.send(now, r.priority)
	}
	if now >= r.announce {
		r.tell(r.times)
		r.announce = never
		if r.config.Announce.Refresh > 0 {
			r.announce, r.times = now+r.config.Announce.Refresh, r.config.Announce.RefreshTimes
		}
	}
}

// stalled tells whether an active router was silent for so long that the quickest backup
// may have taken over, and yields then.
func (r *Router) stalled(now time.Duration) bool {
	silent := now - r.sent
	if silent < r.missed()*r.config.Interval {
		return false
	}
	r.yield(now, fmt.Sprintf("this host was paused for %s; another may be active", (silent-r.config.Interval).Round(time.Millisecond)))
	return true
}

func (r *Router) tickBackup(now time.Duration) {
	switch {
	case now < r.due:
	case now-r.due > r.interval:
		r.due = now + r.down() // was paused: it did not listen
	default:
		r.activate(now, "no active router is heard")
	}
}

// receive takes an advertisement for this router that passed Check.
func (r *Router) receive(now time.Duration, from netip.Addr, a packet.Advertisement) {
	if r.state != Backup && r.state != Active {
		return
	}
	if from == r.config.Source {
		r.report("an advertisement came from %s, this host's own address: another host has it, or the network sends packets back", from)
		return
	}
	if r.config.Version == 2 && a.Interval != r.config.Interval {
		r.report("%s advertises every %s, this host is configured for %s: its advertisements are ignored", from, a.Interval, r.config.Interval)
		return
	}
	if !sameAddresses(a.Addresses, r.config.Addresses) {
		r.report("%s advertises other addresses (%v) than this host is configured for (%v)", from, a.Addresses, r.config.Addresses)
	}
	if r.state == Active {
		r.receiveActive(now, from, a)
		return
	}
	r.receiveBackup(now, a)
}

func (r *Router) receiveBackup(now time.Duration, a packet.Advertisement) {
	switch {
	case a.Priority == 0:
		r.due = now + r.skew()
		return
	case a.Priority >= r.priority || !r.config.Preempt:
		r.lower = -1
	default:
		if r.lower < 0 {
			r.lower = now
		}
		if now-r.lower >= r.config.PreemptDelay {
			return // let the timer run out
		}
	}
	r.interval = a.Interval
	r.due = now + r.down()
}

func (r *Router) receiveActive(now time.Duration, from netip.Addr, a packet.Advertisement) {
	if r.stalled(now) {
		r.receiveBackup(now, a)
		return
	}
	switch {
	case a.Priority == 0:
		r.send(now, r.priority)
	case a.Priority > r.priority, a.Priority == r.priority && from.Compare(r.config.Source) > 0:
		r.interval = a.Interval
		r.yield(now, fmt.Sprintf("%s is active with priority %d", from, a.Priority))
	default:
		r.report("two routers are active: %s advertises with priority %d too, this host's is %d", from, a.Priority, r.priority)
		if !r.config.Mute {
			r.send(now, r.priority)
		}
		r.tellAgain(now)
	}
}

// setPriority takes what tracking made of the priority.
func (r *Router) setPriority(priority uint8) { r.priority = priority }

// sameAddresses compares without order.
func sameAddresses(a, b []netip.Addr) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, netip.Addr.Compare)
	slices.SortFunc(b, netip.Addr.Compare)
	return slices.Equal(a, b)
}
