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
	rankedTable = 1 << 31   // in the size of a table
	costShut    = 1<<32 - 1 // of a server that may not have connections
	costBits    = 27
)

// tableWord is what a service's record has of a table: the first slot, and how many there are.
func tableWord(first, slots int, ranked bool) uint64 {
	word := uint64(first*rowSlots)<<32 | uint64(slots)
	if ranked {
		word |= rankedTable
	}
	return word
}

// rowsOf is where the table of such a word is.
func rowsOf(word uint64) hole {
	return hole{int(word>>32) / rowSlots, rowsFor(int(uint32(word)&^rankedTable), word&rankedTable != 0)}
}

func rowsOfSlots(n int) int { return (n + rowSlots - 1) / rowSlots }

// rowsFor is how many rows a table takes.
func rowsFor(slots int, ranked bool) int {
	n := rowsOfSlots(slots)
	if !ranked {
		return n
	}
	all := n
	for {
		all += n
		if n <= 1 {
			return all
		}
		n = rowsOfSlots(n)
	}
}

// putPlaces tells the servers of a service their places in a table that is laid, and ranks them there.
func (k *kernel) putPlaces(servers map[netip.AddrPort]uint32, word uint64) {
	slots := int(uint32(word) &^ rankedTable)
	first, ranked := int(word>>32)/rowSlots, word&rankedTable != 0
	for _, at := range servers {
		k.servers[at].Place = noPlace
	}
	if !ranked {
		return
	}
	row := first + rowsOfSlots(slots)
	costs := make([]uint32, slots)
	for n := range costs {
		at := k.tables[first+n/rowSlots][n%rowSlots]
		k.servers[at].Place = uint32(n)
		costs[n] = k.cost(at)
	}
	for {
		n := rowsOfSlots(len(costs))
		least := make([]uint32, n)
		for i := range n {
			full := shutFrom(costs[i*rowSlots:])
			k.tables[row+i], least[i] = full, slices.Min(full[:])
		}
		if n <= 1 {
			return
		}
		row, costs = row+n, least
	}
}

// shutFrom is a row that begins with costs; what is behind them is shut.
func shutFrom(costs []uint32) (r row) {
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
