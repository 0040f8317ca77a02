package simulation_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/simulation"
)

// make sim SEEDS=200 runs many seeds, make sim SEED=n replays one with its trace.
var (
	seeds  = flag.Int("seeds", 12, "how many seeds to run")
	first  = flag.Uint64("first", 1, "the first seed")
	seed   = flag.Uint64("seed", 0, "replay this seed only, with a trace")
	faulty = flag.Duration("faulty", time.Minute, "simulated time during which faults strike")
)

func config(n uint64) simulation.Config {
	return simulation.Config{Seed: n, Hosts: 3 + 2*int(n%2), Resources: 1 + int(n%4), Faulty: *faulty, Pace: 3 * time.Second, Calm: 60 * time.Second}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		cfg := config(*seed)
		cfg.Trace = func(at time.Duration, host, text string) { fmt.Printf("%12s %-9s %s\n", at, host, text) }
		judge(t, simulation.Run(cfg))
		return
	}
	var faults, acked, applied int
	began := time.Now()
	for i := range *seeds {
		report := simulation.Run(config(*first + uint64(i)))
		judge(t, report)
		faults, acked, applied = faults+report.Faults, acked+report.Acked, applied+report.Applied
	}
	simulated := time.Duration(*seeds) * *faulty
	t.Logf("%d seeds: %d faults, %d changes acknowledged, %d entries applied; %.0f times faster than real time",
		*seeds, faults, acked, applied, simulated.Seconds()/time.Since(began).Seconds())
}

func judge(t *testing.T, r simulation.Report) {
	t.Helper()
	if len(r.Violations) > 0 {
		t.Errorf("seed %d: %s\n%sreplay it with: make sim SEED=%d", r.Seed, strings.Join(r.Violations, "\n"), r.State, r.Seed)
	}
}

func TestSameSeedGivesTheSameRun(t *testing.T) {
	t.Parallel()
	run := func() string {
		var b strings.Builder
		cfg := config(7)
		cfg.Trace = func(at time.Duration, host, text string) { fmt.Fprintln(&b, at, host, text) }
		simulation.Run(cfg)
		return b.String()
	}
	a, b := strings.Split(run(), "\n"), strings.Split(run(), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d differs:\n%s\n%s", i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) || len(a) < 100 {
		t.Errorf("%d and %d lines", len(a), len(b))
	}
}

func TestCheckersNoticeFenceDevicesThatLie(t *testing.T) {
	t.Parallel()
	for n := range uint64(40) {
		cfg := config(n + 1)
		cfg.LyingFences = true
		for _, violation := range simulation.Run(cfg).Violations {
			if strings.Contains(violation, "twice: ") {
				return
			}
		}
	}
	t.Error("no resource was found active twice in 40 runs, although no lost host was switched off")
}
