package witness

import (
	"slices"
	"time"

	"holdfast/cluster/messaging/qdevice"
)

// ClusterStatus is what is known of a cluster.
type ClusterStatus struct {
	Name       string
	Algorithm  qdevice.Algorithm
	Tie        qdevice.TieBreaker
	KeepActive bool
	Stable     bool // a decision can be made
	Clients    []ClientStatus
}

// ClientStatus is what is known of a host.
type ClientStatus struct {
	Node       uint32
	Addr       string
	Heartbeat  time.Duration
	Configured []uint32
	Ring       qdevice.Ring
	Members    []uint32
	Heuristics qdevice.Heuristics // when the partition changed
	Regular    qdevice.Heuristics
	Secured    bool
	Certified  bool // a certificate of the cluster was shown
	Vote       qdevice.Vote
}

// Status returns what is known of a cluster, or of all of them (name "").
func (s *Server) Status(name string) []ClusterStatus {
	list := []ClusterStatus{}
	for _, cl := range s.sorted() {
		if name != "" && cl.name != name {
			continue
		}
		st := ClusterStatus{Name: cl.name, Algorithm: cl.algorithm, Tie: cl.tie, KeepActive: cl.keepActive, Stable: cl.stable()}
		for _, c := range cl.clients {
			st.Clients = append(st.Clients, ClientStatus{Node: c.node, Addr: c.addr, Heartbeat: c.heartbeat, Configured: slices.Clone(c.configured),
				Ring: c.ring, Members: slices.Clone(c.members), Heuristics: c.heuristics, Regular: c.regular, Secured: c.secured,
				Certified: c.certified != "", Vote: c.standing()})
		}
		list = append(list, st)
	}
	return list
}
