package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

func (s *session) injects() bool {
	return len(s.up)+len(s.down)+len(s.fail)+len(s.opInject)+len(s.grant)+len(s.revoke)+len(s.ticketStandby)+len(s.ticketActivate) > 0 ||
		s.quorum != "" || s.watchdog != ""
}

// inject changes the document by what the command line pretends. An operation that makes no
// sense is told of and left out.
func (s *session) inject() {
	s.begin("modifications", "\nPerforming Requested Modifications:\n")
	if s.quorum != "" {
		s.note("quorum", s.quorum, "  * Setting quorum: %s\n")
		s.doc.Root.Set("have-quorum", schemaBool(s.quorum))
	}
	if s.watchdog != "" {
		s.note("watchdog", s.watchdog, "  * Setting watchdog: %s\n")
		s.setOption("have-watchdog", s.watchdog)
	}
	for _, n := range s.up {
		s.tell(fact{"modify_node", []string{"action", "Online", "node", n}}, "  * Bringing node %s online\n", n)
		s.setMembership(n, "true", "online", "member", "member")
	}
	for _, n := range s.down {
		s.tell(fact{"modify_node", []string{"action", "Offline", "node", n}}, "  * Taking node %s offline\n", n)
		s.setMembership(n, "false", "offline", "down", "down")
		s.forget(n)
	}
	for _, n := range s.fail {
		s.tell(fact{"modify_node", []string{"action", "Failing", "node", n}}, "  * Failing node %s\n", n)
		s.setMembership(n, "false", "online", "member", "member")
	}
	s.injectTickets()
	for _, spec := range s.opInject {
		if err := s.injectOperation(spec); err != nil {
			s.complain(err)
		}
	}
}

// schemaBool spells a truth value as the schema has it: as given where that does, since scripts look for their own word.
func schemaBool(value string) string {
	switch value {
	case "true", "false", "1", "0":
		return value
	}
	return strconv.FormatBool(cib.ParseBool(value, false))
}

func (s *session) setOption(name, value string) {
	section := s.doc.EnsureSection("crm_config")
	for set := range section.All("cluster_property_set") {
		if pair := set.Pair(name); pair != nil {
			pair.Set("value", value)
			return
		}
	}
	set := section.Child("cluster_property_set")
	if set == nil {
		set = section.Append(cib.NewElement("cluster_property_set", "id", "cib-bootstrap-options"))
	}
	set.AppendPair(name, value)
}

func (s *session) setMembership(name, member, peer, join, expected string) {
	id := ""
	for e := range s.doc.Section("nodes").All("node") {
		if e.Get("uname") == name {
			id = e.ID()
		}
	}
	if !s.isNode(name) {
		s.doc.EnsureSection("nodes").Append(cib.NewElement("node", "id", name, "uname", name))
	}
	state := s.nodeState(name, id)
	for _, pair := range [][2]string{{"in_ccm", member}, {"crmd", peer}, {"join", join}, {"expected", expected}, {"crm-debug-origin", origin}} {
		state.Set(pair[0], pair[1])
	}
}

func inClone(e *cib.Element) bool {
	for ; e != nil; e = e.Parent {
		if e.Name == "clone" || e.Name == "master" {
			return true
		}
	}
	return false
}

func (s *session) isNode(name string) bool {
	return slices.ContainsFunc(scheduler.Observe(s.doc, s.now).Nodes, func(n *scheduler.NodeStatus) bool { return n.Name == name })
}

// forget drops what was known of a node that left properly.
func (s *session) forget(name string) {
	state := s.nodeState(name, "")
	for _, child := range append([]*cib.Element{}, state.Children...) {
		if child.Name == "lrm" || child.Name == "transient_attributes" {
			child.Remove()
		}
	}
}

func (s *session) injectTickets() {
	for _, change := range []struct {
		names                          []string
		action, says, attribute, value string
	}{
		{s.grant, "Granting", "Granting ticket %s", "granted", "true"}, {s.revoke, "Revoking", "Revoking ticket %s", "granted", "false"},
		{s.ticketStandby, "Standby", "Making ticket %s standby", "standby", "true"},
		{s.ticketActivate, "Activating", "Activating ticket %s", "standby", "false"},
	} {
		for _, name := range change.names {
			s.tell(fact{"modify_ticket", []string{"action", change.action, "ticket", name}}, "  * "+change.says+"\n", name)
			tickets := s.doc.EnsureSection("status").Ensure("tickets")
			t := find(tickets, "ticket_state", "id", name)
			if t == nil {
				t = tickets.Append(cib.NewElement("ticket_state", "id", name))
			}
			t.Set(change.attribute, change.value)
		}
	}
}

// injectOperation adds a result such as web_monitor_10000@web1=7 to the history.
func (s *session) injectOperation(spec string) error {
	fail := func(what string) error {
		return fmt.Errorf("operation %q: %s; expected RESOURCE_TASK_INTERVAL@NODE=STATUS, such as web_monitor_10000@web1=7", spec, what)
	}
	key, rest, ok := strings.Cut(spec, "@")
	node, status, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 {
		return fail("incomplete")
	}
	rc, err := strconv.Atoi(status)
	if err != nil {
		return fail("the status is no number")
	}
	i := strings.LastIndexByte(key, '_')
	if i < 0 {
		return fail("no interval")
	}
	interval, err := strconv.Atoi(key[i+1:])
	j := strings.LastIndexByte(key[:i], '_')
	if err != nil || j < 0 {
		return fail("no task and interval")
	}
	id, task := key[:j], key[j+1:i]
	for _, two := range []string{"migrate_to", "migrate_from"} {
		if before, found := strings.CutSuffix(key[:i], "_"+two); found {
			id, task = before, two
		}
	}
	e := s.doc.ByID(strings.SplitN(id, ":", 2)[0])
	switch {
	case e == nil:
		return fail("no resource " + id)
	case e.Name != "primitive":
		return fail(id + " is a " + e.Name + ", which has no operations of its own")
	case id == e.ID() && inClone(e) && !s.knownNames()[id]:
		return fail(id + " is in a clone, and the history knows its instances by number; name one, such as " + id + ":0")
	case !s.isNode(node):
		return fail("no host " + node)
	}
	s.tell(fact{"inject_spec", []string{"spec", spec}}, "  * Injecting %s into the configuration\n", spec)
	ref := &scheduler.ResourceRef{ID: id, Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")}
	a := &scheduler.Action{Task: task, Interval: time.Duration(interval) * time.Millisecond, Resource: ref, Node: node}
	state := s.nodeState(node, "")
	s.result(s.lrmResource(state, id, ref), id, a, outcome{rc: rc, reason: "Simulated action result"})
	s.addFailure(state, id, task, interval, rc)
	return nil
}
