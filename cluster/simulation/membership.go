package simulation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/quorum"
	"holdfast/cluster/messaging/store"
)

// An operator takes hosts out of the cluster and puts them back, as package node does it: the host hands over what it runs, leaves
// and forgets everything; one host after the other takes a configuration without it over; the document forgets it. To put
// it back all take a configuration with it over, and it starts with an empty disk, under the id that it had. What fails on the way
// is tried again, so that faults find some hosts with one configuration and some with the other.

// resized are the seeds whose clusters' hosts are taken out: an eighth. What else a seed draws does not depend on it.
func resized(seed uint64) bool { return seed%8 == 7 }

// departures are when hosts are taken out.
func departures(seed uint64) apart {
	return apart{kind: Departure, r: rand.New(rand.NewPCG(seed, 0x0b7)), pause: 30 * time.Second, longest: 10 * time.Second}
}

// member is what a machine has of its configuration.
type member struct {
	options quorum.Options // as in its file
	out     bool           // it was taken out: nothing is configured
	lost    []core.Fork    // what it kept of logs that lost, and forgot with everything else
	going   *departure     // its daemon was asked to leave for good
}

// departure is one host's way out and back.
type departure struct {
	w     *World
	host  *host
	stay  time.Duration // outside
	goes  bool          // the cluster has let it go
	stage func()        // what is tried until it is done
	tries int           // of any stage
	busy  bool          // a stage is under way
	over  bool
}

// counting is how votes are counted. While hosts differ, two ways are in force.
type counting struct {
	now    quorum.Options
	before quorum.Options
	until  time.Duration // before is in force
}

// Times of the operator's.
const (
	againAfter  = 300 * time.Millisecond // what failed is tried
	leavingTime = 20 * time.Second       // after which it is called off
	oneHost     = 3 * time.Second        // for a host to take a configuration over
)

var (
	errTakesPart = errors.New("the host takes part still")
	errNoLeader  = errors.New("nobody leads a complete cluster")
)

// without takes a host out of the options, as package setup changes the file.
func without(o quorum.Options, id core.HostID) quorum.Options {
	o.Hosts = slices.DeleteFunc(slices.Clone(o.Hosts), func(h core.HostID) bool { return h == id })
	o.TwoNode = len(o.Hosts) == 2 && !o.AutoTie && o.DeviceVotes == 0
	if o.DeviceVotes > 1 {
		o.DeviceVotes = lastMansVotes(&o)
	}
	return o
}

// lastMansVotes are a device's that lets the last host go on: as many as all hosts but one have.
func lastMansVotes(o *quorum.Options) int { return o.ExpectedVotes() - o.DeviceVotes - 1 }

// takeOut begins a host's way out as soon as the cluster is complete, unless another is on its way.
func (w *World) takeOut(f Fault) {
	h := w.host(f.Host)
	switch {
	case w.departure != nil || !w.faults || w.now > f.At+patience || w.remembered(f):
		w.trace("FAULT", "%s stays", h.name)
		return
	case h.lone.broken || w.leaderOfAll(0) == nil || slices.ContainsFunc(w.hosts, func(h *host) bool { return h.core == nil || h.frozen }):
		w.after(againAfter, func() { w.takeOut(f) })
		return
	}
	if !h.dispensable() {
		w.trace("FAULT", "%s stays: without it the others have no quorum", h.name)
		return
	}
	d := &departure{w: w, host: h, stay: f.For}
	w.departure, h.going = d, d
	now := "1"
	h.attribute(&now)
	w.after(leavingTime, d.callOff)
}

// dispensable tells whether the others have a quorum without this host, as package node asks before it lets one go.
func (h *host) dispensable() bool {
	st := h.core.Status()
	rest := slices.DeleteFunc(slices.Clone(st.View.Members), func(id core.HostID) bool { return id == h.id })
	return st.Only(rest).Quorate
}

