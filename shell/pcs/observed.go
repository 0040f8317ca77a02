package pcs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
	"holdfast/shell/tools/dates"
)

// client30 bounds the waits that commands make without --wait.
const client30 = 30 * time.Second

// running tells whether a resource runs after an operation with that exit code.
func running(operation, code string) bool {
	switch operation {
	case "start", "promote", "demote", "migrate_from":
		return code == "0"
	case "monitor":
		return code == "0" || code == "8"
	}
	return false
}

// observed lists the nodes where the status section shows e active.
func (s *session) observed(e *cib.Element) []string {
	ids := map[string]bool{}
	for _, p := range primitives(e) {
		ids[p.ID()] = true
	}
	var out []string
	for state := range s.doc.Section("status").All("node_state") {
		if state.Get("crmd") != "online" && state.Get("crmd") == "offline" {
			continue
		}
		for r := range state.Descendants() {
			if r.Name != "lrm_resource" {
				continue
			}
			id, _, _ := strings.Cut(r.ID(), ":")
			if ids[id] && lastActive(r) {
				out = append(out, state.Get("uname"))
			}
		}
	}
	return out
}

// lastActive reads a resource's history on a node: whether its latest operation left it running.
func lastActive(history *cib.Element) bool {
	latest, active := -1, false
	for op := range history.All("lrm_rsc_op") {
		var call int
		_, _ = fmt.Sscanf(op.Get("call-id"), "%d", &call)
		if call < latest {
			continue
		}
		latest, active = call, running(op.Get("operation"), op.Get("rc-code"))
	}
	return active
}

// lifetimeEnd turns an ISO 8601 duration into the moment it ends; "" for none.
func (s *session) lifetimeEnd(lifetime string) (string, error) {
	if lifetime == "" {
		return "", nil
	}
	duration := lifetime
	if !strings.HasPrefix(duration, "P") {
		duration = "P" + duration
	}
	end, err := dates.After(s.now.UTC(), duration)
	if err != nil {
		return "", fmt.Errorf("lifetime=%s: %w", lifetime, err)
	}
	return end.Format("2006-01-02 15:04:05Z"), nil
}

// promotedOn names the hosts on which an instance of a promotable clone is promoted.
func (s *session) promotedOn(e *cib.Element) []string {
	ids, hosts := map[string]bool{}, []string{}
	for _, p := range primitives(e) {
		ids[p.ID()] = true
	}
	var walk func([]*scheduler.ResourceStatus)
	walk = func(all []*scheduler.ResourceStatus) {
		for _, r := range all {
			for _, place := range r.Nodes {
				if id, _, _ := strings.Cut(r.LongID, ":"); ids[id] && r.Role == "Promoted" && !slices.Contains(hosts, place.Node) {
					hosts = append(hosts, place.Node)
				}
			}
			walk(r.Children)
		}
	}
	walk(scheduler.Observe(s.doc, s.now).Resources)
	return hosts
}
