package pool

import (
	"slices"
	"sort"

	"holdfast/traffic/proxy/sample"
)

// ordering is which servers can be used, and in which order. It does not change.
type ordering struct {
	servers  []*Server
	weights  []int     // of servers, with slowstart
	sequence []*Server // roundrobin: each as often as its weight says, well mixed
	slots    []*Server // hashing: as many for each as its weight says
	ring     []point   // consistent hashing
	ramping  bool      // a slowstart goes on: the weights change by themselves
}

type point struct {
	hash   uint32
	server *Server
}

// maxSequence bounds a sequence; weights are made smaller until it fits.
const maxSequence = 4096

// maxSlots bounds the table of hashes; beyond it weights do not count.
const maxSlots = 1 << 18

// Refresh makes the ordering anew, after a change of a server's state or weight.
func (b *Backend) Refresh() {
	b.mu.Lock()
	now := b.now()
	o := &ordering{}
	usable := b.active(false)
	if len(usable) == 0 {
		if usable = b.active(true); len(usable) > 1 && !b.Options.AllBackups {
			usable = usable[:1]
		}
	}
	o.servers = usable
	next := 0
	for _, s := range b.Servers() { // those that can be used stand in the same order
		in := next < len(usable) && usable[next] == s
		if s.ordered.Store(in); in {
			next++
		}
	}
	b.availability.note(len(usable) > 0, now)
	for _, s := range usable {
		weight, ramping := s.slowWeight(now)
		o.ramping = o.ramping || ramping
		o.weights = append(o.weights, weight)
	}
	o.sequence = mixed(usable, o.weights)
	if b.Balance.Consistent {
		o.ring = makeRing(usable)
	} else {
		o.slots = slots(usable, o.weights)
	}
	b.order.Store(o)
	b.mu.Unlock()
	if b.waiting.Load() > 0 {
		for _, s := range usable {
			b.wake(s)
		}
	}
}

func (b *Backend) active(backups bool) []*Server {
	var all []*Server
	for _, s := range b.Servers() {
		if s.Backup == backups && s.Usable() {
			all = append(all, s)
		}
	}
	return all
}

// mixed makes the sequence in which each server comes as often as its weight says and as far from itself as possible: smooth
// weighted round robin, unrolled.
func mixed(servers []*Server, weights []int) []*Server {
	divisor, sum := 0, 0
	for _, w := range weights {
		divisor = gcd(divisor, w)
		sum += w
	}
	if sum == 0 {
		return servers
	}
	share := make([]int, len(weights))
	for scale := divisor; ; scale *= 2 {
		sum = 0
		for i, w := range weights {
			share[i] = max(1, w/scale)
			sum += share[i]
		}
		if sum <= max(maxSequence, len(servers)) {
			break
		}
	}
	if sum == len(servers) {
		return servers
	}
	sequence, current := make([]*Server, 0, sum), make([]int, len(servers))
	for range sum {
		best := 0
		for i := range servers {
			current[i] += share[i]
			if current[i] > current[best] {
				best = i
			}
		}
		current[best] -= sum
		sequence = append(sequence, servers[best])
	}
	return sequence
}

