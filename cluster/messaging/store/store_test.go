package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	pb "go.etcd.io/raft/v3/raftpb"
	"holdfast/cluster/messaging/core"
	"holdfast/cluster/messaging/store"
)

func entries(term uint64, indexes ...uint64) []*pb.Entry {
	var list []*pb.Entry
	for _, i := range indexes {
		list = append(list, &pb.Entry{Term: proto.Uint64(term), Index: proto.Uint64(i), Data: fmt.Appendf(nil, "entry %d of term %d", i, term)})
	}
	return list
}

func snapshot(index uint64) *pb.Snapshot {
	return &pb.Snapshot{Data: []byte("state"), Metadata: &pb.SnapshotMetadata{Index: proto.Uint64(index), Term: proto.Uint64(1), ConfState: &pb.ConfState{Voters: []uint64{1, 2}}}}
}

func hardState(term, commit uint64) *pb.HardState {
	return &pb.HardState{Term: proto.Uint64(term), Vote: proto.Uint64(1), Commit: proto.Uint64(commit)}
}

// history is a disk's life: each write, in order.
func history() []*core.Save {
	b1, b2 := core.Ballot{Number: 1}, core.Ballot{Number: 2, Proposer: 3}
	return []*core.Save{
		{Boot: 11, Disk: 11, Promised: &b1, Install: true, Ballot: b1, HardState: hardState(1, 1), Snapshot: snapshot(1), Sync: true},
		{HardState: hardState(2, 1), Entries: entries(2, 2, 3, 4), Sync: true},
		{HardState: hardState(2, 3)},
		{HardState: hardState(3, 3), Entries: entries(3, 4, 5), Sync: true},
		{Snapshot: snapshot(4), Sync: true},
		{Promised: &b2, Sync: true},
		{Install: true, Promised: &b2, Ballot: b2, HardState: hardState(1, 5), Snapshot: snapshot(5), Sync: true,
			Discarded: &core.Fork{Ballot: b1, Index: 5, Snapshot: []byte("old"), Tail: [][]byte{[]byte("tail")}}},
		{Boot: 12, Entries: entries(1, 6), Sync: true},
		{Snapshot: snapshot(9), Replace: true, HardState: hardState(4, 9), Sync: true},
	}
}

// The file keeps what the model does, over a reopening after every write.
func TestBoltKeepsWhatMemoryDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var model store.Memory
	for i, save := range history() {
		disk, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(disk.Save(save), model.Save(save), disk.Close()); err != nil {
			t.Fatal(err)
		}
		if disk, err = store.Open(dir); err != nil {
			t.Fatal(err)
		}
		got, err := disk.Load()
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.Load()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("after write %d (-want +got):\n%s", i, diff)
		}
		if err := disk.Close(); err != nil {
			t.Fatal(err)
		}
	}
	forks, err := store.Forks(dir)
	if err != nil || len(forks) != 1 || string(forks[0].Snapshot) != "old" || len(forks[0].Tail) != 1 {
		t.Errorf("discarded logs: %+v, %v", forks, err)
	}
}

func TestMemoryLosesAtACrashWhatWasNotSynced(t *testing.T) {
	t.Parallel()
	var m store.Memory
	for _, save := range history()[:3] {
		if err := m.Save(save); err != nil {
			t.Fatal(err)
		}
	}
	m.Crash()
	s, err := m.Load()
	if err != nil || s.HardState.GetCommit() != 1 || len(s.Entries) != 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := store.Open(dir); !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// Damage anywhere in the file is found or does no harm: nothing but what was written is served.
func TestDamageIsNeverServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disk, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, save := range history()[:4] {
		if err := disk.Save(save); err != nil {
			t.Fatal(err)
		}
	}
	want, err := disk.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for at := 0; at < len(good); at += 211 {
		bad := append([]byte{}, good...)
		bad[at] ^= 0x5a
		if serves(t, bad, want) {
			found++
		}
	}
	for _, cut := range []int{0, 100, 4096, len(good) / 2, len(good) - 1} {
		if cut > 0 {
			serves(t, good[:cut], want)
		}
	}
	if found == 0 {
		t.Error("no damage was found at all: the check does not bite")
	}
}

// serves opens a damaged file and tells whether the damage was found. A file that opens
// must hold what was written, or an earlier whole state of it.
func serves(t *testing.T, file []byte, want core.Saved) bool {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	disk, err := store.Open(dir)
	if err != nil {
		return true
	}
	defer func() { _ = disk.Close() }()
	got, err := disk.Load()
	if err != nil {
		return true
	}
	for i, e := range got.Entries {
		if i < len(want.Entries) && e.GetTerm() == want.Entries[i].GetTerm() && string(e.GetData()) != string(want.Entries[i].GetData()) {
			t.Errorf("entry %d is %q and was written as %q", e.GetIndex(), e.GetData(), want.Entries[i].GetData())
		}
	}
	return false
}
