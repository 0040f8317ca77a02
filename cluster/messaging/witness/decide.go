package witness

import (
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// Partition is what the algorithm knows of a ring.
type Partition struct {
	Ring    qdevice.Ring
	Members []uint32 // as they report
	Clients int      // members that are connected
	Score   int      // clients, and those whose heuristics passed, less those whose failed
	Active  bool     // a member of it was in the partition that had the vote last
}

// decide gives the cluster's vote, if everything is known for that.
func (s *Server) decide(now time.Duration, cl *cluster) {
	if len(cl.clients) == 0 || !cl.stable() || s.early(now, cl) {
		return
	}
	parts := cl.partitions()
	chosen := Choose(cl.algorithm, cl.configured(), parts, cl.tie, cl.keepActive)
	pending := false
	for _, c := range cl.clients {
		if chosen < 0 || c.ring != parts[chosen].Ring {
			s.tell(c, qdevice.Nack)
			pending = pending || c.unanswered
		}
	}
	if pending || chosen < 0 {
		return
	}
	cl.active = parts[chosen].Members
	for _, c := range cl.clients {
		if c.ring == parts[chosen].Ring {
			s.tell(c, qdevice.Ack)
		}
	}
}

// tell tells a client how it stands, unless it knows.
func (s *Server) tell(c *client, v qdevice.Vote) {
	if c.told == v && c.toldRing == c.ring {
		return
	}
	c.told, c.toldRing, c.unanswered = v, c.ring, true
	c.seq++
	s.send(c, &qdevice.Message{Type: qdevice.VoteInfo, Seq: c.seq, Vote: v, Ring: c.ring, Has: qdevice.Of(qdevice.OptionSeq, qdevice.OptionVote, qdevice.OptionRing)})
}

// early tells whether votes of before this server was started may still count.
func (s *Server) early(now time.Duration, cl *cluster) bool {
	longest := time.Duration(0)
	for _, c := range cl.clients {
		longest = max(longest, c.heartbeat)
	}
	ripe := s.started + patience(longest)
	if now >= ripe || len(cl.clients) == len(cl.configured()) {
		return false
	}
	cl.waits = ripe
	return true
}

// configured is the most that a client says of the configured hosts.
func (cl *cluster) configured() []uint32 {
	var all []uint32
	for _, c := range cl.clients {
		all = append(all, c.configured...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stable tells whether all clients have reported, and no two of them that count each other as
// members report different rings.
func (cl *cluster) stable() bool {
	for _, c := range cl.clients {
		if c.members == nil || c.configured == nil {
			return false
		}
		for _, o := range cl.clients {
			if o.ring != c.ring && (slices.Contains(c.members, o.node) || slices.Contains(o.members, c.node)) {
				return false
			}
		}
	}
	return true
}

// partitions lists the rings with clients, by the lowest client in them.
func (cl *cluster) partitions() []Partition {
	var parts []Partition
	for _, c := range cl.clients {
		at := slices.IndexFunc(parts, func(p Partition) bool { return p.Ring == c.ring })
		if at < 0 {
			at = len(parts)
			active := slices.ContainsFunc(c.members, func(id uint32) bool { return slices.Contains(cl.active, id) })
			parts = append(parts, Partition{Ring: c.ring, Members: c.members, Active: active})
		}
		p := &parts[at]
		p.Clients++
		p.Score++
		switch worse(c.heuristics, c.regular) {
		case qdevice.HeuristicsPass:
			p.Score++
		case qdevice.HeuristicsFail:
			p.Score--
		}
	}
	return parts
}

// worse is what two runs of the commands say together.
func worse(a, b qdevice.Heuristics) qdevice.Heuristics { return max(a, b) }

// Choose is the algorithms' choice: the index of the partition that gets the vote, or -1.
//
// With ffsplit it is a partition with at least half of the configured hosts: the one with the most
// members, then the highest score, then the most connected clients. With lms any partition may get it: the one
// with the highest score, then the most members. Of those that are still equal it is, with
// keepActive (always with lms), the one that has members of the partition that had the vote last, then
// the tie breaker's.
func Choose(algorithm qdevice.Algorithm, configured []uint32, parts []Partition, tie qdevice.TieBreaker, keepActive bool) int {
	best := -1
	for i, p := range parts {
		if algorithm == qdevice.FFSplit && 2*len(p.Members) < len(configured) {
			continue
		}
		if best < 0 || better(algorithm, p, parts[best], tie, keepActive || algorithm == qdevice.LMS) {
			best = i
		}
	}
	return best
}

// better tells whether a partition is to be preferred to another.
func better(algorithm qdevice.Algorithm, a, b Partition, tie qdevice.TieBreaker, keepActive bool) bool {
	order := []int{len(a.Members) - len(b.Members), a.Score - b.Score, a.Clients - b.Clients}
	if algorithm == qdevice.LMS {
		order = []int{a.Score - b.Score, len(a.Members) - len(b.Members)}
	}
	for _, by := range order {
		if by != 0 {
			return by > 0
		}
	}
	if keepActive && a.Active != b.Active {
		return a.Active
	}
	return breaks(tie, a.Members, b.Members)
}

// breaks tells whether the tie breaker prefers one set of hosts to another.
func breaks(tie qdevice.TieBreaker, a, b []uint32) bool {
	switch tie.Mode {
	case qdevice.TieHighest:
		return slices.Max(a) > slices.Max(b)
	case qdevice.TieNode:
		return slices.Contains(a, tie.Node)
	}
	return slices.Min(a) < slices.Min(b)
}
