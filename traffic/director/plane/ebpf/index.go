package ebpf

import (
	"net/netip"
	"slices"

	"holdfast/traffic/director/plane/places"
	"holdfast/traffic/director/table"
)

// index is what a process knows of the table in the kernel, so that it need not look through all of it for each change. It holds as long as the
// table's generation has not moved without it.
type index struct {
	generation              uint64
	table                   table.Table
	services                map[table.Key]uint32                 // places of services
	servers                 map[uint32]map[netip.AddrPort]uint32 // places of servers, those that are gone included, by the places of their services
	reals                   map[endpoint]real
	freeService, freeServer []uint32 // the next is the last
	holes                   []hole
}

// hole is rows of slots that no service uses.
type hole struct{ first, rows int }

// read makes an index of all that the kernel has.
func (k *kernel) read() *index {
	x := &index{
		generation: k.settings.Generation, table: table.Table{}, services: map[table.Key]uint32{},
		servers: map[uint32]map[netip.AddrPort]uint32{}, reals: map[endpoint]real{},
	}
	ordered := map[uint32][]uint32{}
	for i := len(k.servers) - 1; i >= 0; i-- {
		s := &k.servers[i]
		if s.Flags&serverUsed == 0 {
			x.freeServer = append(x.freeServer, uint32(i))
			continue
		}
		if x.servers[s.Service] == nil {
			x.servers[s.Service] = map[netip.AddrPort]uint32{}
		}
		x.servers[s.Service][s.server().Address] = uint32(i)
		if s.Flags&serverGone == 0 {
			ordered[s.Service] = append(ordered[s.Service], uint32(i))
		}
	}
	var used []hole
	for i := len(k.services) - 1; i >= 0; i-- {
		r := &k.services[i]
		if r.Flags&serviceUsed == 0 {
			x.freeService = append(x.freeService, uint32(i))
			continue
		}
		s := r.service()
		slices.SortFunc(ordered[uint32(i)], func(a, b uint32) int { return int(k.servers[a].Order) - int(k.servers[b].Order) })
		for _, at := range ordered[uint32(i)] {
			s.Servers = append(s.Servers, k.servers[at].server())
		}
		x.table[s.Key], x.services[s.Key] = s, uint32(i)
		if r.Table != 0 {
			used = append(used, tableOf(r.Table).rows())
		}
		for _, e := range answering(s) {
			x.real(e, uint32(i), true)
		}
	}
	x.holes = between(used, len(k.tables))
	return x
}

// between lists the holes between used rows.
func between(used []hole, rows int) []hole {
	slices.SortFunc(used, func(a, b hole) int { return a.first - b.first })
	var holes []hole
	at := 0
	for _, u := range append(used, hole{rows, 0}) {
		if u.first > at {
			holes = append(holes, hole{at, u.first - at})
		}
		at = u.first + u.rows
	}
	return holes
}

// take finds room for rows; false if there is none in one piece.
func (x *index) take(rows int) (first int, ok bool) {
	for i := range x.holes {
		h := &x.holes[i]
		if h.rows >= rows {
			first = h.first
			h.first += rows
			h.rows -= rows
			if h.rows == 0 {
				x.holes = slices.Delete(x.holes, i, i+1)
			}
			return first, true
		}
	}
	return 0, false
}

// give takes rows back.
func (x *index) give(freed hole) {
	if freed.rows == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(x.holes, freed, func(a, b hole) int { return a.first - b.first })
	x.holes = slices.Insert(x.holes, at, freed)
	if at+1 < len(x.holes) && freed.first+freed.rows == x.holes[at+1].first {
		x.holes[at].rows += x.holes[at+1].rows
		x.holes = slices.Delete(x.holes, at+1, at+2)
	}
	if at > 0 && x.holes[at-1].first+x.holes[at-1].rows == x.holes[at].first {
		x.holes[at-1].rows += x.holes[at].rows
		x.holes = slices.Delete(x.holes, at, at+1)
	}
}

// answering lists where the answers for a service come from: the endpoints of servers behind NAT. A mark's service may be of any protocol.
func answering(s table.Service) []endpoint {
	protocols := []table.Protocol{s.Key.Protocol}
	if s.Key.Mark != 0 {
		protocols = []table.Protocol{table.TCP, table.UDP, table.SCTP}
	}
	var all []endpoint
	for _, one := range s.Servers {
		if one.Forward != table.NAT {
			continue
		}
		for _, p := range protocols {
			all = append(all, endpointOf(one.Address, p))
		}
	}
	return all
}

// real notes that a service is or is no longer one of those that an endpoint answers for; what the kernel is to know, nothing if none is left.
func (x *index) real(e endpoint, service uint32, is bool) real {
	r := x.reals[e]
	at := slices.Index(r.Service[:r.Count], service)
	switch {
	case is && at < 0 && r.Count < servicesOfServer:
		r.Service[r.Count] = service
		r.Count++
	case !is && at >= 0:
		r.Count--
		r.Service[at] = r.Service[r.Count]
		r.Service[r.Count] = 0
	}
	x.reals[e] = r
	if r.Count == 0 {
		delete(x.reals, e)
	}
	return r
}

// mostTurns is how many slots servers share by weight at most.
const mostTurns = 4096

// maglevSizes are primes, by how many servers at most there are: a hundred slots for each, as the paper wants. They are far apart, as another size is another
// table, and servers come and go.
var maglevSizes = []struct{ servers, size int }{{10, 1009}, {40, 4099}, {160, 16411}, {640, 65537}}

// slots lists the servers by the places of a service's table; of schedulers that weigh loads, those they choose from.
func slots(s table.Service) []int {
	open := places.Open(s.Servers)
	switch s.Scheduler {
	case "wrr":
		return places.ByWeight(s.Servers, mostTurns)
	case "sh", "dh", "mh":
		return places.Maglev(s.Servers, maglevSize(len(s.Servers)))
	case "fo", "ovf":
		slices.SortStableFunc(open, func(a, b int) int { return s.Servers[b].Weight - s.Servers[a].Weight })
	}
	return open
}

func maglevSize(servers int) int {
	at := slices.IndexFunc(maglevSizes, func(one struct{ servers, size int }) bool { return servers <= one.servers })
	if at < 0 {
		at = len(maglevSizes) - 1
	}
	return maglevSizes[at].size
}

// mostRows is how many rows a service's slots take at most, if its servers lie together.
func mostRows(s table.Service) int {
	t := slotTable{slots: len(s.Servers), width: widthFor(uint32(len(s.Servers))), ranked: ranks(s.Scheduler)}
	switch s.Scheduler {
	case "wrr":
		t.slots = len(slots(s))
	case "sh", "dh", "mh":
		t.slots = maglevSize(t.slots)
	}
	return t.rows().rows
}
