package core

import (
	pb "go.etcd.io/raft/v3/raftpb"
)

// FormatVersion is the version of what Storage keeps and of every message.
const FormatVersion = 1

// Saved is everything that a host keeps across restarts.
type Saved struct {
	Promised  Ballot        // rule 4: what it votes, follows or acknowledges in no lower ballot than
	Ballot    Ballot        // of the log below
	Sealed    Ballot        // as of Snapshot; later seals are in Entries
	HardState *pb.HardState // nil on a new disk
	Snapshot  *pb.Snapshot  // nil on a new disk
	Entries   []*pb.Entry   // following Snapshot
	Boot      uint64        // of the last daemon that wrote here
	Disk      uint64        // the boot that found the disk empty: another one has forgotten what this one knows
}

// Save is one atomic write. Fields that are nil stay as they are.
type Save struct {
	Boot     uint64 // 0: unchanged
	Promised *Ballot
	Disk     uint64 // 0: unchanged
	// Install starts a new log: Ballot and Snapshot replace it and all its entries at once.
	Install   bool
	Ballot    Ballot
	Sealed    *Ballot
	HardState *pb.HardState
	Snapshot  *pb.Snapshot // entries up to its index go
	// Replace drops the entries after Snapshot, too: it came from another host. Install implies it.
	Replace bool
	Entries []*pb.Entry // replace what is at and after the first one's index
	// Discarded is what an Install gives up, to be kept under forks/.
	Discarded *Fork
	// Sync tells that it must be durable before Storage.Save returns. Without it the
	// write may be lost with the next crash, as long as it is lost as a whole.
	Sync bool
}

// Fork is a log that lost to another.
type Fork struct {
	Ballot   Ballot
	Index    uint64
	Snapshot []byte // Machine's, with all that was applied
	Tail     [][]byte
}

// Storage is a host's disk. Methods are called from one goroutine.
type Storage interface {
	// Load reads everything, and fails if a checksum does not match.
	Load() (Saved, error)
	// Save writes atomically. After an error the host must stop.
	Save(s *Save) error
	Close() error
}
