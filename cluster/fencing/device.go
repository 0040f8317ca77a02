package fencing

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// Device is one configured stonith resource.
type Device struct {
	ID       string
	Agent    string // fence_ipmilan, …
	Params   map[string]string
	Priority int  // higher is tried first
	Known    bool // what the agent supports is known
	watchdog bool // no agent: the target's own watchdog
	supports map[string]bool
	onTarget map[string]bool   // actions that only the target itself can carry out (fence_scsi's on)
	unfences bool              // a host is switched on with it when it joins
	hostArg  string            // parameter that carries the target: plug, port, …; "" none
	hosts    map[string]string // pcmk_host_map and pcmk_host_list: host to plug
	check    string            // static-list, dynamic-list, status, none
	banned   map[string]bool   // hosts that may not run it
}

// Devices reads the fence devices of a document, the ones to try first at the front.
// describe returns an agent's meta-data, or nil. A device whose target-role is Stopped is
// left out: the operator has switched it off.
func Devices(doc *cib.Document, describe func(agent string) *metadata.Agent) []*Device {
	var devices []*Device
	resources := doc.Section("resources")
	for e := range resources.Descendants() {
		if e.Name != "primitive" {
			continue
		}
		template := templateOf(resources, e)
		get := func(name string) string {
			if v := e.Get(name); v != "" || template == nil {
				return v
			}
			return template.Get(name)
		}
		if get("class") != "stonith" {
			continue
		}
		meta := pairs(doc, "meta_attributes", enclosing(template, e))
		if strings.EqualFold(meta["target-role"], "stopped") {
			continue
		}
		d := &Device{ID: e.ID(), Agent: get("type"), Params: pairs(doc, "instance_attributes", []*cib.Element{template, e})}
		d.Priority, _ = strconv.Atoi(d.Params["priority"])
		d.unfences = strings.EqualFold(meta["provides"], "unfencing")
		if d.watchdog = d.Agent == watchdogAgent; d.watchdog {
			d.prepare(nil)
		} else {
			d.prepare(describe(d.Agent))
		}
		d.banned = bans(doc, e)
		devices = append(devices, d)
	}
	slices.SortFunc(devices, func(a, b *Device) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return withWatchdog(doc, devices)
}

func templateOf(resources, e *cib.Element) *cib.Element {
	name := e.Get("template")
	if name == "" {
		return nil
	}
	for t := range resources.All("template") {
		if t.ID() == name {
			return t
		}
	}
	return nil
}

// enclosing lists where a primitive's meta attributes come from, the weakest first.
func enclosing(template, e *cib.Element) []*cib.Element {
	var chain []*cib.Element
	for p := e; p != nil && p.Name != "resources"; p = p.Parent {
		chain = append(chain, p)
	}
	slices.Reverse(chain)
	return append([]*cib.Element{template}, chain...)
}

// pairs gathers attributes of all sets without a rule; later elements override.
func pairs(doc *cib.Document, kind string, from []*cib.Element) map[string]string {
	all := map[string]string{}
	for _, e := range from {
		for set := range e.All(kind) {
			if ref := set.Get("id-ref"); ref != "" {
				if set = doc.ByID(ref); set == nil {
					continue
				}
			}
			if set.Child("rule") != nil {
				continue
			}
			for nv := range set.All("nvpair") {
				all[nv.Get("name")] = nv.Get("value")
			}
		}
	}
	return all
}

// bans finds the hosts where a device must not run: Pacemaker lets every host use every
// device, except where a location constraint forbids it.
func bans(doc *cib.Document, device *cib.Element) map[string]bool {
	banned := map[string]bool{}
	for c := range doc.Section("constraints").All("rsc_location") {
		score := c.Get("score")
		if c.Get("node") == "" || !strings.HasPrefix(score, "-") || !infinite(score) {
			continue
		}
		for p := device; p != nil && p.Name != "resources"; p = p.Parent {
			if p.ID() == c.Get("rsc") {
				banned[c.Get("node")] = true
			}
		}
	}
	return banned
}

func infinite(score string) bool {
	n, err := strconv.Atoi(score)
	return strings.EqualFold(score, "-infinity") || err == nil && n <= -1000000
}

// prepare works out what depends on the agent.
func (d *Device) prepare(agent *metadata.Agent) {
	d.supports, d.onTarget = map[string]bool{}, map[string]bool{}
	if agent != nil {
		d.Known = true
		for _, action := range agent.Actions {
			d.supports[action.Name] = true
			d.onTarget[action.Name] = action.OnTarget
			d.unfences = d.unfences || action.Name == "on" && action.Automatic
		}
		for _, name := range []string{"port", "plug"} {
			if _, ok := agent.Param(name); ok {
				d.hostArg = name
			}
		}
	}
	if _, ok := metadata.Plugin("stonith", d.Agent); ok {
		d.hostArg = "port" // its meta-data has no parameter for the host: that is an argument
	}
	if name, ok := d.Params["pcmk_host_argument"]; ok {
		d.hostArg = name
		if name == "none" {
			d.hostArg = ""
		}
	}
	d.hosts = map[string]string{}
	for _, host := range words(d.Params["pcmk_host_list"]) {
		d.hosts[host] = host
	}
	for _, entry := range words(d.Params["pcmk_host_map"]) {
		host, plug, ok := strings.Cut(entry, ":")
		if !ok {
			host, plug, ok = strings.Cut(entry, "=")
		}
		if ok && host != "" {
			d.hosts[host] = plug
		}
	}
	d.check = d.Params["pcmk_host_check"]
	switch {
	case d.check != "":
	case len(d.hosts) > 0:
		d.check = "static-list"
	case d.supports["list"]:
		d.check = "dynamic-list"
	case d.supports["status"]:
		d.check = "status"
	default:
		d.check = "none"
	}
}

// words splits a list of hosts as users write it: by spaces, semicolons, and commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == ';' || r == ',' })
}

