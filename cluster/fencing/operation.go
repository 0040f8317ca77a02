package fencing

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Request asks for a host to be fenced.
type Request struct {
	Target string
	Action string        // off, on, reboot
	Limit  time.Duration // of one device's action: stonith-timeout
	// Delay is waited before the first device acts (priority-fencing-delay), beside the device's
	// own pcmk_delay_base and pcmk_delay_max. Below 0 not even those are waited for.
	Delay time.Duration
	Boot  uint64   // of the target's daemon that shall end: Order's
	Hosts []string // hosts that can run agents, in order of preference
}

// Call is one call of an agent that an Operation wants made.
type Call struct {
	ID      int
	Host    string // that shall make it
	Device  string
	Agent   string
	Action  string // the agent's: on, off, reboot, list, status, or what pcmk_*_action says
	Params  map[string]string
	Timeout time.Duration
	Delay   time.Duration
	query   bool
	device  *Device
}

// Answer is how a call ended.
type Answer struct {
	ID     int
	Code   int  // the agent's exit status; 0 is success
	Failed bool // it did not get to an exit status: time-out, agent missing, host gone
	Output string
	Reason string
}

// Outcome is the end of an Operation.
type Outcome struct {
	Done    bool
	Success bool
	Fenced         // of success
	Reason  string // of failure: each attempt's, and what to do
}

// Fenced is how a host was fenced.
type Fenced struct {
	Device string // those that did it, comma separated; "manual" for an operator's word
	// MayLive tells that nothing of the host runs any more that could do harm, but that its daemon may: only its watchdog was
	// waited for, which does not end a host that has stopped everything by itself, or it lost no more than its access to what
	// hosts share (a device that unfences).
	MayLive bool
}

// Operation fences one host. It is a pure state machine: Start and Answered return the
// calls to make next, and End says how it came out.
type Operation struct {
	request Request
	devices []*Device
	levels  [][]*Device
	draw    func() float64

	pending  map[int]*Device // queries without an answer
	capable  map[string]bool // devices that can fence the target
	nextID   int
	level    int
	phase    []step // what is left of the level, the present one at the front
	current  *Call
	attempt  int
	hostsTry []string
	used     []string
	ended    bool // one of those ends the whole host
	delayed  bool
	failures []string
	end      Outcome
}

// step is one action of one device.
type step struct {
	device *Device
	action string
	lax    bool // its failure does not matter: power on after the host is known to be off
}

// NewOperation prepares an operation. levels is the target's topology; without one every device
// that can fence the target is a level of its own. draw returns random numbers in [0, 1).
func NewOperation(request Request, devices []*Device, levels [][]string, draw func() float64) *Operation {
	o := &Operation{request: request, draw: draw, pending: map[int]*Device{}, capable: map[string]bool{}, level: -1, devices: devices}
	for _, ids := range levels {
		var level []*Device
		for _, id := range ids {
			i := slices.IndexFunc(devices, func(d *Device) bool { return d.ID == id })
			if i < 0 {
				o.failures = append(o.failures, fmt.Sprintf("device %s of the fencing topology is not configured or is stopped", id))
				level = nil
				break
			}
			level = append(level, devices[i])
		}
		if len(level) > 0 {
			o.levels = append(o.levels, level)
		}
	}
	if len(levels) > 0 {
		for _, level := range o.levels {
			for _, d := range level {
				o.capable[d.ID] = true // a topology's word is enough
			}
		}
		o.devices = nil
	}
	return o
}

// End returns the outcome; Done is false while calls are to be made.
func (o *Operation) End() Outcome { return o.end }

// Confirm ends the operation by an operator's word that the target is off.
func (o *Operation) Confirm() {
	if !o.end.Done {
		o.end = Outcome{Done: true, Success: true, Fenced: Fenced{Device: "manual"}}
	}
}

