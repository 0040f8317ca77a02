package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/cluster/messaging"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/qdevice"
	"holdfast/cluster/messaging/quorumdisk"
	"holdfast/cluster/messaging/witness"
)

// A simulated quorum device: package witness' server on a machine of its own, and in each daemon
// package qdevice's client, over connections that a cut holds up until it ends or an end gives them up. Or
// a quorum disk (disk.go).

// theWitness is the witness' place in the network's cuts; hosts' begin at 1.
const theWitness core.HostID = 0

// deviceInterval is what hosts ask the witness for.
const deviceInterval = time.Second

// device is the witness' machine. Its server is nil while it is down.
type device struct {
	server *witness.Server
	disk   platter       // nil: none
	slow   time.Duration // added to what every message to and from it, or access, takes, at most
	chance *rand.Rand
	lines  map[witness.ConnID]*line
	next   witness.ConnID
	tickAt time.Duration
}

// line is a connection between a daemon and the witness.
type line struct {
	id     witness.ConnID
	host   *host
	boot   uint64
	up     bool             // the host's end is open
	served bool             // the witness' end is open
	last   [2]time.Duration // when the last message of each direction arrives
}

// asker is a daemon's side.
type asker struct {
	client *qdevice.Client   // nil: no witness
	lease  *quorumdisk.Lease // nil: no quorum disk
	line   *line
	retry  time.Duration // when to connect again, by the host's clock
	tickAt time.Duration // when the client's next tick is scheduled, in world time
	said   qdevice.Standing
	says   core.DeviceSays // as the core was told

	partition *core.Partition // the last that the core told
}

// startDevice switches the witness on, if the shape has one.
func (w *World) startDevice() {
	if w.shape.Device == nil || w.device.server != nil {
		return
	}
	w.device.server = witness.NewServer(witness.Settings{}, w.now)
	w.trace("witness", "starts")
}

// stopDevice ends the witness' daemon; its machine closes what it had open.
func (w *World) stopDevice() {
	d := &w.device
	if d.server == nil {
		return
	}
	w.trace("witness", "dies")
	d.server = nil
	for id := range d.next {
		if l := d.lines[id+1]; l != nil {
			l.served = false
			l.travel(1, func() { l.hangUp("the witness is gone") })
		}
	}
	clear(d.lines)
}

// reachesDevice tells whether a host and the device hear each other.
func (w *World) reachesDevice(id core.HostID) bool {
	return w.packets(0, id, theWitness) && w.packets(0, theWitness, id)
}

// deviceDelay draws how long something takes on its way to or from the device.
func (w *World) deviceDelay(most time.Duration) time.Duration {
	took := between(w.device.chance, 100*time.Microsecond, most)
	if slow := w.device.slow; slow > 0 {
		took += between(w.device.chance, 0, slow)
	}
	return took
}

// loseDevice ends the witness' daemon, or takes the disk from all hosts.
func (w *World) loseDevice(long time.Duration) {
	if !w.shape.Disk {
		w.stopDevice()
		w.after(long, w.startDevice)
		return
	}
	for _, h := range w.hosts {
		w.cut(h.id, theWitness, -1, 1)
		w.after(long, func() { w.cut(h.id, theWitness, -1, -1) })
	}
}

// travel brings something to the other end (0: to the witness), in order, however long a cut holds it up.
func (l *line) travel(way int, arrive func()) {
	w := l.host.w
	at := max(w.now+w.deviceDelay(400*time.Microsecond), l.last[way]+1)
	l.last[way] = at
	var try func()
	try = func() {
		switch {
		case way == 0 && !l.served || way == 1 && !l.up: // that end is closed
		case !w.reachesDevice(l.host.id):
			l.last[way] = max(l.last[way], w.now+50*time.Millisecond)
			w.after(50*time.Millisecond, try)
		default:
			arrive()
		}
	}
	w.after(at-w.now, try)
}

