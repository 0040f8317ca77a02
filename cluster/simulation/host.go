package simulation

import (
	"fmt"
	"time"

	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
)

// host is a machine and the daemon on it.
type host struct {
	w    *World
	id   core.HostID
	name string

	power    bool
	disk     *store.Memory
	active   map[string]bool // resources that run on the machine
	powerUps int             // counts up: what was begun before a loss of power never ends

	// The daemon; nil core: it is dead.
	boot       uint64
	core       *core.Core
	replica    *replica.Replica
	controller *controller.Controller
	worker     *controller.Worker
	frozen     bool
	held       []func() // what waits for the thaw
	pumping    bool
	happened   []controller.Event // what the replica told and the controller has not yet seen
	tickAt     time.Duration      // when the core's next tick is scheduled
	stepAt     time.Duration      // when the controller's next step is scheduled
	seq        uint64             // of proposals
	answers    map[uint64]func(core.Answer)
	writing    bool // a proposal of the writer is on its way
	writes     []write
	recurring  map[string]*recurring
	quorate    bool
	lastSent   map[core.HostID]time.Duration // streams keep their order: arrival of the last message
}

// write is an entry on its way into the log.
type write struct {
	entry   *controller.Entry
	wanted  func() bool
	settled func()
}

func newHost(w *World, id core.HostID) *host {
	return &host{w: w, id: id, name: fmt.Sprintf("host%d", id), disk: &store.Memory{}, active: map[string]bool{}}
}

// switchOn gives power and starts the daemon.
func (h *host) switchOn() {
	if h.power {
		return
	}
	h.power = true
	h.powerUps++
	h.w.trace(h.name, "power on")
	h.startDaemon()
}

// switchOff is a loss of power.
func (h *host) switchOff() {
	if !h.power {
		return
	}
	h.killDaemon()
	h.power = false
	h.powerUps++
	h.disk.Crash()
	h.active = map[string]bool{}
	h.w.trace(h.name, "power off")
}

// startDaemon starts the daemon with what the disk holds.
func (h *host) startDaemon() {
	if !h.power || h.core != nil {
		return
	}
	saved, err := h.disk.Load()
	if err != nil {
		h.w.violate("%s: disk: %v", h.name, err)
		return
	}
	h.w.boots++
	h.boot = h.w.boots
	h.frozen, h.held, h.happened, h.writes, h.writing, h.quorate = false, nil, nil, nil, false, true
	h.tickAt, h.stepAt = -1, -1
	h.answers, h.recurring, h.lastSent = map[uint64]func(core.Answer){}, map[string]*recurring{}, map[core.HostID]time.Duration{}
	h.replica = replica.New(func(ev controller.Event) { h.happened = append(h.happened, ev) })
	names := map[core.HostID]string{}
	for _, other := range h.w.hosts {
		names[other.id] = other.name
	}
	h.controller = controller.New(controller.Config{Self: h.id, Boot: h.boot, Hosts: names, Document: h.replica.Document, Plan: h.w.cfg.Plan})
	h.worker = controller.NewWorker(controller.WorkerConfig{Self: h.id, Boot: h.boot, Name: h.name, Document: h.replica.Document})
	h.core, err = core.New(core.Config{ID: h.id, Boot: h.boot, Links: 1, Quorum: h.w.options(),
		Machine: &recorder{Replica: h.replica, h: h}, Saved: saved, CompactEvery: 256}, h.w.now)
	if err != nil {
		h.w.violate("%s: start: %v", h.name, err)
		return
	}
	h.w.trace(h.name, "daemon starts as boot %d", h.boot)
	h.pump()
}

// killDaemon ends the daemon; what runs on the machine goes on.
func (h *host) killDaemon() {
	if h.core != nil {
		h.w.trace(h.name, "daemon dies")
	}
	h.core, h.held = nil, nil
}

// alive runs do if the daemon that asked for it still lives, now or when it is thawed.
func (h *host) alive(boot uint64, do func()) {
	switch {
	case h.core == nil || h.boot != boot:
	case h.frozen:
		h.held = append(h.held, func() { h.alive(boot, do) })
	default:
		do()
		h.pump()
	}
}

