package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/outlast"
	"holdfast/cluster/messaging/core"
)

// A cluster with watchdogs has no fence device: whoever is lost is ended by its own machine. The host's side of
// that and the others' are package outlast's; what package node does around it is here.

// watched are the seeds whose clusters have watchdogs: a tenth. What else a seed draws does not depend on it.
func watched(seed uint64) bool { return seed%10 == 9 }

// giveWatchdogs gives the cluster of a seed watchdogs in place of a fence device, and mostly a quorum that proves that
// nobody else has one: without that they prove nothing.
func (s *Shape) giveWatchdogs(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0xd09))
	s.Watchdog = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second}[r.IntN(4)]
	if r.IntN(3) > 0 {
		s.WatchdogWait = s.Watchdog + between(r, 100*time.Millisecond, 2*s.Watchdog).Round(time.Millisecond)
	}
	if r.IntN(8) == 0 {
		return
	}
	if s.Policy == "ignore" {
		s.Policy = "freeze"
	}
	s.Quorum.LastManStanding = false
	if s.Quorum.TwoNode {
		s.GiveDevice(seed)
	}
}

// watchdogOption is the cluster property that has hosts count on each other's watchdogs.
func (s *Shape) watchdogOption() string {
	if s.Watchdog == 0 {
		return ""
	}
	wait := "-1" // twice the watchdog's own time
	if s.WatchdogWait > 0 {
		wait = strconv.FormatInt(s.WatchdogWait.Milliseconds(), 10) + "ms"
	}
	return `<nvpair id="watchdogs" name="stonith-watchdog-timeout" value="` + wait + `"/>`
}

// dog is a machine's watchdog, and what the machine remembers for it until it loses power.
type dog struct {
	fed   int  // counts what puts the reset off
	owing bool // the machine has had quorum since it booted
}

// watch is what the daemon knows of its right to go on.
type watch struct {
	health    outlast.Health
	condemned string
}

// feed puts the machine's reset off.
func (h *host) feed() {
	h.dog.fed++
	fed := h.dog.fed
	h.w.after(h.w.shape.Watchdog, func() {
		if h.power && h.dog.fed == fed {
			h.w.trace(h.name, "its watchdog resets it")
			h.reset()
		}
	})
}

// reset ends the machine, which boots anew.
func (h *host) reset() {
	h.switchOff()
	h.w.after(between(h.w.chance.agents, time.Second, 4*time.Second), h.switchOn)
}

// disarm ends the watchdog.
func (h *host) disarm() { h.dog.fed++ }

// guard arms the watchdog for a new daemon and feeds it while the daemon lives. A frozen daemon feeds nothing.
func (h *host) guard() {
	if h.w.shape.Watchdog == 0 {
		return
	}
	h.watch.health.At = h.steady()
	h.feed()
	boot, pace := h.boot, h.w.shape.Watchdog/5
	var again func()
	again = func() {
		if h.core == nil || h.boot != boot {
			return
		}
		if !h.frozen {
			why := h.watch.health.Hungry(h.steady(), h.w.shape.Watchdog)
			h.examine()
			if why == "" || h.w.tamper.Overfed {
				h.feed()
			}
		}
		h.w.after(pace, again)
	}
	again()
}

// examine finds out whether this host may live.
func (h *host) examine() {
	if h.w.shape.Watchdog == 0 {
		return
	}
	_, counted := fencing.WatchdogTime(h.replica.Live())
	me := outlast.Host{Own: h.w.shape.Watchdog, Condemned: h.watch.condemned, Asleep: h.asleep(), Counted: counted, Owing: h.dog.owing,
		Quorate: h.lone.quorate, Stalled: h.clock() - h.turned, StoppedAll: h.stoppedAll}
	why := me.MayNot()
	if why != h.watch.health.Why {
		h.w.trace(h.name, "its watchdog is fed: %t (%s)", why == "", why)
	}
	h.watch.health = outlast.Health{At: h.steady(), Why: why}
}

// stoppedAll tells that nothing runs here that the host began without quorum to stop.
func (h *host) stoppedAll() bool {
	l := h.lone.alone
	return l != nil && l.Idle() && len(l.Active(h.steady())) == 0
}

// endItself is another host's order.
func (h *host) endItself() { h.ends("it was told to end itself", h.w.shape.Watchdog/10) }

// ends has this machine boot soon, and its watchdog end it where the kernel hangs on the way.
func (h *host) ends(why string, soon time.Duration) {
	h.watch.condemned = why
	h.examine()
	h.later(soon, func() {
		if h.w.chance.agents.IntN(2) == 0 {
			h.w.trace(h.name, "ends itself: %s", why)
			h.reset()
		}
	})
}