// attribute sets or deletes the host's shutdown attribute.
func (h *host) attribute(value *string) {
	e := &controller.Entry{Kind: controller.AttributeEntry, Host: h.id, Boot: h.boot, Time: h.wall(), Edits: controller.AttributeEdits(fmt.Sprint(h.id), h.name, "shutdown", value), Cause: "shutdown of " + h.name}
	h.writes = append(h.writes, write{entry: e, wanted: func() bool { return true }, settled: func() {}})
	h.alive(h.boot, func() {})
}

// callOff ends a leave that does not come to its end.
func (d *departure) callOff() {
	h := d.host
	if h.going != d || d.goes {
		return
	}
	d.w.trace(h.name, "is not taken out: it did not leave in time")
	h.going = nil
	d.end()
	h.attribute(nil)
}

// hurry is for the end of the run: a host that is out comes back, and one that is not out stays.
func (d *departure) hurry() {
	d.callOff()
	if d.stay = 0; d.host.out {
		d.again()
	}
}

func (d *departure) end() {
	d.over = true
	d.w.departure = nil
}

// abandoned: the daemon that was to leave is dead.
func (d *departure) abandoned() {
	d.w.trace(d.host.name, "is not taken out: its daemon died before it had left")
	d.end()
}

// farewell is package messaging's Leave: the host waits until the others have let it go.
func (h *host) farewell() {
	h.going.goes = true
	led, boot, to := h.w.now, h.boot, core.HostID(0)
	var look func()
	look = func() {
		h.alive(boot, func() {
			st := h.core.Status()
			if st.Leader != 0 {
				to, led = st.Leader, h.w.now
			}
			if slices.Contains(st.View.Members, h.id) && len(st.Reach) > 1 && h.w.now-led <= 2*core.DefaultToken {
				h.w.after(20*time.Millisecond, look)
				return
			}
			if to != 0 && to != h.id || h.w.tamper.Hasty {
				h.goneForGood()
			} else {
				h.dieAndRestartAfter(againAfter, "having left, when nobody else led")
			}
		})
	}
	look()
}

// goneForGood ends the daemon and forgets everything.
func (h *host) goneForGood() {
	d := h.going
	for name, s := range h.active {
		if s != broken {
			h.w.violate("departed: %s left for good and runs %s", h.name, name)
		}
	}
	h.going = nil
	h.killDaemon()
	h.disarm()
	h.dog.owing = false
	h.w.trace(h.name, "has left for good and forgets everything")
	h.lost = append(h.lost, h.disk.Forks...)
	h.disk, h.backup, h.doubt, h.out = &store.Memory{}, nil, false, true
	delete(h.w.check.spoken.promises, h.id)
	d.stage = d.shrink
	d.again()
}

// again tries the present stage in a moment.
func (d *departure) again() { d.after(againAfter) }

func (d *departure) after(pause time.Duration) {
	d.tries++
	try := d.tries
	d.w.after(pause, func() {
		if !d.over && !d.busy && try == d.tries {
			d.stage()
		}
	})
}

func (d *departure) shrink() {
	d.reconfigure(without(d.w.shape.Quorum, d.host.id), d.host.id, func(leader *host) {
		d.w.trace(d.host.name, "is taken out")
		leader.forget(d.host)
		d.stage = d.grow
		d.after(d.stay)
	})
}

func (d *departure) grow() {
	d.reconfigure(d.w.shape.Quorum, 0, func(*host) {
		h := d.host
		d.w.trace(h.name, "is put back, with an empty disk")
		h.out, h.options = false, d.w.options()
		h.startDaemon()
		d.stage = d.settle
		d.again()
	})
}

// settle waits until the host takes part again.
func (d *departure) settle() {
	if leader := d.w.leaderOfAll(0); leader != nil && slices.Contains(leader.replica.LastView().Members, d.host.id) {
		d.end()
		return
	}
	d.w.unblock(d.host)
	d.again()
}

// unblock is the operator's word that nobody needs to wait for a host that has left for good, when all others are up and hear each other.
func (w *World) unblock(out *host) {
	waiting := false
	for _, h := range w.hosts {
		if h == out {
			continue
		}
		if h.core == nil || h.frozen || slices.ContainsFunc(w.hosts, func(o *host) bool { return o != out && o != h && !w.linked(h, o) }) {
			return
		}
		waiting = waiting || h.core.Status().Waiting
	}
	for _, h := range w.hosts {
		if h == out || !waiting {
			continue
		}
		w.trace(h.name, "is told to wait for nobody")
		w.check.complete[core.Peer{ID: h.id, Boot: h.boot}] = true
		h.tell(core.Unblock{})
		h.alive(h.boot, func() {})
	}
}

