package simulate

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/scheduler"
)

// outcome is how an operation ended.
type outcome struct {
	rc, expected int
	digest       string // of the parameters that it was run with; "" when they are not known
	reason       string // of a failure
	entry        string // id of its entry in the history, when that is one of its own
	reload       bool   // what it was run with may differ from before only in what needs no restart
}

// operation is an action that was done, as the history has it.
type operation struct {
	*scheduler.Action
	outcome
	key  string // operation key
	call int
}

// result writes an operation's outcome into the history: under the resource's last one-time
// operation, its recurring ones or, for notifications, cancellations and migrations, an entry of its
// own, and a failure once more under the resource's last failure. Entries have the resource's
// name as configured, also below an instance of a clone.
func (s *session) result(r *cib.Element, name string, a *scheduler.Action, o outcome) {
	call := 0
	for op := range r.All("lrm_rsc_op") {
		if n, err := strconv.Atoi(op.Get("call-id")); err == nil && n > call {
			call = n
		}
	}
	key := fmt.Sprintf("%s_%s_%d", name, a.Task, a.Interval.Milliseconds())
	run := operation{Action: a, outcome: o, key: key, call: call + 1}
	failed := o.rc != o.expected
	switch {
	case o.entry != "":
		s.entry(r, o.entry, run)
	case a.Task == "migrate_to" || a.Task == "migrate_from" || a.Task == "cancel":
		s.entry(r, key, run)
	case a.Interval == 0:
		s.entry(r, name+"_last_0", run)
	case !failed:
		s.entry(r, key, run)
	}
	if failed {
		s.entry(r, name+"_last_failure_0", run)
	}
}

// notRunning is the exit status of a probe that finds nothing (OCF 1.1).
const notRunning = 7

// origin is what wrote an entry of the status section.
const origin = "crm_simulate"

// featureSet is that of the cluster whose document it is: its hosts would write theirs.
func (s *session) featureSet() string {
	if set := s.doc.Root.Get("crm_feature_set"); set != "" {
		return set
	}
	return "3.19.0"
}

// entry writes one entry of the history.
func (s *session) entry(r *cib.Element, id string, o operation) {
	op := find(r, "lrm_rsc_op", "id", id)
	if op == nil {
		op = r.Append(cib.NewElement("lrm_rsc_op", "id", id))
	}
	reason := ""
	if o.rc != o.expected {
		reason = o.reason
	}
	transition := fmt.Sprintf("%d:-1:%d:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", o.call, o.expected)
	for _, pair := range [][2]string{
		{"operation_key", o.key}, {"operation", o.Task}, {"crm-debug-origin", origin}, {"crm_feature_set", s.featureSet()},
		{"transition-key", transition}, {"transition-magic", "0:" + strconv.Itoa(o.rc) + ";" + transition}, {"exit-reason", reason},
		{"call-id", strconv.Itoa(o.call)}, {"rc-code", strconv.Itoa(o.rc)}, {"op-status", "0"},
		{"interval", strconv.FormatInt(o.Interval.Milliseconds(), 10)},
		{"last-rc-change", strconv.FormatInt(s.now.Unix(), 10)}, {"exec-time", "0"}, {"queue-time", "0"},
	} {
		op.Set(pair[0], pair[1])
	}
	if o.digest != "" && o.digest != op.Get("op-digest") && !o.reload {
		// What an earlier operation of this entry was run with does not hold for this one.
		for _, name := range []string{"op-digest", "op-restart-digest", "op-force-restart", "op-secure-digest", "op-secure-params"} {
			op.Unset(name)
		}
	}
	if o.digest != "" {
		op.Set("op-digest", o.digest)
	}
	for _, name := range []string{"migrate_source", "migrate_target"} {
		if v := metaOf(o.Action, name); v != "" {
			op.Set(name, v)
		} else {
			op.Unset(name)
		}
	}
}

func find(e *cib.Element, name, attribute, value string) *cib.Element {
	for x := range e.All(name) {
		if x.Get(attribute) == value {
			return x
		}
	}
	return nil
}

// nodeState returns a node's entry in the status section, made when there is none.
func (s *session) nodeState(name, id string) *cib.Element {
	status := s.doc.EnsureSection("status")
	for e := range status.All("node_state") {
		if e.Get("uname") == name || id != "" && e.ID() == id {
			return e
		}
	}
	if id == "" {
		id = name
	}
	e := cib.NewElement("node_state", "id", id, "uname", name)
	if s.isRemote(name) {
		e.Set("remote_node", "true")
	}
	return status.Append(e)
}