// hireClient gives a starting daemon its client.
func (h *host) hireClient() {
	w := h.w
	if w.shape.Disk {
		h.asker = asker{tickAt: -1, lease: quorumdisk.New(quorumdisk.Config{Self: uint32(h.id), Daemon: h.boot, Timing: quorumdisk.TimingOf(leaseHold)})}
		return
	}
	if w.shape.Device == nil {
		return
	}
	set := *w.shape.Device
	set.Cluster, set.Node, set.Heartbeat, set.TLS = "simulated", uint32(h.id), deviceInterval, qdevice.TLSOff
	set.Configured = h.configured()
	h.asker = asker{client: qdevice.NewClient(set), tickAt: -1}
}

// consult lets the client do what it has to, and carries out what it wants. It is part of pump.
func (h *host) consult() {
	a := &h.asker
	if a.lease != nil {
		h.seekLease()
		return
	}
	if a.client == nil {
		return
	}
	now := h.clock()
	if a.line == nil && now >= a.retry {
		h.dial()
	}
	a.client.Tick(now)
	out := a.client.Output()
	h.believe(a.client.Standing())
	for _, m := range out.Send {
		h.tellWitness(m)
	}
	if out.Close != nil {
		a.line.close(0)
		h.hungUp()
	}
	next := a.client.Next()
	if a.line == nil {
		next = min(next, a.retry)
	}
	h.consultAgain(next)
}

// consultAgain arranges the next look at the device, by the host's clock.
func (h *host) consultAgain(at time.Duration) {
	if at == 1<<63-1 {
		return
	}
	a := &h.asker
	wait := max(at-h.clock(), 1)
	if at := h.w.now + wait; a.tickAt <= h.w.now || at < a.tickAt {
		a.tickAt = at
		h.later(wait, func() {})
	}
}

// believe tells the core what the device says.
func (h *host) believe(st qdevice.Standing) {
	if st == h.asker.said {
		return
	}
	h.asker.said = st
	says := core.DeviceSays{Ring: st.Ring.Seq, Gives: st.Vote == qdevice.Ack, Undecided: st.Vote == qdevice.NoVote, Until: st.Until}
	if before := h.asker.says; h.w.tamper.Clinging && st.Until == 0 && before.Gives && before.Ring == says.Ring {
		before.Until = h.clock() + time.Minute
		says = before
	}
	h.asker.says = says
	h.tell(says)
	h.w.check.lent(h)
}

// dial connects, if the witness can be reached.
func (h *host) dial() {
	w, a := h.w, &h.asker
	d := &w.device
	a.retry = h.clock() + deviceInterval/4
	if d.server == nil || !w.reachesDevice(h.id) {
		return
	}
	d.next++
	l := &line{id: d.next, host: h, boot: h.boot, up: true, served: true}
	d.lines[l.id], a.line = l, l
	d.server.Connected(w.now, l.id, h.name)
	a.client.Connected(h.clock())
}

// tellWitness sends a message.
func (h *host) tellWitness(m *qdevice.Message) {
	l := h.asker.line
	if l == nil {
		return
	}
	text := m.Marshal()
	l.travel(0, func() {
		m, err := read(text)
		if err != nil {
			h.w.violate("encoding: %s: %v", h.name, err)
			return
		}
		d := &h.w.device
		d.server.Receive(h.w.now, l.id, m)
		h.w.serveDevice()
	})
}

func read(text []byte) (*qdevice.Message, error) {
	var r qdevice.Reader
	r.Feed(text)
	m, err := r.Next()
	if err == nil && (m == nil || len(r.Rest()) > 0) {
		err = fmt.Errorf("%x is not one message", text)
	}
	return m, err
}

// serveDevice carries out what the witness wants.
func (w *World) serveDevice() {
	d := &w.device
	if d.server == nil {
		return
	}
	d.server.Tick(w.now)
	for _, o := range d.server.Outputs() {
		l := d.lines[o.Conn]
		if l == nil {
			continue
		}
		if o.Close != nil {
			l.close(1)
			d.server.Disconnected(w.now, l.id)
			continue
		}
		text := o.Send.Marshal()
		l.travel(1, func() { l.hear(text) })
	}
	next := d.server.Next()
	if next < 1<<62 && (d.tickAt <= w.now || next < d.tickAt) {
		d.tickAt = max(next, w.now+1)
		w.after(d.tickAt-w.now, w.serveDevice)
	}
}

