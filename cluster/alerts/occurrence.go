package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/cluster/executor"
)

// Version is the CRM_alert_version that agents are told: of the interface, which is
// Pacemaker's.
const Version = "2.1.5"

// Occurrence is something that alert agents are told of. Which fields count depends on Kind.
type Occurrence struct {
	Kind Kind
	Time time.Time
	Node string // uname of the node that it concerns
	// Description is "member" or "lost" of a node, one line of a fencing operation; that of
	// a resource's operation follows from Status and Code.
	Description string
	NodeID      string // of a node

	Task string // of fencing: off, on, reboot; of a resource: start, monitor, …
	Code int    // of fencing: 0 done; of a resource: the agent's exit code

	Resource string
	Status   int // executor.Status
	Target   int // code that was expected
	Interval time.Duration
	Took     time.Duration

	Name  string // of an attribute
	Value string
}

// Quiet tells of what nobody is to be called for: a probe that found what was expected, and an
// operation that was called off.
func (o Occurrence) Quiet() bool {
	if o.Kind != Resource {
		return false
	}
	expectedProbe := o.Task == "monitor" && o.Interval == 0 && o.Status == int(executor.Done) && o.Code == o.Target
	return expectedProbe || o.Status == int(executor.Cancelled)
}

// describe is CRM_alert_desc.
func (o Occurrence) describe() string {
	switch {
	case o.Kind != Resource:
		return o.Description
	case o.Status == int(executor.TimedOut):
		return "Timed Out"
	case o.Status == int(executor.NotInstalled):
		return "Not installed"
	case o.Status == int(executor.NotSupported):
		return "Not supported"
	case o.Status == int(executor.Error) && o.Code == executor.CodeOK:
		return "Error"
	}
	return executor.CodeText(o.Code)
}

// Command is one call of an alert agent.
type Command struct {
	Alert       Alert
	Sequence    uint64 // of the occurrence on this host
	Environment []string
}

// Call makes the command that tells the alert's agent of an occurrence. base is the
// environment that every agent gets. Each variable is also given with the older prefix
// CRM_notify_, which scripts for ocf:pacemaker:ClusterMon read.
func (a *Alert) Call(o Occurrence, sequence uint64, base []string) Command {
	env := append([]string(nil), base...)
	for _, option := range a.Options {
		if option.Name != "" && !strings.ContainsAny(option.Name, "=\x00") {
			env = append(env, option.Name+"="+clean(option.Value))
		}
	}
	for _, v := range a.variables(o, sequence) {
		env = append(env, "CRM_alert_"+v.Name+"="+clean(v.Value), "CRM_notify_"+v.Name+"="+clean(v.Value))
	}
	return Command{Alert: *a, Sequence: sequence, Environment: env}
}

func clean(value string) string { return strings.ReplaceAll(value, "\x00", "") }

func (a *Alert) variables(o Occurrence, sequence uint64) []Option {
	list := []Option{
		{"version", Version},
		{"kind", string(o.Kind)},
		{"recipient", a.Recipient},
		{"node", o.Node},
		{"node_sequence", strconv.FormatUint(sequence, 10)},
		{"timestamp", Timestamp(a.Format, o.Time)},
		{"timestamp_epoch", strconv.FormatInt(o.Time.Unix(), 10)},
		{"timestamp_usec", strconv.Itoa(o.Time.Nanosecond() / 1000)},
	}
	switch o.Kind {
	case Node:
		list = append(list, Option{"nodeid", o.NodeID}, Option{"desc", o.Description})
	case Fencing:
		list = append(list, Option{"task", o.Task}, Option{"desc", o.Description}, Option{"rc", strconv.Itoa(o.Code)})
	case Resource:
		list = append(list,
			Option{"rsc", o.Resource}, Option{"task", o.Task}, Option{"interval", milliseconds(o.Interval)},
			Option{"desc", o.describe()}, Option{"status", strconv.Itoa(o.Status)},
			Option{"rc", strconv.Itoa(o.Code)}, Option{"target_rc", strconv.Itoa(o.Target)},
			Option{"exec_time", milliseconds(o.Took)})
	case Attribute:
		list = append(list, Option{"attribute_name", o.Name}, Option{"attribute_value", o.Value})
	}
	return list
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// FencingDescription is the sentence about a fencing operation that agents and their readers know:
// who did what to whom on whose behalf, and how that ended.
func FencingDescription(action, target, delegate, client, origin, failure string) string {
	if delegate == "" {
		delegate = "<no-one>"
	}
	result := "OK"
	if failure != "" {
		result = failure
	}
	return fmt.Sprintf("Operation %s of %s by %s for %s@%s: %s", action, target, delegate, client, origin, result)
}
