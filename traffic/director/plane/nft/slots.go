package nft

import (
	"slices"

	"holdfast/traffic/director/plane/places"
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

// maxSlots is how many numbers are drawn from at most.
const maxSlots = 1000

// slots lists, for each number that may be drawn, the index of its server; empty if no server takes new connections.
func slots(s table.Service) []int {
	open := places.Open(s.Servers)
	if len(open) == 0 {
		return nil
	}
	switch m := methods[s.Scheduler]; {
	case s.Scheduler == "fo":
		return []int{slices.MaxFunc(open, func(a, b int) int { return s.Servers[a].Weight - s.Servers[b].Weight })}
	case s.Scheduler == "mh":
		return places.Maglev(s.Servers, maglevSize)
	case !m.weighed:
		return open
	default:
		return places.ByWeight(s.Servers, maxSlots)
	}
}

// maglevSize is the size of Maglev's table, a prime.
const maglevSize = 1009