// hear brings a message to the daemon, if it is the one that connected.
func (l *line) hear(text []byte) {
	h := l.host
	h.alive(l.boot, func() {
		if h.asker.line != l {
			return
		}
		m, err := read(text)
		if err != nil {
			h.w.violate("encoding: %s: %v", h.name, err)
			return
		}
		h.asker.client.Receive(h.clock(), m)
		h.consult()
	})
}

// close closes one end (0: the host's) and lets the other learn of it.
func (l *line) close(end int) {
	w := l.host.w
	if end == 0 {
		if !l.up {
			return
		}
		l.up = false
		l.travel(0, func() {
			l.served = false
			delete(w.device.lines, l.id)
			if w.device.server != nil {
				w.device.server.Disconnected(w.now, l.id)
				w.serveDevice()
			}
		})
		return
	}
	l.served = false
	delete(w.device.lines, l.id)
	l.travel(1, func() { l.hangUp("the witness closed the connection") })
}

// hangUp tells the daemon that its connection is closed.
func (l *line) hangUp(why string) {
	h := l.host
	l.up = false
	h.alive(l.boot, func() {
		if h.asker.line == l {
			h.w.trace(h.name, "%s", why)
			h.hungUp()
		}
	})
}

func (h *host) hungUp() {
	h.asker.line, h.asker.retry = nil, h.clock()+deviceInterval/4
	h.asker.client.Disconnected(nil)
	h.believe(h.asker.client.Standing())
}

// leaveDevice is the end of a daemon: its machine closes the connection, unless it lost power.
func (h *host) leaveDevice(power bool) {
	if l := h.asker.line; l != nil {
		if power {
			l.close(0)
		}
		l.up = false
	}
}

// report hands the core's partition to the client.
func (h *host) report(p *core.Partition) {
	if p == nil {
		return
	}
	if h.asker.lease != nil {
		h.situate(p)
	}
	if h.asker.client != nil {
		h.asker.client.Report(h.clock(), messaging.ReportOf(p, h.configured()))
	}
	h.asker.partition = p
}

// configured are the numbers of the hosts that this one has in its configuration.
func (h *host) configured() []uint32 {
	ids := make([]uint32, len(h.options.Hosts))
	for i, id := range h.options.Hosts {
		ids[i] = uint32(id)
	}
	return ids
}

// countAnew tells the device of the hosts that are configured now.
func (h *host) countAnew() {
	if a := &h.asker; a.lease != nil && a.partition != nil {
		h.situate(a.partition)
	} else if a.client != nil {
		a.client.Configure(h.configured())
	}
}

// lent: no two rings have the witness' votes at once, as the hosts' cores believe. Hosts that
// count each other are on one side, whatever number they give it at the moment.
func (c *checks) lent(h *host) {
	if !h.lends() {
		return
	}
	for _, other := range c.w.hosts {
		if other == h || !other.lends() || other.asker.says.Ring == h.asker.says.Ring {
			continue
		}
		if a, b := h.core.Status().Reach, other.core.Status().Reach; !slices.Contains(a, other.id) || !slices.Contains(b, h.id) {
			c.w.violate("lent: the witness' votes are with %s, which reaches %v, and with %s, which reaches %v", h.name, a, other.name, b)
		}
	}
}

// lends tells whether the host's core uses the witness' votes for the ring that it is in.
func (h *host) lends() bool {
	if h.core == nil || h.frozen || h.asker.client == nil && h.asker.lease == nil {
		return false
	}
	says := &h.asker.says
	return says.Gives && h.clock() < says.Until && says.Ring == h.core.Status().Partition.Ring
}
