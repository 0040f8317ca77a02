package simulation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/cluster/messaging/core"
)

// Kind is a kind of fault.
type Kind int

// The kinds of fault.
const (
	PowerCut        Kind = iota // of Host, which boots after For
	TotalPowerCut               // of all hosts, which boot one after the other, For apart
	DaemonCrash                 // on Host, started again after For
	CrashAtWrite                // the daemon dies before (Amount 0) or after (1) its next durable write
	Pause                       // Host stands still for For
	Isolation                   // Host hears nobody and nobody hears it for For
	OneWayCut                   // nobody hears Host, but it hears the others
	Partition                   // hosts in Mask from the others
	PairCut                     // Host and Other do not hear each other (Amount 1: only Other not Host), on Link or all
	Flapping                    // the same, on and off every two seconds
	BadNetwork                  // Amount percent of packets lost, some doubled, all slower
	ResourceDeath               // what runs on Host dies
	ClockStep                   // Host's wall clock is set by Amount seconds
	ClockDrift                  // Host's clock runs Amount millionths too fast
	DiskFull                    // Host's disk takes no write for For
	DiskLoss                    // Host loses power and comes back with an empty disk
	DiskRestore                 // Host loses power and comes back with an old copy of its disk
	BadAgents                   // Amount percent of operations fail
	BadFencing                  // Amount percent of fencing fails
	WitnessCut                  // hosts in Mask do not reach the quorum device for For, nor it them
	Defection                   // the leader and some hosts in Mask are cut off, a host of the others dies at its vote, is back after For, on the leader's side for Amount ms
	WitnessCrash                // the quorum device's daemon dies and is started after For
	WitnessSlow                 // what goes to the quorum device or comes from it takes up to Amount ms more for For
	Bridge                      // hosts in Mask and the others do not hear each other for For, but for Host, which all hear
	HalfHealed                  // Host is cut off for For, and in one direction for Amount ms more
	PauseAtRequest              // when the next request to Host is on its way, Host stands still for For
	CutAtRequest                // the same, and Host is cut off as by HalfHealed; nobody reaches the fence device meanwhile
	PauseAtProposal             // the host that proposes a fork next stands still for For; what it sent comes up to Amount ms late
	Departure                   // Host is taken out of the cluster, and put back with an empty disk after For outside
	Choke                       // only heartbeats get through to Host and from it for For
	DiskSlow                    // durable writes of Host take up to Amount ms for For
	kinds
)

// Fault is one harm, with its end.
type Fault struct {
	At     time.Duration
	Kind   Kind
	Host   core.HostID
	Other  core.HostID
	Link   int // -1: all
	Mask   uint32
	For    time.Duration
	Amount int
}

// String describes the fault in words.
func (f Fault) String() string {
	what := ""
	switch f.Kind {
	case PowerCut:
		what = fmt.Sprintf("host%d loses power for %s", f.Host, f.For)
	case TotalPowerCut:
		what = fmt.Sprintf("all hosts lose power and boot %s apart, host%d first", f.For, f.Host)
	case DaemonCrash:
		what = fmt.Sprintf("the daemon of host%d dies and is started after %s", f.Host, f.For)
	case CrashAtWrite:
		what = fmt.Sprintf("the daemon of host%d dies %s its next durable write", f.Host, [2]string{"before", "after"}[f.Amount])
	case Pause:
		what = fmt.Sprintf("host%d stands still for %s", f.Host, f.For)
	case Isolation:
		what = fmt.Sprintf("host%d is cut off for %s", f.Host, f.For)
	case OneWayCut:
		what = fmt.Sprintf("nobody hears host%d for %s", f.Host, f.For)
	case Partition:
		what = fmt.Sprintf("hosts %v are cut from the others for %s", f.masked(), f.For)
	case PairCut:
		what = fmt.Sprintf("host%d and host%d: cut (one way: %t, link %d) for %s", f.Host, f.Other, f.Amount == 1, f.Link, f.For)
	case Flapping:
		what = fmt.Sprintf("host%d and host%d: link %d on and off for %s", f.Host, f.Other, f.Link, f.For)
	case BadNetwork:
		what = fmt.Sprintf("the network loses %d%% for %s", f.Amount, f.For)
	case ResourceDeath:
		what = fmt.Sprintf("a resource on host%d dies", f.Host)
	case ClockStep:
		what = fmt.Sprintf("the wall clock of host%d is set by %d s", f.Host, f.Amount)
	case ClockDrift:
		what = fmt.Sprintf("the clock of host%d runs %d ppm fast", f.Host, f.Amount)
	case DiskFull:
		what = fmt.Sprintf("the disk of host%d is full for %s", f.Host, f.For)
	case DiskLoss:
		what = fmt.Sprintf("host%d loses power and its disk, and boots after %s", f.Host, f.For)
	case DiskRestore:
		what = fmt.Sprintf("host%d loses power, its disk is restored from a backup, and it boots after %s", f.Host, f.For)
	case BadAgents:
		what = fmt.Sprintf("%d%% of operations fail for %s", f.Amount, f.For)
	case BadFencing:
		what = fmt.Sprintf("%d%% of fencing fails for %s", f.Amount, f.For)
	}
	switch f.Kind {
	case WitnessCut:
		what = fmt.Sprintf("hosts %v do not reach the quorum device for %s", f.masked(), f.For)
	case Defection:
		what = fmt.Sprintf("the leader and some of hosts %v are cut off; one of the others dies after its vote, and is on the leader's side after %s for %d ms", f.masked(), f.For, f.Amount)
	case WitnessCrash:
		what = fmt.Sprintf("the quorum device dies and is started after %s", f.For)
	case WitnessSlow:
		what = fmt.Sprintf("the quorum device takes up to %d ms for %s", f.Amount, f.For)
	case Bridge:
		what = fmt.Sprintf("hosts %v are cut from the others for %s, but for host%d, which hears all", f.masked(), f.For, f.Host)
	case HalfHealed:
		what = fmt.Sprintf("host%d is cut off for %s, and in one direction for %d ms more", f.Host, f.For, f.Amount)
	case PauseAtRequest:
		what = fmt.Sprintf("host%d stands still for %s at the next request to it", f.Host, f.For)
	case Departure:
		what = fmt.Sprintf("host%d is taken out of the cluster, and put back after %s", f.Host, f.For)
	case Choke:
		what = fmt.Sprintf("only heartbeats get through to host%d and from it for %s", f.Host, f.For)
	case DiskSlow:
		what = fmt.Sprintf("writes of host%d take up to %d ms for %s", f.Host, f.Amount, f.For)
	case PauseAtProposal:
		what = fmt.Sprintf("the host that proposes a fork next stands still for %s, and its proposals come up to %d ms late", f.For, f.Amount)
	case CutAtRequest:
		what = fmt.Sprintf("host%d is cut off for %s at the next request to it, and in one direction for %d ms more; nobody reaches the fence device", f.Host, f.For, f.Amount)
	}
	return fmt.Sprintf("%s: %s", f.At, what)
}

