package config

import "time"

// Watch is something that is watched for itself, without a virtual service: a program asks about hosts, and alerts tell of it
// (mon.cf).
type Watch struct {
	At       string        `json:"at"`
	Group    string        `json:"group"`
	Service  string        `json:"service"`
	Hosts    []string      `json:"hosts,omitempty"`
	Program  []string      `json:"monitor"`
	Bare     bool          `json:"bare,omitempty"` // the program is not given the hosts
	Interval time.Duration `json:"interval"`
	Failing  time.Duration `json:"failure_interval,omitempty"` // the interval while it fails; 0: the same
	Skew     time.Duration `json:"randskew,omitempty"`
	Timeout  time.Duration `json:"timeout,omitempty"`
	Env      []string      `json:"env,omitempty"` // NAME=value
	Note     string        `json:"description,omitempty"`
	Empty    bool          `json:"allow_empty_group,omitempty"`
	Never    []Span        `json:"exclude_period,omitempty"` // when it is not asked
	Needs    Needs         `json:"depend,omitzero"`
	Memory   time.Duration `json:"dep_memory,omitempty"`   // for so long after it is well again what is needed counts as failing still
	Start    time.Duration `json:"randstart,omitempty"`    // the first question comes within this time, at random
	Status   []string      `json:"redistribute,omitempty"` // an alert that is given after each answer
	Periods  []Period      `json:"periods,omitempty"`
}

// Needs are the watches that one depends on: unless all are well no alerts are given, nothing is asked, or those hosts are left out that the failing ones name
// in their summaries.
type Needs struct {
	Alerts    []Need `json:"alerts,omitempty"`
	Questions []Need `json:"questions,omitempty"`
	Hosts     []Need `json:"hosts,omitempty"`
}

// Need is a watch that another depends on.
type Need struct {
	Group   string `json:"group"`
	Service string `json:"service"`
}

// Period is when and how often alerts are given.
type Period struct {
	When        Span          `json:"when"`
	Every       time.Duration `json:"alertevery,omitempty"` // 0: at each failure
	Strict      bool          `json:"strict,omitempty"`     // also when the first line of the output changes
	Detail      bool          `json:"observe_detail,omitempty"`
	After       int           `json:"alertafter,omitempty"`        // failures, in a row unless Within is set
	Within      time.Duration `json:"alertafter_within,omitempty"` // with After: in this time; alone: it has failed for so long
	Most        int           `json:"numalerts,omitempty"`         // 0: no limit
	AlwaysUp    bool          `json:"no_comp_alerts,omitempty"`    // upalerts come even if no alert did
	UpAfter     time.Duration `json:"upalertafter,omitempty"`      // they come only if it failed for so long
	Alerts      []Alert       `json:"alerts,omitempty"`
	UpAlerts    []Alert       `json:"upalerts,omitempty"`
	StartAlerts []Alert       `json:"startupalerts,omitempty"`
}

// Alert is a program with its arguments; From and To are the exit statuses of the monitor it is for (both 0: all).
type Alert struct {
	Program  []string `json:"program"`
	From, To int      `json:",omitempty"`
}