// later is after, for the daemon as it is now.
func (h *host) later(d time.Duration, do func()) {
	boot := h.boot
	h.w.after(d, func() { h.alive(boot, do) })
}

func (h *host) freeze() {
	if h.core != nil && !h.frozen {
		h.frozen = true
		h.w.trace(h.name, "frozen")
	}
}

func (h *host) thaw() {
	if !h.frozen {
		return
	}
	h.frozen = false
	h.w.trace(h.name, "thawed")
	held := h.held
	h.held = nil
	for _, do := range held {
		do()
	}
	if h.core != nil {
		h.pump()
	}
}

// pump carries out what the daemon's parts want until they want nothing more.
func (h *host) pump() {
	if h.pumping {
		return
	}
	h.pumping = true
	defer func() { h.pumping = false }()
	for h.core != nil {
		if h.core.Next() <= h.w.now {
			h.core.Tick(h.w.now)
		}
		switch {
		case h.core.HasBatch():
			h.carryOut(h.core.Batch())
		case len(h.happened) > 0:
			ev := h.happened[0]
			h.happened = h.happened[1:]
			h.step(ev)
		default:
			h.write()
			if !h.core.HasBatch() && len(h.happened) == 0 {
				h.arm()
				return
			}
		}
	}
}

// arm schedules the next tick of the core and the next step of the controller.
func (h *host) arm() {
	if next := h.core.Next(); h.tickAt <= h.w.now || next < h.tickAt {
		h.tickAt = max(next, h.w.now+1)
		h.later(h.tickAt-h.w.now, func() {})
	}
	next := h.controller.Next()
	if next.IsZero() {
		return
	}
	if at := max(next.Sub(epoch), h.w.now+1); h.stepAt <= h.w.now || at < h.stepAt {
		h.stepAt = at
		h.later(at-h.w.now, func() { h.step(controller.Nothing{}) })
	}
}

// carryOut does what the messaging core wants.
func (h *host) carryOut(b core.Batch) {
	for _, p := range b.Heartbeats {
		if !h.w.chance(h.w.net.loss) {
			h.send(p.To, h.w.delay(), core.Heard{Link: p.Link, Heartbeat: p.Heartbeat})
		}
	}
	h.stream(b.Early)
	if b.Save != nil {
		if err := h.disk.Save(b.Save); err != nil {
			h.killDaemon()
			return
		}
	}
	h.stream(b.Messages)
	for _, change := range b.Changes {
		h.w.trace(h.name, "%s", change.Text)
		if change.Kind == core.QuorumIs {
			h.quorate = change.Quorate
			h.happened = append(h.happened, controller.QuorumHere{Quorate: change.Quorate})
		}
	}
	for _, a := range b.Answers {
		if done := h.answers[a.Seq]; done != nil {
			delete(h.answers, a.Seq)
			done(a)
		}
	}
	h.core.Done()
}

// stream sends messages in order.
func (h *host) stream(messages []core.Message) {
	for _, m := range messages {
		text, err := m.Marshal()
		if err != nil {
			h.w.violate("%s: encode message: %v", h.name, err)
			return
		}
		copied, err := core.UnmarshalMessage(text)
		if err != nil {
			h.w.violate("%s: decode message: %v", h.name, err)
			return
		}
		at := max(h.w.now+h.w.delay(), h.lastSent[m.To]+1)
		h.lastSent[m.To] = at
		h.send(m.To, at-h.w.now, core.Received{Message: copied})
	}
}

func (h *host) send(to core.HostID, delay time.Duration, ev core.Event) {
	from, target := h.id, h.w.host(to)
	h.w.after(delay, func() {
		if h.w.connected(from, to) && target.core != nil {
			target.alive(target.boot, func() { target.core.Step(h.w.now, ev) })
		}
	})
}

// propose hands data to messaging.
func (h *host) propose(data []byte, done func(core.Answer)) {
	h.seq++
	h.answers[h.seq] = done
	h.core.Step(h.w.now, core.Propose{Seq: h.seq, Data: data})
}