// verdict says whether a device can fence a target: yes, no, or by asking the agent.
type verdict int

const (
	no verdict = iota
	yes
	askList
	askStatus
)

func (d *Device) covers(target string) verdict {
	if d.Params["pcmk_host_check"] == "" || d.check == "static-list" {
		if _, ok := d.hosts[target]; ok {
			return yes
		}
	}
	switch d.check {
	case "none":
		return yes
	case "dynamic-list":
		return askList
	case "status":
		return askStatus
	}
	return no
}

// can says whether the device's agent has the action, under the name that the
// configuration may give it. An agent that could not be asked is trusted.
func (d *Device) can(action string) bool {
	return !d.Known || d.Params["pcmk_"+action+"_action"] != "" || d.supports[d.actionName(action)]
}

func (d *Device) actionName(action string) string {
	if name := d.Params["pcmk_"+action+"_action"]; name != "" {
		return name
	}
	return action
}

// params are what the agent is told for an action on target.
func (d *Device) params(target string) map[string]string {
	all := map[string]string{}
	for name, value := range d.Params {
		if !strings.HasPrefix(name, "pcmk_") && name != "priority" && name != "provides" && name != "stonith-timeout" {
			all[name] = value
		}
	}
	if target == "" {
		return all
	}
	all["nodename"] = target
	if d.hostArg != "" && (all[d.hostArg] == "" || all[d.hostArg] == "dynamic") {
		plug := d.hosts[target]
		if plug == "" {
			plug = target
		}
		all[d.hostArg] = plug
	}
	return all
}

// limit is how long one call of an action may take.
func (d *Device) limit(action string, otherwise time.Duration) time.Duration {
	if limit, ok := metadata.Duration(d.Params["pcmk_"+action+"_timeout"]); ok && limit > 0 {
		return limit
	}
	return otherwise
}

const defaultRetries = 2