// awaitWatchdog waits until a host was certainly reset by its watchdog; done learns why that is not so.
func (h *host) awaitWatchdog(f controller.Fence, done func(error)) {
	doc := h.replica.Live()
	unaware := outlast.Unaware(core.NewTiming(0), h.core.Status().Quorum.DeviceWait)
	wait, err := fencing.WatchdogWait(doc, fencing.OwnWatchdog(doc, f.Target, controller.WatchdogMark), unaware)
	target := h.w.named(f.Target)
	before := f.Boot
	if before == 0 {
		before = controller.LastBoot(doc, target.id)
	}
	over := func(err error) {
		if now, back := h.inView(target.id); err == nil && back && (now == before || before == 0) {
			err = errors.New("it is in the cluster as before: its watchdog did not reset it")
		}
		done(err)
	}
	present, here := h.inView(target.id)
	switch {
	case err != nil:
		done(err)
	case target == h:
		h.ends("the cluster fences it", 0)
		done(errors.New("this host cannot see its own end"))
	case here:
		h.order(target, func(err error) {
			if err != nil {
				done(err)
				return
			}
			h.passes(outlast.Question{Host: target.id, Boot: present}, wait, func() { over(nil) })
		})
	case controller.QuorumIgnored(doc):
		over(errors.New("without quorum it goes on all the same"))
	default:
		h.outlast(outlast.Question{Host: target.id, Boot: before}, wait, h.clock()+2*wait+outlast.Settling, over)
	}
}

// outlast is package node's.
func (h *host) outlast(q outlast.Question, wait, until time.Duration, done func(error)) {
	var why error
	again := func(in time.Duration) {
		if h.clock()+in > until {
			done(fmt.Errorf("in all that time: %w", why))
			return
		}
		h.passes(q, in, func() { h.outlast(q, wait, until, done) })
	}
	members := h.replica.LastView().Members
	if h.w.tamper.Selfish {
		members = []core.HostID{h.id}
	}
	h.sightings(q, members, nil, func(seen []outlast.Sight, err error) {
		if _, back := h.inView(q.Host); back {
			done(nil)
			return
		}
		if why = err; err != nil {
			again(time.Second)
			return
		}
		all, by := outlast.Sum(members, seen)
		ruling, missing := outlast.Judge(all, wait)
		if h.w.tamper.Impatient && ruling == outlast.Wait {
			ruling = outlast.Ended
		}
		switch ruling {
		case outlast.Ended:
			h.w.trace(h.name, "host%d is ended: %v have missed it for %s", q.Host, members, all.Without)
			done(nil)
		case outlast.Unsure:
			done(errors.New("it may have quorum on its side"))
		case outlast.Order:
			q := q
			q.Order = true
			h.see(q, h.w.host(by), func(_ outlast.Sight, err error) {
				if why = err; err != nil {
					again(time.Second)
					return
				}
				h.passes(q, wait, func() { done(nil) })
			})
		case outlast.Pending:
			why = errors.New("it has begun anew and not joined")
			again(time.Second)
		default:
			again(missing)
		}
	})
}

// passes is package node's: a time passes, or a host is back in the view with another daemon.
func (h *host) passes(q outlast.Question, long time.Duration, then func()) {
	const look = time.Second
	if now, back := h.inView(q.Host); long <= 0 || back && q.Boot != 0 && now != q.Boot {
		then()
		return
	}
	h.later(min(long, look), func() { h.passes(q, long-look, then) })
}

// sightings asks one member of the view after the other.
func (h *host) sightings(q outlast.Question, members []core.HostID, seen []outlast.Sight, done func([]outlast.Sight, error)) {
	if len(seen) == len(members) {
		done(seen, nil)
		return
	}
	h.see(q, h.w.host(members[len(seen)]), func(s outlast.Sight, err error) {
		if err != nil {
			done(nil, err)
			return
		}
		h.sightings(q, members, append(seen, s), done)
	})
}

// askingHosts is package node's: how long a host may take to tell what it sees.
const askingHosts = 10 * time.Second

// see asks a host what it knows of another, or to hand an order on to it.
func (h *host) see(q outlast.Question, asked *host, done func(outlast.Sight, error)) {
	serve := func(answer func(outlast.Sight, error)) {
		if !q.Order {
			st := asked.core.Status()
			answer(outlast.See(q, &st), nil)
			return
		}
		asked.order(asked.w.host(q.Host), func(err error) { answer(outlast.Sight{Ordered: true}, err) })
	}
	if asked == h {
		serve(done)
		return
	}
	call(h, asked, askingHosts, serve, done)
}

// order tells a host to end itself.
func (h *host) order(target *host, done func(error)) {
	type nothing struct{}
	call(h, target, askingHosts, func(answer func(nothing, error)) {
		target.endItself()
		answer(nothing{}, nil)
	}, func(_ nothing, err error) { done(err) })
}

// inView is the boot of a host's daemon, when it is in the view.
func (h *host) inView(id core.HostID) (boot uint64, here bool) {
	view := h.replica.LastView()
	return view.BootOf(id)
}
