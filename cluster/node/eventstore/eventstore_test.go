package eventstore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
)

func event(seq uint64) client.Event {
	return client.Event{Seq: seq, Time: time.Unix(int64(seq), 0).UTC(), Kind: client.Idle, Detail: strings.Repeat("x", 100)}
}

func read(t *testing.T, dir string, from time.Time) []uint64 {
	t.Helper()
	var found []uint64
	if err := Read(dir, from, func(e client.Event) bool {
		found = append(found, e.Seq)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func keep(t *testing.T, s *Store, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		if err := s.Append(event(seq)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEventsOutliveTheDaemon(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "events")
	if got := read(t, dir, time.Time{}); got != nil {
		t.Errorf("a store that was never opened holds %v", got)
	}
	s := open(t, dir)
	keep(t, s, 1, 2)
	s.Close()
	s = open(t, dir)
	if s.Last() != 2 {
		t.Fatalf("last %d after a restart, want 2", s.Last())
	}
	keep(t, s, 3)
	if got := read(t, dir, time.Time{}); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("kept %v", got)
	}
	if got := read(t, dir, time.Unix(2, 0)); !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("kept since the second: %v", got)
	}
	if names, _ := segments(dir); len(names) != 1 {
		t.Errorf("segments %v, want one that is gone on with", names)
	}
}

func TestStoreIsARing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	s.segment = 600 // two or three events
	for seq := uint64(1); seq <= 200; seq++ {
		keep(t, s, seq)
	}
	got := read(t, dir, time.Time{})
	names, err := segments(dir)
	if err != nil || len(names) != Segments {
		t.Errorf("%d segments, %v; want %d", len(names), err, Segments)
	}
	if len(got) == 0 || got[0] < 100 || got[len(got)-1] != 200 || uint64(len(got)) != 200-got[0]+1 {
		t.Errorf("kept %v, want the newest without a gap", got)
	}
	if s := open(t, dir); s.Last() != 200 {
		t.Errorf("last %d", s.Last())
	}
}

func TestTornLineCostsOneEvent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	keep(t, s, 1, 2)
	s.Close()
	names, _ := segments(dir)
	path := filepath.Join(dir, names[0])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-20], 0o640); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if s.Last() != 1 {
		t.Errorf("last %d, want 1", s.Last())
	}
	keep(t, s, 2, 3)
	if got := read(t, dir, time.Time{}); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("kept %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"seq":1,"kind":"idle"}` + "\n"))
	f.Add([]byte("{\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1.jsonl"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir)
		if err != nil {
			return
		}
		defer s.Close()
		next := s.Last() + 1
		if next == 0 {
			return
		}
		if err := s.Append(event(next)); err != nil {
			t.Fatal(err)
		}
	})
}
