package nft

import (
	"os"
	"slices"
	"testing"

	"holdfast/traffic/director/table"
)

// names lists what a store has read, in order.
func names(all []kept) (names []string) {
	for _, one := range all {
		names = append(names, one.Key.String())
	}
	return names
}

func keptAs(t *testing.T, key string) kept {
	t.Helper()
	k, err := table.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return kept{Service: table.Service{Key: k, Scheduler: "rr"}, place: place{Number: 1}}
}

// wants reads and compares.
func (s *store) wants(t *testing.T, when string, anew bool, want ...string) {
	t.Helper()
	all, isAnew, err := s.read()
	if err != nil || isAnew != anew || !slices.Equal(names(all), want) {
		t.Fatalf("%s: %v, anew %t, %v; want %v, anew %t", when, names(all), isAnew, err, want, anew)
	}
}

// TestProcessesShareAStore: each reads what others have added; a line that is torn never was; most lines that no longer count go.
func TestProcessesShareAStore(t *testing.T) {
	t.Parallel()
	one := &store{dir: t.TempDir()}
	two := &store{dir: one.dir}
	one.wants(t, "nothing is there", false)
	if err := one.add([]kept{keptAs(t, "fwmark 1"), keptAs(t, "fwmark 2")}); err != nil {
		t.Fatal(err)
	}
	one.wants(t, "it is its own", false)
	two.wants(t, "for the first time", true, "fwmark 1", "fwmark 2")
	f, err := os.OpenFile(one.name(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"service":"fwm`); err != nil {
		t.Fatal(err)
	}
	one.wants(t, "a torn line", false)
	if err := two.add([]kept{keptAs(t, "fwmark 3")}); err != nil {
		t.Fatal(err)
	}
	one.wants(t, "what the other added", false, "fwmark 3")
	for range fewLines {
		if err := one.add([]kept{keptAs(t, "fwmark 3")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.shrink(func() []kept { return []kept{keptAs(t, "fwmark 3")} }, 1); err != nil {
		t.Fatal(err)
	}
	one.wants(t, "it knows what is left", false)
	two.wants(t, "the file is another", true, "fwmark 3")
	if err := os.Remove(one.name()); err != nil {
		t.Fatal(err)
	}
	two.wants(t, "somebody deleted the file", true)
}
