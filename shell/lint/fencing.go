package lint

import (
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
)

var fencingChecks = []Check{
	{"no-fence-device", Error, "The cluster waits for a lost host to be fenced, and nothing can do it.", noFenceDevice},
	{"fence-on-own-target", Warning, "A host that is lost or ill is asked to fence itself.", fenceOnOwnTarget},
	{"host-not-fenced", Error, "When that host is lost, its resources stay down until somebody confirms by hand.", hostNotFenced},
	{"fence-target-unknown", Error, "The device names a host that is not there; the host meant is not fenced.", fenceTargetUnknown},
	{"fence-race", Warning, "When the link between two hosts breaks, each fences the other, and both go down.", fenceRace},
	{"fence-level-unknown", Error, "A level with a device that is not there fails whole.", fenceLevelUnknown},
	{"fence-for-tests", Error, "It says that a host was fenced without switching it off.", fenceForTests},
	{"fence-timeout-short", Warning, "The cluster gives up while the device is still at work.", fenceTimeoutShort},
	{"fence-device-disabled", Warning, "A device that is switched off fences nobody.", fenceDeviceDisabled},
	{"fence-action-set", Error, "The device then does that whatever it is asked, a monitor included.", fenceActionSet},
}

func (s *subject) devices() []*cib.Element {
	return slices.DeleteFunc(slices.Clone(s.primitives), func(p *cib.Element) bool { return !s.isFencing(p) })
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;\t\n", r) })
}

// targets lists the hosts that a device names; known is false when it finds them out by itself.
func (s *subject) targets(device *cib.Element) (hosts []string, known bool) {
	for _, entry := range words(s.param(device, "pcmk_host_map")) {
		if host, _, ok := strings.Cut(entry, ":"); ok {
			hosts = append(hosts, host)
		}
	}
	hosts = append(hosts, words(s.param(device, "pcmk_host_list"))...)
	check := s.param(device, "pcmk_host_check")
	return hosts, len(hosts) > 0 && check != "dynamic-list" && check != "status" && check != "none"
}

func noFenceDevice(s *subject, report report) {
	if !s.fencing() || len(s.devices()) > 0 || cib.ParseBool(s.option("have-watchdog"), false) && s.option("stonith-watchdog-timeout") != "" || len(s.primitives) == 0 {
		return
	}
	report(s.resources, "configure a fence device for every host", "fencing is on and there is no fence device")
}

func fenceOnOwnTarget(s *subject, report report) {
	if len(s.hosts) < 2 {
		return
	}
	for _, d := range s.devices() {
		hosts, known := s.targets(d)
		if !known || len(hosts) != 1 || !slices.Contains(s.nodes, hosts[0]) {
			continue
		}
		if slices.Contains(s.allowed(d.ID()), hosts[0]) {
			report(d, "ban "+d.ID()+" from "+hosts[0]+" with -INFINITY", "%s fences %s and may run there", d.ID(), hosts[0])
		}
	}
}

func hostNotFenced(s *subject, report report) {
	if !s.fencing() || len(s.devices()) == 0 {
		return
	}
	covered := map[string]bool{}
	for _, d := range s.devices() {
		hosts, known := s.targets(d)
		if !known {
			return // a device that finds out by itself may fence any host
		}
		for _, h := range hosts {
			covered[h] = true
		}
	}
	for _, n := range s.hosts {
		if name := n.Get("uname"); !covered[name] && n.Get("type") != "remote" {
			report(n, "add a device for "+name+", or name it in pcmk_host_list", "no device fences %s", name)
		}
	}
}

func fenceTargetUnknown(s *subject, report report) {
	if len(s.hosts) == 0 {
		return
	}
	for _, d := range s.devices() {
		hosts, _ := s.targets(d)
		for _, h := range hosts {
			if !slices.Contains(s.nodes, h) {
				report(d, spelled(h, s.nodes), "%s: there is no host %s", d.ID(), h)
			}
		}
	}
}

func fenceRace(s *subject, report report) {
	if len(s.hosts) != 2 || !s.fencing() || len(s.devices()) == 0 || duration(s.option("priority-fencing-delay")) > 0 {
		return
	}
	for _, d := range s.devices() {
		if s.param(d, "pcmk_delay_base")+s.param(d, "pcmk_delay_max")+s.param(d, "delay") != "" {
			return
		}
	}
	report(s.devices()[0], "give one of the devices pcmk_delay_base=5s, or set priority-fencing-delay", "two hosts, and no device waits")
}

func fenceLevelUnknown(s *subject, report report) {
	for level := range s.Document.Section("fencing-topology").All("fencing-level") {
		for _, id := range words(level.Get("devices")) {
			if e := s.byID[id]; e == nil || e.Name != "primitive" || !s.isFencing(e) {
				report(level, "name a fence device", "level %s: there is no fence device %s", level.Get("index"), id)
			}
		}
		if t := level.Get("target"); t != "" && len(s.hosts) > 0 && !slices.Contains(s.nodes, t) {
			report(level, spelled(t, s.nodes), "level %s: there is no host %s", level.Get("index"), t)
		}
	}
}

func fenceForTests(s *subject, report report) {
	for _, d := range s.devices() {
		kind := s.class(d, "type")
		if slices.Contains([]string{"null", "external/null", "fence_dummy", "fence_null", "suicide", "meatware", "fence_manual", "ssh", "external/ssh"}, kind) {
			report(d, "use a device that switches hosts off", "%s uses %s, which is made for tests", d.ID(), kind)
		}
	}
}

func fenceTimeoutShort(s *subject, report report) {
	limit := duration(s.option("stonith-timeout", "fencing-timeout"))
	if limit == 0 {
		limit = time.Minute
	}
	for _, d := range s.devices() {
		for _, name := range []string{"power_wait", "power_timeout", "shell_timeout", "pcmk_delay_max"} {
			if t := duration(s.param(d, name)); t > limit {
				report(d, "raise stonith-timeout above "+t.String(), "%s: %s is %s, and stonith-timeout %s", d.ID(), name, t, limit)
			}
		}
	}
}

func fenceDeviceDisabled(s *subject, report report) {
	for _, d := range s.devices() {
		if nv := s.pair(d, "meta_attributes", "target-role"); nv != nil && strings.EqualFold(nv.Get("value"), "stopped") {
			report(nv, "remove target-role", "fence device %s is switched off", d.ID())
		}
	}
}

func fenceActionSet(s *subject, report report) {
	for _, d := range s.devices() {
		if nv := s.pair(d, "instance_attributes", "action"); nv != nil {
			report(nv, "remove it; set stonith-action, or pcmk_reboot_action=off", "%s: action=%s", d.ID(), nv.Get("value"))
		}
	}
}
