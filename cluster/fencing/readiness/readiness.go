// Package readiness judges whether a cluster may go live: whether every host can be fenced, whether
// the times that have to fit together do, and how long a failover takes at worst.
//
// It is pure: Judge gets Facts, gathered by whoever can ask the hosts and their fence devices, and
// returns a Report. The rules are those of the programs' manuals: "Fencing" and "Using a watchdog" in
// Pacemaker Explained, sbd(8), votequorum(5).
package readiness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/fencing"
	"holdfast/cluster/fencing/sbd"
)

// Level says how bad a finding is.
type Level string

// The levels. Only an Error keeps a cluster from going live.
const (
	Error   Level = "error"   // a host will not be fenced, or counts as dead while it lives
	Warning Level = "warning" // works while nothing is slow
)

// Finding is one thing that is wrong.
type Finding struct {
	Level   Level  `json:"level"`
	Subject string `json:"subject"` // host, device, disk or property
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
}

// Span is a part of the worst failover.
type Span struct {
	What string        `json:"what"`
	Time time.Duration `json:"ns"`
}

// Report is the judgement.
type Report struct {
	Findings []Finding     `json:"findings"`
	Probes   []Probe       `json:"probes"`
	Failover []Span        `json:"failover"` // of the worst host and resource, in order
	Worst    time.Duration `json:"worst_ns"` // their sum
}

// Ready tells whether nothing keeps the cluster from going live.
func (r Report) Ready() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Error })
}

// Probe is one question to a fence device: does it see the host?
type Probe struct {
	Target string        `json:"target"`
	Device string        `json:"device"`
	From   string        `json:"from"`   // host whose agent asked
	Action string        `json:"action"` // status, list, or monitor where the agent has neither
	OK     bool          `json:"ok"`
	Detail string        `json:"detail,omitempty"` // why not
	Took   time.Duration `json:"took_ns"`
}

// Disk is an sbd disk as a host sees it.
type Disk struct {
	Path     string       `json:"path"`
	Timeouts sbd.Timeouts `json:"timeouts"`
	Problem  string       `json:"problem,omitempty"` // it cannot be read
}

// Host is what is known of one host.
type Host struct {
	Name     string        `json:"name"`
	Online   bool          `json:"online"`
	Problem  string        `json:"problem,omitempty"` // it could not be asked
	Watchdog time.Duration `json:"watchdog_ns"`       // 0: none is fed
	Disks    []Disk        `json:"disks,omitempty"`
}

// Facts are what is judged.
type Facts struct {
	Document *cib.Document
	Devices  []*fencing.Device // of the document
	Token    time.Duration     // after which a silent host is dead
	Hosts    []Host
	Probes   []Probe
	// BothSides tells that two sides can have quorum at a time: two_node, or more votes than hosts.
	BothSides bool
	// Unaware is how long a host that is lost may go on feeding its watchdog: until it misses the others, and while it hopes for
	// a quorum device's votes.
	Unaware time.Duration
}

// judge gathers what it finds.
type judge struct {
	Facts
	report *Report
}

func (j *judge) add(level Level, subject, fix, problem string, args ...any) {
	j.report.Findings = append(j.report.Findings, Finding{Level: level, Subject: subject, Problem: fmt.Sprintf(problem, args...), Fix: fix})
}

// Judge judges.
func Judge(f Facts) Report {
	j := &judge{Facts: f, report: &Report{Findings: []Finding{}, Probes: f.Probes}}
	if j.report.Probes == nil {
		j.report.Probes = []Probe{}
	}
	if !cib.ParseBool(f.Document.Property("fencing-enabled", "stonith-enabled"), true) {
		j.add(Error, "stonith-enabled", "configure fence devices and set it to true",
			"fencing is off: what a lost host runs is started elsewhere while it may still run there")
	} else {
		j.coverage()
		j.probed()
	}
	for _, h := range f.Hosts {
		if h.Problem != "" {
			j.add(Warning, h.Name, "see its log", "it could not be asked about its watchdog and disks: %s", h.Problem)
		}
	}
	j.watchdogs()
	j.disks()
	j.stops()
	j.failover()
	return *j.report
}

// coverage looks for hosts that nothing fences.
func (j *judge) coverage() {
	_, watchdogs := fencing.WatchdogTime(j.Document)
	for _, h := range j.Hosts {
		if levels := fencing.Levels(j.Document, h.Name); len(levels) > 0 {
			for i, level := range levels {
				for _, id := range level {
					if j.device(id) == nil && !(id == "watchdog" && watchdogs) {
						j.add(Error, h.Name, "configure the device, or take it out of the level", "its fencing level %d names %s, which is not configured or is stopped", i+1, id)
					}
				}
			}
			continue
		}
		covered := slices.ContainsFunc(j.Devices, func(d *fencing.Device) bool { return j.covers(d, h.Name) })
		if !covered {
			j.add(Error, h.Name, "configure a stonith resource for it (pcmk_host_list, pcmk_host_map)", "no device fences it")
		}
	}
	if len(j.Hosts) == 2 && !j.delayed() && len(j.Devices) > 0 {
		j.add(Warning, j.Devices[0].ID, "give one device pcmk_delay_base=5s, or set priority-fencing-delay", "two hosts that lose each other fence each other at the same moment, and both may die")
	}
}

