package pcs

import (
	"fmt"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/node/client"
)

// client30 bounds the waits that commands make without --wait.
const client30 = 30 * time.Second

func statusCommands() []command {
	return []command{
		{path: "status", syntax: "[--full]", help: "Shows nodes and resources.", document: true, options: "f full hide-inactive corosync_conf", run: showStatus},
		{path: "status status", document: true, options: "f full hide-inactive", run: showStatus},
		{path: "status cluster", help: "Shows the cluster in short.", document: true, options: "f", run: showStatus},
		{path: "status resources", syntax: "[ID]", help: "Shows resources.", document: true, options: "f hide-inactive", run: showResources},
		{path: "status nodes", help: "Shows nodes.", document: true, options: "f", run: showNodes},
		{path: "cluster status", help: "Shows the cluster in short.", document: true, options: "f", run: showStatus},
	}
}

// activity are the operations after which a resource runs.
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

func showResources(s *session) error { return s.showActivity(false) }
func showFencing(s *session) error   { return s.showActivity(true) }

func (s *session) showActivity(fencing bool) error {
	list := ordered(s.doc.Section("resources"), fencing)
	if len(s.args) > 0 {
		e, err := s.resource(s.args[0])
		if err != nil {
			return err
		}
		list = []*cib.Element{e}
	}
	if len(list) == 0 {
		s.printf("NO %s configured\n", map[bool]string{false: "resources", true: "stonith devices"}[fencing])
	}
	for _, e := range list {
		s.showActive(e, 1)
	}
	if fencing {
		return showLevels(s)
	}
	return nil
}

func (s *session) showActive(e *cib.Element, depth int) {
	switch e.Name {
	case "primitive":
		state := "Stopped"
		if on := s.observed(e); len(on) > 0 {
			state = "Started " + strings.Join(on, " ")
		}
		if meta(e, "target-role") == "Stopped" || meta(e.Parent, "target-role") == "Stopped" {
			state += " (disabled)"
		}
		s.line(depth, "* %s\t(%s):\t %s", e.ID(), agentOf(e), state)
	case "group":
		s.line(depth, "* Resource Group: %s:", e.ID())
		for _, p := range primitives(e) {
			s.showActive(p, depth+1)
		}
	case "clone", "master":
		in := inside(e)
		if in == nil {
			return
		}
		note := ""
		if e.Name == "master" || truth(meta(e, "promotable")) {
			note = " (promotable)"
		}
		s.line(depth, "* Clone Set: %s [%s]%s:", e.ID(), in.ID(), note)
		if on := s.observed(in); len(on) > 0 {
			s.line(depth+1, "* Started: [ %s ]", strings.Join(on, " "))
		}
	default:
		s.line(depth, "* Container bundle: %s", e.ID())
	}
}

func showNodes(s *session) error {
	s.printf("Pacemaker Nodes:\n")
	var online, standby, offline []string
	for n := range s.doc.Section("nodes").All("node") {
		name := n.Get("uname")
		on := false
		for state := range s.doc.Section("status").All("node_state") {
			if state.Get("uname") == name {
				on = state.Get("crmd") == "online" || truth(state.Get("in_ccm")) && state.Get("crmd") != "offline"
			}
		}
		set := n.Child("instance_attributes")
		switch {
		case !on:
			offline = append(offline, name)
		case set != nil && findPair(set, "standby") != nil && truth(findPair(set, "standby").Get("value")):
			standby = append(standby, name)
		default:
			online = append(online, name)
		}
	}
	s.printf(" Online: %s\n Standby: %s\n Offline: %s\n", strings.Join(online, " "), strings.Join(standby, " "), strings.Join(offline, " "))
	return nil
}

func showStatus(s *session) error {
	name := ""
	if set := s.doc.Section("crm_config").Child("cluster_property_set"); set != nil {
		if nv := findPair(set, "cluster-name"); nv != nil {
			name = nv.Get("value")
		}
	}
	s.printf("Cluster name: %s\n", name)
	if s.source.Live() {
		status, err := client.New("").Status(contextOf())
		if err != nil {
			return err
		}
		s.printf("Status of this host's view: %d hosts\n", len(status.Hosts))
	}
	s.printf("\n")
	if err := showNodes(s); err != nil {
		return err
	}
	s.printf("\nFull List of Resources:\n")
	for _, fencing := range []bool{true, false} {
		for _, e := range ordered(s.doc.Section("resources"), fencing) {
			s.showActive(e, 1)
		}
	}
	return nil
}

// lifetimeEnd turns an ISO 8601 duration into the moment it ends; "" for none.
func (s *session) lifetimeEnd(lifetime string) string {
	text, ok := strings.CutPrefix(lifetime, "P")
	if !ok {
		return ""
	}
	end, number, inTime := s.now.UTC(), 0, false
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			number = number*10 + int(r-'0')
			continue
		case r == 'T':
			inTime = true
		case r == 'Y':
			end = end.AddDate(number, 0, 0)
		case r == 'M' && !inTime:
			end = end.AddDate(0, number, 0)
		case r == 'W':
			end = end.AddDate(0, 0, 7*number)
		case r == 'D':
			end = end.AddDate(0, 0, number)
		case r == 'H':
			end = end.Add(time.Duration(number) * time.Hour)
		case r == 'M':
			end = end.Add(time.Duration(number) * time.Minute)
		case r == 'S':
			end = end.Add(time.Duration(number) * time.Second)
		}
		number = 0
	}
	return end.Format("2006-01-02 15:04:05 -07:00")
}
