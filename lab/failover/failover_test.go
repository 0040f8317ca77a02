package failover

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/node/client"
	"holdfast/lab"
	"holdfast/lab/fleet"
)

func TestMain(m *testing.M) { os.Exit(fleet.Testing(m.Run)) }

// TestServiceSurvives does each fault once, with a real cluster. Run fails when the service
// does not come back, or when a host that only suffers is declared dead.
func TestServiceSurvives(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	var only []string
	for _, f := range faults {
		// What hangs on who is the faster is for make bench-partitions, on a machine with time to spare.
		if !f.racy {
			only = append(only, f.key)
		}
	}
	if testing.Short() {
		only = []string{"kill", "move", "device"}
	}
	var report strings.Builder
	err := Run(t.Context(), Options{Runs: 1, Only: only, Binary: fleet.Program(), Address: "ocf:holdfast:address", Events: true, moves: 100}, &report)
	if err != nil {
		t.Errorf("%v\n%s", err, report.String())
	}
	for _, f := range faults {
		if slices.Contains(only, f.key) && !strings.Contains(report.String(), f.name) {
			t.Errorf("the report lacks %q:\n%s", f.name, report.String())
		}
	}
}

// TestNothingIsRecoveredBeforeFencing: what a host may still be running is not started
// elsewhere while its fence device does not answer.
func TestNothingIsRecoveredBeforeFencing(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	s, err := Options{Binary: fleet.Program(), Address: "ocf:holdfast:address"}.start(ctx, true, three)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	active, err := s.active(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := active.FenceFault(lab.FenceFails); err != nil {
		t.Fatal(err)
	}
	at, err := active.Cut(lab.AllLinks)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AwaitEvent(ctx, at, client.Fenced); err != nil {
		t.Fatal(err)
	}
	early, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	if a, err := s.poll.Await(early, at, notFrom(active.Name())); err == nil {
		t.Fatalf("%s serves although %s could not be fenced", a.Body, active.Name())
	}
	if err := active.FenceFault(lab.FenceWorks); err != nil {
		t.Fatal(err)
	}
	if _, err := s.poll.Await(ctx, at, notFrom(active.Name())); err != nil {
		t.Fatalf("the fence device works again: %v", err)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	low, middle, high := spread([]time.Duration{4, 1, 3, 2})
	if low != 1 || middle != 2 || high != 4 {
		t.Errorf("minimum, median, maximum are %d, %d, %d", low, middle, high)
	}
}
