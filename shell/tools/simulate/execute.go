package simulate

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// execute carries the graph out on the document: again and again it goes over the actions
// in order and does those whose inputs are done. After a failure only those go on that nothing stops,
// such as telling a clone's instances of what has happened.
func (s *session) execute(g *scheduler.Graph) {
	s.known = s.knownNames()
	done := map[int]bool{}
	state := make([]bool, len(g.Actions))
	least := 0 // priority of the actions that are still done
	for progress := true; progress; {
		progress = false
		for i, a := range g.Actions {
			if state[i] || a.Priority < least || !ready(a, done) {
				continue
			}
			state[i], progress = true, true
			if !s.perform(a) {
				least = unstoppable
			}
			done[a.ID] = true
		}
	}
}

// unstoppable is the priority of actions that a failure does not hold up.
const unstoppable = 1000000

func ready(a *scheduler.Action, done map[int]bool) bool {
	for _, in := range a.Inputs {
		if !done[in.Action] {
			return false
		}
	}
	return true
}

// perform does one action on the document; false when it fails.
func (s *session) perform(a *scheduler.Action) bool {
	switch a.Kind {
	case scheduler.Pseudo:
		if a.Task == "stonith" {
			s.tell(fact{"pseudo_action", []string{"task", a.Key, "node", a.Node}}, "  * Pseudo action:   %s on %s\n", a.Key, a.Node)
		} else {
			s.tell(fact{"pseudo_action", []string{"task", a.Key}}, "  * Pseudo action:   %s\n", a.Key)
		}
	case scheduler.Fencing:
		s.fence(a)
	case scheduler.HostTask:
		s.hostTask(a)
	default:
		return s.agent(a)
	}
	return true
}

func (s *session) hostTask(a *scheduler.Action) {
	switch a.Task {
	case "clear_failcount":
		id := a.Resource.ID // failures are counted for all instances of an anonymous clone
		s.tellHostTask(a, id)
		s.clearFailCount(a.Node, id)
	case "lrm_delete":
		id := resourceOf(a)
		s.tellHostTask(a, id)
		s.deleteHistory(a.Node, id)
	case "delete":
		// What a resource left behind is still told of afterwards: the history stays.
		s.tellOperation(a, resourceOf(a))
	default:
		s.tell(fact{"cluster_action", []string{"task", a.Task, "node", a.Node}}, "  * Cluster action:  %s on %s\n", a.Task, a.Node)
	}
}

func (s *session) tellHostTask(a *scheduler.Action, id string) {
	s.tell(fact{"cluster_action", []string{"task", a.Task, "node", a.Node, "id", id}}, "  * Cluster action:  %s for %s on %s\n", a.Task, id, a.Node)
}

func (s *session) tellOperation(a *scheduler.Action, id string) {
	f, shown := fact{"rsc_action", []string{"resource", id, "op", a.Task, "node", a.Node}}, a.Task
	if ms := a.Interval.Milliseconds(); ms > 0 {
		f.attributes = append(f.attributes, "interval", strconv.FormatInt(ms, 10))
		shown = fmt.Sprintf("%s=%d", a.Task, ms)
	}
	s.tell(f, "  * Resource action: %-15s %s on %s\n", id, shown, a.Node)
}

// resourceOf is the resource's id as the history has it, which the operation's key tells.
func resourceOf(a *scheduler.Action) string {
	suffix := "_" + a.Task + "_"
	if a.Task == "cancel" || a.Task == "notify" {
		suffix = "_"
	}
	if a.Task == "notify" {
		for _, mark := range []string{"_pre_notify_", "_post_notify_"} {
			if i := strings.LastIndex(a.Key, mark); i > 0 {
				return a.Key[:i]
			}
		}
	}
	if i := strings.LastIndex(a.Key, suffix); i > 0 {
		if a.Task == "cancel" {
			if j := strings.LastIndex(a.Key[:i], "_"); j > 0 {
				return a.Key[:j]
			}
		}
		return a.Key[:i]
	}
	if a.Resource.LongID != "" {
		return a.Resource.LongID
	}
	return a.Resource.ID
}

