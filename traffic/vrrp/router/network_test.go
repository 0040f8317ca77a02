package router

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/traffic/vrrp/packet"
)

// network is some hosts with one virtual router each on a virtual network, driven event by event.
type network struct {
	t       *rapid.T
	now     time.Duration
	hosts   []*host
	packets []delivery
	loss    int // percent
}

type host struct {
	config Config
	set    *Set
	held   bool          // has the addresses
	until  time.Duration // paused until then
	cut    bool          // off the network
}

type delivery struct {
	at   time.Duration
	from netip.Addr
	to   *host
	a    packet.Advertisement
}

func drawNetwork(t *rapid.T) *network {
	n := &network{t: t}
	interval := rapid.SampledFrom([]time.Duration{100 * time.Millisecond, time.Second}).Draw(t, "interval")
	for i := range rapid.IntRange(2, 5).Draw(t, "hosts") {
		c := Config{
			Name: "vip", ID: 51, Version: 3, Interval: interval, Preempt: true,
			Priority:  rapid.SampledFrom([]uint8{50, 100, 100, 150, 254}).Draw(t, "priority"),
			Source:    netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 100})},
		}
		set, err := New([]Config{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n.hosts = append(n.hosts, &host{config: c, set: set})
	}
	return n
}

// do carries actions out, and checks that their order is safe.
func (n *network) do(h *host, actions []Action) {
	for _, a := range actions {
		switch a.Do {
		case Send:
			n.send(h, a.Advertisement)
		case AddAddresses:
			if h.held {
				n.t.Fatalf("%s adds addresses that it has", h.config.Source)
			}
			h.held = true
		case RemoveAddresses:
			if !h.held {
				n.t.Fatalf("%s removes addresses that it has not", h.config.Source)
			}
			h.held = false
		case Announce:
			if !h.held {
				n.t.Fatalf("%s announces addresses that it has not", h.config.Source)
			}
		case Enter, Report:
		}
	}
	if state := h.set.State("vip"); h.held != (state == Active) {
		n.t.Fatalf("%s is %s, holds the addresses: %t", h.config.Source, state, h.held)
	}
}

func (n *network) send(from *host, a packet.Advertisement) {
	for _, to := range n.hosts {
		if to == from || from.cut || to.cut || rapid.IntRange(0, 99).Draw(n.t, "lost") < n.loss {
			continue
		}
		delay := time.Duration(rapid.IntRange(0, 2000).Draw(n.t, "delay")) * time.Microsecond
		n.packets = append(n.packets, delivery{n.now + delay, from.config.Source, to, a})
	}
}

// run lets time pass until an instant.
func (n *network) run(until time.Duration) {
	for {
		at, next := until, -1
		for i, p := range n.packets {
			if when := max(p.at, p.to.until); when < at {
				at, next = when, i
			}
		}
		var wake *host
		for _, h := range n.hosts {
			if due, ok := h.set.Due(); ok && max(due, h.until) < at {
				at, wake = max(due, h.until), h
			}
		}
		n.now = max(n.now, at)
		switch {
		case wake != nil:
			n.deliverTo(wake) // what waits in the socket comes before the timer
			n.do(wake, wake.set.Tick(n.now))
		case next >= 0:
			n.deliver(next)
		default:
			return
		}
	}
}

func (n *network) deliver(i int) {
	p := n.packets[i]
	n.packets = append(n.packets[:i:i], n.packets[i+1:]...)
	n.do(p.to, p.to.set.Receive(n.now, "vip", p.from, p.a))
}

func (n *network) deliverTo(h *host) {
	for i := 0; i < len(n.packets); {
		if p := n.packets[i]; p.to == h && p.at <= n.now {
			n.deliver(i)
			continue
		}
		i++
	}
}

func (n *network) fault() {
	h := n.hosts[rapid.IntRange(0, len(n.hosts)-1).Draw(n.t, "host")]
	switch rapid.IntRange(0, 5).Draw(n.t, "fault") {
	case 0:
		h.cut = !h.cut
	case 1:
		h.until = n.now + time.Duration(rapid.IntRange(1, 50).Draw(n.t, "pause"))*h.config.Interval/10
	case 2:
		n.loss = rapid.IntRange(0, 80).Draw(n.t, "loss")
	case 3:
		n.do(h, h.set.SetFault(n.now, "vip", "link down", true))
	case 4:
		n.do(h, h.set.SetFault(n.now, "vip", "link down", false))
	case 5:
		h.set.SetPriority("vip", rapid.IntRange(1, 254).Draw(n.t, "priority"))
	}
}

// TestOneRouterIsActiveOnceFaultsStop breaks a network at random. No order of actions is ever unsafe, and when all
// is well again the one of highest priority, then address, has the addresses, alone.
func TestOneRouterIsActiveOnceFaultsStop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := drawNetwork(t)
		for _, h := range n.hosts {
			n.do(h, h.set.Start(0))
		}
		for range rapid.IntRange(0, 12).Draw(t, "faults") {
			n.run(n.now + time.Duration(rapid.IntRange(1, 60).Draw(t, "wait"))*n.hosts[0].config.Interval/10)
			n.fault()
		}
		n.loss = 0
		for _, h := range n.hosts {
			h.cut, h.until = false, 0
			n.do(h, h.set.SetFault(n.now, "vip", "link down", false))
		}
		n.run(n.now + 20*n.hosts[0].config.Interval)
		best := n.hosts[0]
		for _, h := range n.hosts {
			if a, b := h.set.Priority("vip"), best.set.Priority("vip"); a > b || a == b && h.config.Source.Compare(best.config.Source) > 0 {
				best = h
			}
		}
		if got := n.active(); got != fmt.Sprint([]netip.Addr{best.config.Source}) && !n.onlyEqualsActive(best) {
			t.Fatalf("active are %s, want %s", got, best.config.Source)
		}
	})
}

func (n *network) active() string {
	var all []netip.Addr
	for _, h := range n.hosts {
		if h.held {
			all = append(all, h.config.Source)
		}
	}
	return fmt.Sprint(all)
}

// onlyEqualsActive: a backup does not preempt a router of its own priority, so any one of the best may be active.
func (n *network) onlyEqualsActive(best *host) bool {
	active := 0
	for _, h := range n.hosts {
		if h.held {
			active++
			if h.set.Priority("vip") != best.set.Priority("vip") {
				return false
			}
		}
	}
	return active == 1
}
