package simulation

import (
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/messaging/core"
)

// settled tells whether the cluster has converged: one view of all hosts, a leader with
// nothing to do, and everything running where the configuration wants it. why says what
// is missing.
func (w *World) settled() (ok bool, why string) {
	idle := false
	var number uint64
	for i, h := range w.hosts {
		if h.core == nil || h.frozen {
			return false, h.name + " is not up"
		}
		if h.watch.condemned != "" {
			return false, h.name + " is about to end: " + h.watch.condemned
		}
		if w.now < h.unsettled {
			return false, h.name + " has a resource that stops or fails yet" // perhaps by itself, while it was alone: no leader knows
		}
		v := h.replica.LastView()
		if len(v.Members) != len(w.hosts) || i > 0 && v.Number != number {
			return false, fmt.Sprintf("%s has the view %d of %v", h.name, v.Number, v.Members)
		}
		number = v.Number
		idle = idle || h.controller.Idle()
	}
	if !idle {
		return false, "the leader has work"
	}
	return w.placed()
}

// regime is what changes only when something happens to a cluster: its groups, their leaders and terms, and the view.
func (w *World) regime() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if h.core != nil {
			s := h.core.Status()
			fmt.Fprintf(&b, "%s of view %d follows host%d in term %d of group %s; ", h.name, s.View.Number, s.Leader, s.Term, s.Ballot)
		}
	}
	return b.String()
}

// serves lets every host of a cluster that has come to rest make a change. Each has to be confirmed soon.
func (w *World) serves() {
	const soon = 2 * time.Second
	waiting := map[string]bool{}
	for _, h := range w.hosts {
		waiting[h.name] = true
		marker := "at-rest-on-" + h.name
		w.check.proposed(marker)
		h.createMarker(marker, func(made bool, a core.Answer) {
			w.trace(h.name, "%s: made %t, unconfirmed %t, error %v", marker, made, a.Unconfirmed, a.Err)
			if made && !a.Unconfirmed {
				w.check.answered(h, marker, false)
				delete(waiting, h.name)
			}
		})
	}
	w.run(w.now+soon, func() bool { return len(waiting) == 0 })
	for _, h := range w.hosts {
		if waiting[h.name] {
			w.violate("served: a change that %s proposed at rest is not confirmed after %s", h.name, soon)
		}
	}
	w.run(w.now+soon, nil) // all hosts learn of them
}

// placed tells whether what runs is what the configuration asks for. Failures bar a
// resource from hosts, so with failures on record only what must hold in any case is asked.
func (w *World) placed() (ok bool, why string) {
	doc := w.hosts[0].replica.Live()
	unharmed := !failures(doc)
	on := map[string][]string{}
	for _, h := range w.hosts {
		for name, s := range h.active {
			if s == running {
				on[base(name)] = append(on[base(name)], h.name)
			}
		}
	}
	stopped := w.stopped(doc)
	for _, name := range w.shape.primitives() {
		if len(on[name]) > 1 || unharmed && len(on[name]) == 0 && !stopped[name] || len(on[name]) > 0 && stopped[name] {
			return false, fmt.Sprintf("%s is active on %v", name, on[name])
		}
	}
	if unharmed && w.shape.Clone && len(on["c0"]) != len(w.hosts) {
		return false, fmt.Sprintf("the clone is active on %v", on["c0"])
	}
	follow := func(name, leader string) bool {
		return len(on[name]) == 0 || len(on[leader]) == 1 && on[leader][0] == on[name][0]
	}
	for i, name := range w.shape.members() {
		if i > 0 && !follow(name, "g0") {
			return false, fmt.Sprintf("the group is torn: g0 on %v, %s on %v", on["g0"], name, on[name])
		}
	}
	if w.shape.colocated() && !follow("r1", "r0") {
		return false, fmt.Sprintf("r1 is active on %v, r0 on %v", on["r1"], on["r0"])
	}
	return true, ""
}

// stopped are the resources that the configuration wants stopped, or that need one which is.
func (w *World) stopped(doc *cib.Document) map[string]bool {
	are := map[string]bool{}
	for e := range doc.Section("resources").Descendants() {
		if e.Name == "nvpair" && e.Get("name") == "target-role" && e.Get("value") == "Stopped" {
			are[strings.TrimSuffix(e.ID(), "-role")] = true
		}
	}
	if w.shape.colocated() && are["r0"] {
		are["r1"] = true
	}
	return are
}

// failures tells whether the document has failures on record.
func failures(doc *cib.Document) bool {
	for state := range doc.Section("status").All("node_state") {
		for e := range state.Descendants() {
			if e.Name == "nvpair" && strings.HasPrefix(e.Get("name"), "fail-count-") {
				return true
			}
		}
	}
	return false
}

// state describes the world for a failure's message.
func (w *World) state() string {
	var b strings.Builder
	for _, h := range w.hosts {
		fmt.Fprintf(&b, "  %s: power %t, active %v", h.name, h.power, h.active)
		if h.core != nil {
			s := h.core.Status()
			fmt.Fprintf(&b, ", writing %t, %d to write, %d not in the log", h.writing, len(h.writes), len(h.worker.Unlogged()))
			fmt.Fprintf(&b, ", boot %d, frozen %t, leader %d, reach %v, view %d %v, quorate %t (%s), group %s, promised %s, sealed %s, applied %d, forgot %v, idle %t",
				h.boot, h.frozen, s.Leader, s.Reach, s.View.Number, s.View.Members, s.Verdict.Quorate, s.Verdict.Why(), s.Ballot, s.Promised, s.Sealed, s.Applied, s.Forgot, h.controller.Idle())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
