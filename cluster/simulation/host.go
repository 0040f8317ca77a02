package simulation

import (
	"fmt"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/alone"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
	"holdfast/cluster/scheduler"
)

// host is a machine and the daemon on it.
type host struct {
	w    *World
	id   core.HostID
	name string

	power     bool
	clocks    clocks
	disk      *store.Memory
	sluggish  slowDisk
	backup    *store.Memory     // of the disk, nil: none
	replaced  bool              // the disk was lost or restored in this run
	doubt     bool              // it was restored, and the daemon has not caught up with mark
	mark      store.End         // of the disk that was replaced
	active    map[string]status // resources on the machine
	changes   map[string]change // of resources
	atWork    time.Duration     // when the last agent ends that has begun so far
	unsettled time.Duration     // when the last of them ends that changes something, or fails
	powerUps  int               // counts up: what was begun before a loss of power never ends
	dog       dog

	member
	daemon
}

// daemon is what a host loses when its daemon dies. The core is nil while there is none.
type daemon struct {
	boot       uint64
	core       *core.Core
	replica    *replica.Replica
	controller *controller.Controller
	worker     *controller.Worker
	frozen     bool
	doomed     doom
	defects    *defection // what becomes of it when it dies at a vote
	held       []func()   // what waits for the thaw
	pumping    bool
	happened   []controller.Event // what the replica told and the controller has not yet seen
	tickAt     time.Duration      // when the core's next tick is scheduled, in world time
	stepAt     time.Duration      // when the controller's next step is scheduled, in world time
	seq        uint64             // of proposals
	answers    map[uint64]func(core.Answer)
	writing    bool // a proposal of the writer is on its way
	writes     []write
	recurring  map[string]*recurring
	obeys      controller.Reign // the last that the worker obeyed
	frozenAt   time.Duration
	thawedAt   time.Duration // after standing still for longer than a token; 0: it did not, or has heard since
	paused     uint64        // how often it stood still, as far as it was told
	resumed    uint64        // and how many of those are over: it has learnt what happened
	turned     time.Duration // when messaging's loop last looked who is heard, by the host's clock
	slow       *slowWrite    // its disk has yet to make the write under way; nil: none
	wrote      time.Duration // when the last slow write ended, in world time
	ran        time.Duration // when the daemon was last at work, by the host's clock
	lone       lone
	watch      watch
	spins      int // timers in a row that were due when they were set
	asker      asker
	lastSent   [maxHosts + 1]time.Duration // streams keep their order: arrival of the last message
}

// doom is when a daemon dies by itself.
type doom int

const (
	notDoomed doom = iota
	beforeWrite
	afterWrite
	atVote // once it has voted for another host
)

// write is an entry on its way into the log.
type write struct {
	entry   *controller.Entry
	wanted  func() bool
	settled func()
}

// tooManySpins is how often a host may look again at once for what its timer was set to.
const tooManySpins = 10_000

// lone is what the host does without quorum.
type lone struct {
	quorate bool
	ever    bool // had quorum since the daemon started
	at      time.Duration
	alone   *alone.Alone
	serial  uint64
	broken  bool // the disk failed
	left    bool
}

func newHost(w *World, id core.HostID) *host {
	return &host{w: w, id: id, name: fmt.Sprintf("host%d", id), disk: &store.Memory{}, active: map[string]status{}, changes: map[string]change{}, member: member{options: w.options()}}
}

// switchOn gives power and starts the daemon.
func (h *host) switchOn() {
	if h.power {
		return
	}
	h.power = true
	h.powerUps++
	h.clocks.since, h.clocks.base = h.w.now, time.Second
	h.w.trace(h.name, "power on")
	h.startDaemon()
}

// switchOff is a loss of power. Of what was not yet durable any beginning may be on the
// disk.
func (h *host) switchOff() {
	if !h.power {
		return
	}
	h.power = false
	h.killDaemon()
	h.disarm()
	h.dog.owing = false
	h.powerUps++
	h.disk.Tear(h.w.chance.disks.IntN(4))
	clear(h.active)
	clear(h.changes)
	h.unsettled = 0
	h.w.trace(h.name, "power off")
}

// startDaemon starts the daemon with what the disk holds.
func (h *host) startDaemon() {
	if !h.power || h.core != nil || h.out {
		return
	}
	saved, err := h.disk.Load()
	if err != nil {
		h.w.violate("disk: %s: %v", h.name, err)
		return
	}
	h.w.boots++
	h.daemon = daemon{boot: h.w.boots, tickAt: -1, stepAt: -1, answers: map[uint64]func(core.Answer){},
		recurring: map[string]*recurring{}, turned: h.clock(), lone: lone{quorate: true, at: never}}
	h.replica = replica.New(func(ev controller.Event) { h.happened = append(h.happened, ev) })
	h.controller = controller.New(controller.Config{Self: h.id, Boot: h.boot, Hosts: h.names(), Document: h.replica.Live, Plan: h.plan, Lag: core.NewTiming(0).Lag(),
		Watchdog: h.w.shape.Watchdog > 0})
	h.worker = controller.NewWorker(controller.WorkerConfig{Self: h.id, Boot: h.boot, Name: h.name, Document: h.replica.Document, Watchdog: h.w.shape.Watchdog,
		Strays: h.controller.Strays})
	h.core, err = core.New(core.Config{Rules: h.w.rules(), ID: h.id, Boot: h.boot, Links: h.w.shape.Links, Quorum: h.options,
		Machine: &recorder{Replica: h.replica, h: h}, Saved: saved, CompactEvery: h.w.shape.CompactEvery}, h.clock())
	if err != nil {
		h.w.violate("start: %s: %v", h.name, err)
		return
	}
	h.w.trace(h.name, "daemon starts as boot %d", h.boot)
	h.hireClient()
	h.guard()
	h.pump()
}

