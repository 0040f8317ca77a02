package readiness

import (
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
	"holdfast/cluster/fencing"
)

// defaultOperation is the time limit of an operation that has none.
const defaultOperation = 20 * time.Second

// operationTime is the limit of a primitive's operation.
func operationTime(doc *cib.Document, primitive *cib.Element, name string) time.Duration {
	for ops := range primitive.All("operations") {
		for op := range ops.All("op") {
			if op.Get("name") != name {
				continue
			}
			if limit, ok := metadata.Duration(op.Get("timeout")); ok && limit > 0 {
				return limit
			}
		}
	}
	for set := range doc.Section("op_defaults").All("meta_attributes") {
		for pair := range set.All("nvpair") {
			if limit, ok := metadata.Duration(pair.Get("value")); ok && pair.Get("name") == "timeout" && limit > 0 {
				return limit
			}
		}
	}
	return defaultOperation
}

// stops looks for resources that take longer to stop than a host without quorum has.
func (j *judge) stops() {
	_, watchdogs := fencing.WatchdogTime(j.Document)
	shortest := time.Duration(0)
	for _, h := range j.Hosts {
		if h.Watchdog > 0 && (shortest == 0 || h.Watchdog < shortest) {
			shortest = h.Watchdog
		}
	}
	policy := j.Document.Property("no-quorum-policy")
	if !watchdogs || shortest == 0 || policy != "" && policy != "stop" {
		return
	}
	var slow []string
	for p := range primitives(j.Document) {
		if p.Get("class") != "stonith" && operationTime(j.Document, p, "stop") > shortest {
			slow = append(slow, p.ID())
		}
	}
	if len(slow) > 0 {
		j.add(Warning, strings.Join(slow, ", "), "nothing, if a reset is as good to you as a stop; else lengthen SBD_WATCHDOG_TIMEOUT and stonith-watchdog-timeout",
			"they may take longer to stop than the %s that a host without quorum has: it may be reset while they stop", shortest)
	}
}

func primitives(doc *cib.Document) func(func(*cib.Element) bool) {
	return func(yield func(*cib.Element) bool) {
		for e := range doc.Section("resources").Descendants() {
			if e.Name == "primitive" && !yield(e) {
				return
			}
		}
	}
}

// failover adds up the longest that it can take from the death of a host to its services' new start.
func (j *judge) failover() {
	spans := []Span{{What: "a silent host is declared dead (token)", Time: j.Token}}
	if fence := j.slowestFencing(); fence.Time > 0 {
		spans = append(spans, fence)
	}
	if start := j.slowestStart(); start.Time > 0 {
		spans = append(spans, start)
	}
	j.report.Failover = spans
	for _, s := range spans {
		j.report.Worst += s.Time
	}
}

// slowestFencing is the host that takes longest: all its devices or levels but the last fail as late
// as they may.
func (j *judge) slowestFencing() Span {
	limit := j.stonithTimeout()
	var slowest Span
	for _, h := range j.Hosts {
		var total time.Duration
		if levels := fencing.Levels(j.Document, h.Name); len(levels) > 0 {
			for _, level := range levels {
				for _, id := range level {
					if d := j.device(id); d != nil {
						total += j.deviceTime(d, h, limit)
					}
				}
			}
		} else {
			others := false
			for _, d := range j.Devices {
				if j.covers(d, h.Name) && !d.Watchdog() {
					total += j.deviceTime(d, h, limit)
					others = true
				}
			}
			for _, d := range j.Devices {
				if d.Watchdog() && !others {
					total += j.deviceTime(d, h, limit)
				}
			}
		}
		if total > slowest.Time {
			slowest = Span{What: "the slowest host to fence, " + h.Name + ", is confirmed off", Time: total}
		}
	}
	if wait, ok := metadata.Duration(j.Document.Property("priority-fencing-delay")); ok && slowest.Time > 0 {
		slowest.Time += wait
	}
	return slowest
}

func (j *judge) deviceTime(d *fencing.Device, h Host, limit time.Duration) time.Duration {
	if d.Watchdog() {
		wait, _ := fencing.WatchdogWait(j.Document, h.Watchdog, j.Unaware)
		return wait
	}
	action := "reboot"
	if a := j.Document.Property("fencing-action", "stonith-action"); a != "" {
		action = a
	}
	return d.Longest(h.Name, action, limit)
}

// slowestStart is the longest that one resource takes, or a group one member after another.
func (j *judge) slowestStart() Span {
	groups := map[string]time.Duration{}
	for p := range primitives(j.Document) {
		if p.Get("class") == "stonith" {
			continue
		}
		top := p.ID()
		if p.Parent != nil && p.Parent.Name == "group" {
			top = p.Parent.ID()
		}
		groups[top] += operationTime(j.Document, p, "start")
	}
	var slowest Span
	for id, total := range groups {
		if what := "the slowest service, " + id + ", starts"; total > slowest.Time || total == slowest.Time && what < slowest.What {
			slowest = Span{What: what, Time: total}
		}
	}
	return slowest
}
