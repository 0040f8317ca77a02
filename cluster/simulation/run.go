package simulation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/controller"
	"holdfast/cluster/controller/replica"
	"holdfast/cluster/messaging/core"
)

// Report is what became of a run.
type Report struct {
	Seed       uint64
	Violations []string
	State      string // of the world at the end, when there are violations
	Faults     int
	Acked      int // changes acknowledged
	Applied    int // entries applied, over all hosts
	Converged  time.Duration
}

// Run runs one seed from cold start through faults to convergence.
func Run(cfg Config) Report {
	w := New(cfg)
	for _, h := range w.hosts {
		w.after(w.between(0, 200*time.Millisecond), h.switchOn)
	}
	w.after(500*time.Millisecond, func() { w.configure(0) })
	w.run(5*time.Second, func() bool { return false })
	w.faults = true
	strikes := w.strike(cfg.Pace)
	end := w.now + cfg.Faulty
	w.client(end)
	w.run(end, func() bool { return false })
	w.faults = false
	w.heal()
	calm := w.now
	report := Report{Seed: cfg.Seed}
	ok := func() bool { done, _ := w.settled(); return done }
	if !w.run(calm+cfg.Calm, ok) {
		_, why := w.settled()
		w.violate("convergence: %s after faults stopped, %s", cfg.Calm, why)
	}
	report.Converged = w.now - calm
	if len(w.check.violations) == 0 {
		w.run(w.now+2*time.Second, func() bool { return false }) // let the last entries reach every host
		w.durability()
	}
	report.Violations, report.Faults, report.Acked, report.Applied = w.check.violations, *strikes, len(w.check.acked), w.check.applied
	if len(report.Violations) > 0 {
		report.State = w.state()
	}
	return report
}

func resourceName(i int) string { return fmt.Sprintf("r%d", i) }

// configure loads the resources, through whichever host takes the change.
func (w *World) configure(attempt int) {
	var b strings.Builder
	b.WriteString(`<resources><primitive id="power" class="stonith" type="fence_sim"/>`)
	for i := range w.cfg.Resources {
		fmt.Fprintf(&b, `<primitive id="%[1]s" class="ocf" provider="sim" type="Thing"><operations><op id="%[1]s-m" name="monitor" interval="10s"/></operations></primitive>`, resourceName(i))
	}
	b.WriteString("</resources>")
	h := w.hosts[attempt%len(w.hosts)]
	retry := func() { w.after(200*time.Millisecond, func() { w.configure(attempt + 1) }) }
	if h.core == nil {
		retry()
		return
	}
	h.change(replica.Change{Op: string(cib.OpReplace), Section: "resources", XML: b.String()}, func(ok bool) {
		if !ok {
			retry()
		}
	})
}

// change proposes a change from this host; done learns whether it was acknowledged.
func (h *host) change(c replica.Change, done func(acked bool)) {
	text, err := json.Marshal(c)
	if err != nil {
		h.w.violate("encode change: %v", err)
		return
	}
	e := &controller.Entry{Kind: controller.ChangeEntry, Host: h.id, Boot: h.boot, Time: h.w.wall(), Change: text}
	data, err := controller.EncodeEntries([]*controller.Entry{e})
	if err != nil {
		h.w.violate("encode change: %v", err)
		return
	}
	h.alive(h.boot, func() {
		h.propose(data, func(a core.Answer) {
			var answers []replica.Answer
			ok := a.Err == nil && !a.Unconfirmed && json.Unmarshal(a.Data, &answers) == nil && len(answers) == 1 && answers[0].Code == ""
			done(ok)
		})
	})
}

// client changes the configuration now and then, until end.
func (w *World) client(end time.Duration) {
	n := 0
	var again func()
	again = func() {
		if w.now >= end {
			return
		}
		w.after(w.between(50*time.Millisecond, 800*time.Millisecond), again)
		h := w.hosts[w.rand.IntN(len(w.hosts))]
		if h.core == nil || h.frozen {
			return
		}
		n++
		id := fmt.Sprintf("change-%d", n)
		xml := fmt.Sprintf(`<cluster_property_set id="set-%[1]s"><nvpair id="%[1]s" name="%[1]s" value="1"/></cluster_property_set>`, id)
		h.change(replica.Change{Op: string(cib.OpCreate), Section: "crm_config", XML: xml}, func(acked bool) {
			if acked {
				w.check.acked = append(w.check.acked, id)
			}
		})
	}
	again()
}
