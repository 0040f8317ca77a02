package simulation

import (
	"fmt"
	"time"

	"holdfast/cluster/controller"
)

// Config is what a run is made of. Seed alone is enough: what is nil or zero follows from it.
type Config struct {
	Seed     uint64
	Faulty   time.Duration // how long faults strike; 0: a minute
	Calm     time.Duration // how long the cluster has afterwards to converge; 0: 30 s
	Shape    *Shape        // nil: Draw's
	Schedule []Fault       // nil: Plan's
	Often    []Kind        // kinds that half of its faults are of
	Tamper   Tamper
	Trace    Trace // nil: none
}

// Report is what became of a run.
type Report struct {
	Seed        uint64
	Shape       Shape
	Schedule    []Fault
	Violations  []string
	State       string        // of the world at the end, when there are violations
	Acked       int           // changes confirmed
	Unconfirmed int           // changes answered as unconfirmed
	Applied     int           // entries applied, over all hosts
	Ended       time.Duration // simulated time
	Converged   time.Duration // after faults stopped
}

// warmUp is the time before faults strike, in which the cluster forms.
const warmUp = 5 * time.Second

// Run runs one seed from cold start through faults to convergence.
func Run(cfg Config) Report {
	if cfg.Faulty == 0 {
		cfg.Faulty = time.Minute
	}
	if cfg.Calm == 0 {
		cfg.Calm = 30 * time.Second
	}
	shape := Draw(cfg.Seed)
	if cfg.Shape != nil {
		shape = *cfg.Shape
	}
	schedule := cfg.Schedule
	if schedule == nil {
		schedule = Plan(cfg.Seed, shape, warmUp, cfg.Faulty, cfg.Often...)
	}
	w := newWorld(&cfg, shape)
	w.trace("SHAPE", "%s", &shape)
	w.begin(schedule, warmUp+cfg.Faulty)
	report := Report{Seed: cfg.Seed, Shape: shape, Schedule: schedule}
	w.run(warmUp+cfg.Faulty, nil)
	if len(w.check.violations) == 0 {
		report.Converged = w.converge(cfg.Calm)
	}
	c := &w.check
	report.Violations, report.Acked, report.Unconfirmed, report.Applied, report.Ended = c.violations, len(c.acked), len(c.unconfirmed), c.applied, w.now
	if len(report.Violations) > 0 {
		report.State = w.state()
	}
	return report
}

// begin arranges everything that happens by itself: power, configuration, client, faults.
func (w *World) begin(schedule []Fault, end time.Duration) {
	for _, h := range w.hosts {
		w.after(between(w.chance.disks, 0, 200*time.Millisecond), h.switchOn)
	}
	w.after(500*time.Millisecond, func() { w.configure(0) })
	w.after(warmUp, func() { w.faults = true })
	for _, f := range schedule {
		w.after(f.At, func() {
			if w.faults {
				w.strike(f)
			}
		})
	}
	w.client(end)
	w.backUp(end)
	w.watchMinorities(end)
}

// converge ends the faults and lets the cluster come to rest.
func (w *World) converge(calm time.Duration) time.Duration {
	w.trace("FAULT", "none from here on")
	w.heal()
	healed := w.now
	settled := func() bool { ok, _ := w.settled(); return ok }
	took, why := time.Duration(0), ""
	for rests := false; !rests && len(w.check.violations) == 0; {
		if !w.run(healed+calm, settled) {
			if _, missing := w.settled(); missing != "" {
				why = missing
			}
			w.violate("convergence: %s after faults stopped, %s", calm, why)
			break
		}
		took = w.now - healed
		before := w.regime()
		w.run(w.now+2*time.Second, nil) // the last entries reach every host; a device may yet strike
		rests = settled() && w.regime() == before
		why = fmt.Sprintf("it does not rest: %s was %s", w.regime(), before)
	}
	if len(w.check.violations) == 0 {
		w.serves()
	}
	if len(w.check.violations) == 0 {
		w.check.durability()
	}
	return took
}

// backUp copies each disk now and then.
func (w *World) backUp(end time.Duration) {
	if w.now >= end {
		return
	}
	for _, h := range w.hosts {
		if h.core != nil && !h.replaced && w.chance.disks.IntN(2) == 0 {
			h.backup = h.disk.Clone()
		}
	}
	w.after(between(w.chance.disks, 5*time.Second, 40*time.Second), func() { w.backUp(end) })
}

func (w *World) note(h *host, n controller.Note) {
	if w.traced == nil {
		return
	}
	kind := map[controller.NoteKind]string{
		controller.PlanMade: "plan made", controller.PlanDone: "plan ended", controller.ActionStarted: "asks for", controller.ActionFinished: "finished",
		controller.FenceStarted: "fencing", controller.FenceFinished: "fenced", controller.WentIdle: "idle", controller.HostJoined: "synchronized", controller.Trouble: "trouble",
	}[n.Kind]
	w.trace(h.name, "%s", fmt.Sprintln(kind, n.Task, n.Subject, n.Host, n.Detail))
}
