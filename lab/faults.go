package lab

import (
	"fmt"
	"slices"
)

// faults is what is wrong with the network and the fence devices. It is a value:
// the keeper turns it into a filter (filter.go).
type faults struct {
	apart      [][2]string         // hosts that do not hear each other, on any link
	mute       [][2]string         // the second does not hear the first
	choked     [][2]string         // only datagrams get through between them
	loss       map[lossKey]float64 // share of a host's packets that is lost, 0 to 1, each way
	fenceFault map[string]string   // by host: FenceFails or FenceHangs
}

type lossKey struct {
	host string
	link int
}

// What can be wrong with a host's fence device; see Host.FenceFault.
const (
	FenceWorks = ""
	FenceFails = "fail" // every action is refused
	FenceHangs = "hang" // no action is ever answered
)

// partition lets hosts of different sets not hear each other. Hosts in no set, and the
// client, hear everybody. No sets: all hear each other.
func (f *faults) partition(hosts []string, sets [][]string) error {
	in := map[string]bool{}
	var apart [][2]string
	for i, set := range sets {
		for _, host := range set {
			if !slices.Contains(hosts, host) && host != ClientName {
				return fmt.Errorf("partition: no host %q in the lab", host)
			}
			if in[host] {
				return fmt.Errorf("partition: host %q is in two sets", host)
			}
			in[host] = true
		}
		for _, other := range sets[:i] {
			for _, a := range other {
				for _, b := range set {
					apart = append(apart, [2]string{a, b})
				}
			}
		}
	}
	f.pairs(apart, nil, nil)
	return nil
}

// pairs replaces what is wrong between hosts.
func (f *faults) pairs(apart, mute, choked [][2]string) {
	f.apart, f.mute, f.choked = apart, mute, choked
}

// silence lets the second host of each pair not hear the first, in place of any partition.
func (f *faults) silence(hosts []string, sets [][]string) error {
	mute, err := pairsOf("silence", hosts, sets)
	if err == nil {
		f.pairs(nil, mute, nil)
	}
	return err
}

// block lets the two hosts of each pair not hear each other, in place of any partition.
func (f *faults) block(hosts []string, sets [][]string) error {
	apart, err := pairsOf("block", hosts, sets)
	if err == nil {
		f.pairs(apart, nil, nil)
	}
	return err
}

// choke lets only datagrams get through between the two hosts of each pair, in place of any partition.
func (f *faults) choke(hosts []string, sets [][]string) error {
	choked, err := pairsOf("choke", hosts, sets)
	if err == nil {
		f.pairs(nil, nil, choked)
	}
	return err
}

func pairsOf(verb string, hosts []string, sets [][]string) (pairs [][2]string, err error) {
	for _, pair := range sets {
		if len(pair) != 2 || pair[0] == pair[1] {
			return nil, fmt.Errorf("%s: want pairs of two hosts, got %v", verb, pair)
		}
		for _, host := range pair {
			if !slices.Contains(hosts, host) && host != ClientName {
				return nil, fmt.Errorf("%s: no host %q in the lab", verb, host)
			}
		}
		pairs = append(pairs, [2]string{pair[0], pair[1]})
	}
	return pairs, nil
}

func (f *faults) lose(host string, link int, percent float64) error {
	if percent < 0 || percent > 100 {
		return fmt.Errorf("loss of %g %%: want 0 to 100", percent)
	}
	if f.loss == nil {
		f.loss = map[lossKey]float64{}
	}
	if link == allLinks {
		for key := range f.loss {
			if key.host == host {
				delete(f.loss, key)
			}
		}
	}
	f.loss[lossKey{host, link}] = percent / 100
	return nil
}

func (f *faults) fence(host, fault string) error {
	switch fault {
	case FenceWorks, FenceFails, FenceHangs:
	default:
		return fmt.Errorf("fence fault %q: want %q, %q or nothing", fault, FenceFails, FenceHangs)
	}
	if f.fenceFault == nil {
		f.fenceFault = map[string]string{}
	}
	f.fenceFault[host] = fault
	return nil
}

// lossOf is the loss on one link of a host.
func (f *faults) lossOf(host string, link int) float64 {
	if loss, ok := f.loss[lossKey{host, link}]; ok {
		return loss
	}
	return f.loss[lossKey{host, allLinks}]
}
