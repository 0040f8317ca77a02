// Package store keeps what a host must not forget: on disk in a bbolt file (Bolt), or
// in memory with a disk's behaviour at a crash (Memory), for the simulator and for tests.
//
// Both apply the same rule (package core's Save): one Save is atomic, a Save with Sync is
// durable when it returns, and one without may be lost as a whole at a crash, together
// with nothing before it. The packages start no goroutines.
package store

import (
	"slices"

	"google.golang.org/protobuf/proto"

	pb "go.etcd.io/raft/v3/raftpb"
	"holdfast/cluster/messaging/core"
)

// Memory is a disk in memory. Its zero value is a new disk.
type Memory struct {
	// Fail, when set, is returned by every Save: a full or broken disk.
	Fail error
	// Forks are the logs that were discarded, oldest first.
	Forks []core.Fork

	durable core.Saved
	cached  []*core.Save // saved without Sync since the last that had it
}

// Load returns what was saved, durable or not: the host did not crash.
func (m *Memory) Load() (core.Saved, error) {
	s := m.durable
	s.Entries = slices.Clone(s.Entries)
	for _, save := range m.cached {
		apply(&s, save)
	}
	return s, nil
}

// Save keeps a write.
func (m *Memory) Save(s *core.Save) error {
	if m.Fail != nil {
		return m.Fail
	}
	m.cached = append(m.cached, copySave(s))
	if s.Sync {
		m.Flush()
	}
	if s.Discarded != nil {
		m.Forks = append(m.Forks, *s.Discarded)
	}
	return nil
}

// Flush makes everything durable, as a disk does in its own time.
func (m *Memory) Flush() {
	for _, s := range m.cached {
		apply(&m.durable, s)
	}
	m.cached = nil
}

// Crash loses what was not durable.
func (m *Memory) Crash() { m.cached = nil }

// Clone copies the disk as a backup does.
func (m *Memory) Clone() *Memory {
	c := *m
	c.durable.Entries, c.cached, c.Forks = slices.Clone(m.durable.Entries), slices.Clone(m.cached), slices.Clone(m.Forks)
	return &c
}

// Close does nothing.
func (m *Memory) Close() error { return nil }

// apply puts one write into the state.
func apply(t *core.Saved, s *core.Save) {
	if s.Boot != 0 {
		t.Boot = s.Boot
	}
	if s.Disk != 0 {
		t.Disk = s.Disk
	}
	if s.Promised != nil {
		t.Promised = *s.Promised
	}
	if s.Install {
		t.Ballot = s.Ballot
	}
	if s.HardState != nil {
		t.HardState = s.HardState
	}
	if s.Snapshot != nil {
		t.Snapshot = s.Snapshot
		index := s.Snapshot.GetMetadata().GetIndex()
		if s.Install || s.Replace {
			t.Entries = nil
		}
		t.Entries = slices.DeleteFunc(slices.Clone(t.Entries), func(e *pb.Entry) bool { return e.GetIndex() <= index })
	}
	if len(s.Entries) > 0 {
		first := s.Entries[0].GetIndex()
		keep := slices.IndexFunc(t.Entries, func(e *pb.Entry) bool { return e.GetIndex() >= first })
		if keep >= 0 {
			t.Entries = slices.Clone(t.Entries[:keep])
		}
		t.Entries = append(t.Entries, s.Entries...)
		if t.Snapshot != nil {
			index := t.Snapshot.GetMetadata().GetIndex()
			t.Entries = slices.DeleteFunc(t.Entries, func(e *pb.Entry) bool { return e.GetIndex() <= index })
		}
	}
}

// copySave takes what later changes of the caller's values must not reach.
func copySave(s *core.Save) *core.Save {
	c := *s
	if s.HardState != nil {
		c.HardState = proto.CloneOf(s.HardState)
	}
	c.Entries = slices.Clone(s.Entries)
	return &c
}

// Tear loses what was not durable but for the first writes of it, which had just
// reached the disk when the power failed.
func (m *Memory) Tear(kept int) {
	m.cached = m.cached[:min(kept, len(m.cached))]
	m.Flush()
}

// End is where the log on a disk ends.
type End struct {
	Ballot      core.Ballot
	Term, Index uint64
}

// End returns where the log ends.
func (m *Memory) End() End {
	s, _ := m.Load() // never fails
	e := End{Ballot: s.Ballot}
	if s.Snapshot != nil {
		e.Term, e.Index = s.Snapshot.GetMetadata().GetTerm(), s.Snapshot.GetMetadata().GetIndex()
	}
	if n := len(s.Entries); n > 0 {
		e.Term, e.Index = s.Entries[n-1].GetTerm(), s.Entries[n-1].GetIndex()
	}
	return e
}

// Before tells whether a log ends before another of the same host.
func (e End) Before(o End) bool {
	if e.Ballot != o.Ballot {
		return e.Ballot.Less(o.Ballot)
	}
	return e.Term < o.Term || e.Term == o.Term && e.Index < o.Index
}
