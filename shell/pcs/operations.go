package pcs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// operation is one op as the user or the agent gave it.
type operation struct {
	name  string
	attrs pairs
}

// opAttributes are the attributes of an op; OCF_CHECK_LEVEL goes into its instance attributes.
var opAttributes = []string{
	"OCF_CHECK_LEVEL", "description", "enabled", "id", "interval", "interval-origin", "name", "on-fail", "record-pending",
	"role", "start-delay", "timeout",
}

var (
	onFailValues = []string{"block", "demote", "fence", "ignore", "restart", "restart-container", "standby", "stop"}
	roleValues   = []string{"Master", "Promoted", "Slave", "Started", "Stopped", "Unpromoted"}
	truthValues  = []string{"0", "1", "false", "true"}
)

// parseOperations reads "NAME option=value… NAME option=value…".
func parseOperations(words []string) ([]operation, error) {
	var out []operation
	var current []string
	flush := func() error {
		if len(out) == 0 {
			return nil
		}
		attrs, err := parsePairs(current)
		if err != nil {
			return err
		}
		if len(attrs) == 0 {
			return fmt.Errorf("operation '%s' has no options: OPTION=VALUE was expected after it", out[len(out)-1].name)
		}
		out[len(out)-1].attrs, current = attrs, nil
		return nil
	}
	for _, word := range words {
		if strings.Contains(word, "=") {
			if len(out) == 0 {
				return nil, fmt.Errorf("'%s' stands where an operation's name was expected, such as monitor", word)
			}
			current = append(current, word)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		out = append(out, operation{name: word})
	}
	return out, flush()
}

// seconds normalises an interval so that equal ones compare equal.
func seconds(interval string) string {
	if d, ok := metadata.Duration(interval); ok {
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
	}
	return interval
}

// canonicalRole is the role in the spelling that the document keeps.
func canonicalRole(role string) string {
	switch strings.ToLower(role) {
	case "master", "promoted":
		return "Master"
	case "slave", "unpromoted":
		return "Slave"
	case "started":
		return "Started"
	case "stopped":
		return "Stopped"
	}
	return ""
}

// role is canonicalRole in the names that the document's schema has: schemas before 3.7 know Master and Slave alone.
// Of a role by its older name it says so, once.
func (s *session) role(role string) string {
	if older := strings.ToLower(role); !s.olderRole && (older == "master" || older == "slave") {
		s.deprecated("role '%s' is today '%s'", role, shownRole(canonicalRole(role)))
		s.olderRole = true
	}
	role = canonicalRole(role)
	if s.doc == nil || !newRoles(s.doc.Root.Get("validate-with")) {
		return role
	}
	return shownRole(role)
}

// newRoles says whether a schema has the roles Promoted and Unpromoted.
func newRoles(schema string) bool {
	major, minor, _ := strings.Cut(strings.TrimPrefix(schema, "pacemaker-"), ".")
	return atoi(major) > 3 || atoi(major) == 3 && atoi(minor) >= 7
}

// shownRole is the role in the spelling that pcs prints.
func shownRole(role string) string {
	switch role {
	case "Master":
		return "Promoted"
	case "Slave":
		return "Unpromoted"
	}
	return role
}

// checkOperations says what is wrong with the operations of a resource being made.
func (s *session) checkOperations(r *reports, ops []operation, agent *metadata.Agent) {
	var known []string
	if agent != nil {
		for _, a := range agent.Actions {
			known = append(known, a.Name)
		}
		if agent.Class == "stonith" { // the cluster's own part of a device
			known = append(known, "start", "stop")
		}
	}
	intervals := map[string][]string{}
	for i := range ops {
		op := &ops[i]
		if agent != nil && !slices.Contains(known, op.name) && len(known) > 0 {
			r.check("'%s' is not an operation of the agent; it has %s", op.name, quoted(known))
		}
		s.checkOperation(r, op)
		interval := op.attrs.value("interval")
		if interval == "" {
			interval = defaultInterval(op.name)
		}
		key := op.name + " " + seconds(interval)
		intervals[key] = append(intervals[key], interval)
		if len(intervals[key]) == 2 {
			r.fail("operation %s is given twice with the same interval: %s", op.name, strings.Join(intervals[key], ", "))
		}
	}
}

func (s *session) checkOperation(r *reports, op *operation) {
	for _, p := range op.attrs {
		if p.value == "" && p.name != "id" {
			continue // not set
		}
		if !slices.Contains(opAttributes, p.name) {
			r.fail("'%s' is not an option of an operation; options are %s", p.name, quoted(opAttributes))
			continue
		}
		switch p.name {
		case "enabled", "record-pending":
			checkValue(r, p, truthValues, strings.ToLower(p.value))
		case "name":
			if p.value != op.name {
				r.fail("operation %s is given another name, '%s'", op.name, p.value)
			}
		case "on-fail":
			checkValue(r, p, onFailValues, strings.ToLower(p.value))
		case "role":
			if canonicalRole(p.value) == "" {
				r.fail("'%s' is not a role; roles are %s", p.value, quoted(roleValues))
			}
		case "id":
			if err := checkID(p.value, "operation id"); err != nil {
				r.add(err)
			} else if s.taken(p.value) {
				r.fail("id '%s' is already in use, choose another", p.value)
			} else {
				s.booked = append(s.booked, p.value)
			}
		case "interval", "timeout", "start-delay":
			if _, ok := metadata.Duration(p.value); !ok {
				s.warn("'%s' is not a time for %s, and the cluster will go by its default; write a number with s, m, h or ms", p.value, p.name)
			}
		}
	}
	if op.attrs.has("interval-origin") && op.attrs.has("start-delay") {
		r.fail("operation %s has both interval-origin and start-delay; only one of them can stand", op.name)
	}
}

func checkValue(r *reports, p pair, allowed []string, value string) {
	if !slices.Contains(allowed, value) {
		r.fail("'%s' is not a value of %s; values are %s", p.value, p.name, quoted(allowed))
	}
}

func defaultInterval(name string) string {
	if name == "monitor" {
		return "60s"
	}
	return "0s"
}

// automatic are actions that are no operations of a resource.
var automatic = []string{"meta-data", "validate-all", "status", "metadata"}

// defaultOperations are what the agent advises, for the operations the user left out.
func defaultOperations(agent *metadata.Agent, given []operation, monitorsOnly bool) []operation {
	var out []operation
	if agent != nil {
		used := map[string]bool{}
		for _, a := range agent.Actions {
			if slices.Contains(automatic, a.Name) || agent.Class == "stonith" && a.Name != "monitor" || monitorsOnly && a.Name != "monitor" ||
				slices.ContainsFunc(given, func(o operation) bool { return o.name == a.Name }) {
				continue
			}
			interval := a.Interval
			if interval == "" || agent.Class == "stonith" {
				interval = defaultInterval(a.Name)
			}
			for n, _ := strconv.Atoi(strings.TrimRight(interval, "ms")); used[a.Name+" "+seconds(interval)]; {
				n++
				interval = strconv.Itoa(n) + strings.TrimLeft(interval, "0123456789")
			}
			used[a.Name+" "+seconds(interval)] = true
			attrs := pairs{{"interval", interval}}
			for _, p := range []pair{{"timeout", a.Timeout}, {"start-delay", a.StartDelay}, {"role", shownRole(canonicalRole(a.Role))}, {"OCF_CHECK_LEVEL", a.Depth}} {
				if p.value != "" && !(p.name == "OCF_CHECK_LEVEL" && p.value == "0") && !(p.name == "start-delay" && p.value == "0") {
					attrs = append(attrs, p)
				}
			}
			out = append(out, operation{a.Name, attrs})
		}
	}
	all := append(slices.Clone(given), out...)
	if !slices.ContainsFunc(all, func(o operation) bool { return o.name == "monitor" }) {
		all = append(all, operation{"monitor", pairs{{"interval", "60s"}}})
	}
	return all
}

// newOperation makes the op element of a resource being created.
func (s *session) newOperation(resource string, op operation) *cib.Element {
	interval := op.attrs.value("interval")
	if interval == "" {
		interval = defaultInterval(op.name)
	}
	id := op.attrs.value("id")
	if id == "" {
		id = s.freeID(resource + "-" + op.name + "-interval-" + pairID(interval))
		s.booked = append(s.booked, id)
	}
	e := cib.NewElement("op", "id", id, "interval", interval, "name", op.name)
	for _, p := range op.attrs.without("id", "interval", "name", "OCF_CHECK_LEVEL") {
		if p.name == "role" && canonicalRole(p.value) != "" {
			p.value = s.role(p.value)
		}
		if p.value != "" {
			e.Set(p.name, p.value)
		}
	}
	if level := op.attrs.value("OCF_CHECK_LEVEL"); level != "" {
		e.Append(s.newSet("instance_attributes", id+"-instance_attributes", pairs{{"OCF_CHECK_LEVEL", level}}))
	}
	return e
}
