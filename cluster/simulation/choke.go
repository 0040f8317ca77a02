package simulation

import (
	"math/rand/v2"
	"time"
)

// A choked host is heard and hears, and what is longer than a heartbeat does not get through to it or from it: a path with another MTU on
// it, or connections that wait long before they send again what was lost.

// choked are the seeds whose hosts are choked: an eighth. What else a seed draws does not depend on it.
func choked(seed uint64) bool { return seed%8 == 3 }

// chokes are when hosts are choked.
func chokes(seed uint64) apart {
	return apart{Choke, rand.New(rand.NewPCG(seed, 0xc40)), 20 * time.Second, 500 * time.Millisecond, 25 * time.Second}
}

// choke holds up what is sent to a host and by it, but for heartbeats.
func (w *World) choke(f Fault) {
	w.net.choked[f.Host]++
	w.after(f.For, func() { w.net.choked[f.Host]-- })
}