const never = time.Duration(-1)

// plan asks the scheduler, by the wall clock.
func (h *host) plan(doc *cib.Document, _ time.Time) *scheduler.Plan {
	plan := scheduler.Make(doc, h.wall())
	if h.w.tamper.Plan != nil {
		h.w.tamper.Plan(plan)
	}
	return plan
}

// killDaemon ends the daemon; what runs on the machine goes on.
func (h *host) killDaemon() {
	if h.core != nil {
		h.w.noteFollowers()
		h.w.trace(h.name, "daemon dies")
		h.leaveDevice(h.power)
	}
	if h.going != nil {
		h.going.abandoned()
		h.going = nil
	}
	h.daemon = daemon{boot: h.boot, pumping: h.pumping}
}

// alive runs do if the daemon that asked for it still lives, now or when it is thawed.
func (h *host) alive(boot uint64, do func()) {
	switch {
	case h.core == nil || h.boot != boot:
	case h.frozen:
		h.hold(func() { h.alive(boot, do) })
	default:
		do()
		h.pump()
	}
}

// heldMost is what the kernel keeps for a daemon that reads nothing; more is lost.
const heldMost = 2000

func (h *host) hold(do func()) {
	if len(h.held) < heldMost {
		h.held = append(h.held, do)
	}
}

func (h *host) freeze() {
	if h.core != nil && !h.frozen {
		h.frozen, h.frozenAt = true, h.w.now
		h.w.trace(h.name, "frozen")
	}
}

func (h *host) thaw() {
	if !h.frozen {
		return
	}
	h.frozen = false
	if h.w.now-h.frozenAt > core.DefaultToken+core.DefaultToken/2 {
		h.thawedAt = h.w.now
	}
	h.w.trace(h.name, "thawed")
	held := h.held
	h.held = nil
	for _, do := range held {
		if h.core == nil {
			return
		}
		do()
	}
	if h.core != nil {
		h.pump()
	}
}

// doubtful tells whether the cluster may have gone on without this host.
func (h *host) doubtful() bool { return h.asleep() || h.behind() }

// asleep tells that the daemon stood still and has yet to learn what happened meanwhile.
func (h *host) asleep() bool { return h.core.Pauses() > h.resumed }

// behind tells that the daemon was not at work for about a token, as package messaging's Behind does.
func (h *host) behind() bool {
	pace := core.NewTiming(0)
	return h.clock()-h.ran > pace.Token-2*pace.Heartbeat
}

// pump carries out what the daemon's parts want until they want nothing more.
func (h *host) pump() {
	if h.pumping {
		return
	}
	h.pumping = true
	defer func() { h.pumping = false }()
	for h.core != nil {
		free := h.slow == nil
		if now := h.clock(); free {
			h.ran, h.turned = now, now
			if h.core.Next() <= now {
				h.core.Tick(now)
			}
		}
		switch {
		case free && h.core.HasBatch():
			h.carryOut(h.core.Batch())
		case len(h.happened) > 0:
			ev := h.happened[0]
			h.happened = h.happened[1:]
			h.learns(ev)
		default:
			h.consult()
			h.write()
			if h.core != nil && (h.slow != nil || !h.core.HasBatch()) && len(h.happened) == 0 {
				h.arm()
				return
			}
		}
	}
}

// arm schedules the next tick of the core and the next step of the controller.
func (h *host) arm() {
	now := h.clock()
	if next := max(h.core.Next()-now, 1); h.slow == nil && (h.tickAt <= h.w.now || h.w.now+h.takes(next) < h.tickAt) {
		h.tickAt = h.later(next, func() {})
	}
	wait := h.waiting()
	if wait < 0 {
		return
	}
	if wait = max(wait-now, 1); wait > 1 {
		h.spins = 0
	} else if h.spins++; h.spins == tooManySpins {
		h.w.violate("host %d waits for a time that has passed, and does nothing else", h.id)
	}
	if h.stepAt <= h.w.now || h.w.now+h.takes(wait) < h.stepAt {
		h.stepAt = h.later(wait, func() {
			h.step(controller.Nothing{})
			h.checkAlone()
		})
	}
}

// waiting is when the controller or what acts without quorum wants to go on, by the
// host's clock; below 0: nothing waits.
func (h *host) waiting() time.Duration {
	next := never
	earlier := func(at time.Duration) {
		if at >= 0 && (next < 0 || at < next) {
			next = at
		}
	}
	if at := h.controller.Next(); !at.IsZero() {
		earlier(at.Sub(epoch))
	}
	earlier(h.lone.at)
	if h.lone.alone != nil {
		if at := h.lone.alone.Next(); !at.IsZero() {
			earlier(at.Sub(epoch))
		}
	}
	return next
}
