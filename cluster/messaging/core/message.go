package core

import (
	pb "go.etcd.io/raft/v3/raftpb"
)

// Heartbeat is what a host tells every peer, on every link, ten times a token.
type Heartbeat struct {
	From    HostID
	Boot    uint64
	Seq     uint64
	Leaving bool
	Disk    uint64 // the boot that found its disk empty (rule 12)
	Trusted bool   // an operator says that an empty disk has forgotten nothing
	Hears   []Peer // hosts heard within a token on any link, ascending
	Leader  HostID // of its group, 0 when none is known
	// Where its log is: for forks and joins.
	Promised  Ballot
	Ballot    Ballot
	Sealed    Ballot
	Kept      Ancestor // how much of the sealed group's log it has
	Voters    []HostID
	LastTerm  uint64
	LastIndex uint64
	Held      Held   // what of that is on its disk for certain
	Doubts    []Peer // daemons that have less on their disks than their predecessors said
	Epoch     uint64 // counts how often the set has changed that the sender reaches
	Lent      uint64 // the ring for which the quorum device has told the sender that it has its votes; 0: none
}

// Peer is a host as it is heard: which daemon of it.
type Peer struct {
	ID   HostID
	Boot uint64
}

// MessageKind says which fields a Message has.
type MessageKind uint8

// The kinds of message.
const (
	RaftMessage    MessageKind = iota + 1 // Raft
	ForwardMessage                        // Seq, Data: a proposal for the leader
	RefusedMessage                        // Seq, Reason: the forwarded proposal was not taken, and why
	ProposeMessage                        // Ballot, Hosts: rule 2
	PromiseMessage                        // Ballot, Position: rule 3
	RefuseMessage                         // Ballot: the highest seen
	StartMessage                          // Ballot, Hosts, Host: the seed, asked to start the group
	InstallMessage                        // Ballot, Position, Snapshot: rule 5 and joins
)

// Message is what one core sends to another over an ordered, authenticated stream.
type Message struct {
	Kind     MessageKind
	From, To HostID
	Boot     uint64 // of the sender
	Ballot   Ballot // the group it belongs to, or the proposed one
	Raft     *pb.Message
	Seq      uint64
	Oldest   uint64 // the lowest Seq that the proposer still waits for
	Reason   uint8
	Data     []byte
	Hosts    []HostID
	Host     HostID
	Position // of the sender's log
	Snapshot *pb.Snapshot
}
