package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

// configure loads the configuration, through whichever host takes it.
func (w *World) configure(attempt int) {
	h := w.hosts[attempt%len(w.hosts)]
	retry := func() { w.after(200*time.Millisecond, func() { w.configure(attempt + 1) }) }
	if h.core == nil || h.frozen {
		retry()
		return
	}
	var changes []replica.Change
	for _, section := range []string{"crm_config", "resources", "constraints"} {
		text := map[string]string{"crm_config": w.shape.properties(), "resources": w.shape.resources(), "constraints": w.shape.constraints()}[section]
		changes = append(changes, replica.Change{Op: string(cib.OpReplace), Section: section, XML: text})
	}
	h.change(func(made bool, _ core.Answer) {
		if !made {
			retry()
		}
	}, changes...)
}

// change proposes changes from this host; done learns whether they were made.
func (h *host) change(done func(made bool, a core.Answer), changes ...replica.Change) {
	var entries []*controller.Entry
	for _, c := range changes {
		text, err := json.Marshal(c)
		if err != nil {
			h.w.violate("encoding: change: %v", err)
			return
		}
		entries = append(entries, &controller.Entry{Kind: controller.ChangeEntry, Host: h.id, Boot: h.boot, Time: h.wall(), Change: text})
	}
	data, err := controller.EncodeEntries(entries)
	if err != nil {
		h.w.violate("encoding: change: %v", err)
		return
	}
	h.alive(h.boot, func() {
		h.propose(core.Propose{Data: data}, func(a core.Answer) {
			var answers []replica.Answer
			made := a.Err == nil && json.Unmarshal(a.Data, &answers) == nil && len(answers) == len(changes)
			for _, answer := range answers {
				made = made && answer.Code == ""
			}
			done(made, a)
		})
	})
}

// createMarker proposes a marker, which the checkers look for.
func (h *host) createMarker(marker string, done func(made bool, a core.Answer)) {
	h.change(done, replica.Change{Op: string(cib.OpCreate), Section: "crm_config", XML: fmt.Sprintf(`<cluster_property_set id="%s"/>`, marker)})
}

// setRole has a resource stopped or started. Whether that becomes known is not looked at here: placed asks the document.
func (h *host) setRole(resource, role string) {
	h.change(func(bool, core.Answer) {}, replica.Change{Op: string(cib.OpModify), AllowCreate: true, Section: "resources", XML: fmt.Sprintf(
		`<resources><primitive id="%[1]s"><meta_attributes id="%[1]s-meta"><nvpair id="%[1]s-role" name="target-role" value="%[2]s"/></meta_attributes></primitive></resources>`, resource, role)})
}

// client changes the configuration now and then, until end: it makes markers, moves resources about,
// and has them stopped and started.
func (w *World) client(end time.Duration) {
	r, n := w.chance.client, 0
	var again func()
	again = func() {
		if w.now >= end {
			return
		}
		w.after(between(r, w.shape.Client/10, 2*w.shape.Client), again)
		h, moves, switches := w.hosts[r.IntN(len(w.hosts))], r.IntN(5) == 0, r.IntN(6) == 0
		resource, where := w.shape.primitives()[r.IntN(len(w.shape.primitives()))], r.IntN(len(w.hosts))
		if h.core == nil || h.frozen {
			return
		}
		if switches {
			h.setRole(fmt.Sprintf("r%d", where%w.shape.Primitives), []string{"Started", "Stopped"}[n%2])
			return
		}
		if moves {
			h.change(func(bool, core.Answer) {}, replica.Change{Op: string(cib.OpModify), AllowCreate: true, Section: "constraints", XML: fmt.Sprintf(
				`<constraints><rsc_location id="prefer-%[1]s" rsc="%[1]s" node="host%[2]d" score="200"/></constraints>`, resource, where+1)})
			return
		}
		n++
		marker := fmt.Sprintf("marker-%d", n)
		w.check.proposed(marker)
		h.createMarker(marker, func(made bool, a core.Answer) {
			w.trace(h.name, "%s: made %t, unconfirmed %t, error %v", marker, made, a.Unconfirmed, a.Err)
			switch {
			case made:
				w.check.answered(h, marker, a.Unconfirmed)
			case errors.Is(a.Err, core.ErrNoQuorum):
				w.check.refused = append(w.check.refused, marker)
			}
		})
	}
	w.after(warmUp/2, again)
}
