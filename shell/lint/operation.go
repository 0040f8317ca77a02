package lint

import (
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

var operationChecks = []Check{
	{"monitor-missing", Warning, "A service that dies is not noticed, and so not restarted.", monitorMissing},
	{"promoted-monitor-missing", Warning, "The promoted instance is not watched: monitors of the other role do not run on it.", promotedMonitorMissing},
	{"same-interval", Error, "Two monitors of one interval cannot be told apart; only one runs.", sameInterval},
	{"monitor-too-often", Warning, "The agent's own work loads the host, and one slow answer counts as a failure.", monitorTooOften},
	{"timeout-short", Warning, "An operation that is only slow counts as failed; a failed stop fences the host.", timeoutShort},
	{"bad-time", Error, "A time that cannot be read counts as zero or as the default.", badTime},
	{"unknown-operation", Error, "The agent has no such action; it fails each time.", unknownOperation},
	{"failure-ignored", Warning, "The cluster goes on as if nothing had happened.", failureIgnored},
	{"stop-failure-not-fenced", Warning, "A resource that does not stop blocks, and its service is gone until somebody comes.", stopNotFenced},
	{"monitor-disabled", Warning, "A service that dies is not noticed.", monitorDisabled},
	{"interval-on-start", Warning, "Start and stop are run once; an interval makes them recur or is ignored.", intervalOnStart},
}

// duration reads a time as the cluster does; zero when it cannot.
func duration(text string) time.Duration {
	d, _ := metadata.Duration(text)
	return d
}

func (s *subject) monitors(p *cib.Element) []*cib.Element {
	return slices.DeleteFunc(s.operations(p), func(op *cib.Element) bool { return op.Get("name") != "monitor" || duration(op.Get("interval")) == 0 })
}

func monitorMissing(s *subject, report report) {
	for _, p := range s.primitives {
		if len(s.monitors(p)) == 0 && s.agent(p) != "ocf:pacemaker:remote" {
			report(p, "add: op monitor interval=30s timeout=30s", "%s is not monitored", p.ID())
		}
	}
}

func promotedMonitorMissing(s *subject, report report) {
	for _, p := range s.primitives {
		if !s.promotable(p) || top(p).Name == "bundle" || len(s.monitors(p)) == 0 {
			continue
		}
		if !slices.ContainsFunc(s.monitors(p), func(op *cib.Element) bool { return op.Get("role") == "Promoted" || op.Get("role") == "Master" }) {
			report(p, "add a second monitor with role=Promoted and another interval", "%s is promotable and its promoted instance is not monitored", p.ID())
		}
	}
}

func sameInterval(s *subject, report report) {
	for _, p := range s.primitives {
		seen := map[string]bool{}
		for _, op := range s.operations(p) {
			key := op.Get("name") + " " + duration(op.Get("interval")).String()
			if seen[key] {
				report(op, "give one of them another interval, 11s instead of 10s", "%s has two %s operations every %s", p.ID(), op.Get("name"), duration(op.Get("interval")))
			}
			seen[key] = true
		}
	}
}

// quickest is the shortest interval that leaves an agent written in shell time to breathe.
const quickest = 2 * time.Second

func monitorTooOften(s *subject, report report) {
	for _, p := range s.primitives {
		for _, op := range s.monitors(p) {
			if d := duration(op.Get("interval")); d < quickest {
				report(op, "use an interval of 5s or more", "%s is monitored every %s", p.ID(), d)
			}
		}
	}
}

// usualTimeout is an operation's time limit when nothing sets one.
const usualTimeout = 20 * time.Second

func timeoutShort(s *subject, report report) {
	for _, p := range s.primitives {
		agent := s.agents[p]
		if agent == nil {
			continue
		}
		given := map[string]bool{}
		for _, op := range s.operations(p) {
			name := op.Get("name")
			given[name] = true
			limit, where := s.timeout(op), ""
			if op.Get("timeout") == "" {
				where = " (the default)"
			}
			if advice := advised(agent, name, op.Get("role")); advice > limit {
				report(op, "set timeout="+advice.String(), "%s: %s may take %s%s, and the agent advises %s", p.ID(), name, limit, where, advice)
			}
		}
		for _, name := range []string{"start", "stop"} {
			limit := s.timeout(nil)
			if advice := advised(agent, name, ""); !given[name] && advice > limit {
				report(p, "add: op "+name+" timeout="+advice.String(), "%s: %s may take %s (the default), and the agent advises %s", p.ID(), name, limit, advice)
			}
		}
	}
}

// timeout is an operation's time limit: its own, the default of operations, or the built-in one. op may be nil.
func (s *subject) timeout(op *cib.Element) time.Duration {
	for _, text := range []string{attribute(op, "timeout"), s.fallback("op_defaults", "timeout"), s.option("default-action-timeout")} {
		if d := duration(text); d > 0 {
			return d
		}
	}
	return usualTimeout
}

func attribute(e *cib.Element, name string) string {
	if e == nil {
		return ""
	}
	return e.Get(name)
}

// advised is the agent's advice for an operation; zero when it gives none.
func advised(agent *metadata.Agent, name, role string) time.Duration {
	var longest time.Duration
	for _, a := range agent.Actions {
		if a.Name != name || a.Role != "" && role != "" && !sameRole(a.Role, role) {
			continue
		}
		longest = max(longest, duration(a.Timeout))
	}
	return longest
}

// sameRole compares roles in either spelling.
func sameRole(a, b string) bool {
	return modern(a) == modern(b)
}

func modern(role string) string {
	switch strings.ToLower(role) {
	case "master":
		return "promoted"
	case "slave":
		return "unpromoted"
	}
	return strings.ToLower(role)
}

func badTime(s *subject, report report) {
	for e := range s.Document.Configuration().Descendants() {
		if e.Name != "op" {
			continue
		}
		for _, name := range []string{"interval", "timeout", "start-delay"} {
			if text, ok := e.Lookup(name); ok {
				if _, fine := metadata.Duration(text); !fine && !strings.HasPrefix(text, "P") && !strings.EqualFold(text, "INFINITY") {
					report(e, "write a number with s, m, h or ms", "%s=%s is not a time", name, text)
				}
			}
		}
	}
}

func unknownOperation(s *subject, report report) {
	for _, p := range s.primitives {
		agent := s.agents[p]
		if agent == nil || agent.Class != "ocf" {
			continue
		}
		var known []string
		for _, a := range agent.Actions {
			known = append(known, a.Name)
		}
		for _, op := range s.operations(p) {
			if name := op.Get("name"); !slices.Contains(known, name) && len(known) > 0 {
				report(op, spelled(name, known), "%s: agent %s has no operation %s", p.ID(), s.agent(p), name)
			}
		}
	}
}

func failureIgnored(s *subject, report report) {
	for _, p := range s.primitives {
		for _, op := range s.operations(p) {
			if op.Get("on-fail") == "ignore" {
				report(op, "remove on-fail", "%s: a failed %s is ignored", p.ID(), op.Get("name"))
			}
		}
	}
}

func stopNotFenced(s *subject, report report) {
	for _, p := range s.primitives {
		for _, op := range s.operations(p) {
			if op.Get("name") == "stop" && op.Get("on-fail") == "block" && s.fencing() {
				report(op, "remove on-fail, so that the host is fenced and the resource recovers elsewhere", "%s: a failed stop blocks", p.ID())
			}
		}
	}
}

func monitorDisabled(s *subject, report report) {
	for _, p := range s.primitives {
		for _, op := range s.monitors(p) {
			if isFalse(op.Get("enabled")) {
				report(op, "remove enabled=false when the work is done", "%s: the monitor every %s is switched off", p.ID(), op.Get("interval"))
			}
		}
	}
}

func intervalOnStart(s *subject, report report) {
	for _, p := range s.primitives {
		for _, op := range s.operations(p) {
			if name := op.Get("name"); slices.Contains([]string{"start", "stop", "promote", "demote"}, name) && duration(op.Get("interval")) > 0 {
				report(op, "use interval=0", "%s: %s has an interval of %s", p.ID(), name, op.Get("interval"))
			}
		}
	}
}
