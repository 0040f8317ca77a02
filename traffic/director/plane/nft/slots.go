package nft

import (
	"hash/fnv"
	"slices"

	"holdfast/traffic/director/plane"
	"holdfast/traffic/director/table"
)

// A way is how a rule comes to a number.
type way uint8

const (
	turns  way = iota // one after the other
	chance            // at random
	hashed            // from the packet's addresses
)

// method is how a scheduler is done with rules.
type method struct {
	draw    way
	weighed bool
	by      string // hashed: source or destination
}

var methods = map[string]method{
	"rr": {draw: turns}, "wrr": {draw: turns, weighed: true},
	"lc": {draw: chance}, "wlc": {draw: chance, weighed: true}, "sed": {draw: chance, weighed: true}, "nq": {draw: chance, weighed: true},
	"sh": {draw: hashed, weighed: true, by: "source"}, "dh": {draw: hashed, weighed: true, by: "destination"},
	"mh": {draw: hashed, weighed: true, by: "source"}, "fo": {draw: turns},
}

// Supports refuses what rules cannot do.
func (p *Plane) Supports(s table.Service) error {
	if err := s.Check(); err != nil {
		return err
	}
	refuse := func(feature string) error {
		return &plane.Unsupported{Plane: "nft", Feature: feature, Instead: "choose the plane ipvs or ebpf, if the kernel has what they need"}
	}
	if _, ok := methods[s.Scheduler]; !ok {
		return refuse("scheduler " + s.Scheduler)
	}
	if s.Flags&table.OnePacket != 0 {
		return refuse("one-packet scheduling")
	}
	if s.Engine != "" {
		return refuse("persistence engine " + s.Engine)
	}
	for _, server := range s.Servers {
		if err := supportsServer(server); err != nil {
			return err
		}
	}
	return nil
}

func supportsServer(server table.Server) error {
	feature := ""
	switch {
	case server.Forward != table.NAT && server.Forward != table.Local:
		feature = "forwarding by " + server.Forward.String() + " (server " + server.Address.String() + ")"
	case server.Upper != 0:
		feature = "limits on connections (server " + server.Address.String() + ")"
	default:
		return nil
	}
	return &plane.Unsupported{Plane: "nft", Feature: feature, Instead: "choose the plane ipvs or ebpf, if the kernel has what they need, or NAT (masq) without limits"}
}

// maxSlots is how many numbers are drawn from at most.
const maxSlots = 1000

// slots lists, for each number that may be drawn, the index of its server; empty if no server takes new connections.
func slots(s table.Service) []int {
	var open []int
	for i, server := range s.Servers {
		if server.Weight > 0 {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return nil
	}
	switch m := methods[s.Scheduler]; {
	case s.Scheduler == "fo":
		return []int{slices.MaxFunc(open, func(a, b int) int { return s.Servers[a].Weight - s.Servers[b].Weight })}
	case s.Scheduler == "mh":
		return maglev(s, open)
	case !m.weighed:
		return open
	default:
		return byWeight(s, open)
	}
}

// byWeight gives each server as many numbers as its weight, spread evenly: at each number the server goes that is furthest
// behind its share.
func byWeight(s table.Service, open []int) []int {
	common, sum := 0, 0
	for _, i := range open {
		common = divisor(s.Servers[i].Weight, common)
		sum += s.Servers[i].Weight
	}
	shares, total := map[int]int{}, 0
	for _, i := range open {
		share := s.Servers[i].Weight / common
		if sum/common > maxSlots {
			share = max(1, s.Servers[i].Weight*maxSlots/sum)
		}
		shares[i] = share
		total += share
	}
	behind := map[int]int{}
	all := make([]int, 0, total)
	for range total {
		next := open[0]
		for _, i := range open {
			behind[i] += shares[i]
			if behind[i] > behind[next] {
				next = i
			}
		}
		behind[next] -= total
		all = append(all, next)
	}
	return all
}

// divisor is the greatest common one; of 0 and n it is n.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// maglevSize is the size of Maglev's table; a prime (Eisenbud et al., "Maglev", 3.4, wants it much above the number of servers).
const maglevSize = 1009

// maglev fills the table as the paper says: each server has a permutation of the numbers, from its own address alone, and in turn
// takes its next free one; a server of twice the weight has two turns.
func maglev(s table.Service, open []int) []int {
	offset, skip, next, turns := map[int]uint64{}, map[int]uint64{}, map[int]uint64{}, map[int]int{}
	common := 0
	for _, i := range open {
		common = divisor(s.Servers[i].Weight, common)
	}
	for _, i := range open {
		h := fnv.New64a()
		h.Write([]byte(s.Servers[i].Address.String()))
		sum := h.Sum64()
		offset[i], skip[i] = sum%maglevSize, sum>>32%(maglevSize-1)+1
		turns[i] = min(s.Servers[i].Weight/common, maglevSize)
	}
	all := make([]int, maglevSize)
	for n := range all {
		all[n] = -1
	}
	for filled := 0; ; {
		for _, i := range open {
			for range turns[i] {
				at := (offset[i] + next[i]*skip[i]) % maglevSize
				for all[at] >= 0 {
					next[i]++
					at = (offset[i] + next[i]*skip[i]) % maglevSize
				}
				all[at] = i
				next[i]++
				if filled++; filled == maglevSize {
					return all
				}
			}
		}
	}
}
