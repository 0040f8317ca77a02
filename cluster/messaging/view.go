// Package messaging lets hosts talk: liveness over several links, agreed views,
// quorum, and the replicated log. Raft replicates, votes decide, fencing enforces.
package messaging

// HostID is a host's node id: corosync.conf's nodeid, 1 and up.
type HostID uint32

// Ballot orders the raft groups that a cluster has had: by Number, then Proposer.
type Ballot struct {
	Number   uint64
	Proposer HostID
}

// View is an agreed membership. It is an entry of the log, so all hosts see the
// same views in the same order.
type View struct {
	Number  uint64   // grows by one with every view of the log
	Members []HostID // hosts in the cluster now, ascending
	Lost    []HostID // configured hosts that were members or are unseen, ascending
	Quorate bool     // by the votes (package quorum), never by raft's majority
	Leader  HostID   // the DC
	Ballot  Ballot
}

// Machine is the replicated state: every host applies the same entries in the
// same order. It is called from one goroutine only and must be deterministic.
type Machine interface {
	// Apply applies one committed entry and returns its answer for the proposer.
	Apply(index uint64, entry []byte) (answer []byte)
	// View tells that a view was committed, in order with the entries.
	View(index uint64, view View)
	// Snapshot returns the whole state; Restore replaces it.
	Snapshot() ([]byte, error)
	Restore(snapshot []byte) error
}
