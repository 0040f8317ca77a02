package simulation

import (
	"time"

	"holdfast/cluster/messaging/core"
)

// Limits of a simulated cluster.
const (
	maxHosts = 9
	maxLinks = 3
)

// network is what becomes of packets.
type network struct {
	loss, twice float64
	slow        time.Duration                              // added to each packet's delay, at most
	unfenced    int                                        // how many faults keep hosts from the fence device
	choked      [maxHosts + 1]int8                         // how many faults choke a host
	cuts        [maxLinks][maxHosts + 1][maxHosts + 1]int8 // link, from, to: how many faults cut it
}

// cut adds so many to the cuts of one direction, on one link or on all (link < 0).
func (w *World) cut(from, to core.HostID, link int, by int8) {
	if by > 0 {
		w.noteFollowers()
	}
	for l := range w.net.cuts {
		if link < 0 || l == link {
			w.net.cuts[l][from][to] += by
		}
	}
}

// packets tells whether a link carries packets from one host to another. What a host tells itself takes no link.
func (w *World) packets(link int, from, to core.HostID) bool {
	return from == to || w.net.cuts[link][from][to] <= 0
}

// connected tells whether a stream carries messages from one host to another. It needs
// acknowledgements, so it needs both directions of a link; but for a while what is already
// written goes through without them, which half of all clusters see for ever.
func (w *World) connected(from, to core.HostID) bool {
	if from != to && (w.net.choked[from] > 0 || w.net.choked[to] > 0) {
		return false
	}
	for link := range w.shape.Links {
		if w.packets(link, from, to) && (w.shape.OneWayStreams || w.packets(link, to, from)) {
			return true
		}
	}
	return false
}

// delay draws how long a packet takes.
func (w *World) delay() time.Duration {
	d := between(w.chance.network, 100*time.Microsecond, 400*time.Microsecond)
	if w.net.slow > 0 {
		d += between(w.chance.network, 0, w.net.slow)
	}
	return d
}

// lost draws whether a packet is lost.
func (w *World) lost() bool { return w.net.loss > 0 && w.chance.network.Float64() < w.net.loss }

// packet sends a heartbeat: it may be lost, late, overtaken or doubled.
func (h *host) packet(p core.Packet) {
	w := h.w
	copies := 1
	if w.net.twice > 0 && w.chance.network.Float64() < w.net.twice {
		copies = 2
	}
	for range copies {
		if w.lost() {
			continue
		}
		from, target := h.id, w.host(p.To)
		w.after(w.delay(), func() {
			if target.core != nil && w.packets(p.Link, from, target.id) {
				target.hear(core.Heard{Link: p.Link, Heartbeat: p.Heartbeat})
			}
		})
	}
}

// hear hands a heartbeat over, now or when the host is thawed.
func (h *host) hear(ev core.Heard) {
	if h.frozen {
		h.holdHeard(ev)
		return
	}
	h.tell(ev)
	h.pump()
}

func (h *host) holdHeard(ev core.Heard) { h.hold(func() { h.hear(ev) }) }

// stream sends messages in order. Loss delays them; a cut loses them, which the sender
// may or may not learn.
func (h *host) stream(messages []core.Message) {
	w := h.w
	for _, m := range messages {
		w.check.said(h, &m)
		text, err := m.Marshal()
		if err != nil {
			w.violate("encoding: %s: %v", h.name, err)
			return
		}
		copied, err := core.UnmarshalMessage(text)
		if err != nil {
			w.violate("encoding: %s: %v", h.name, err)
			return
		}
		took := w.delay()
		for w.lost() {
			took += 200 * time.Millisecond // until it is sent again
		}
		if m.Kind == core.ProposeMessage {
			took += w.proposes(h)
		}
		from, target, sent := h.id, w.host(m.To), w.now
		at := max(w.now+took, h.lastSent[m.To]+1)
		h.lastSent[m.To] = at
		w.after(at-w.now, func() {
			switch {
			case !w.connected(from, target.id) || target.core == nil:
				h.unsent(target.id)
			default:
				target.alive(target.boot, func() {
					if sent > target.thawedAt {
						target.thawedAt = 0
					}
					target.tell(core.Received{Message: copied})
				})
			}
		})
	}
}

// unsent tells the sender, half of the time, that a stream broke.
func (h *host) unsent(to core.HostID) {
	if h.core != nil && !h.frozen && h.w.chance.network.IntN(2) == 0 {
		h.tell(core.Unsent{To: to})
		h.pump()
	}
}