// slots makes the table that hashes point into. Each server has as many as its weight says, at the places where HAProxy has them: of those whose share is
// due the first one takes the next slot.
func slots(servers []*Server, weights []int) []*Server {
	divisor, sum := 0, 0
	for _, w := range weights {
		divisor = gcd(divisor, w)
	}
	for _, w := range weights {
		sum += w / max(1, divisor)
	}
	if sum == 0 || sum > maxSlots {
		return servers
	}
	all, due := make([]*Server, 0, sum), make([]int, len(servers))
	for range sum {
		best, most := 0, 0
		for i, w := range weights {
			due[i] += w / divisor
			if whole := (due[i] + sum) / sum; i == 0 || whole > most {
				best, most = i, whole
			}
		}
		due[best] -= sum
		all = append(all, servers[best])
	}
	return all
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// next takes the server at a place in the sequence, and passes over those that are full while there are others.
func (o *ordering) next(turn uint64, avoid *Server) *Server {
	n := uint64(len(o.sequence))
	at := turn % n
	for range n {
		if s := o.sequence[at]; s != avoid && s.HasRoom() {
			return s
		}
		if at++; at == n {
			at = 0
		}
	}
	return o.sequence[turn%n]
}

// least takes the server with the fewest connections for its weight.
func (o *ordering) least(avoid *Server) *Server {
	var best *Server
	var load int64
	for i, s := range o.servers {
		if s == avoid {
			continue
		}
		// Compared in 256ths of a weight, so that weights of 1 to 256 differ.
		l := (s.Sessions.Load() + 1) << 20 / int64(o.weights[i])
		if !s.HasRoom() {
			l += 1 << 56
		}
		if best == nil || l < load || l == load && s.Counters.picks() < best.Counters.picks() {
			best, load = s, l
		}
	}
	return best
}

// picks is how often a server was chosen: the tie-breaker among the idle.
func (c *Counters) picks() int64 {
	var n int64
	for i := range c.sets {
		n += c.sets[i].Picked.Load()
	}
	return n
}

func (o *ordering) first(avoid *Server) *Server {
	for _, s := range o.servers {
		if s != avoid && s.HasRoom() {
			return s
		}
	}
	return o.servers[0]
}

// drawn takes the least loaded of so many that are drawn by weight.
func (o *ordering) drawn(random func(int) int, draws int, avoid *Server) *Server {
	var best *Server
	for range max(1, draws) + 1 {
		s := o.sequence[random(len(o.sequence))]
		if s == avoid {
			continue
		}
		if best == nil || s.Sessions.Load()*int64(max(1, best.Weight())) < best.Sessions.Load()*int64(max(1, s.Weight())) {
			best = s
		}
	}
	if best == nil {
		best = o.sequence[0]
	}
	return best
}

// hashed takes the server that a hash belongs to: by its place in the sequence, or on the ring.
func (o *ordering) hashed(b *Backend, hash uint32) *Server {
	if !b.Balance.Consistent {
		return o.slots[uint64(hash)%uint64(len(o.slots))]
	}
	at := sort.Search(len(o.ring), func(i int) bool { return o.ring[i].hash >= hash })
	at = o.nearest(at, hash)
	if b.Balance.Factor == 0 {
		return o.ring[at].server
	}
	// Bounded load: nobody takes more than the factor times the average.
	var sum int64
	for _, s := range o.servers {
		sum += s.Sessions.Load()
	}
	limit := (sum+1)*int64(b.Balance.Factor)/int64(100*len(o.servers)) + 1
	for i := range o.ring {
		if s := o.ring[(at+i)%len(o.ring)].server; s.Sessions.Load() < limit {
			return s
		}
	}
	return o.ring[at%len(o.ring)].server
}

// nearest is the closer one of the point at or behind a hash and the one before it, as HAProxy has it.
func (o *ordering) nearest(at int, hash uint32) int {
	n := len(o.ring)
	after, before := at%n, (at+n-1)%n
	if hash-o.ring[before].hash <= o.ring[after].hash-hash {
		return before
	}
	return after
}

// pointsOfServer is how many points of the ring are set aside for a server: 16 for each unit of the greatest weight.
const pointsOfServer = 16 * 256

// makeRing puts every server on the ring at 16 points for each unit of its weight. The points depend on the server's number alone, so that the others
// stay where they are when one goes; they are HAProxy's, so that clients keep their servers when one takes the other's place.
func makeRing(servers []*Server) []point {
	var ring []point
	for _, s := range servers {
		id := s.Number
		if id == 0 {
			id = s.Index + 1
		}
		for i := range 16 * max(1, s.Weight()) {
			ring = append(ring, point{sample.Avalanche(uint32(id*pointsOfServer + i)), s})
		}
	}
	slices.SortFunc(ring, func(a, b point) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return a.server.Index - b.server.Index
	})
	return ring
}
