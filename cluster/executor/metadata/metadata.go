// Package metadata knows resource agents by what they say about themselves: it
// parses the meta-data of OCF and fence agents, makes the same description for LSB
// scripts and systemd units, and lists the agents that a host has.
//
// Agents are found below one root: OCF agents in usr/lib/ocf/resource.d/PROVIDER, LSB
// scripts in etc/init.d, units in the systemd directories, fence agents in
// usr/sbin/fence_*. Asking an agent costs tens of milliseconds, so answers are kept
// in memory and on disk, and are good for as long as the agent's file is unchanged.
//
// Parse is pure and tolerant: agents print debug lines before their XML, wrong entities and
// unclosed elements; what can be read is taken. A Store does the I/O; it starts
// goroutines only in DescribeAll, which waits for them.
package metadata

import (
	"time"

	"holdfast/cluster/cib/rule"
)

// Agent is what an agent says about itself.
type Agent struct {
	Class     string
	Provider  string // of class ocf
	Name      string // type
	Version   string // of the agent
	OCF       string // version of the OCF standard that it was written for; "" when it does not say
	ShortDesc string // one line
	LongDesc  string // paragraphs, as the agent wrote them, without blank lines around
	Params    []Parameter
	Actions   []Action
}

// Parameter is one instance attribute that an agent takes.
type Parameter struct {
	Name        string
	ShortDesc   string
	LongDesc    string
	Type        string   // string, integer, boolean, time, select, …; "string" when the agent does not say
	Values      []string // of a select: what is accepted
	Default     string
	HasDefault  bool // a default stands in the meta-data, be it empty
	Required    bool
	Unique      bool   // no two resources of this agent may have the same value
	UniqueGroup string // OCF 1.1: parameters of one group are unique together; "" when none
	Reloadable  bool   // OCF 1.1: a change is taken by reload-agent, without a restart
	Deprecated  bool
	ReplacedBy  []string // what to use instead of a deprecated one
	Obsoletes   string   // fence agents: the older name of this parameter
}

// Action is one thing that an agent can do, with what its author advises. Times are as
// written ("20s", "20"); see Duration.
type Action struct {
	Name       string
	Timeout    string
	Interval   string
	StartDelay string
	Role       string
	Depth      string // monitor: OCF_CHECK_LEVEL
	OnTarget   bool   // fence agents: runs on the host that it is about
	Automatic  bool   // fence agents: a host is unfenced with it when it joins
}

// Param finds a parameter by name.
func (a *Agent) Param(name string) (Parameter, bool) {
	for _, p := range a.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// Supports says whether the agent lists that action.
func (a *Agent) Supports(action string) bool {
	for _, known := range a.Actions {
		if known.Name == action {
			return true
		}
	}
	return false
}

// Title names the agent as users write it: class:provider:type.
func (a *Agent) Title() string { return title(a.Class, a.Provider, a.Name) }

func title(class, provider, name string) string {
	if provider != "" {
		class += ":" + provider
	}
	return class + ":" + name
}

// Duration reads a time as agents and users write it (rule.ParseInterval). It says false for anything else, and for what is below zero.
func Duration(text string) (time.Duration, bool) {
	d, err := rule.ParseInterval(text)
	return d, err == nil && d >= 0
}
