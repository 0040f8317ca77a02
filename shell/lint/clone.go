package lint

import (
	"slices"
	"strconv"

	"holdfast/cluster/cib"
)

var cloneChecks = []Check{
	{"interleave-missing", Warning, "Without interleave, one instance that restarts stops and starts all that depend on any instance.", interleaveMissing},
	{"several-on-one-host", Error, "Only globally unique clones run more than one instance on a host.", severalOnOneHost},
	{"not-promotable", Error, "The agent can neither promote nor demote.", notPromotable},
	{"promoted-options-idle", Warning, "They count only with promotable=true.", promotedOptionsIdle},
	{"fence-device-cloned", Warning, "A device needs no clone: every host may use it wherever it runs.", fenceDeviceCloned},
	{"old-promotable", Note, "Later releases read clone with promotable=true only.", oldPromotable},
	{"clone-max-zero", Warning, "No instance runs.", cloneMaxZero},
}

func (s *subject) clones() []*cib.Element {
	var all []*cib.Element
	for e := range s.resources.Elements() {
		if e.Name == "clone" || e.Name == "master" {
			all = append(all, e)
		}
	}
	return all
}

func interleaveMissing(s *subject, report report) {
	for c := range s.constraints.All("rsc_order") {
		first, then := s.byID[c.Get("first")], s.byID[c.Get("then")]
		if first == nil || then == nil || c.Get("kind") == "Optional" || c.Get("score") == "0" {
			continue
		}
		if clone(first) != nil && clone(then) != nil && !cib.ParseBool(s.inherited(clone(then), "interleave"), false) {
			report(c, "set interleave=true on "+clone(then).ID(), "%s waits for every instance of %s", clone(then).ID(), clone(first).ID())
		}
	}
}

func severalOnOneHost(s *subject, report report) {
	for _, c := range s.clones() {
		if n, err := strconv.Atoi(s.meta(c, "clone-node-max")); err == nil && n > 1 && !cib.ParseBool(s.meta(c, "globally-unique"), false) {
			report(c, "set globally-unique=true, or remove clone-node-max", "%s wants %d instances on a host and is not globally unique", c.ID(), n)
		}
	}
}

func notPromotable(s *subject, report report) {
	for _, p := range s.primitives {
		agent := s.agents[p]
		if c := clone(p); c != nil && s.promotable(p) && agent != nil && !(agent.Supports("promote") && agent.Supports("demote")) {
			report(c, "remove promotable, or use an agent that promotes", "%s is promotable, and %s does not promote", c.ID(), s.agent(p))
		}
	}
}

func promotedOptionsIdle(s *subject, report report) {
	for _, c := range s.clones() {
		for _, name := range []string{"promoted-max", "promoted-node-max", "master-max", "master-node-max"} {
			if nv := s.pair(c, "meta_attributes", name); nv != nil && c.Name == "clone" && !cib.ParseBool(s.meta(c, "promotable"), false) {
				report(nv, "set promotable=true", "%s is set on %s, which is not promotable", name, c.ID())
			}
		}
	}
}

func fenceDeviceCloned(s *subject, report report) {
	for _, p := range s.primitives {
		if c := clone(p); c != nil && s.isFencing(p) {
			report(c, "take the clone away", "fence device %s is cloned", p.ID())
		}
	}
}

func oldPromotable(s *subject, report report) {
	for _, c := range s.clones() {
		if c.Name == "master" {
			report(c, "write a clone with promotable=true", "%s is in the old form", c.ID())
		}
	}
}

func cloneMaxZero(s *subject, report report) {
	for _, c := range s.clones() {
		if slices.Contains([]string{"0", "00"}, s.meta(c, "clone-max")) {
			report(c, "remove clone-max", "%s has clone-max=0", c.ID())
		}
	}
}
