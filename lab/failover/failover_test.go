package failover

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/fleet"
)

// binary is the holdfast program for the hosts; TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	os.Exit(fleet.Testing(func(built string) int {
		binary = built
		return m.Run()
	}))
}

// TestServiceSurvives does each fault once, with a real cluster. Run fails when the service
// does not come back, or when a host that only suffers is declared dead.
func TestServiceSurvives(t *testing.T) {
	if err := lab.Supported(); err != nil {
		t.Skipf("this machine cannot have labs: %v", err)
	}
	var only []string
	for _, f := range faults {
		only = append(only, f.key)
	}
	if testing.Short() {
		only = []string{"kill", "move"}
	}
	var report strings.Builder
	err := Run(t.Context(), Options{Runs: 1, Only: only, Binary: binary, Address: "ocf:holdfast:address", Events: true}, &report)
	if err != nil {
		t.Errorf("%v\n%s", err, report.String())
	}
	for _, f := range faults {
		if slices.Contains(only, f.key) && !strings.Contains(report.String(), f.name) {
			t.Errorf("the report lacks %q:\n%s", f.name, report.String())
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	low, middle, high := spread([]time.Duration{4, 1, 3, 2})
	if low != 1 || middle != 2 || high != 4 {
		t.Errorf("minimum, median, maximum are %d, %d, %d", low, middle, high)
	}
}