func (f Fault) masked() []core.HostID {
	var in []core.HostID
	for h := core.HostID(1); h <= maxHosts; h++ {
		if f.Mask&(1<<h) != 0 {
			in = append(in, h)
		}
	}
	return in
}

// weights say how often a kind is drawn.
var weights = [kinds]int{
	PowerCut: 12, TotalPowerCut: 3, DaemonCrash: 10, CrashAtWrite: 6, Pause: 12, Isolation: 8, OneWayCut: 5, Partition: 10,
	PairCut: 10, Flapping: 3, BadNetwork: 8, ResourceDeath: 5, ClockStep: 2, ClockDrift: 2, DiskFull: 2, DiskLoss: 2, DiskRestore: 2,
	BadAgents: 3, BadFencing: 4, Defection: 3, Bridge: 4, HalfHealed: 3, PauseAtRequest: 4, CutAtRequest: 4, PauseAtProposal: 4,
}

// Plan draws the faults of a seed: for so long, one each pace in the mean. Calm and busy
// stretches alternate, and now and then nothing happens for a while, so that some faults fall
// into the middle of what others caused, and some find the cluster whole. Half of the faults are of the kinds named as often, if any are.
func Plan(seed uint64, shape Shape, begin, long time.Duration, often ...Kind) []Fault {
	r := rand.New(rand.NewPCG(seed, 0xfa017))
	total := 0
	for _, n := range weights {
		total += n
	}
	var faults []Fault
	pace, calm := 3*time.Second, max(long/20, time.Second)
	for at := begin + between(r, 0, pace); at < begin+long; at += between(r, pace/10, 2*pace) {
		if r.IntN(6) == 0 {
			pace = []time.Duration{time.Second, 3 * time.Second, 3 * time.Second, 8 * time.Second}[r.IntN(4)]
		}
		if r.IntN(12) == 0 {
			at += between(r, calm, 2*calm)
		}
		n := r.IntN(total)
		kind := Kind(0)
		for n >= weights[kind] {
			n -= weights[kind]
			kind++
		}
		if len(often) > 0 && r.IntN(2) == 0 {
			kind = often[r.IntN(len(often))]
		}
		faults = append(faults, draw(r, kind, at.Round(time.Millisecond), shape))
	}
	faults = withDevice(seed, shape, faults)
	if shape.Resized {
		faults = departures(seed).among(faults, shape, begin, long)
	}
	if shape.Choked {
		faults = shape.chokes(seed).among(faults, shape, begin, long)
	}
	if shape.Sluggish {
		faults = slownesses(seed).among(faults, shape, begin, long)
	}
	return faults
}

// apart are faults of a host that are drawn apart, so that the rest of a seed's schedule is the same without them.
type apart struct {
	kind           Kind
	r              *rand.Rand
	pause          time.Duration // between two, at most
	least, longest time.Duration // how long one lasts
	amounts        []int         // one of these; none: 0
}