// shownName is the name that an operation is told of with: an instance of an anonymous
// clone goes by its plain name once any host's history has that.
func (s *session) shownName(a *scheduler.Action) string {
	id := resourceOf(a)
	if a.Resource != nil && a.Resource.LongID != "" && s.known[a.Resource.ID] {
		return a.Resource.ID
	}
	return id
}

// knownNames are the names that resources have in the history.
func (s *session) knownNames() map[string]bool {
	names := map[string]bool{}
	for state := range s.doc.Section("status").All("node_state") {
		for r := range state.Child("lrm").Child("lrm_resources").All("lrm_resource") {
			names[r.ID()] = true
		}
	}
	return names
}

func metaOf(a *scheduler.Action, name string) string {
	for _, p := range a.Meta {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func (s *session) agent(a *scheduler.Action) bool {
	id, task := s.shownName(a), a.Task
	s.tellOperation(a, id)
	if task == "meta-data" {
		return true
	}
	rc := 0
	if target := metaOf(a, "op_target_rc"); target != "" {
		rc, _ = strconv.Atoi(target)
	}
	ok := true
	expected := rc
	failing := "" // the name under which a failure was asked for: an instance's, or the clone's for any of them
	for _, name := range []string{id, a.Resource.ID} {
		if forced, asked := s.forcedResult(a, name); asked {
			failing, rc, ok = name, forced, false
			break
		}
	}
	if !ok {
		s.printf("Pretending action %d failed with rc=%d\n", a.ID, rc)
	}
	s.record(a, id, rc, expected)
	if !ok {
		s.addFailure(s.nodeState(a.Node, a.NodeID), failing, task, int(a.Interval.Milliseconds()), rc)
	}
	return ok
}

// forcedResult finds the exit status that --op-fail gives an operation.
func (s *session) forcedResult(a *scheduler.Action, id string) (int, bool) {
	key := fmt.Sprintf("%s_%s_%d@%s=", id, a.Task, a.Interval.Milliseconds(), a.Node)
	for _, spec := range s.opFail {
		if text, ok := strings.CutPrefix(spec, key); ok {
			rc, err := strconv.Atoi(text)
			return rc, err == nil
		}
	}
	return 0, false
}

// record writes an operation's result into the status section. The history knows a reload as
// the start that it stands for, or, when it failed, as a monitor.
func (s *session) record(a *scheduler.Action, id string, rc, expected int) {
	done := *a
	o := outcome{rc: rc, expected: expected, digest: a.Digest(), reason: "User-injected result"}
	if a.Task == "reload" || a.Task == "reload-agent" {
		o.reload, done.Task = true, "start"
		if rc != expected {
			done.Task = "monitor"
		}
	}
	state := s.nodeState(a.Node, a.NodeID)
	r := s.lrmResource(state, id, a.Resource)
	if a.Task == "notify" {
		o.entry = a.Resource.ID + strings.TrimPrefix(a.Key, resourceOf(a))
	}
	s.result(r, a.Resource.ID, &done, o)
}

func (s *session) fence(a *scheduler.Action) {
	op := metaOf(a, "stonith_action")
	s.tell(fact{"fencing_action", []string{"target", a.Node, "op", op}}, "  * Fencing %s (%s)\n", a.Node, op)
	state := s.nodeState(a.Node, a.NodeID)
	if op == "on" {
		return
	}
	for _, child := range append([]*cib.Element{}, state.Children...) {
		if child.Name == "lrm" || child.Name == "transient_attributes" {
			child.Remove()
		}
	}
	state.Set("in_ccm", "false")
	for _, pair := range [][2]string{{"crmd", "offline"}, {"join", "down"}, {"expected", "down"}} {
		state.Set(pair[0], pair[1])
	}
}
