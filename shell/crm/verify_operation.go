package crm

import (
	"fmt"
	"slices"
	"time"

	"holdfast/cluster/cib"
	"holdfast/cluster/executor/metadata"
)

// operationValues are the attributes of an operation with a fixed set of values.
var operationValues = []struct {
	name     string
	accepted []string
}{
	{"role", details["role"]},
	{"on-fail", []string{"ignore", "block", "stop", "restart", "standby", "fence", "restart-container", "demote"}},
}

// neverAgain are the actions that are done once and so have no interval.
var neverAgain = []string{"start", "stop", "promote", "demote"}

// checkOperations compares operations with the agent's advice.
func (m *model) checkOperations(e *cib.Element, info *agentInfo) []finding {
	o := operationCheck{id: e.ID(), info: info, intervals: map[time.Duration]bool{}}
	for ops := range e.All("operations") {
		for op := range ops.All("op") {
			o.check(op)
		}
	}
	return o.found
}

// operationCheck looks at the operations of one primitive.
type operationCheck struct {
	id        string
	info      *agentInfo
	intervals map[time.Duration]bool // of monitors so far
	found     []finding
}

func (o *operationCheck) warn(format string, args ...any) {
	o.found = append(o.found, finding{object: o.id, text: o.id + ": " + fmt.Sprintf(format, args...)})
}

func (o *operationCheck) check(op *cib.Element) {
	name := op.Get("name")
	advice, known := o.info.actions[name]
	if role := op.Get("role"); known && role != "" && role != "Started" && advice["role"] != role {
		advice = nil // it is for another role
	}
	if !known && !slices.Contains([]string{"start", "stop", "monitor", "migrate_to", "migrate_from"}, name) {
		o.warn("action '%s' not found in Resource Agent meta-data", name)
	}
	if known {
		o.interval(op, advice["interval"])
	}
	for _, values := range operationValues {
		if value, ok := op.Lookup(values.name); ok && !slices.Contains(values.accepted, value) {
			o.warn("op '%s' attribute '%s' value '%s' not recognized", name, values.name, value)
		}
	}
	timeout, ok := op.Lookup("timeout")
	if advised := advice["timeout"]; ok && advised != "" && spanOf(timeout) < spanOf(advised) {
		o.warn("specified timeout %s for %s is smaller than the advised %s", timeout, name, advised)
	}
}

// interval compares an operation's interval with what it can be.
func (o *operationCheck) interval(op *cib.Element, advised string) {
	name, interval := op.Get("name"), op.Get("interval")
	span, readable := metadata.Duration(interval)
	if advised == "" {
		advised = "None" // as crm's users know it
	}
	switch {
	case name != "monitor":
		if slices.Contains(neverAgain, name) && span != 0 {
			o.warn("Specified interval for %s is %s, it must be 0", name, interval)
		}
	case !readable:
	case span == 0:
		o.warn("interval in monitor should be larger than 0, advised is %s", advised)
	case o.intervals[span]:
		o.warn("interval in monitor must be unique, advised is %s", advised)
	default:
		o.intervals[span] = true
	}
}

// spanOf reads an interval or a timeout; what is none counts as 0.
func spanOf(text string) time.Duration {
	span, _ := metadata.Duration(text)
	return span
}
