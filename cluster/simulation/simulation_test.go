package simulation_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster/simulation"
)

// make sim SEEDS=200 MINUTES=10 runs many seeds, make sim SEED=n replays one with its trace.
var (
	seeds  = flag.Uint64("seeds", 8, "how many seeds to run")
	first  = flag.Uint64("first", 1, "the first seed")
	seed   = flag.Uint64("seed", 0, "replay this seed only, with a trace")
	faulty = flag.Duration("faulty", time.Minute, "simulated time during which faults strike")
	shrink = flag.Int("shrink", 200, "how many runs may be spent on shortening a failure's schedule")
)

func config(n uint64) simulation.Config { return simulation.Config{Seed: n, Faulty: *faulty} }

func TestSeeds(t *testing.T) {
	t.Parallel()
	if *seed != 0 {
		cfg := config(*seed)
		cfg.Trace = func(at time.Duration, host, text string) {
			fmt.Printf("%14s %-9s %s\n", at, host, strings.TrimSpace(text))
		}
		judge(t, cfg, simulation.Run(cfg))
		return
	}
	var faults, acked, unconfirmed, applied int
	var simulated, slowest time.Duration
	began := time.Now()
	for n := *first; n < *first+*seeds; n++ {
		report := simulation.Run(config(n))
		judge(t, config(n), report)
		faults, acked, unconfirmed, applied = faults+len(report.Schedule), acked+report.Acked, unconfirmed+report.Unconfirmed, applied+report.Applied
		simulated, slowest = simulated+report.Ended, max(slowest, report.Converged)
	}
	t.Logf("%d seeds, %s simulated: %d faults, %d changes confirmed, %d unconfirmed, %d entries applied; slowest convergence %s; %.0f times faster than real time",
		*seeds, simulated.Round(time.Second), faults, acked, unconfirmed, applied, slowest, simulated.Seconds()/time.Since(began).Seconds())
}

// judge reports a failure with the shortest schedule found that still fails.
func judge(t *testing.T, cfg simulation.Config, r simulation.Report) {
	t.Helper()
	if len(r.Violations) == 0 {
		return
	}
	short := simulation.Shrink(cfg, r, *shrink)
	var b strings.Builder
	for _, f := range short.Schedule {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	t.Errorf("seed %d: %s\n  %s\n%sshortest schedule found, %d of %d faults:\n%sit ends: %s\nreplay it with: make sim SEED=%d MINUTES=%g", r.Seed, &r.Shape,
		strings.Join(r.Violations, "\n  "), r.State, len(short.Schedule), len(r.Schedule), &b, strings.Join(short.Violations, "\n  "), r.Seed, cfg.Faulty.Minutes())
}

func TestSameSeedGivesTheSameRun(t *testing.T) {
	t.Parallel()
	run := func() []string {
		var lines []string
		cfg := config(7)
		cfg.Trace = func(at time.Duration, host, text string) { lines = append(lines, fmt.Sprintln(at, host, text)) }
		simulation.Run(cfg)
		return lines
	}
	a, b := run(), run()
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("line %d differs:\n%s\n%s", i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) || len(a) < 100 {
		t.Errorf("%d and %d lines", len(a), len(b))
	}
}
