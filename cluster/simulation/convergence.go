package simulation

import (
	"fmt"
	"strings"

	"holdfast/cluster/cib"
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
	for _, name := range w.shape.primitives() {
		if len(on[name]) > 1 || unharmed && len(on[name]) == 0 {
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
				h.boot, h.frozen, s.Leader, s.Reach, s.View.Number, s.View.Members, s.Verdict.Quorate, s.Verdict.Why, s.Ballot, s.Promised, s.Sealed, s.Applied, s.Forgot, h.controller.Idle())
		}
		b.WriteByte('\n')
	}
	return b.String()
}
