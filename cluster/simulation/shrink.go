package simulation

import (
	"slices"
	"strings"
)

// Shrink looks for the shortest schedule with which a failed run still breaks the same
// invariant, with at most so many runs, and returns the report of the shortest found. It takes
// out halves, quarters and so on of the faults, down to single ones (delta debugging:
// Zeller and Hildebrandt, 2002).
func Shrink(cfg Config, failed Report, runs int) Report {
	best := failed
	cfg.Trace = nil
	try := func(schedule []Fault) bool {
		if runs <= 0 {
			return false
		}
		runs--
		cfg.Schedule = schedule
		report := Run(cfg)
		if len(report.Violations) == 0 || invariant(report) != invariant(failed) {
			return false
		}
		best = report
		return true
	}
	// What would have come after the violation did not cause it.
	struck := slices.IndexFunc(best.Schedule, func(f Fault) bool { return f.At > best.Ended })
	if struck >= 0 {
		try(slices.Clone(best.Schedule[:struck]))
	}
	for size := (len(best.Schedule) + 1) / 2; size > 0 && runs > 0; {
		shorter := false
		for from := 0; from < len(best.Schedule); {
			left := slices.Concat(best.Schedule[:from], best.Schedule[min(from+size, len(best.Schedule)):])
			if left = slices.Clip(left); left == nil {
				left = []Fault{}
			}
			if try(left) {
				shorter = true
			} else {
				from += size
			}
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return best
}

// invariant is the one that a run broke first.
func invariant(r Report) string {
	_, text, _ := strings.Cut(r.Violations[0], ": ")
	name, _, _ := strings.Cut(text, ":")
	return name
}
