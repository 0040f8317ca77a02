package mon

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast/traffic/director/config"
)

// Judge decides from a monitor's answers when which alerts are given. It is a pure core: the moment comes with each answer.
type Judge struct {
	Watch    *config.Watch
	Asked    bool
	Failing  bool
	Failures int       // in a row
	Since    time.Time // when it began to fail
	Ended    time.Time // when it last ceased to
	Summary  string    // first line of the last output

	detail  string      // all of it
	recent  []time.Time // failures
	periods []alerted
}

// alerted is what was given in a period.
type alerted struct {
	last  time.Time // alert
	count int       // alerts since it began to fail
}

// Call is an alert to be given.
type Call struct {
	Program []string
	Up      bool
	Since   time.Time
	Every   time.Duration
}

// New makes a judge of a watch that was not asked yet.
func New(w *config.Watch) *Judge { return &Judge{Watch: w, periods: make([]alerted, len(w.Periods))} }

// Take takes over what is known from before a reload.
func (j *Judge) Take(old *Judge) {
	w, periods := j.Watch, j.periods
	*j = *old
	j.Watch = w
	copy(periods, old.periods)
	j.periods = periods
}

// Interval is the time from one question to the next.
func (j *Judge) Interval() time.Duration {
	if j.Failing && j.Watch.Failing > 0 {
		return j.Watch.Failing
	}
	return j.Watch.Interval
}

// MayAsk tells whether the monitor is to run now.
func (j *Judge) MayAsk(now time.Time, well func(config.Need) bool) bool {
	w := j.Watch
	if len(w.Hosts) == 0 && !w.Empty || len(w.Program) == 0 {
		return false
	}
	if slices.ContainsFunc(w.Never, func(s config.Span) bool { return s.Contains(now) }) {
		return false
	}
	return allWell(w.Needs.Questions, well)
}

func allWell(needs []config.Need, well func(config.Need) bool) bool {
	return !slices.ContainsFunc(needs, func(n config.Need) bool { return !well(n) })
}

// Counts tells whether the judge's watch counts as well for one that needs it, and remembers its failures for some time.
func (j *Judge) Counts(now time.Time, memory time.Duration) bool {
	return !j.Failing && (j.Ended.IsZero() || now.Sub(j.Ended) >= memory)
}

// Hosts are those to be asked about: without those that a failing watch, which this one needs for hosts, names in its summary.
func (j *Judge) Hosts(needed func(config.Need) *Judge) []string {
	left := j.Watch.Hosts
	for _, n := range j.Watch.Needs.Hosts {
		if other := needed(n); other != nil && other.Failing {
			named := strings.Fields(other.Summary)
			left = slices.DeleteFunc(slices.Clone(left), func(host string) bool { return slices.Contains(named, host) })
		}
	}
	return left
}

// Answer takes what a monitor said, status 0 for well, and tells which alerts follow.
func (j *Judge) Answer(now time.Time, status int, output string, well func(config.Need) bool) []Call {
	summary, _, _ := strings.Cut(output, "\n")
	sameSummary, sameDetail := summary == j.Summary, output == j.detail
	began := !j.Asked
	j.Asked, j.Summary, j.detail = true, summary, output
	var calls []Call
	if began {
		for i := range j.Watch.Periods {
			calls = append(calls, j.programs(&j.Watch.Periods[i], j.Watch.Periods[i].StartAlerts, 0, false)...)
		}
	}
	if len(j.Watch.Status) > 0 {
		calls = append(calls, Call{Program: j.Watch.Status, Up: status == 0, Since: j.Since})
	}
	if status == 0 {
		return append(calls, j.good(now)...)
	}
	if !j.Failing {
		j.Failing, j.Since, j.Failures = true, now, 0
	}
	j.Failures++
	j.recent = append(j.recent, now)
	// A question that keeps none from being asked now may have been asked before.
	if !allWell(j.Watch.Needs.Alerts, well) || !allWell(j.Watch.Needs.Questions, well) {
		return calls
	}
	for i := range j.Watch.Periods {
		p, was := &j.Watch.Periods[i], &j.periods[i]
		changed := !sameSummary || p.Detail && !sameDetail
		if !p.When.Contains(now) || !j.after(p, now) || p.Most > 0 && was.count >= p.Most {
			continue
		}
		if was.count > 0 && now.Sub(was.last) < p.Every && (p.Strict || !changed) {
			continue
		}
		if given := j.programs(p, p.Alerts, status, false); len(given) > 0 {
			was.last = now
			was.count++
			calls = append(calls, given...)
		}
	}
	j.forget(now)
	return calls
}

// after tells whether it has failed often, or long, enough.
func (j *Judge) after(p *config.Period, now time.Time) bool {
	switch {
	case p.Within > 0 && p.After == 0:
		return now.Sub(j.Since) >= p.Within
	case p.Within > 0:
		n := 0
		for _, t := range j.recent {
			if now.Sub(t) <= p.Within {
				n++
			}
		}
		return n >= p.After
	}
	return j.Failures >= cmp.Or(p.After, 1)
}

// forget lets go of failures that no period counts any more.
func (j *Judge) forget(now time.Time) {
	longest := time.Duration(0)
	for _, p := range j.Watch.Periods {
		longest = max(longest, p.Within)
	}
	j.recent = slices.DeleteFunc(j.recent, func(t time.Time) bool { return now.Sub(t) > longest })
}

// good takes that it is well, and tells of it where it was told that it is not.
func (j *Judge) good(now time.Time) []Call {
	var calls []Call
	for i := range j.Watch.Periods {
		p, was := &j.Watch.Periods[i], &j.periods[i]
		told := was.count > 0 || p.AlwaysUp
		if j.Failing && told && p.When.Contains(now) && now.Sub(j.Since) >= p.UpAfter {
			calls = append(calls, j.programs(p, p.UpAlerts, 0, true)...)
		}
		was.count = 0
	}
	if j.Failing {
		j.Ended = now
	}
	j.Failing, j.Failures = false, 0
	return calls
}

func (j *Judge) programs(p *config.Period, alerts []config.Alert, status int, up bool) []Call {
	var all []Call
	for _, a := range alerts {
		if a.To == 0 || status >= a.From && status <= a.To {
			all = append(all, Call{Program: a.Program, Up: up, Since: j.Since, Every: p.Every})
		}
	}
	return all
}
