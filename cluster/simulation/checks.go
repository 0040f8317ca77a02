package simulation

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

// checks are what the checkers remember.
type checks struct {
	violations []string
	log        map[uint64]string // index: what was applied there, by whoever was first
	acked      []string          // ids of elements whose creation was acknowledged
	applied    int
}

func (c *checks) init() { c.log = map[uint64]string{} }

// violate notes that an invariant is broken; the run ends.
func (w *World) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.trace("VIOLATION", "%s", text)
	w.check.violations = append(w.check.violations, fmt.Sprintf("at %s: %s", w.now, text))
}

// recorder is the replica as messaging sees it, with the agreement checker in front.
type recorder struct {
	*replica.Replica
	h *host
}

// Apply checks and applies an entry.
func (r *recorder) Apply(index uint64, entry []byte) []byte {
	r.record(index, string(entry))
	return r.Replica.Apply(index, entry)
}

// View checks and applies a view.
func (r *recorder) View(index uint64, v core.View) {
	if last := r.LastView(); last.Number != v.Number || last.Ballot != v.Ballot { // a snapshot's view is told again
		r.record(index, fmt.Sprintf("%+v", v))
	}
	r.Replica.View(index, v)
}

func (r *recorder) record(index uint64, text string) {
	w := r.h.w
	w.check.applied++
	first, known := w.check.log[index]
	if !known {
		w.check.log[index] = text
	} else if first != text {
		w.violate("agreement: %s applies at index %d\n%s\na host before it applied\n%s", r.h.name, index, text, first)
	}
}

// settled tells whether the cluster has converged: one view of all hosts, a leader with
// nothing to do, every resource active exactly once. why says what is missing.
func (w *World) settled() (ok bool, why string) {
	idle := false
	for _, h := range w.hosts {
		if h.core == nil || h.frozen {
			return false, h.name + " is not up"
		}
		if members := h.replica.LastView().Members; len(members) != len(w.hosts) {
			return false, fmt.Sprintf("%s has the view %v", h.name, members)
		}
		idle = idle || h.controller.Idle()
	}
	if !idle {
		return false, "the leader has work"
	}
	for i := range w.cfg.Resources {
		var on []string
		for _, h := range w.hosts {
			if h.active[resourceName(i)] {
				on = append(on, h.name)
			}
		}
		if len(on) != 1 && !w.barred(resourceName(i)) {
			return false, fmt.Sprintf("%s is active on %v", resourceName(i), on)
		}
	}
	return true, ""
}

// barred tells whether a resource failed to start on every host: then nowhere is right.
func (w *World) barred(resource string) bool {
	failed := 0
	for state := range w.hosts[0].replica.Document().Section("status").All("node_state") {
		if attribute(state, "fail-count-"+resource+"#start_0") == "INFINITY" {
			failed++
		}
	}
	return failed == len(w.hosts)
}

// durability checks that every acknowledged change is in every host's document.
func (w *World) durability() {
	for _, h := range w.hosts {
		doc := h.replica.Document()
		ids := map[string]bool{}
		for e := range doc.Section("crm_config").Descendants() {
			ids[e.ID()] = true
		}
		for _, id := range w.check.acked {
			if !ids[id] {
				w.violate("durability: the acknowledged change %s is not in the document of %s", id, h.name)
			}
		}
	}
	for _, h := range w.hosts[1:] {
		if a, b := w.hosts[0].replica.Document().Bytes(), h.replica.Document().Bytes(); !slices.Equal(a, b) {
			w.violate("agreement: the documents of %s and %s differ", w.hosts[0].name, h.name)
		}
	}
}

// state describes the world for a failure's message.
func (w *World) state() string {
	var b strings.Builder
	for _, h := range w.hosts {
		fmt.Fprintf(&b, "%s: power %t, active %v", h.name, h.power, h.active)
		if h.core != nil {
			s := h.core.Status()
			fmt.Fprintf(&b, ", boot %d, frozen %t, leader %d, view %v, idle %t", h.boot, h.frozen, s.Leader, s.View.Members, h.controller.Idle())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// attribute returns a transient attribute of a host.
func attribute(state *cib.Element, name string) string {
	for e := range state.Descendants() {
		if e.Name == "nvpair" && e.Get("name") == name {
			return e.Get("value")
		}
	}
	return ""
}