func (s *session) isRemote(name string) bool {
	for e := range s.doc.Section("nodes").All("node") {
		if e.Get("uname") == name {
			return e.Get("type") == "remote"
		}
	}
	return true
}

// histories are the entries for resources in a node's history, by id: a large cluster's are too
// many to look through for each result.
type histories map[string]*cib.Element

// historiesOf returns those below one <lrm_resources>.
func (s *session) historiesOf(list *cib.Element) histories {
	known, ok := s.histories[list]
	if !ok {
		known = histories{}
		for r := range list.All("lrm_resource") {
			if known[r.ID()] == nil {
				known[r.ID()] = r
			}
		}
		if s.histories == nil {
			s.histories = map[*cib.Element]histories{}
		}
		s.histories[list] = known
	}
	return known
}

// lrmResource returns a resource's entry in a node's history: that with the name shown, else that
// with the name as configured, which is also what a new one gets.
func (s *session) lrmResource(state *cib.Element, shown string, ref *scheduler.ResourceRef) *cib.Element {
	lrm := state.Child("lrm")
	if lrm == nil {
		lrm = state.Append(cib.NewElement("lrm", "id", state.ID()))
	}
	list := lrm.Ensure("lrm_resources")
	known := s.historiesOf(list)
	for _, name := range []string{shown, ref.ID} {
		if r := known[name]; r != nil {
			return r
		}
	}
	r := cib.NewElement("lrm_resource", "id", ref.ID, "class", ref.Class)
	known[ref.ID] = r
	if ref.Provider != "" {
		r.Set("provider", ref.Provider)
	}
	r.Set("type", ref.Type)
	return list.Append(r)
}

// addFailure counts a failed operation, as the cluster would, and says so. A probe that finds nothing, and
// what ended well where that was not expected, are no failures to count.
func (s *session) addFailure(state *cib.Element, id, task string, interval, rc int) {
	if rc == 0 || rc == notRunning && interval == 0 {
		return
	}
	suffix := fmt.Sprintf("%s#%s_%d", id, task, interval)
	name, last := "fail-count-"+suffix, "last-failure-"+suffix
	s.tellAttribute(state, name, "value++")
	s.tellAttribute(state, last, strconv.FormatInt(s.now.Unix(), 10))
	section := state.Child("transient_attributes")
	if section == nil {
		section = state.Append(cib.NewElement("transient_attributes", "id", state.ID()))
	}
	set := section.Child("instance_attributes")
	if set == nil {
		set = section.Append(cib.NewElement("instance_attributes", "id", state.ID()))
	}
	count, _ := strconv.Atoi(set.Pair(name).Get("value"))
	setPair(set, name, strconv.Itoa(count+1))
	setPair(set, last, strconv.FormatInt(s.now.Unix(), 10))
}

func setPair(set *cib.Element, name, value string) {
	pair := set.Pair(name)
	if pair == nil {
		id := set.ID() + "-" + strings.ReplaceAll(name, "#", ".")
		pair = set.Append(cib.NewElement("nvpair", "id", id, "name", name))
	}
	pair.Set("value", value)
}

func (s *session) tellAttribute(state *cib.Element, name, value string) {
	s.tell(fact{"inject_attr", []string{"name", name, "value", value, "node_path", "/node_state", "cib_node", state.ID()}},
		"  * Injecting attribute %s=%s into /node_state '%s'\n", name, value, state.ID())
}

func (s *session) clearFailCount(node, id string) {
	state := s.nodeState(node, "")
	for section := range state.All("transient_attributes") {
		for set := range section.All("instance_attributes") {
			for _, pair := range append([]*cib.Element{}, set.Children...) {
				name := pair.Get("name")
				for _, prefix := range []string{"fail-count-", "last-failure-"} {
					rest, ok := strings.CutPrefix(name, prefix+id)
					if ok && (rest == "" || rest[0] == '#' || rest[0] == ':') {
						pair.Remove()
					}
				}
			}
		}
	}
}

func (s *session) deleteHistory(node, id string) {
	state := s.nodeState(node, "")
	list := state.Child("lrm").Child("lrm_resources")
	if list == nil {
		return
	}
	known := s.historiesOf(list)
	if r := known[id]; r != nil {
		r.Remove()
		delete(known, id)
	}
}