// leaderOfAll is the host that leads a quorate view of all hosts but one that is to be taken out (0: but none), nil without one.
func (w *World) leaderOfAll(but core.HostID) *host {
	for _, h := range w.hosts {
		if h.core == nil || h.frozen {
			continue
		}
		v := h.replica.LastView()
		if h.core.Status().Leader != h.id || v.Leader != h.id || !v.Quorate {
			continue
		}
		all := !slices.Contains(v.Members, but)
		for _, id := range h.options.Hosts {
			all = all && (id == but || slices.Contains(v.Members, id) || w.host(id).out)
		}
		if all {
			return h
		}
	}
	return nil
}

// reconfigure has every host of the view take options over, the leader last.
func (d *departure) reconfigure(options quorum.Options, but core.HostID, done func(leader *host)) {
	w := d.w
	leader := w.leaderOfAll(but)
	if leader == nil {
		w.unblock(d.host)
		d.again()
		return
	}
	if !slices.Equal(w.counting.now.Hosts, options.Hosts) {
		w.counting.before, w.counting.now = w.counting.now, options
	}
	w.counting.until = 1 << 62
	order := slices.DeleteFunc(slices.Clone(leader.replica.LastView().Members), func(id core.HostID) bool { return id == leader.id })
	d.busy = true
	d.each(leader, append(order, leader.id), options, but, func(err error) {
		d.busy = false
		if err != nil {
			w.trace(leader.name, "not all hosts have the configuration of %v: %v", options.Hosts, err)
			d.again()
			return
		}
		w.counting.until = w.now + 5*time.Second
		done(leader)
	})
}

// each asks one host after the other.
func (d *departure) each(leader *host, order []core.HostID, options quorum.Options, but core.HostID, done func(error)) {
	if len(order) == 0 {
		done(nil)
		return
	}
	target, boot, answered := d.w.host(order[0]), leader.boot, false
	settle := func(err error) {
		switch {
		case answered:
			return
		case err == nil && leader.boot == boot && leader.core != nil:
			d.each(leader, order[1:], options, but, done)
		case err == nil:
			done(errNoLeader)
		default:
			done(err)
		}
		answered = true
	}
	if target == leader {
		settle(target.configure(options, but))
		return
	}
	type nothing struct{}
	d.w.after(oneHost+time.Second, func() { settle(errNoAnswer) }) // also when the leader's daemon has died
	call(leader, target, oneHost, func(answer func(nothing, error)) { answer(nothing{}, target.configure(options, but)) }, func(_ nothing, err error) { settle(err) })
}

// configure takes a configuration over while the host runs.
func (h *host) configure(options quorum.Options, but core.HostID) error {
	if slices.Contains(h.replica.LastView().Members, but) || slices.Contains(h.core.Status().View.Members, but) {
		return errTakesPart
	}
	h.options = h.w.tampered(options)
	h.w.trace(h.name, "takes the configuration of %v over", options.Hosts)
	h.step(controller.Configured{Hosts: h.names()})
	h.tell(core.Configure{Quorum: h.options})
	h.countAnew()
	return nil
}

// forget takes a host out of the document.
func (h *host) forget(out *host) {
	for _, path := range []string{"/cib/configuration/nodes/node[@id='%d']", "/cib/status/node_state[@id='%d']"} {
		h.change(func(bool, core.Answer) {}, replica.Change{Op: string(cib.OpDelete), XPath: fmt.Sprintf(path, out.id), All: true})
	}
}

// inForce are the ways in which votes may be counted now.
func (w *World) inForce() []*quorum.Options {
	if w.now < w.counting.until {
		return []*quorum.Options{&w.counting.now, &w.counting.before}
	}
	return []*quorum.Options{&w.counting.now}
}
