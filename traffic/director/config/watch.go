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
	Needs    []Need        `json:"depend,omitempty"`         // all of which have to be well, for alerts or questions
	NeedsFor string        `json:"dep_behavior,omitempty"`   // a: alerts are kept back; m: nothing is asked
	Periods  []Period      `json:"periods,omitempty"`
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