// among draws them and puts them among others.
func (a apart) among(faults []Fault, shape Shape, begin, long time.Duration) []Fault {
	for at := begin + between(a.r, 0, 10*time.Second); at < begin+long; at += between(a.r, 2*time.Second, a.pause) {
		f := Fault{At: at.Round(time.Millisecond), Kind: a.kind, Host: core.HostID(1 + a.r.IntN(shape.Hosts)), Other: 1,
			For: between(a.r, a.least, a.longest).Round(time.Millisecond)}
		if len(a.amounts) > 0 {
			f.Amount = a.amounts[a.r.IntN(len(a.amounts))]
		}
		faults = append(faults, f)
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return faults
}

// withDevice adds the faults of a cluster's quorum device. They are drawn apart, so that the rest of a
// seed's schedule is the same without it. Half of the cuts between hosts cut them from the device as well.
func withDevice(seed uint64, shape Shape, faults []Fault) []Fault {
	if shape.Device == nil && !shape.Disk {
		return faults
	}
	r := rand.New(rand.NewPCG(seed, 0xde71fa))
	var all []Fault
	for _, f := range faults {
		all = append(all, f)
		switch n := r.IntN(13); {
		case n < 6 && f.Kind == Partition:
			all = append(all, Fault{At: f.At, Kind: WitnessCut, Mask: f.Mask, For: f.For, Host: 1, Other: 2})
		case n < 6 && f.Kind == Isolation:
			all = append(all, Fault{At: f.At, Kind: WitnessCut, Mask: 1 << f.Host, For: f.For, Host: 1, Other: 2})
		case n == 10:
			all = append(all, Fault{At: f.At, Kind: WitnessCut, Mask: r.Uint32(), For: between(r, 200*time.Millisecond, 8*time.Second).Round(time.Millisecond), Host: 1, Other: 2})
		case n == 12:
			all = append(all, Fault{At: f.At, Kind: WitnessSlow, Amount: 20 + r.IntN(2500), For: between(r, time.Second, 12*time.Second).Round(time.Millisecond), Host: 1, Other: 2})
		case n == 11:
			all = append(all, Fault{At: f.At, Kind: WitnessCrash, For: between(r, 20*time.Millisecond, 8*time.Second).Round(time.Millisecond), Host: 1, Other: 2})
		}
	}
	return all
}

// draw fills a fault of a kind in. It draws the same number of times whatever the kind.
func draw(r *rand.Rand, kind Kind, at time.Duration, shape Shape) Fault {
	host, other := core.HostID(1+r.IntN(shape.Hosts)), core.HostID(1+r.IntN(shape.Hosts-1))
	if other >= host {
		other++
	}
	mask, link, short, long, amount := r.Uint32(), r.IntN(shape.Links+2)-2, r.IntN(3), r.Float64(), r.IntN(100)
	between := func(low, high time.Duration) time.Duration {
		return (low + time.Duration(long*float64(high-low))).Round(time.Millisecond)
	}
	f := Fault{At: at, Kind: kind, Host: host, Other: other, Link: max(link, -1), Mask: mask, For: between(200*time.Millisecond, 6*time.Second)}
	switch kind {
	case PowerCut, DiskLoss, DiskRestore:
		f.For = between(2*time.Second, 10*time.Second)
		if amount < 15 {
			f.For = between(20*time.Second, 60*time.Second)
		}
	case TotalPowerCut:
		f.For = between(0, 8*time.Second)
	case DaemonCrash:
		f.For = between(20*time.Millisecond, 3*time.Second)
	case CrashAtWrite:
		f.Amount = amount % 2
	case Defection:
		f.For, f.Amount = between(10*time.Millisecond, 3*time.Second), 1000+amount*40
	case Pause, PauseAtRequest:
		f.For = between(100*time.Millisecond, 5*time.Second)
	case PauseAtProposal:
		f.For, f.Amount = between(500*time.Millisecond, 6*time.Second), 1+amount*40
	case HalfHealed, CutAtRequest:
		f.For, f.Amount = between(500*time.Millisecond, 8*time.Second), amount*80
	case PairCut:
		f.Amount = amount % 2
	case Partition, Isolation, OneWayCut, Bridge:
		if short == 0 {
			f.For = between(5*time.Second, 25*time.Second)
		}
	case Flapping:
		f.For = between(4*time.Second, 20*time.Second)
	case BadNetwork:
		f.Amount = amount * 4 / 10
		f.For = between(time.Second, 10*time.Second)
	case ClockStep:
		f.Amount = []int{3600, -3600, 365 * 86400, -365 * 86400, 5, -5}[amount%6]
	case ClockDrift:
		f.Amount = amount*400 - 20000
	case DiskFull:
		f.For = between(5*time.Second, 15*time.Second)
	case BadAgents:
		f.Amount, f.For = 5+amount/4, between(2*time.Second, 15*time.Second)
	case BadFencing:
		f.Amount, f.For = 30+amount*7/10, between(2*time.Second, 20*time.Second)
	}
	return f
}