// retries is how often an action is tried within its limit.
func (d *Device) retries(action string) int {
	n, err := strconv.Atoi(d.Params["pcmk_"+action+"_retries"])
	if err != nil || n < 1 {
		return defaultRetries
	}
	return min(n, 100)
}

// atOnce is how many actions the device takes at a time (pcmk_action_limit, 1 unless
// given); 0 means any number.
func (d *Device) atOnce() int {
	n, err := strconv.Atoi(d.Params["pcmk_action_limit"])
	switch {
	case err != nil || n == 0:
		return 1
	case n < 0:
		return 0
	}
	return min(n, 1000)
}

// delay is the pause before the device acts on target: pcmk_delay_base (one for all hosts,
// or "host:time;…") and a random part that keeps the whole within pcmk_delay_max. draw is in [0, 1).
func (d *Device) delay(target string, draw float64) time.Duration {
	base := time.Duration(0)
	text := d.Params["pcmk_delay_base"]
	if strings.Contains(text, ":") {
		for _, entry := range words(text) {
			if host, value, _ := strings.Cut(entry, ":"); host == target {
				base, _ = metadata.Duration(value)
			}
		}
	} else {
		base, _ = metadata.Duration(text)
	}
	most, ok := metadata.Duration(d.Params["pcmk_delay_max"])
	if !ok || most <= base {
		return base
	}
	return base + time.Duration(math.Floor(draw*float64(most-base)))
}

// Timeout is stonith-timeout.
func Timeout(doc *cib.Document) time.Duration {
	if limit, ok := metadata.Duration(doc.Property("fencing-timeout", "stonith-timeout")); ok && limit > 0 {
		return limit
	}
	return DefaultTimeout
}

// Covers tells whether the configuration says that the device fences a host. asked is true when only
// the device itself can tell.
func (d *Device) Covers(host string) (sure, asked bool) {
	v := d.covers(host)
	return v == yes, v == askList || v == askStatus
}

// Watchdog tells whether the device stands for the hosts' own watchdogs.
func (d *Device) Watchdog() bool { return d.watchdog }

// Longest is the most that an action on a host may take: its delay, and the time limit of every
// attempt. limit is stonith-timeout.
func (d *Device) Longest(host, action string, limit time.Duration) time.Duration {
	attempts := []string{action}
	if action == "reboot" && !d.can("reboot") {
		attempts = []string{"off"} // that the host comes on again is not waited for
	}
	total := d.delay(host, 1)
	for _, a := range attempts {
		total += time.Duration(d.retries(a)) * d.limit(a, limit)
	}
	return total
}

// Probe is how the device is asked whether it sees a host: the status of its plug, or where the agent
// has none its list, or its monitor. Its parameters come with it.
func (d *Device) Probe(host string) (action string, params map[string]string) {
	for _, action := range []string{"status", "list"} {
		if d.Known && d.supports[d.actionName(action)] {
			return d.actionName(action), d.params(host)
		}
	}
	return d.actionName("monitor"), d.params(host)
}

// Unfencing is the action that switches a host on by this device, with its parameters and
// its time limit, which is otherwise where the device has none of its own.
func (d *Device) Unfencing(host string, otherwise time.Duration) (action string, params map[string]string, limit time.Duration) {
	return d.actionName("on"), d.params(host), d.limit("on", otherwise)
}

// Sees tells whether an agent's answer to a Probe says that the device sees the host.
func (d *Device) Sees(host, action string, a Answer) (bool, string) {
	switch {
	case a.Failed:
		return false, a.Reason
	case action == d.actionName("status") && (a.Code == 0 || a.Code == 2): // on or off
		return true, ""
	case a.Code != 0:
		return false, a.Reason
	case action == d.actionName("list"):
		plug := cmp.Or(d.hosts[host], host)
		if !slices.Contains(words(a.Output), plug) {
			return false, "its list does not have " + plug
		}
	}
	return true, ""
}

// Bans tells whether the device must not be used by a host.
func (d *Device) Bans(host string) bool { return d.banned[host] }