func (j *judge) device(id string) *fencing.Device {
	i := slices.IndexFunc(j.Devices, func(d *fencing.Device) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return j.Devices[i]
}

// covers tells whether a device fences a host, by what the configuration says or the device itself.
func (j *judge) covers(d *fencing.Device, host string) bool {
	if sure, asked := d.Covers(host); !asked {
		return sure
	}
	return slices.ContainsFunc(j.Probes, func(p Probe) bool { return p.Device == d.ID && p.Target == host && p.OK })
}

func (j *judge) delayed() bool {
	if w := j.Document.Property("priority-fencing-delay"); w != "" && w != "0" {
		return true
	}
	return slices.ContainsFunc(j.Devices, func(d *fencing.Device) bool {
		return d.Params["pcmk_delay_base"]+d.Params["pcmk_delay_max"]+d.Params["delay"] != "" || d.Watchdog()
	})
}

// probed tells of devices that did not answer: what is wrong in the same way with one device is said once.
func (j *judge) probed() {
	type wrong struct {
		level          Level
		device, action string
	}
	var order []wrong
	from, targets, detail := map[wrong][]string{}, map[wrong][]string{}, map[wrong]string{}
	for _, p := range j.Probes {
		if p.OK {
			continue
		}
		w := wrong{Error, p.Device, p.Action}
		// One host that reaches the device is enough to fence by it.
		if slices.ContainsFunc(j.Probes, func(o Probe) bool { return o.Device == p.Device && o.Target == p.Target && o.OK }) {
			w.level = Warning
		}
		if detail[w] == "" {
			order, detail[w] = append(order, w), p.Detail
		}
		if !slices.Contains(from[w], p.From) {
			from[w] = append(from[w], p.From)
		}
		if !slices.Contains(targets[w], p.Target) {
			targets[w] = append(targets[w], p.Target)
		}
	}
	for _, w := range order {
		slices.Sort(from[w])
		j.add(w.level, w.device, "mend the device or its parameters; 'stonith_admin --query "+w.device+"' asks it again", "asked from %s, it does not see %s (%s): %s",
			strings.Join(from[w], ", "), strings.Join(targets[w], ", "), w.action, detail[w])
	}
}

// watchdogs checks the times of self-fencing.
func (j *judge) watchdogs() {
	limit, on := fencing.WatchdogTime(j.Document)
	if !on {
		return
	}
	if j.BothSides {
		j.add(Error, "stonith-watchdog-timeout", "fence by a device, or by sbd disks", "two sides of the cluster can have quorum at the same time: a host that is not heard may live on, and its watchdog proves nothing")
	}
	if strings.EqualFold(j.Document.Property("no-quorum-policy"), "ignore") {
		j.add(Error, "no-quorum-policy", "set it to stop", "with ignore, hosts without quorum start what others run, until their watchdog ends them")
	}
	waits := map[time.Duration][]string{} // hosts for which longer is waited than was configured
	for _, h := range j.Hosts {
		wait, err := fencing.WatchdogWait(j.Document, h.Watchdog, j.Unaware)
		switch {
		case !h.Online || h.Problem != "":
		case err != nil:
			j.add(Error, h.Name, "see 'pcs stonith sbd status'", "it cannot be fenced by its watchdog: %v", err)
		case limit > 0 && wait > limit:
			waits[wait] = append(waits[wait], h.Name)
		case limit > 0 && wait < 2*h.Watchdog:
			j.add(Warning, "stonith-watchdog-timeout", fmt.Sprintf("make it %s", 2*h.Watchdog), "%s is less than twice the %s of the watchdog of %s", wait, h.Watchdog, h.Name)
		}
	}
	for _, wait := range slices.Sorted(maps.Keys(waits)) {
		j.add(Warning, "stonith-watchdog-timeout", "make it -1, or "+wait.String(), "%s is waited all the same until %s is taken for dead: its watchdog's time, after it has noticed that it is lost",
			wait, strings.Join(waits[wait], ", "))
	}
}

// disks checks the sbd disks' times, and that hosts see the same ones.
func (j *judge) disks() {
	limit := j.stonithTimeout()
	seen := map[string]bool{}
	for _, h := range j.Hosts {
		if len(h.Disks) == 2 {
			j.add(Warning, h.Name, "take one or three disks", "two sbd disks: with either lost there is no majority")
		}
		for _, d := range h.Disks {
			if d.Problem != "" {
				j.add(Error, d.Path, "mend the path to the disk, or create it: sbd -d DISK create", "%s cannot use it: %s", h.Name, d.Problem)
				continue
			}
			if h.Watchdog <= 0 {
				j.add(Error, h.Name, "set SBD_WATCHDOG_DEV", "it watches %s without a watchdog: when it cannot read the disk it lives on", d.Path)
			} else if h.Watchdog > d.Timeouts.Watchdog+time.Second {
				j.add(Error, h.Name, "restart its daemon, or create the disk anew", "its watchdog takes %s, the disk %s counts on %s", h.Watchdog, d.Path, d.Timeouts.Watchdog)
			}
			if seen[d.Path] {
				continue
			}
			seen[d.Path] = true
			for _, wrong := range d.Timeouts.Check() {
				j.add(Error, d.Path, "create it anew with other times, with all daemons stopped", "%s", wrong)
			}
			if least := d.Timeouts.MsgWait + d.Timeouts.MsgWait/5; limit < least {
				j.add(Error, "stonith-timeout", fmt.Sprintf("make it %s at least", least), "%s is less than msgwait of %s and a fifth: fencing ends as failed before the disk's time is over", limit, d.Path)
			}
		}
	}
}

func (j *judge) stonithTimeout() time.Duration { return fencing.Timeout(j.Document) }