// Start begins: with the questions which device can fence the target, or with the
// first device.
func (o *Operation) Start() []Call {
	var calls []Call
	for _, d := range o.devices {
		switch d.covers(o.request.Target) {
		case yes:
			o.capable[d.ID] = true
		case askList:
			calls = append(calls, o.query(d, "list", ""))
		case askStatus:
			calls = append(calls, o.query(d, "status", o.request.Target))
		}
	}
	calls = slices.DeleteFunc(calls, func(c Call) bool { return c.Host == "" })
	if len(calls) > 0 {
		return calls
	}
	return o.ready()
}

// query asks a device; its Host is "" when no host may run it.
func (o *Operation) query(d *Device, action, target string) Call {
	call := o.call(d, action, target)
	call.query = true
	if call.Host != "" {
		o.pending[call.ID] = d
	}
	return call
}

func (o *Operation) call(d *Device, action, target string) Call {
	o.nextID++
	call := Call{
		ID: o.nextID, Device: d.ID, Agent: d.Agent, Action: d.actionName(action), Params: d.params(target),
		Timeout: d.limit(action, o.request.Limit), device: d,
	}
	if hosts := o.hostsFor(d, action); len(hosts) > 0 {
		call.Host = hosts[0]
	}
	return call
}

// hostsFor lists the hosts that may run an action of a device, the target last: a host fences
// itself only when nobody else can. Some actions only the target can carry out.
func (o *Operation) hostsFor(d *Device, action string) []string {
	if d.watchdog {
		return o.request.Hosts[:min(1, len(o.request.Hosts))] // to wait is anybody's work, once
	}
	var hosts []string
	self := false
	for _, host := range o.request.Hosts {
		switch {
		case d.banned[host]:
		case host == o.request.Target:
			self = true
		default:
			hosts = append(hosts, host)
		}
	}
	switch {
	case d.onTarget[d.actionName(action)] && self:
		return []string{o.request.Target}
	case d.onTarget[d.actionName(action)]:
		return nil
	case self:
		hosts = append(hosts, o.request.Target)
	}
	return hosts
}

// ready is reached once it is known which devices can fence the target.
func (o *Operation) ready() []Call {
	if o.devices != nil {
		for _, d := range o.devices {
			if o.capable[d.ID] && !d.watchdog {
				o.levels = append(o.levels, []*Device{d})
			}
		}
		for _, d := range o.devices {
			if o.capable[d.ID] && d.watchdog && len(o.levels) == 0 && o.request.Action != "on" {
				o.levels = append(o.levels, []*Device{d})
			}
		}
	}
	o.unfencing()
	if len(o.levels) == 0 {
		return o.fail(fmt.Sprintf("no fence device can fence %s; configure a stonith resource for it (pcmk_host_list, pcmk_host_map), or confirm that it is off: stonith_admin --confirm %s", o.request.Target, o.request.Target))
	}
	return o.nextLevel()
}

