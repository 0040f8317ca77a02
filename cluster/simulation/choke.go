package simulation

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/cluster/messaging/core"
)

// A choked host is heard and hears, and what is longer than a heartbeat does not get through to it or from it: a path with another MTU on
// it, or connections that wait long before they send again what was lost.

// choked are the seeds whose hosts are choked: an eighth. What else a seed draws does not depend on it.
func choked(seed uint64) bool { return seed%8 == 3 }

// withChokes adds the times at which a host is choked, which are drawn apart.
func withChokes(seed uint64, shape Shape, begin, long time.Duration, faults []Fault) []Fault {
	if !shape.Choked {
		return faults
	}
	r := rand.New(rand.NewPCG(seed, 0xc40))
	for at := begin + between(r, 0, 10*time.Second); at < begin+long; at += between(r, 2*time.Second, 20*time.Second) {
		faults = append(faults, Fault{At: at.Round(time.Millisecond), Kind: Choke, Host: core.HostID(1 + r.IntN(shape.Hosts)), Other: 1,
			For: between(r, 500*time.Millisecond, 25*time.Second).Round(time.Millisecond)})
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return faults
}

// choke holds up what is sent to a host and by it, but for heartbeats.
func (w *World) choke(f Fault) {
	w.net.choked[f.Host]++
	w.after(f.For, func() { w.net.choked[f.Host]-- })
}
