// Package places shares numbered places among the servers of a service: whoever draws a number gets the server in that place. Data planes look
// servers up in such tables, as a table costs a packet the same however many servers there are.
//
// Servers are told by their index in the list. Those of weight 0 get no place. The package computes only.
package places

import (
	"hash/fnv"
	"slices"

	"holdfast/traffic/director/table"
)

// Open lists the servers that take new connections.
func Open(servers []table.Server) []int {
	var open []int
	for i, server := range servers {
		if server.Weight > 0 {
			open = append(open, i)
		}
	}
	return open
}

// ByWeight gives each server as many places as its weight, after division by what they have in common, spread evenly: each place goes
// to the server that is furthest behind its share. Where that would be more than most places, shares are rounded.
func ByWeight(servers []table.Server, most int) []int {
	open, common, sum := Open(servers), common(servers), 0
	for _, i := range open {
		sum += servers[i].Weight
	}
	shares, total := make([]int, len(servers)), 0
	for _, i := range open {
		shares[i] = servers[i].Weight / common
		if sum/common > most {
			shares[i] = max(1, servers[i].Weight*most/sum)
		}
		total += shares[i]
	}
	behind := make([]int, len(servers))
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

// Shares is how many places servers need for ByWeight not to round.
func Shares(servers []table.Server) (sum int) {
	common := common(servers)
	for _, i := range Open(servers) {
		sum += servers[i].Weight / common
	}
	return sum
}

// common is what weights can all be divided by.
func common(servers []table.Server) (n int) {
	for _, i := range Open(servers) {
		n = divisor(servers[i].Weight, n)
	}
	return n
}

// divisor is the greatest common one; of 0 and n it is n.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// permutation is the order in which a server takes places.
type permutation struct{ offset, skip, next uint64 }

// Maglev fills a table whose size is a prime, much above the number of servers (Eisenbud et al., "Maglev", 3.4): each server has a
// permutation of the places, from its own address alone, and in turn takes its next free one; a server of twice the weight has two turns.
// So few places change hands when a server comes or goes, and every director comes to the same table.
func Maglev(servers []table.Server, size int) []int {
	open, common := Open(servers), common(servers)
	if len(open) == 0 {
		return nil
	}
	slices.SortFunc(open, func(a, b int) int { return servers[a].Address.Compare(servers[b].Address) })
	orders := make([]permutation, len(servers))
	for _, i := range open {
		h := fnv.New64a()
		h.Write([]byte(servers[i].Address.String()))
		sum := h.Sum64()
		orders[i] = permutation{offset: sum % uint64(size), skip: sum>>32%uint64(size-1) + 1}
	}
	all := make([]int, size)
	for n := range all {
		all[n] = -1
	}
	for filled := 0; ; {
		for _, i := range open {
			for range min(servers[i].Weight/common, size) {
				all[orders[i].free(all)] = i
				if filled++; filled == size {
					return all
				}
			}
		}
	}
}

// free is the next place that nobody has.
func (p *permutation) free(all []int) uint64 {
	for {
		at := (p.offset + p.next*p.skip) % uint64(len(all))
		p.next++
		if all[at] < 0 {
			return at
		}
	}
}