// unfencing lets all devices that a host has to be switched on with do so, where there are any:
// each of them may keep it from a disk or network.
func (o *Operation) unfencing() {
	if o.request.Action != "on" {
		return
	}
	var all []*Device
	for _, level := range o.levels {
		for _, d := range level {
			if d.unfences && !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	if len(all) > 0 {
		o.levels = [][]*Device{all}
	}
}

// nextLevel goes to the next level, or gives up.
func (o *Operation) nextLevel() []Call {
	o.level++
	o.used, o.ended = nil, false
	if o.level >= len(o.levels) {
		return o.fail("")
	}
	level := o.levels[o.level]
	o.phase = nil
	remap := o.request.Action == "reboot" && (len(level) > 1 || !level[0].can("reboot"))
	if !remap {
		for _, d := range level {
			o.phase = append(o.phase, step{device: d, action: o.request.Action})
		}
		return o.nextStep()
	}
	// All must be off at one time, or a host with two power supplies stays up.
	for _, d := range level {
		o.phase = append(o.phase, step{device: d, action: "off"})
	}
	for _, d := range level {
		if d.can("on") {
			o.phase = append(o.phase, step{device: d, action: "on", lax: true})
		}
	}
	return o.nextStep()
}

func (o *Operation) nextStep() []Call {
	if len(o.phase) == 0 {
		o.end = Outcome{Done: true, Success: true, Fenced: Fenced{Device: strings.Join(o.used, ","), MayLive: !o.ended}}
		return nil
	}
	s := o.phase[0]
	o.attempt, o.hostsTry = 1, o.hostsFor(s.device, s.action)
	if len(o.hostsTry) == 0 {
		return o.stepFailed(fmt.Sprintf("%s: no host may run its %s", s.device.ID, s.action))
	}
	call := o.act(s)
	if s.action != "on" && o.request.Delay >= 0 {
		call.Delay = s.device.delay(o.request.Target, o.draw())
		if !o.delayed {
			call.Delay += o.request.Delay
			o.delayed = true
		}
	}
	return []Call{call}
}

func (o *Operation) act(s step) Call {
	call := o.call(s.device, s.action, o.request.Target)
	call.Host = o.hostsTry[0]
	o.current = &call
	return call
}

// Answered takes the end of a call and returns what to do next.
func (o *Operation) Answered(a Answer) []Call {
	if o.end.Done {
		return nil
	}
	if d, ok := o.pending[a.ID]; ok {
		delete(o.pending, a.ID)
		o.learn(d, a)
		if len(o.pending) > 0 {
			return nil
		}
		return o.ready()
	}
	if o.current == nil || a.ID != o.current.ID || len(o.phase) == 0 {
		return nil
	}
	s := o.phase[0]
	if a.Code == 0 && !a.Failed {
		if !slices.Contains(o.used, s.device.ID) {
			o.used = append(o.used, s.device.ID)
		}
		o.ended = o.ended || !s.device.watchdog && !s.device.unfences
		o.phase = o.phase[1:]
		return o.nextStep()
	}
	if o.attempt < s.device.retries(s.action) && !a.Failed {
		o.attempt++
		return []Call{o.act(s)}
	}
	if o.hostsTry = o.hostsTry[1:]; len(o.hostsTry) > 0 && o.hostsTry[0] != o.request.Target {
		o.failures = append(o.failures, reasonOf(s, a))
		o.attempt = 1
		return []Call{o.act(s)}
	}
	return o.stepFailed(reasonOf(s, a))
}

func (o *Operation) stepFailed(reason string) []Call {
	s := o.phase[0]
	if s.lax {
		o.phase = o.phase[1:]
		return o.nextStep()
	}
	o.failures = append(o.failures, reason)
	return o.nextLevel()
}

func reasonOf(s step, a Answer) string {
	if a.Reason != "" {
		return a.Reason
	}
	return fmt.Sprintf("%s: %s ended with status %d", s.device.ID, s.action, a.Code)
}

// learn takes a device's answer to whether it can fence the target.
func (o *Operation) learn(d *Device, a Answer) {
	switch {
	case a.Failed:
		o.failures = append(o.failures, reasonOf(step{device: d, action: "list"}, a))
	case d.check == "status":
		o.capable[d.ID] = a.Code == 0 || a.Code == 2 // on or off
	case a.Code != 0:
		o.failures = append(o.failures, reasonOf(step{device: d, action: "list"}, a))
	default:
		plug := d.hosts[o.request.Target]
		listed := words(a.Output)
		o.capable[d.ID] = slices.Contains(listed, o.request.Target) || plug != "" && slices.Contains(listed, plug)
	}
}

func (o *Operation) fail(reason string) []Call {
	if reason != "" {
		o.failures = append(o.failures, reason)
	}
	o.end = Outcome{Done: true, Reason: strings.Join(slices.Compact(o.failures), "; ")}
	return nil
}
