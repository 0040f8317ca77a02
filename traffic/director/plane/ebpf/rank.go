package ebpf

import (
	"math/bits"
	"net/netip"
	"slices"
)

// Where loads are ranked, rows of costs are behind a service's slots, and rows of the least of them; bpf/rank.h has how they are read and kept.

// ranks tells whether a scheduler looks for the server with the least to do.
func ranks(scheduler string) bool {
	return slices.Contains([]string{"lc", "wlc", "sed", "nq", "lblc"}, scheduler)
}

const (
	rowCosts = 16
	costShut = 1<<32 - 1 // of a server that may not have connections
	costBits = 27
)

func rowsOfCosts(n int) int { return (n + rowCosts - 1) / rowCosts }

// rowsOfRanks is how many rows rank so many slots.
func rowsOfRanks(slots int) int {
	n := rowsOfCosts(slots)
	all := n
	for n > 1 {
		n = rowsOfCosts(n)
		all += n
	}
	return all
}

// putPlaces tells the servers of a service their places in a table that is laid, and ranks them there. It gives the place of the one with the least to do.
func (k *kernel) putPlaces(servers map[netip.AddrPort]uint32, all []uint32, t slotTable) (next uint32) {
	for _, at := range servers {
		k.servers[at].Place = noPlace
	}
	if !t.ranked {
		return 0
	}
	at, costs := t.first+t.slotRows(), make([]uint32, len(all))
	for n, server := range all {
		k.servers[server].Place = uint32(n)
		costs[n] = k.cost(server)
	}
	next = uint32(slices.Index(costs, slices.Min(costs)))
	for {
		n := rowsOfCosts(len(costs))
		least := make([]uint32, n)
		for i := range n {
			full := shutFrom(costs[i*rowCosts:])
			copy(view[uint32](k.tables[at+i][:]), full[:])
			least[i] = slices.Min(full[:])
		}
		if n <= 1 {
			return next
		}
		at, costs = at+n, least
	}
}

// shutFrom is a row that begins with costs; what is behind them is shut.
func shutFrom(costs []uint32) (r [rowCosts]uint32) {
	for i := range r {
		r[i] = costShut
	}
	copy(r[:], costs)
	return r
}

// cost is the function of that name in bpf/rank.h.
func (k *kernel) cost(at uint32) uint32 {
	s := k.servers[at]
	if s.Flags != serverUsed || s.Weight == 0 || s.Shut != 0 {
		return costShut
	}
	active, inactive := uint64(max(0, s.Active)+max(0, s.Pending)), uint64(max(0, s.Inactive))
	n, weight := active*256+inactive+1, uint64(s.Weight)
	switch schedulers[k.services[s.Service].Scheduler-1] {
	case "sed":
		n = active + 1
	case "nq":
		n = 0
		if active > 0 {
			n = active + 1
		}
	case "lc":
		weight = 1
	}
	n = n << 20 / weight
	halved := max(0, bits.Len64(n)-costBits)
	return uint32(halved)<<costBits | uint32(n>>halved)
}
